// passes<out>(): what each pass of the middle made of a graph, in the order in which they run: the name of the pass,
// the file where it lives, and what it found or changed. A pass that found nothing to do is not printed. Everything is
// read off what the compilation has: the values between the passes are constants, and the steps in between are the
// functions themselves, run once more while somebody looks.
#pragma once
#include "../call/execute.hpp"
#include "../plan/passes/make_plan.hpp"
#include "text.hpp"

namespace heed::internal::show::inline HEED_INSTRUCTION_SET {

inline std::string node_name(int i) { return "#" + std::to_string(i); }
// A node as an operation on others, which are called by their numbers.
inline std::string node_text(const graph& g, int i) {
  return expression_text(g, i, [&](int j) { return j == i ? std::string() : node_name(j); });
}
// Those of the nodes that `chosen` holds of, by name.
template <class Chosen> std::string nodes_text(const graph& g, const node_flags& used, const Chosen& chosen) {
  std::string s;
  for (int i = 1; i < g.size; ++i)
    if (used[i] && chosen(i)) s += (s.empty() ? "" : ", ") + node_name(i);
  return s;
}

// Collects what passes have to say; what says nothing leaves no trace.
class pass_printer {
 public:
  void add(const char* pass, const char* file, const std::string& what) {
    if (!what.empty()) text_ += std::string(pass) + "  (" + file + ")\n" + what;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Which nodes became something else than the same operation on what their operands became.
template <std::size_t N>
std::string changes_text(const graph& g, const fixed_array<node_id, N>& roots, int count,
                         const simplified_graph& after) {
  const node_flags used = reachable(g, roots, count);
  std::string s;
  for (int i = 1; i < g.size; ++i) {
    const node_id now = after.to[i];
    if (!used[i] || is_leaf(g[i].code) || !now) continue;
    const node &x = g[i], &y = after.g[now];
    const bool same = x.code == y.code && x.over == y.over && x.value == y.value && after.to[x.a] == y.a &&
                      after.to[x.b] == y.b && after.to[x.c] == y.c;
    if (!same)
      s += "  " + node_name(i) + " = " + node_text(g, i) + "  becomes  " + expression_text(after.g, now) + "\n";
  }
  return s;
}

// The memory order of what a region might store.
inline std::string orders_text(const graph& g, const uses& u, const axis_orders& orders) {
  std::string s;
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (!u.used[i] || !x.axes || !(u.result[i] || is_heavy(x.code) || x.code == op::merge)) continue;
    s += "  " + node_name(i) + " (" + axes_text(g, list_of(orders[i])) + ")\n";
  }
  return s;
}

// Of each contraction and reduction the farthest value that it alone feeds.
inline std::string summits_text(const graph& g, const uses& u) {
  std::string s;
  for (int i = 1; i < g.size; ++i)
    if (const node_id below = u.below[i]; u.used[i] && below && below != i)
      s += "  " + node_name(below) + " alone feeds " + node_name(i) + " = " +
           expression_text(g, i, [&](int j) { return j == below ? node_name(j) : std::string(); }) + "\n";
  return s;
}

// The values that a set of flags holds of, in a line of its own.
inline std::string line_text(const char* what, const std::string& nodes) {
  return nodes.empty() ? "" : std::string("  ") + what + ": " + nodes + "\n";
}

// What facts say of single nodes, where they say anything.
inline std::string uses_text(const graph& g, const uses& u) {
  return summits_text(g, u) +
         line_text("over pairs of positions", nodes_text(g, u.used, [&](int i) { return u.pairwise[i]; })) +
         line_text("never stored", nodes_text(g, u.used, [&](int i) { return u.unstorable[i] && !u.result[i]; })) +
         line_text("partly absent", nodes_text(g, u.used, [&](int i) { return u.absent[i]; }));
}

// A gradient region before it is placed: the weights that it makes again, and what is reduced out of their pairs.
inline std::string gradient_text(const graph& g, const plan::gradient_match& m) {
  return "  of the weights " + node_name(m.weights) + ": " +
         joined_text(m.sinks, m.sink_count, ", ",
                     [&](const plan::gradient_sink& s) { return node_name(s.root) + " = " + node_text(g, s.root); }) +
         "\n";
}

// Watches the steps of split_into_regions.
struct split_printer {
  pass_printer& to;
  void operator()(plan::split_step step, const plan::splitter& s) const {
    const plan::execution_plan& plan = s.plan;
    std::string what;
    switch (step) {
      case plan::split_step::operands_needed:
        to.add("need_operands", "plan/passes/split.hpp",
               line_text("stored for who reads them",
                         nodes_text(plan.g, s.uses.used, [&](int i) { return s.wanted[i]; })));
        break;
      case plan::split_step::gradients_found:
        for (int k = 0; k < plan.gradient_count; ++k) what += gradient_text(plan.g, plan.gradients[k]);
        to.add("find_gradients", "plan/passes/find_gradients.hpp", what);
        break;
      case plan::split_step::regions_placed:
        for (int k = 0; k < plan.region_count; ++k) what += outline_text(plan, k);
        to.add("place", "plan/passes/split.hpp", what);
        break;
    }
  }
};

// Axes of a region by job, those that it has.
inline std::string jobs_text(const graph& g, const region& r) {
  std::string s;
  const auto job = [&](const char* name, const plan::axis_list& axes) {
    if (axes.count) s += (s.empty() ? "  " : ", ") + std::string(name) + " (" + axes_text(g, axes) + ")";
  };
  job("batch", r.batch), job("rows", r.rows), job("columns", r.columns), job("depth", r.depth), job("width", r.width);
  return s.empty() ? s : s + "\n";
}

// All passes of some results.
template <const expression&... Outs> std::string passes_text() {
  constexpr int count = int(sizeof...(Outs));
  constexpr const auto& merged = plan::merged_of<Outs...>;
  constexpr const auto& simple = plan::simplified_of<Outs...>;
  constexpr const auto& orders = plan::orders_of_results<Outs...>;
  constexpr const auto& u = plan::uses_of_results<Outs...>;
  constexpr const execution_plan& p = plan::plan_of<Outs...>;
  const graph& g = simple.g;
  pass_printer to;

  std::string what;
  for (const expression* out : {&Outs...})
    what += "  " + node_text(out->g, out->root) + "  of " + std::to_string(out->g.size - 1) + " nodes, (" +
            joined_text(out->shape->axes, out->shape->rank, ", ", [](const auto& axis) { return axis.name.text(); }) +
            ")\n";
  to.add("expression", "graph/expression.hpp", what);
  to.add("merge_results", "plan/passes/make_plan.hpp", graph_text(merged.g, merged.roots, count));
  if constexpr (may_be_rewritten(merged.g)) {
    constexpr const auto& other = plan::written_otherwise_of<Outs...>;
    const std::string after = graph_text(other.g, other.roots, count);
    to.add("rewritten", "graph/rewritten.hpp", after != graph_text(merged.g, merged.roots, count) ? after : "");
  }
  const node_flags declared = reachable(merged.g, merged.roots, count);
  const node_marks decide = deciding(merged.g), wide = computed_in_double(merged.g);
  to.add("deciding", "graph/decisions.hpp",
         line_text("rounded as declared, for something is chosen by them",
                   nodes_text(merged.g, declared, [&](int i) { return decide[i]; })) +
             line_text("in double, for they become whole numbers",
                       nodes_text(merged.g, declared, [&](int i) { return wide[i]; })));
  if constexpr (plan::has_several_axes(merged.g, merged.roots, count)) {
    constexpr const auto& keys = plan::merged_axes_of<Outs...>;
    to.add("with_merged_axes", "plan/passes/key_axes.hpp", keys.done ? graph_text(keys.g, keys.roots, count) : "");
  }
  to.add("position_axes", "plan/facts/growth.hpp",
         line_text("positions", axes_text(merged.g, plan::position_axes(merged.g, declared).found)));
  to.add("simplified", "plan/passes/simplify.hpp",
         changes_text(merged.g, merged.roots, count, simple) + "  which gives\n" + graph_text(g, simple.roots, count));
  to.add("orders_with_results", "plan/facts/order.hpp", orders_text(g, u, orders));
  to.add("uses_of", "plan/facts/uses.hpp", uses_text(g, u));
  plan::split_into_regions(simple, count, orders, u, plan::declared_results_of(simple, Outs...), split_printer{to});
  to.add("arrange", "plan/passes/arrange.hpp", plan_text(p));
  run::each_region<Outs...>([&]<int I>() {
    const region& r = plan::region_of<I, Outs...>;
    const std::string pass = "lowered, region " + std::to_string(I);
    to.add(pass.c_str(), "plan/passes/lower.hpp", jobs_text(g, r) + program_text({p, I, r}));
  });
  what.clear();
  for (int k = 0; k < p.region_count; ++k)
    if (const int first = plan::first_alike_of<Outs...>[k]; first != k)
      what += "  region " + std::to_string(k) + " is the same as region " + std::to_string(first) + ": one kernel\n";
  to.add("first_alike_of", "plan/passes/make_plan.hpp", what);
  const run::call_table& table = run::call_table_of<Outs...>;
  to.add("call_table_of", "call/frame/make_call_table.hpp",
         "  " + std::to_string(table.names.operands.size()) + " operands, " +
             std::to_string(table.names.results.size()) + " results, " + std::to_string(table.extent_rules.size()) +
             " rules between extents, " + std::to_string(table.position_rules.size()) + " checks of positions, " +
             std::to_string(table.places.size()) + " places, " + std::to_string(table.buffers.size()) + " buffers\n");
  return to.text();
}

}  // namespace heed::internal::show::inline HEED_INSTRUCTION_SET
