// From expressions to a plan: merge the results into one graph, rewrite scores, make one axis of several
// under a softmax, simplify it, split it into regions. Each step is a constexpr variable of its own, so that each has
// the compiler's whole limit of evaluation steps to itself.
#pragma once
#include "../../graph/rewritten.hpp"
#include "key_axes.hpp"
#include "lower.hpp"
#include "split.hpp"

namespace heed::internal::plan::inline HEED_INSTRUCTION_SET {

template <class... E> constexpr merged_graph merge_results(const E&... e) {
  const expression* const all[] = {&e...};
  merged_graph merged = in_one_graph(all, int(sizeof...(E)));
  forget_rules(merged.g);
  return merged;
}

// The declared memory order of a result in a graph's axis numbers.
constexpr std::uint64_t declared_order(const graph& g, const shape_value& s) {
  std::uint64_t r = 0;
  for (int i = 0; i < s.rank; ++i) r = with_axis(r, i, g.find_axis(s.axes[i].name));
  return r;
}

// The memory order of every value; results follow their declared shapes, a value that is several results that of the
// first.
template <class... E>
constexpr axis_orders orders_with_results(const simplified_graph& s, const E&... e) {
  axis_orders r = orders_of(s.g);
  const shape_value* const shapes[] = {e.shape...};
  for (std::size_t i = sizeof...(E); i-- > 0;) {
    r[s.roots[i]] = declared_order(s.g, *shapes[i]);
    for (node_id y = s.roots[i]; s.g[y].code == op::split; y = s.g[y].a) {  // what it is copied from lies in the same
                                                                            // order
      const node& x = s.g[y];
      r[x.a] = replaced_order(dropped_order(r[y], axis_set(1) << x.second), x.third, x.first);
    }
  }
  return r;
}
template <class... E>
constexpr declared_results declared_results_of(const simplified_graph& s, const E&... e) {
  return {{declared_order(s.g, *e.shape)...}, {e.named_after...}};
}

template <const expression&... Outs> inline constexpr merged_graph merged_of = merge_results(Outs...);
// What is planned, and what a gradient is derived of: as declared, or rewritten.
template <const expression&... Outs>
inline constexpr merged_graph written_otherwise_of = rewritten(merged_of<Outs...>);
template <const expression&... Outs> constexpr const merged_graph& rewritten_graph() {
  if constexpr (may_be_rewritten(merged_of<Outs...>.g)) return written_otherwise_of<Outs...>;
  else return merged_of<Outs...>;
}
template <const expression&... Outs>
inline constexpr const merged_graph& rewritten_of = rewritten_graph<Outs...>();
// Simplified, of the graph with merged key axes where it has several under a softmax.
constexpr simplified_graph simplified_behind(const merged_axes& m, int count, const node_flags& alone) {
  simplified_graph r = simplified(m.g, m.roots, count, alone);
  fixed_array<node_id, graph::capacity> to{};
  for (int i = 0; i < graph::capacity; ++i) to[i] = r.to[m.to[i]];
  r.to = to;
  return r;
}
template <const expression&... Outs>
inline constexpr merged_axes merged_axes_of =
    with_merged_axes(rewritten_of<Outs...>.g, rewritten_of<Outs...>.roots, int(sizeof...(Outs)));
// What is planned once more if products turn out to have no region of weights to leave their absence to: round by
// round, until all have one or settle it themselves.
template <int Round, const expression&... Outs> struct planning_round;
template <int Round, const expression&... Outs> constexpr node_flags alone_in_round() {
  node_flags r{};
  if constexpr (Round > 0) {
    r = alone_in_round<Round - 1, Outs...>();
    for (const node_id i : planning_round<Round - 1, Outs...>::plan.alone) r[i] = true;
  }
  return r;
}
template <int Round, const expression&... Outs> constexpr simplified_graph simplify_results() {
  constexpr const merged_graph& declared = rewritten_of<Outs...>;
  const node_flags alone = alone_in_round<Round, Outs...>();
  if constexpr (!has_several_axes(declared.g, declared.roots, declared.count))
    return simplified(declared.g, declared.roots, declared.count, alone);
  else if constexpr (!merged_axes_of<Outs...>.done)
    return simplified(declared.g, declared.roots, declared.count, alone);
  else return simplified_behind(merged_axes_of<Outs...>, declared.count, alone);
}
template <int Round, const expression&... Outs>
inline constexpr simplified_graph simplified_in_round = simplify_results<Round, Outs...>();
template <int Round, const expression&... Outs>
inline constexpr axis_orders orders_in_round = orders_with_results(simplified_in_round<Round, Outs...>, Outs...);
template <int Round, const expression&... Outs>
inline constexpr uses uses_in_round =
    uses_of(simplified_in_round<Round, Outs...>.g, simplified_in_round<Round, Outs...>.roots, int(sizeof...(Outs)));
template <int Round, const expression&... Outs>
inline constexpr execution_plan plan_in_round = split_into_regions(
    simplified_in_round<Round, Outs...>, int(sizeof...(Outs)), orders_in_round<Round, Outs...>,
    uses_in_round<Round, Outs...>, declared_results_of(simplified_in_round<Round, Outs...>, Outs...));
template <int Round, const expression&... Outs> struct planning_round {
  static constexpr const execution_plan& plan = plan_in_round<Round, Outs...>;
};
template <int Round, const expression&... Outs> constexpr int last_round_from() {
  if constexpr (plan_in_round<Round, Outs...>.alone.count == 0) return Round;
  else return last_round_from<Round + 1, Outs...>();
}
template <const expression&... Outs> inline constexpr int last_round = last_round_from<0, Outs...>();
template <const expression&... Outs>
inline constexpr const simplified_graph& simplified_of = simplified_in_round<last_round<Outs...>, Outs...>;
template <const expression&... Outs>
inline constexpr const axis_orders& orders_of_results = orders_in_round<last_round<Outs...>, Outs...>;
template <const expression&... Outs>
inline constexpr const uses& uses_of_results = uses_in_round<last_round<Outs...>, Outs...>;
template <const expression&... Outs>
inline constexpr const execution_plan& plan_of = plan_in_round<last_round<Outs...>, Outs...>;
template <int I, const expression&... Outs> inline constexpr region region_of = lowered(plan_of<Outs...>, I);
// Of every region the first that is equal to it, the same loops: that one is compiled.
template <const expression&... Outs>
inline constexpr auto first_alike_of = []<int... I>(std::integer_sequence<int, I...>) {
  const region* const all[] = {&region_of<I, Outs...>...};
  fixed_array<std::int16_t, sizeof...(I)> r{};
  for (int i = 0; i < int(sizeof...(I)); ++i)
    while (!(*all[r[i]] == *all[i])) ++r[i];
  return r;
}(std::make_integer_sequence<int, plan_of<Outs...>.region_count>{});

}  // namespace heed::internal::plan::inline HEED_INSTRUCTION_SET
