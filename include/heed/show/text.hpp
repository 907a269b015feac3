// Graphs and programs as text: expressions as their author would write them, with axes and constants spelled out.
#pragma once
#include "../plan/data/execution_plan.hpp"
#include "../plan/passes/simplify.hpp"
#include <cstdio>
#include <string>

namespace heed::internal::show::inline HEED_INSTRUCTION_SET {

inline const char* name_of(op o) { return facts_of(o).name; }
inline const char* name_of(region_kind k) {
  return k == region_kind::score     ? "score"
         : k == region_kind::matmul  ? "matmul"
         : k == region_kind::row     ? "row"
         : k == region_kind::loop    ? "loop"
         : k == region_kind::scatter ? "scatter"
                                     : "score gradient";
}
inline const char* name_of(const execution_plan& p, const outline& o) {
  const bool has_weights = o.kind != region_kind::score_gradient || p.gradients[o.gradient].weights;
  return has_weights ? name_of(o.kind) : "pairs";
}
inline const char* name_of(role r) {
  return r == role::uniform ? "uniform" : r == role::row ? "per row" : r == role::column ? "per column" : "per pair";
}

inline std::string number(double v) {
  char s[32];
  std::snprintf(s, sizeof s, "%.6g", v);
  return s;
}
inline std::string axis_name(const graph& g, int i) { return g.axes[i].name.text(); }
inline std::string axis_text(const graph& g, int i) {
  const extent_t e = g.extent(i);
  return axis_name(g, i) + (e == runtime ? "" : "=" + std::to_string(e));
}
template <class List, class Each>
std::string joined_text(const List& list, int count, const char* between, const Each& each) {
  std::string s;
  for (int i = 0; i < count; ++i) s += (i ? between : "") + each(list[i]);
  return s;
}
inline std::string axes_text(const graph& g, const axis_list& list) {
  return joined_text(list, list.count, ", ", [&](int i) { return axis_text(g, i); });
}
inline std::string axes_text(const graph& g, axis_set s) {
  std::string r;
  for (int i = 0; i < g.axis_count; ++i)
    if (s >> i & 1) r += (r.empty() ? "" : ", ") + axis_name(g, i);
  return r;
}

// The text of an operation from the texts of its operands. Shared by graphs and programs.
template <class Operand>
std::string operation(const graph& g, op code, double value, int operands, const Operand& operand) {
  const int own = facts_of(code).binding;
  if (own < binds::call) return operand(0, own) + " " + name_of(code) + " " + operand(1, own + 1);
  if (code == op::negate || code == op::invert) return name_of(code) + operand(0, binds::call);
  std::string s = (code == op::primitive ? g.primitives[int(value)]->name.text() : name_of(code)) + "(";
  for (int i = 0; i < operands; ++i) s += (i ? ", " : "") + operand(i, -1);
  if (code == op::power) s += ", " + number(value);
  return s + ")";
}

inline const char* contraction_name(contraction_kind k) {
  return k == contraction_kind::product              ? "dot"
         : k == contraction_kind::squared_difference ? "squared_distance"
                                                     : "absolute_distance";
}
inline std::string running_sum_text(const graph& g, axis_set over, double value, const std::string& operand) {
  return "running_sum<" + axes_text(g, over) + ">(" + operand + (value == 0 ? ")" : ", from_the_end)");
}

// What a reduction is told beside its operand.
inline std::string told(op code, double value) {
  return takes_passes(code) && value != 0 ? ", " + number(value) : std::string();
}

// Node i as an expression. Nodes for which `named` gives a name are written by it; depth bounds what is spelled out.
template <class Named>
std::string expression_text(const graph& g, int i, const Named& named, int outer = -1, int depth = 12) {
  if (std::string s = named(i); !s.empty()) return s;
  const node& x = g[i];
  if (depth == 0) return "...";
  const auto sub = [&](int k, int own) { return expression_text(g, x.operand(k), named, own, depth - 1); };
  const auto of = [&](std::string parameters) {
    std::string s = name_of(x.code) + ("<" + parameters + ">(") + sub(0, -1);
    return s + (x.b ? ", " + sub(1, -1) : "") + (x.over ? told(x.code, x.value) : std::string()) + ")";
  };
  switch (x.code) {
    case op::input: return g.inputs[x.first].name.text();
    case op::constant: return number(x.value);
    case op::index: return axis_name(g, x.first);
    case op::size: return "size<" + axis_name(g, x.first) + ">";
    case op::gather:
    case op::scatter: return of(axis_name(g, x.first));
    case op::rename: return of(axis_name(g, x.first) + ", " + axis_name(g, x.second));
    case op::split: return of(axis_name(g, x.first) + ", " + axis_name(g, x.second) + ", " + axis_name(g, x.third));
    case op::merge: return of(axis_name(g, x.second) + ", " + axis_name(g, x.third) + ", " + axis_name(g, x.first));
    case op::slice: return of(axis_name(g, x.first) + ", " + axis_name(g, x.second) + ", " + number(x.value));
    case op::pick: return "pick<" + axis_name(g, x.first) + ">(" + sub(0, -1) + ", " + number(x.value) + ")";
    case op::shift: return "shift<" + axis_name(g, x.first) + ">(" + sub(0, -1) + ", " + number(x.value) + ")";
    case op::concat: return of(axis_name(g, x.second) + ", " + axis_name(g, x.third) + ", " + axis_name(g, x.first));
    case op::cast: return std::string("cast<") + internal::name_of(x.type) + ">(" + sub(0, -1) + ")";
    default: break;
  }
  if (x.code == op::distance)
    return std::string(contraction_name(kind_of(x))) + "<" + axes_text(g, x.over) + ">(" + sub(0, -1) + ", " +
           sub(1, -1) + ")";
  if (x.code == op::running_sum) return running_sum_text(g, x.over, x.value, sub(0, -1));
  if (x.over) return of(axes_text(g, x.over));
  const std::string s = operation(g, x.code, x.value, x.c ? 3 : x.b ? 2 : 1, sub);
  return facts_of(x.code).binding < outer ? "(" + s + ")" : s;
}
inline std::string expression_text(const graph& g, int i) {
  return expression_text(g, i, [](int) { return std::string(); });
}

// A value that lies in memory, as a region names it: an input by its name, what another region computed as [its
// number]. What a region copies is named by what it copies.
inline std::string operand_text(const execution_plan& p, node_id value) {
  return expression_text(p.g, value, [&](int i) {
    for (int r = 0; r < p.region_count; ++r) {
      const outline& o = p.regions[r];
      if (copies(o)) continue;
      for (int k = 0; k < o.write_count; ++k)
        if (o.writes[k].value == i && p.g[i].code != op::input)
          return "[" + std::to_string(r) + (k ? "." + std::to_string(k) : "") + "]";
    }
    return std::string();
  });
}

// The name of a result that has one, `grad(q)`; empty for others and for what is no result.
inline std::string result_name(const execution_plan& p, int buffer) {
  const int k = p.buffers[buffer].result;
  return k < 0 || p.declared.named_after[k].empty() ? std::string() : "grad(" + p.declared.named_after[k].text() + ")";
}

// ---- what each pass of the middle has made, one line a node or an instruction

// A graph as its nodes in order: number, operation on earlier numbers, axes, element. Nodes that no root needs are left
// out.
template <std::size_t N>
std::string graph_text(const graph& g, const fixed_array<node_id, N>& roots, int count) {
  const node_flags used = reachable(g, roots, count);
  std::string s;
  for (int i = 1; i < g.size; ++i) {
    if (!used[i]) continue;
    const std::string what =
        expression_text(g, i, [&](int j) { return j == i ? std::string() : "#" + std::to_string(j); });
    s += "  #" + std::to_string(i) + " = " + what + "  (" + axes_text(g, g[i].axes) + ") " +
         internal::name_of(g[i].type);
    for (int k = 0; k < count; ++k)
      if (roots[k] == i) s += count == 1 ? "  <- result" : "  <- result " + std::to_string(k + 1);
    s += "\n";
  }
  return s;
}
// A region of a plan as nodes: what it reads and writes.
inline std::string outline_text(const execution_plan& p, int region) {
  const auto number_of = [](node_id i) { return "#" + std::to_string(i); };
  const outline& o = p.regions[region];
  std::string s = "  region " + std::to_string(region) + ": " + name_of(p, o) + ", reads " +
                  joined_text(o.reads, o.read_count, " ", number_of) + ", writes";
  for (int w = 0; w < o.write_count; ++w)
    s += " " + number_of(o.writes[w].value) + " into buffer " + std::to_string(o.writes[w].into);
  return s + (*o.reason ? std::string(" (") + o.reason + ")\n" : "\n");
}
// A plan: its regions as outlines, and the buffers between them.
inline std::string plan_text(const execution_plan& p) {
  std::string s;
  const auto number_of = [](node_id i) { return "#" + std::to_string(i); };
  for (int k = 0; k < p.region_count; ++k) s += outline_text(p, k);
  for (int b = 0; b < p.buffer_count; ++b) {
    const buffer& x = p.buffers[b];
    const std::string name = result_name(p, b);
    s += "  buffer " + std::to_string(b) + ": " + number_of(x.value) + " (" + axes_text(p.g, x.order) + ") " +
         internal::name_of(stored(x.type)) +
         (x.result >= 0 ? ", result " + std::to_string(x.result + 1) + (name.empty() ? "" : ": " + name)
                        : ", workspace from region " + std::to_string(x.first) + " to " + std::to_string(x.last)) +
         "\n";
  }
  return s;
}
inline std::string tile_name(const instruction& x) {
  static constexpr const char* names[plan::first_term] = {"tile", "tile1", "weight"};
  return x.operand < plan::first_term ? names[x.operand] : "term" + std::to_string(x.operand - plan::first_term + 1);
}

// A region as it is printed: its loops, and beside them what the plan knows of it.
struct printed_region {
  const execution_plan& plan;
  int number;
  const region& loops;

  const plan::outline& outline() const { return plan.regions[number]; }
  std::string operand_name(int k) const { return operand_text(plan, outline().reads[k]); }
};

// The program of a region, one instruction a line, with how often each changes.
inline std::string program_text(const printed_region& of) {
  const graph& g = of.plan.g;
  std::string s;
  for (int i = 1; i < of.loops.code.size; ++i) {
    const instruction& x = of.loops.code[i];
    const auto sub = [&](int k, int) { return "%" + std::to_string(k == 0 ? x.a : k == 1 ? x.b : x.c); };
    std::string what;
    switch (x.code) {
      case op::constant: what = number(x.value); break;
      case op::index: what = axis_name(g, x.axis); break;
      case op::size: what = "size<" + axis_name(g, x.axis) + ">"; break;
      case op::tile: what = tile_name(x); break;
      case op::load: what = "load " + of.operand_name(x.operand); break;
      case op::gather:
        what = "gather<" + axis_name(g, x.axis) + ">(" + of.operand_name(x.operand) + ", " + sub(0, 0) + ")";
        break;
      case op::running_sum: what = running_sum_text(g, x.over, x.value, sub(0, 0)); break;
      case op::cast: what = std::string("cast<") + internal::name_of(x.type) + ">(" + sub(0, 0) + ")"; break;
      default:
        what = x.over ? std::string(name_of(x.code)) + "<" + axes_text(g, x.over) + ">(" + sub(0, 0) +
                            (x.b ? ", " + sub(1, 0) : "") + told(x.code, x.value) + ")"
                      : operation(g, x.code, x.value,
                                  x.c   ? 3
                                  : x.b ? 2
                                        : 1,
                                  sub);
    }
    s += "  %" + std::to_string(i) + " = " + what + "  " + name_of(x.where) + ", " + internal::name_of(x.type) + "\n";
  }
  return s;
}

// Instruction i of a region's program, down to its operands.
inline std::string instruction_text(const printed_region& of, int i, int outer = -1) {
  const graph& g = of.plan.g;
  const program& code = of.loops.code;
  const instruction& x = code[i];
  const auto sub = [&](int k, int own) { return instruction_text(of, k == 0 ? x.a : k == 1 ? x.b : x.c, own); };
  switch (x.code) {
    case op::constant: return number(x.value);
    case op::index: return axis_name(g, x.axis);
    case op::size: return "size<" + axis_name(g, x.axis) + ">";
    case op::tile: return tile_name(x);
    case op::load: return of.operand_name(x.operand);
    case op::gather:
      return "gather<" + axis_name(g, x.axis) + ">(" + of.operand_name(x.operand) + ", " + sub(0, -1) + ")";
    case op::cast:  // to whole it drops the fraction; to real it changes nothing
      if (class_of(x.type) != value_class::whole || class_of(code[x.a].type) == value_class::whole)
        return sub(0, outer);
      return std::string("cast<") + internal::name_of(x.type) + ">(" + sub(0, -1) + ")";
    default: break;
  }
  if (x.code == op::running_sum) return running_sum_text(g, x.over, x.value, sub(0, -1));
  if (x.over)
    return std::string(name_of(x.code)) + "<" + axes_text(g, x.over) + ">(" + sub(0, -1) +
           (x.b ? ", " + sub(1, -1) : "") + told(x.code, x.value) + ")";
  const std::string s = operation(g, x.code, x.value, x.c ? 3 : x.b ? 2 : 1, sub);
  return facts_of(x.code).binding < outer ? "(" + s + ")" : s;
}

}  // namespace heed::internal::show::inline HEED_INSTRUCTION_SET
