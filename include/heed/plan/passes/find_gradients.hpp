// Finds score-gradient regions before anything is placed, for what they write is then nobody else's to recompute, and
// places them.
#pragma once
#include "../facts/gradient_matcher.hpp"
#include "outlining.hpp"

namespace heed::internal::plan {

struct gradient_placing : outlining {
  constexpr void find_gradients() {
    for (int i = 1; i < plan.g.size; ++i) {
      if (!uses.used[i] || plan.g[i].code != op::softmax) continue;
      const node_id log_sum_exp = log_sum_exp_of(plan.g[i]);
      if (!log_sum_exp) continue;
      // What one region reads of the same pairs, another has to give before it.
      while (find_gradient(node_id(i), log_sum_exp)) {}
    }
  }
  // Known, or simplification put one behind the weights.
  constexpr node_id log_sum_exp_of(const node& softmax) const {
    if (softmax.b) return softmax.b;
    for (int j = 1; j < plan.g.size; ++j)
      if (plan.g[j].code == op::logsumexp && plan.g[j].a == softmax.a && plan.g[j].over == softmax.over)
        return node_id(j);
    return 0;
  }
  constexpr bool find_gradient(node_id weights, node_id log_sum_exp) {
    gradient_match match = gradient_matcher(plan.g, uses, given, plan.gradients, plan.gradient_count).run(weights);
    if (!match.sink_count || !is_placeable(match)) return false;
    if (plan.gradient_count == max_gradients) {
      plan.fault = plan_fault::gradients;
      return false;
    }
    match.log_sum_exp = log_sum_exp;
    ask_for(log_sum_exp, match.score);
    plan.gradients[plan.gradient_count++] = match;
    for (int k = 0; k < match.sink_count; ++k) {
      gradient_of[match.sinks[k].root] = std::int16_t(plan.gradient_count);
      wanted[match.sinks[k].root] = given[match.sinks[k].core] = true;
    }
    return true;
  }
  // Does all that a region would read lie in memory, and does it compare its scores with nothing that is made of them?
  constexpr bool is_placeable(const gradient_match& match) const {
    if (uses.compared.in_program(plan.g, match.score, match.tile)) return false;
    for (const node_id i : {match.x, match.w, match.g, match.v})
      if (i && needs_pairs(i)) return false;
    if (program_needs_pairs(match.score, {match.tile})) return false;
    for (int k = 0; k < match.sink_count; ++k) {
      const gradient_sink& sink = match.sinks[k];
      if (sink.other && needs_pairs(sink.other)) return false;
      if (program_needs_pairs(sink.pair, {match.tile, match.product, match.weights})) return false;
      if (uses.compared.in_program(plan.g, sink.pair, match.tile)) return false;
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
      write(region, sink.root);
      open.push(sink.pair), open.push(sink.index);
      if (sink.other) read(region, sink.other);
    }
    for (const node_id i : {match.x, match.w, match.g, match.v, match.log_sum_exp})
      if (i) read(region, i);
    read_program(region, open, {match.weights, match.tile, match.product});
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
