// Splits the graph into regions. Values are taken from the last to the first; each that must be stored gets a region,
// which swallows whatever it can compute on the way and asks for the rest to be stored in turn. At the end the regions
// are put into an order in which they can run, and every buffer learns when it lives.
#pragma once
#include "place_pointwise.hpp"
#include "stage_operands.hpp"
#include <string_view>

namespace heed::internal::plan {

// What a splitter has done so far, for whoever wants to see the steps.
enum class split_step : std::uint8_t { operands_needed, gradients_found, regions_placed };

struct splitter : pointwise_placing {
  constexpr void place(node_id root) {
    if (is_view(plan.g[root].code)) {
      place_view(root);
      return;
    }
    if (gradient_of[root]) {
      place_gradient(gradient_of[root] - 1);
      return;
    }
    const char* reason = "";
    if (place_score(root, reason)) return;
    if (!*reason && holds_pairs(root)) {
      reason = why_no_score(plan.g, root);
      const char* const sums = std::string_view(reason) == contraction_over_pairs ? why_sums_loop(root) : "";
      if (*sums) reason = sums;
    }
    place_pointwise(root, reason);
  }

  // Whoever wants to see the steps is told behind each what there is now: seen(step, splitter).
  template <class Seen> constexpr void run(const Seen& seen) {
    for (int k = 0; k < plan.result_count; ++k) ask_for_result(k);
    if (uses.compared.too_many) plan.fault = plan_fault::comparisons;
    need_operands();
    need_statistics();
    seen(split_step::operands_needed, *this);
    find_gradients();
    sum_axis_by_axis();
    seen(split_step::gradients_found, *this);
    for (int i = plan.g.size - 1; i > 0; --i)
      if (needed[i] && !placed[i]) place(node_id(i));
    seen(split_step::regions_placed, *this);
    arrange(plan, home);
    if (plan.fault == plan_fault::none) stage_operands(plan, home);
  }

 private:
  constexpr void ask_for_result(int k) {
    const node_id root = roots[k];
    const int into = new_buffer(root, k);
    const op shown = plan.g[root].code;
    if (shown == op::input || shown == op::split || shown == op::slice || shown == op::pick || home[root]) {
      copy(root, into);
    } else {
      home[root] = std::int16_t(into + 1);
      needed[root] = true;
    }
  }
  // Operands that kernels read in place must be stored, whoever else would rather recompute them.
  constexpr void need_operands() {
    for (int i = 1; i < plan.g.size; ++i) {
      if (!uses.used[i]) continue;
      const node& x = plan.g[i];
      if (is_contraction(plan.g, x)) need_stored(x.a), need_stored(x.b);
      else if (x.code == op::gather || x.code == op::shift || is_view(x.code)) need_stored(x.a);
      else if (takes_passes(x.code) && x.b) need_stored(x.b);
      else if (x.code == op::concat) need_stored(x.a), need_stored(x.b);
      else if (x.code == op::scatter) need_stored(x.a), need_stored(node_id(i));
    }
  }
  // Sums over several axes that no region over pairs gives, of what may be stored: simplification has left the sum
  // along one axis less in front of them, which nothing needed so far.
  constexpr void sum_axis_by_axis() {
    for (int i = plan.g.size - 1; i > 0; --i) {
      node& x = plan.g.nodes[i];
      if (x.code != op::sum || count_of(x.over) < 2 || !uses.used[i] || given[i] || uses.unstorable[x.a]) continue;
      const node_id step = step_of(node_id(i));
      if (!step) continue;
      const node_id whole = x.a;
      x.a = step, x.over &= plan.g[step].axes;
      for (node_id j = step, user = node_id(i); j != whole; user = j, j = plan.g[j].a) {
        uses.used[j] = wanted[j] = true;
        uses.below[j] = j;
        if (uses.last[j] < user) uses.last[j] = user;
      }
    }
  }
  // The sum of the same along all but one of the axes, or along one; 0: there is none.
  constexpr node_id step_of(node_id i) const {
    const node& x = plan.g[i];
    for (int j = i - 1; j > x.a; --j) {
      const node& y = plan.g[j];
      const axis_set rest = y.axes & x.over;
      if (y.code != op::sum || y.type != x.type || count_of(rest) != 1 || (y.axes & ~rest) != x.axes) continue;
      node_id source = node_id(j);
      axis_set over = 0;
      while (plan.g[source].code == op::sum && source != x.a) over |= plan.g[source].over, source = plan.g[source].a;
      if (source == x.a && (over | rest) == x.over) return node_id(j);
    }
    return 0;
  }
  // The log-sum-exp and the maximum that a score region gives: elsewhere they would have to be made from all pairs
  // again. (Not a maximum that a gradient compares with its scores, to the last bit.)
  constexpr void need_statistics() {
    for (int i = 1; i < plan.g.size; ++i) {
      const node& x = plan.g[i];
      const bool given_too = x.code == op::logsumexp || (x.code == op::max && !uses.compared.compares(node_id(i)));
      if (!uses.used[i] || !given_too || count_of(x.over) != 1 || lies_in_memory(x.a)) continue;
      const score_match match = match_score(plan.g, x.a, 0, only_axis(x.over));
      if (match.ok() && match.rows && !lies_in_memory(match.tile)) need_stored(node_id(i));
    }
  }
};

// Nobody wants to see the steps.
struct unseen_steps {
  constexpr void operator()(split_step, const splitter&) const {}
};

// The plan of some results of a simplified graph.
template <class Seen = unseen_steps>
constexpr execution_plan split_into_regions(const simplified_graph& simple, int count, const axis_orders& orders,
                                            const uses& uses, const declared_results& declared, const Seen& seen = {}) {
  splitter splitting;
  splitting.plan.g = simple.g;
  splitting.plan.decides = uses.decides;
  splitting.plan.orders = orders;
  splitting.plan.result_count = count;
  splitting.plan.declared = declared;
  splitting.roots = simple.roots;
  splitting.left_to_region = simple.left_to_region;
  splitting.uses = uses;
  splitting.run(seen);
  return splitting.plan;
}

}  // namespace heed::internal::plan
