// Values over pairs of positions that vanish with the weights of a softmax, as everything on the way back through
// attention does, and how their sums are taken: all at once, or apart where several softmaxes are summed, so that a
// region can reduce each.
#pragma once
#include "../../graph/presence.hpp"
#include "../facts/growth.hpp"
#include "../facts/vanishing.hpp"
#include "fold.hpp"

namespace heed::internal::plan {

// What is 0 already where a mask makes it absent, without the mask.
constexpr node_id without_idle_mask(graph& g, node_id i, presences& present) {
  return g[i].code == op::mask && present.vanishes(g, g[i].a, g[i].b) ? g[i].a : i;
}
// dot<m>(f * sum<h>(x), t) = dot<m, h>(f * x, t), for values over pairs of positions only: the gradient of a
// contraction that all heads share is the sum of theirs. What has been added to the sum; nothing: it is none of these.
template <class Pairs>
constexpr axis_set add_products_at_once(graph& g, node& product, const Pairs& over_pairs, presences& present) {
  for (const bool left : {true, false}) {
    node_id& pairs = left ? product.a : product.b;
    const node_id other = left ? product.b : product.a;
    node_id i = without_idle_mask(g, pairs, present), factor = 0;
    if (g[i].code == op::multiply && is_constant(g, g[i].a)) factor = g[i].a, i = g[i].b;
    else if (g[i].code == op::negate) factor = g.add_constant(-1, g[i].type), i = g[i].a;
    i = without_idle_mask(g, i, present);
    const node sum = g[i];
    if (sum.code != op::sum || !over_pairs(sum.a) || (g[other].axes & sum.over)) continue;
    product.over |= sum.over;
    pairs = factor ? make(g, op::multiply, sum.type, factor, sum.a) : sum.a;
    return sum.over;
  }
  return 0;
}
// What is summed, along which axes; of: 0, if nothing is.
struct sum_over_pairs {
  node_id of{};
  axis_set over{};
};
// A value that is a sum over pairs but for factors and choices between it and 0, which do not vary along the sum, as a
// sum with them inside.
constexpr sum_over_pairs factors_inside(graph& g, node_id i, const vanishing& paired, presences& present,
                                        int depth = 8) {
  if (depth == 0) return {};
  const node x = g[without_idle_mask(g, i, present)];
  const auto inside = [&](node_id j) { return factors_inside(g, j, paired, present, depth - 1); };
  const auto varies_with = [&](node_id j, const sum_over_pairs& s) {  // along the sum, or more than what is summed
    return (g[j].axes & s.over) || (g[j].axes & ~g[s.of].axes);
  };
  switch (x.code) {
    case op::sum: return paired[x.a] ? sum_over_pairs{x.a, x.over} : sum_over_pairs{};
    case op::negate: {
      const sum_over_pairs s = inside(x.a);
      return s.of ? sum_over_pairs{make(g, op::negate, x.type, s.of), s.over} : s;
    }
    case op::multiply: {
      const sum_over_pairs right = inside(x.b), s = right.of ? right : inside(x.a);
      const node_id factor = right.of ? x.a : x.b;
      if (!s.of || varies_with(factor, s)) return {};
      return {make(g, op::multiply, x.type, factor, s.of), s.over};
    }
    case op::where: {
      sum_over_pairs b = inside(x.b), c = inside(x.c);
      if (!b.of && is_constant(g, x.b, 0)) b = {x.b, c.over};
      if (!c.of && is_constant(g, x.c, 0)) c = {x.c, b.over};
      if (!b.of || !c.of || !b.over || b.over != c.over) return {};
      const sum_over_pairs s{make(g, op::where, x.type, x.a, b.of, c.of), b.over};
      return (g[x.a].axes & s.over) || (g[x.a].axes & ~(g[b.of].axes | g[c.of].axes)) ? sum_over_pairs{} : s;
    }
    default: return {};
  }
}
// sum<n>(f * sum<m>(x)) = sum<n, m>(f * x), for values over pairs of positions only: what a gradient sums step by step
// would otherwise be stored over pairs between the steps. That nothing is left of an inner sum its addends say
// themselves.
constexpr void add_sums_at_once(graph& g, node& sum, const vanishing& paired, presences& present) {
  sum.a = without_idle_mask(g, sum.a, present);
  if (const sum_over_pairs s = factors_inside(g, sum.a, paired, present); s.of) sum.over |= s.over, sum.a = s.of;
}

struct addends {
  node_id a{}, b{};
};
// An absent addend makes the sum absent, so that the other has to be absent there too; but for weights of a softmax
// whose score is, which sums of products leave out.
constexpr void absent_alike(graph& g, presences& present, addends& r) {
  const node_id keep = all_of(g, present.of(g, r.a), present.of(g, r.b));
  for (node_id* i : {&r.a, &r.b}) {
    const bool left_out = g[*i].code == op::softmax && implies(g, present.of(g, g[*i].a), keep);
    if (!left_out && !implies(g, present.of(g, *i), keep)) *i = add_mask(g, *i, keep);
  }
}
// A sum over the weights of several softmaxes, or over those of one and what does not vanish with them, as two addends,
// so that each softmax can be reduced in a region of its own; false if it does not come apart. Factors and masks go to
// both. What may be stored (the gradient of logits over few words) is stored once instead of being reduced twice,
// unless several regions give it.
constexpr bool come_apart(graph& g, node_id i, const memory_of_the_call& memory, vanishing& paired, presences& present,
                          addends& r) {
  const node x = g[i];
  const auto weights_of = [&](node_id j) { return paired.with[g[j].code == op::sum ? g[j].a : j]; };  // of a batch's
                                                                                                      // sum too
  const bool carried = paired.carried[x.a] || paired.carried[x.b];
  const bool sums = (x.code == op::add || x.code == op::subtract) && weights_of(x.a) != weights_of(x.b) &&
                    ((weights_of(x.a) && weights_of(x.b)) || (memory.grows_faster(x.axes) && !carried));
  const auto comes = [&](node_id j) {
    return paired.with[j] == vanishing::several || (paired.mixed[j] && memory.grows_faster(g[j].axes));
  };
  if (!sums && !comes(i)) return false;
  const auto both = [&](auto build) {
    r = {build(r.a), build(r.b)};
    paired.extend(g);
    return true;
  };
  switch (x.code) {
    case op::add:
    case op::subtract:
      r = {x.a, x.code == op::add ? x.b : make(g, op::negate, x.type, x.b)};
      if (memory.grows_faster(x.axes)) absent_alike(g, present, r);
      paired.extend(g);
      return present.of(g, r.a) == present.of(g, r.b) || memory.grows_faster(x.axes);
    case op::multiply: {
      const bool left = comes(x.a);
      return come_apart(g, left ? x.a : x.b, memory, paired, present, r) &&
             both([&](node_id part) { return make(g, op::multiply, x.type, left ? part : x.a, left ? x.b : part); });
    }
    case op::negate:
    case op::cast:
    case op::present:
    case op::mask:
      return come_apart(g, x.a, memory, paired, present, r) &&
             both([&](node_id part) { return make(g, x.code, x.type, part, x.b); });
    default: return false;
  }
}

}  // namespace heed::internal::plan
