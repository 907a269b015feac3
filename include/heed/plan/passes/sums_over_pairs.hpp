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
// sum<n>(f * sum<m>(x)) = sum<n, m>(f * x), for values over pairs of positions only: what a gradient sums step by step
// would otherwise be stored over pairs between the steps. That nothing is left of an inner sum its addends say
// themselves.
constexpr void add_sums_at_once(graph& g, node& sum, const vanishing& paired, presences& present) {
  const auto bare = [&](node_id i) { return without_idle_mask(g, i, present); };
  sum.a = bare(sum.a);
  node of = g[sum.a];
  if (of.code == op::multiply || of.code == op::negate) of.a = bare(of.a), of.b = bare(of.b);
  const auto inner = [&](node_id i) { return g[i].code == op::sum && paired[g[i].a]; };
  if (inner(sum.a)) {
    sum.over |= of.over, sum.a = of.a;
  } else if (of.code == op::negate && inner(of.a)) {
    sum.over |= g[of.a].over, sum.a = make(g, op::negate, of.type, g[of.a].a);
  } else if (of.code == op::multiply && (inner(of.a) || inner(of.b))) {
    const node_id s = inner(of.b) ? of.b : of.a, f = s == of.b ? of.a : of.b;
    if ((g[f].axes & ~g[g[s].a].axes) || (g[f].axes & g[s].over)) return;
    sum.over |= g[s].over, sum.a = make(g, op::multiply, of.type, f, g[s].a);
  }
}

struct addends {
  node_id a{}, b{};
};
// A sum over the weights of several softmaxes, or over those of one and what does not vanish with them, as two addends,
// so that each softmax can be reduced in a region of its own; false if it does not come apart. Factors and masks go to
// both. What may be stored (the gradient of logits over few words) is stored once instead of being reduced twice,
// unless several regions give it.
constexpr bool come_apart(graph& g, node_id i, const memory_of_the_call& memory, vanishing& paired, presences& present,
                          addends& r) {
  const node x = g[i];
  const auto weights_of = [&](node_id j) { return paired.with[g[j].code == op::sum ? g[j].a : j]; };  // of a batch's
                                                                                                      // sum too
  const bool sums = (x.code == op::add || x.code == op::subtract) && weights_of(x.a) != weights_of(x.b) &&
                    ((weights_of(x.a) && weights_of(x.b)) || memory.grows_faster(x.axes));
  if (!sums && paired.with[i] != vanishing::several) return false;
  const auto both = [&](auto build) {
    r = {build(r.a), build(r.b)};
    paired.extend(g);
    return true;
  };
  switch (x.code) {
    case op::add:
    case op::subtract:
      r = {x.a, x.code == op::add ? x.b : make(g, op::negate, x.type, x.b)};
      paired.extend(g);
      return present.of(g, r.a) == present.of(g, r.b);  // an absent addend makes the sum absent
    case op::multiply: {
      const bool left = paired.with[x.a] == vanishing::several;
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
