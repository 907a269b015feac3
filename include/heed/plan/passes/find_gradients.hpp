// Finds score-gradient regions before anything is placed, for what they write is then nobody else's to recompute, and
// places them.
#pragma once
#include "../facts/gradient_matcher.hpp"
#include "outlining.hpp"

namespace heed::internal::plan {

struct gradient_placing : outlining {
  constexpr void find_gradients() {
    find_statistics();
    for (int i = 1; i < plan.g.size; ++i) {
      if (!uses.used[i] || plan.g[i].code != op::softmax) continue;
      const node_id log_sum_exp = log_sum_exp_of(plan.g[i]);
      if (!log_sum_exp) continue;
      // What one region reads of the same pairs, another has to give before it.
      while (find_gradient(matcher().run(node_id(i)), log_sum_exp)) {}
    }
    find_sums_without_softmax();
  }
  // What takes several passes over the rows of a contraction that is not stored. First of all, for a region that
  // compares scores with what is found there has to know that it is.
  constexpr void find_statistics() {
    for (int i = 1; i < plan.g.size; ++i) {
      const node& x = plan.g[i];
      if (!uses.used[i] || !takes_passes(x.code) || count_of(x.over) != 1) continue;
      const node_id tile = contractions_in(plan.g, x.a, only_axis(x.over)).first.tile;
      if (!tile) continue;
      while (!given[i]) {
        gradient_matcher of_rows = matcher();
        of_rows.finds_statistics = true;
        const gradient_match match = of_rows.run(tile, only_axis(x.over));
        const bool ranks = x.code == op::kth_largest && meets_pairs_in_memory(match);  // as the softmax that asks
        if (!uses.unstorable[tile] && !ranks) break;
        if (!find_gradient(match, 0)) break;
      }
    }
  }
  constexpr gradient_matcher matcher() const { return {plan.g, uses, given, plan.gradients, plan.gradient_count}; }
  constexpr void find_sums_without_softmax() {
    const node_flags summed = summed_products();
    for (int i = 1; i < plan.g.size; ++i) {
      if (!summed[i]) continue;
      if (uses.unstorable[i])
        while (find_gradient(without_softmax(node_id(i)), 0)) {}
      else if (const gradient_match match = without_softmax(node_id(i));
               match.sink_count && meets_pairs_in_memory(match) && uses_all_of(match))
        find_gradient(match, 0);
    }
  }
  // Contractions over pairs of positions of which something is made, pointwise, that is summed and that no region gives
  // yet: one sweep, for to look at all of them closely would take too long.
  constexpr node_flags summed_products() const {
    fixed_array<node_id, graph::capacity> made_of{};
    node_flags summed{};
    const axis_set positions = runtime_axes(plan.g);
    for (int i = 1; i < plan.g.size; ++i) {
      const node& x = plan.g[i];
      if (!uses.used[i]) continue;
      if (is_pointwise(x.code) || x.code == op::mask || x.code == op::running_sum)
        made_of[i] = made_of[x.a] ? made_of[x.a] : made_of[x.b] ? made_of[x.b] : made_of[x.c];
      if (!contracts(x.code) && x.code != op::sum && x.code != op::scatter) continue;
      if (!given[i]) summed[made_of[x.a]] = summed[made_of[x.b]] = true;
      if (is_over_pairs(node_id(i), positions)) made_of[i] = node_id(i);
    }
    summed[0] = false;
    return summed;
  }
  // A contraction whose operands have a position each that the other lacks, or one with a table that is read at the
  // distance of two, and that is no result.
  constexpr bool is_over_pairs(node_id i, axis_set positions) const {
    const node& x = plan.g[i];
    if (uses.result[i] || !is_contraction(plan.g, x)) return false;
    const axis_set a = plan.g[x.a].axes & positions, b = plan.g[x.b].axes & positions;
    if ((a & ~b) && (b & ~a)) return true;
    for (int axis = 0; axis < plan.g.axis_count; ++axis)
      if (((a ^ b) & bit(axis)) && contraction_of(plan.g, i, axis).index) return true;
    return false;
  }
  // Does the region meet an operand or give a result that lies over its pairs? A layer of a network does not, whose
  // products are stored for the next.
  constexpr bool meets_pairs_in_memory(const gradient_match& match) const {
    node_stack open;
    bool gives_pairs = false;
    for (int k = 0; k < match.sink_count; ++k) {
      open.push(match.sinks[k].pair);
      gives_pairs = gives_pairs || match.sinks[k].kind == sink_kind::pairs;
    }
    return gives_pairs || walk(plan.g, open, [&](node_id i, const node& x) {
             if (match.contracts(i)) return step::skip;
             if (match.adds_up(x)) return step::descend;
             const bool pairs = (x.axes & bit(match.column)) && (x.axes & match.rows) && lies_in_input(plan.g, i);
             return pairs ? step::stop : within_program(x);
           });
  }
  // Memory may hold the contraction, since an operand or a result lies over the same pairs. It need not, if whatever is
  // computed from it at those pairs ends in the region.
  constexpr bool uses_all_of(const gradient_match& match) const {
    node_flags inside{}, ends{};
    inside[match.tile] = inside[match.product] = true;
    for (const pair_contraction& c : match.terms) inside[c.tile] = true;
    for (int k = 0; k < match.sink_count; ++k) ends[match.sinks[k].core] = true;
    inside[0] = false;
    for (int i = match.tile + 1; i < plan.g.size; ++i) {
      const node& x = plan.g[i];
      if (!uses.used[i] || ends[i] || !(inside[x.a] || inside[x.b] || inside[x.c])) continue;
      if (!(is_inlined(x.code) || match.adds_up(x)) || uses.result[i]) return false;
      inside[i] = true;
    }
    return true;
  }
  // What is reduced out of the pairs of a contraction without a softmax: columns along the axis of the one operand or
  // of the other, whichever lets a region give more.
  constexpr gradient_match without_softmax(node_id tile) const {
    gradient_match best;
    const node& x = plan.g[tile];
    const axis_set positions = x.axes & runtime_axes(plan.g);
    for (const node_id columns : {x.b, x.a})
      for (int axis = 0; axis < plan.g.axis_count; ++axis) {
        if (!(bit(axis) & positions & plan.g[columns].axes) || (plan.g[columns == x.a ? x.b : x.a].axes & bit(axis)))
          continue;
        const gradient_match match = matcher().run(tile, axis);
        if (match.sink_count > best.sink_count) best = match;
      }
    return best;
  }
  // Known, or simplification put one behind the weights.
  constexpr node_id log_sum_exp_of(const node& softmax) const {
    if (softmax.b) return softmax.b;
    for (int j = 1; j < plan.g.size; ++j)
      if (plan.g[j].code == op::logsumexp && plan.g[j].a == softmax.a && plan.g[j].over == softmax.over)
        return node_id(j);
    return 0;
  }
  constexpr bool find_gradient(gradient_match match, node_id log_sum_exp) {
    if (!match.sink_count || !is_placeable(match)) return false;
    if (plan.gradient_count == max_gradients) {
      plan.fault = plan_fault::gradients;
      return false;
    }
    match.log_sum_exp = log_sum_exp;
    if (log_sum_exp) ask_for(log_sum_exp, match.score);
    plan.gradients[plan.gradient_count++] = match;
    for (int k = 0; k < match.sink_count; ++k) {
      gradient_of[match.sinks[k].root] = std::int16_t(plan.gradient_count);
      wanted[match.sinks[k].root] = given[match.sinks[k].core] = true;
    }
    return true;
  }
  // Does all that a region would read lie in memory, and does it compare its scores with nothing that is made of them?
  constexpr bool is_placeable(const gradient_match& match) const {
    if (uses.compared.in_program(plan.g, match.score, match.tile, given)) return false;
    for (const node_id i : {match.x, match.w, match.g, match.v})
      if (i && needs_pairs(i)) return false;
    for (const pair_contraction& c : match.terms)
      if (needs_pairs(c.x) || needs_pairs(c.w)) return false;
    if (program_needs_pairs(match.score, match)) return false;
    for (int k = 0; k < match.sink_count; ++k) {
      const gradient_sink& sink = match.sinks[k];
      if (sink.other && needs_pairs(sink.other)) return false;
      if (program_needs_pairs(sink.pair, match)) return false;
      if (uses.compared.in_program(plan.g, sink.pair, match.tile, given)) return false;
    }
    return true;
  }
  // A log-sum-exp that nothing needed so far.
  constexpr void ask_for(node_id log_sum_exp, node_id score) {
    if (uses.used[log_sum_exp]) return;
    uses.used[log_sum_exp] = true;
    uses.below[log_sum_exp] = log_sum_exp;
    if (uses.last[score] < log_sum_exp) uses.last[score] = log_sum_exp;
  }

  constexpr void place_gradient(int number) {
    const gradient_match& match = plan.gradients[number];
    outline& region = new_region(region_kind::score_gradient, match.score);
    region.gradient = std::int16_t(number);
    node_stack open;
    open.push(match.score);
    for (int k = 0; k < match.sink_count; ++k)
      if (const node_id whole = merge_of(match.sinks[k].root)) place_view(whole);
    for (int k = 0; k < match.sink_count; ++k) {
      const gradient_sink& sink = match.sinks[k];
      if (sink.kind == sink_kind::pairs) lay_along(sink.root, match.column);
      write(region, sink.root);
      open.push(sink.pair);
      if (sink.kind != sink_kind::row_statistic) open.push(sink.index);
      else if (sink.index) read(region, sink.index);
      if (sink.other) read(region, sink.other);
    }
    open.push(match.keep);
    for (const pair_contraction& c : match.terms) open.push(c.index);
    for (const node_id i : {match.x, match.w, match.g, match.v, match.log_sum_exp})
      if (i) read(region, i);
    for (const pair_contraction& c : match.terms) read(region, c.x), read(region, c.w);
    read_program(region, open, match);
    lay_pairs_along(region, match);
  }
  // The merge that alone uses a sink and will be stored: the sink is written there at once. 0: there is none.
  constexpr node_id merge_of(node_id sink) const {
    if (home[sink] || uses.result[sink]) return 0;
    node_id whole = 0;
    for (node_id i = sink; !uses.result[i];) {
      i = sole_user(plan.g, uses, i);
      if (plan.g[i].code != op::merge && plan.g[i].code != op::rename) break;
      if (plan.g[i].code == op::merge && wanted[i] && !home[i]) whole = i;
    }
    return whole;
  }
};

}  // namespace heed::internal::plan
