// Training in two calls: a forward pass that also returns what the backward pass wants, and a backward pass that takes
// it. Both are ordinary graphs. The gradient is walked from its results down: where it reaches a value of the forward
// pass that the forward's plan writes to memory anyway, or the result of a contraction, the backward graph has an input
// instead, and the forward graph one more result. What is cheap (pointwise values, statistics of rows) is computed
// again, and so is whatever lies over pairs of positions: of a softmax that the forward fuses only its log-sum-exp is
// saved (Dao et al. 2022, FlashAttention), which the backward's softmax knows as its second operand.
#pragma once
#include "make_plan.hpp"
#include "../../graph/gradient.hpp"

namespace heed::internal::plan {

struct two_passes {
  graph forward{};                                 // the declared graph, and log-sum-exps behind it
  fixed_array<node_id, max_results> saved{};       // of the forward graph
  fixed_array<shape_value, max_results> shapes{};  // of the saved values, in memory order
  fixed_array<label, max_results> names{};         // of the inputs of the backward graph that they are
  int saved_count = 0;
  graph backward{};
  fixed_array<node_id, max_results> gradients{};  // results of the backward graph
  int gradient_count = 0;
  bool too_many = false;  // more to save than a graph has results
};

struct pass_splitter {
  const differentiation& gradient;
  const simplified_graph& simple;  // of the forward graph, its uses and its plan
  const internal::plan::uses& uses;
  const execution_plan& plan;
  int results;  // of the forward graph
  two_passes passes{};
  presences present{};
  fixed_array<std::int16_t, graph::capacity> saved_as{};  // of a node of the gradient: number + 1
  fixed_array<std::int16_t, graph::capacity> lse_as{};    // of a softmax: which saved value is its log-sum-exp

  constexpr int save(node_id in_forward, std::uint64_t order) {
    for (int k = 0; k < passes.saved_count; ++k)
      if (passes.saved[k] == in_forward) return k + 1;
    if (results + passes.saved_count == max_results) return passes.too_many = true, 0;
    const axis_list axes = list_of(order);
    shape_value& shape = passes.shapes[passes.saved_count];
    shape.rank = axes.count;
    for (int i = 0; i < axes.count; ++i) shape.axes[i] = gradient.g.axes[axes[i]];
    passes.saved[passes.saved_count] = in_forward;
    return ++passes.saved_count;
  }
  constexpr bool written(node_id planned) const {
    for (int i = 0; i < plan.region_count; ++i)
      for (int k = 0; k < plan.regions[i].write_count; ++k)
        if (plan.regions[i].writes[k].value == planned) return true;
    return false;
  }
  // Is a forward value kept for the backward pass? No largest or smallest value: the backward pass compares it with
  // those that it was chosen from, which it may compute again in another order, and then finds none.
  constexpr bool kept(node_id i) {
    const node& x = gradient.g[i];
    const node_id planned = simple.to[i];
    if (i >= gradient.declared || !planned || !is_real(x.type) || is_leaf(x.code) || is_view(x.code)) return false;
    if (x.code == op::max || x.code == op::min || x.code == op::kth_largest) return false;
    if (simple.g[planned].axes & ~x.axes) return false;  // along an axis of the plan's (key_axes.hpp)
    if (!uses.used[planned] || uses.pairwise[planned] || present.of(passes.forward, i)) return false;
    return written(planned) || weighted(simple.g, planned).weights || is_contraction(simple.g, simple.g[planned]);
  }
  // The score of a softmax that a region of the forward pass computes; 0: of none.
  constexpr node_id fused_score(node_id softmax) const {
    const node_id planned = simple.to[gradient.g[softmax].a];
    if (gradient.g[softmax].a >= gradient.declared || !planned) return 0;
    for (int i = 0; i < plan.region_count; ++i)
      if (plan.regions[i].kind == region_kind::score && plan.regions[i].core == planned) return planned;
    return 0;
  }
  // Goes from the results down to what is kept; operands have smaller numbers.
  constexpr void choose(node_flags& needed) {
    for (int n = gradient.g.size - 1; n > 0; --n) {
      if (!needed[n]) continue;
      const node_id i = node_id(n);
      const node& x = gradient.g[i];
      if (kept(i)) {
        saved_as[i] = std::int16_t(save(i, plan.orders[simple.to[i]]));
        continue;
      }
      if (x.code == op::softmax)
        if (const node_id score = fused_score(i)) {
          const node_id l = passes.forward.add(
              node{.code = op::logsumexp, .type = x.type, .a = x.a, .axes = x.axes & ~x.over, .over = x.over});
          lse_as[i] = std::int16_t(save(l, dropped_order(plan.orders[score], ~passes.forward[l].axes)));
        }
      needed[x.a] = needed[x.b] = needed[x.c] = true;
    }
  }
  // saved1, saved2, ...
  constexpr label saved_label(int k) const {
    return unused_label("saved", k + 1, [&](const label& name) { return has_input(gradient.g, name); });
  }
  // The gradient's graph with inputs in the place of what is saved.
  constexpr void build_backward(const fixed_array<node_id, max_results>& roots) {
    node_flags needed{};
    for (int k = 0; k < passes.gradient_count; ++k) needed[roots[k]] = true;
    choose(needed);
    graph& b = passes.backward;
    b.axes = gradient.g.axes, b.axis_hash = gradient.g.axis_hash, b.axis_count = gradient.g.axis_count;
    b.positions = gradient.g.positions;
    b.inputs = gradient.g.inputs, b.input_count = gradient.g.input_count;
    b.primitives = gradient.g.primitives, b.primitive_count = gradient.g.primitive_count;
    fixed_array<node_id, max_results> input{};
    for (int k = 0; k < passes.saved_count; ++k)
      input[k] = put_input(b, passes.names[k] = saved_label(k), stored(passes.forward[passes.saved[k]].type),
                           passes.shapes[k]);
    fixed_array<node_id, graph::capacity> to{};
    for (int i = 1; i < gradient.g.size; ++i) {
      if (!needed[i]) continue;
      if (const int k = saved_as[i]) {
        to[i] = input[k - 1];
        continue;
      }
      node x = gradient.g[i];
      x.a = to[x.a], x.b = to[x.b], x.c = to[x.c];
      if (const int k = lse_as[i]) x.b = input[k - 1];
      if (x.code != op::input) x.hash = 0;
      to[i] = b.add(x);
    }
    for (int k = 0; k < passes.gradient_count; ++k) passes.gradients[k] = to[roots[k]];
  }
};

// Splits the gradient with respect to some inputs. `gradient`: of the results of the forward graph; by value, for
// gradients that nothing has reached add zeros to it.
constexpr two_passes split_passes(differentiation gradient, const merged_graph& forward, const simplified_graph& simple,
                                  const uses& uses, const execution_plan& plan, const label* names, int count) {
  fixed_array<node_id, max_results> roots{};
  for (int k = 0; k < count; ++k) roots[k] = gradient.of_input(node_of_input(gradient.g, gradient.declared, names[k]));
  forget_rules(gradient.g);
  pass_splitter splitting{.gradient = gradient, .simple = simple, .uses = uses, .plan = plan, .results = forward.count};
  splitting.passes.forward = forward.g;
  splitting.passes.gradient_count = count;
  splitting.build_backward(roots);
  return splitting.passes;
}

}  // namespace heed::internal::plan
