// Softmaxes that are written out, recognised where they are declared, so that gradients, plans and the oracle know them
// as what they are: exp(s - logsumexp<m>(s)), and with e = exp(s - max<m>(s)) what is made of e and its sum. The
// maximum cancels out, so it has no part in the gradient; as written it would, by a comparison for each pair.
#pragma once
#include "presence.hpp"

namespace heed::internal {

// exp(s - logsumexp<m>(s)) is softmax<m>(s), absent where s is: what the difference is the exponent of, 0 if it is not
// such a one.
constexpr node_id add_weights(graph& g, node_id exponent) {
  const node difference = g[exponent], statistic = g[difference.b];
  if (difference.code != op::subtract || statistic.code != op::logsumexp || statistic.a != difference.a) return 0;
  presences present;
  const node_id weights = add_softmax(g, statistic.type, difference.a, statistic.over);
  return add_mask(g, weights, present.of(g, difference.a));
}
// Calls f for what, in weights or in a multiple of them, is 0 where it was absent.
template <class F> constexpr void each_present(const graph& g, node_id i, const F& f) {
  const node x = g[i];
  switch (x.code) {
    case op::present: f(x.a); break;
    case op::with_gradient:
    case op::negate:
    case op::divide:
    case op::cast: each_present(g, x.a, f); break;
    case op::multiply: each_present(g, x.a, f), each_present(g, x.b, f); break;
    default: break;
  }
}
// Such weights as an operand of a product along their axes, which leaves absent scores out without being told; of
// others that are 0 where a score is absent, those are told.
constexpr node_id as_factor(graph& g, node_id i, axis_set over) {
  bool any = false;
  each_present(g, i, [&](node_id) { any = true; });
  if (any) {
    presences present;
    node_id keep = 0;
    each_present(g, i, [&](node_id value) { keep = all_of(g, keep, present.of(g, value)); });
    return g[keep].axes & over ? add_mask(g, i, keep) : i;
  }
  const node masked = g[i], weights = g[masked.a];
  if (masked.code != op::mask || weights.code != op::softmax || weights.over != over) return i;
  presences present;
  return implies(g, present.of(g, weights.a), masked.b) ? masked.a : i;
}

constexpr node_id without_masks(const graph& g, node_id i) {
  while (g[i].code == op::mask) i = g[i].a;
  return i;
}

// sum<m>(exp(s - max<m>(s))), where s, the difference or the exponential is masked as the maximum is.
struct sum_of_exponentials {
  node_id exponentials{}, difference{};  // difference: s - max<m>(s), with its mask, if it has one
  node_id score{}, maximum{};            // score: masked as the exponentials are
  axis_set over{};
};
constexpr sum_of_exponentials exponentials_in(graph& g, node_id sum) {
  if (g[sum].code != op::sum) return {};
  const node e = g[without_masks(g, g[sum].a)], difference = g[without_masks(g, e.a)];
  const node_id maximum = difference.b;
  if (e.code != op::exp || difference.code != op::subtract || g[maximum].code != op::max) return {};
  if (g[maximum].over != g[sum].over) return {};
  const node_id score = g[maximum].a;
  if (without_masks(g, score) != without_masks(g, difference.a)) return {};
  presences present;
  const node_id here = present.of(g, g[sum].a), there = present.of(g, score);
  if (!implies(g, here, there) || !implies(g, there, here)) return {};
  return {g[sum].a, e.a, score, maximum, g[sum].over};
}

// A value that is linear in exponentials, of whose sum nothing varies over what it sums itself, with their softmax in
// their place; 0: it is none.
constexpr node_id with_softmax(graph& g, node_id i, const sum_of_exponentials& s) {
  if (i == s.exponentials) {
    presences present;
    return add_mask(g, add_softmax(g, g[i].type, s.score, s.over), present.of(g, i));
  }
  node x = g[i];
  const bool sums = (x.code == op::dot || x.code == op::sum) && !(x.over & g[s.exponentials].axes & ~s.over);
  if (!sums && x.code != op::multiply && x.code != op::mask) return 0;
  if (const node_id a = with_softmax(g, x.a, s)) x.a = a;
  else if (const node_id b = x.code == op::mask ? node_id(0) : with_softmax(g, x.b, s)) x.b = b;
  else return 0;
  if (x.code == op::dot) x.a = as_factor(g, x.a, s.over), x.b = as_factor(g, x.b, s.over);
  x.hash = 0;
  return g.add(x);
}

// What a quotient, a sum or a difference is, if it is part of a softmax that is written out with its maximum; 0: it is
// not.
//   e / sum<m>(e), dot<m>(e, v) / sum<m>(e), e * f / sum<m>(e)    softmax<m>(s), dot<m>(softmax<m>(s), v), ...
//   max<m>(s) + log(sum<m>(e))                                    logsumexp<m>(s)
//   s - max<m>(s) - log(sum<m>(e))                                s - logsumexp<m>(s)
constexpr node_id add_written_out(graph& g, op o, element type, node_id a, node_id b) {
  if (o == op::add && g[a].code == op::log && g[b].code == op::max) std::swap(a, b);
  const bool quotient = o == op::divide && g[b].code == op::sum;
  const bool logarithm = (o == op::add || o == op::subtract) && g[b].code == op::log && g[g[b].a].code == op::sum;
  if (!quotient && !logarithm) return 0;
  const sum_of_exponentials s = exponentials_in(g, quotient ? b : g[b].a);
  if (!s.score || g[s.exponentials].type != type) return 0;
  if (quotient) {
    const node_id r = with_softmax(g, a, s);
    return g[r].type == type && g[r].axes == (g[a].axes | g[b].axes) ? r : node_id(0);
  }
  if (a != (o == op::add ? s.maximum : s.difference)) return 0;
  const node_id statistic = add_reduction(g, op::logsumexp, type, s.score, s.over);
  if (o == op::add) return statistic;
  presences present;
  const node_id scores = g[without_masks(g, a)].a;
  const node_id r = add_pointwise(g, o, type, scores, statistic);
  return implies(g, present.of(g, r), present.of(g, a)) ? r : add_mask(g, r, present.of(g, a));
}

}  // namespace heed::internal
