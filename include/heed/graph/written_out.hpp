// Softmaxes that are written out, recognised where they are declared, so that gradients, plans and the oracle know them as
// what they are.
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
// Such weights as an operand of a product along their axes, which leaves absent scores out without being told.
constexpr node_id as_factor(graph& g, node_id i, axis_set over) {
  const node masked = g[i], weights = g[masked.a];
  if (masked.code != op::mask || weights.code != op::softmax || weights.over != over) return i;
  presences present;
  return implies(g, present.of(g, weights.a), masked.b) ? masked.a : i;
}

}  // namespace heed::internal
