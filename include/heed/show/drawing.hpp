// A graph as a Graphviz drawing: one box a region, what it computes inside, what flows between.  dot -Tsvg graph.dot
#pragma once
#include "../plan/passes/make_plan.hpp"
#include "text.hpp"

namespace heed::internal::show::inline HEED_INSTRUCTION_SET {

inline std::string quoted(const std::string& s) {
  std::string r = "\"";
  for (const char c : s) (r += c == '"' || c == '\\' ? "\\" : "") += c;
  return r + "\"";
}

// Operands are ellipses. A region is a cluster around what it writes, a box each; an arrow goes from whatever it reads,
// below its views, to every box.
inline std::string drawing(const execution_plan& p) {
  std::string s =
      "digraph heed {\n  rankdir=BT;\n  labeljust=l;\n  fontname=\"sans-serif\";\n"
      "  node [shape=box, fontname=\"monospace\"];\n";
  const auto id = [](int i) { return "v" + std::to_string(i); };
  for (int i = 1; i < p.g.size; ++i) {
    const node& x = p.g[i];
    if (x.code == op::input)
      s += "  " + id(i) + " [shape=ellipse, label=" +
           quoted(p.g.inputs[x.first].name.text() + "(" + axes_text(p.g, list_of(p.orders[i])) + ")") + "];\n";
  }
  for (int r = 0; r < p.region_count; ++r) {
    const outline& o = p.regions[r];
    const std::string cluster = std::to_string(r);
    s += "  subgraph cluster_" + cluster +
         " {\n    label=" + quoted(std::string(name_of(p, o)) + " region " + cluster) + ";\n";
    for (int k = 0; k < o.write_count; ++k) {
      const node_id i = o.writes[k].value;
      const auto named = [&](int j) {
        for (int q = 0; q < o.read_count; ++q)
          if (o.reads[q] == j && j != i) return p.g[j].code == op::input ? std::string() : "#" + std::to_string(j);
        return std::string();
      };
      s += "    " + id(i) + " [label=" + quoted("#" + std::to_string(i) + " = " + expression_text(p.g, i, named)) +
           "];\n";
    }
    s += "  }\n";
    for (int k = 0; k < o.write_count; ++k)
      for (int q = 0; q < o.read_count; ++q) {
        node_id from = o.reads[q];
        while (is_view(p.g[from].code)) from = p.g[from].a;
        if (from != o.writes[k].value) s += "  " + id(from) + " -> " + id(o.writes[k].value) + ";\n";
      }
  }
  return s + "}\n";
}

}  // namespace heed::internal::show::inline HEED_INSTRUCTION_SET
