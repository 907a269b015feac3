// Weights of which most are exactly 0. s (..., m): scores, masked as one likes; the weights have the shape of s, are 0
// where s is absent, and a row with nothing left is 0. As an operand of a product along m they leave out what is
// absent, as those of a softmax do, and fuse as they do.
//
// What a row has to know of all its scores is one number: the threshold above which weights lie. The derivative of
// entmax is known in closed form, so nothing on the way back passes through the search for it.
#pragma once
#include "../graph/with_gradient.hpp"

namespace heed::internal {

// The nodes of entmax along some axes, of real scores of one type.
struct entmax_nodes {
  graph& g;
  element type;
  axis_set over;
  double alpha;

  constexpr node_id number(double v) const { return g.add_constant(v, element::real); }
  constexpr node_id apply(op o, node_id a, node_id b = 0, double value = 0) const {
    return add_pointwise(g, o, type, a, b, 0, value);
  }
  constexpr node_id sum(node_id a) const { return add_reduction(g, op::sum, type, a, over); }

  // max((alpha - 1) (s - t), 0)
  constexpr node_id above(node_id s) const {
    const node_id threshold = add_statistic(g, op::entmax_threshold, type, s, over, alpha);
    return apply(op::maximum, apply(op::multiply, number(alpha - 1), apply(op::subtract, s, threshold)), number(0));
  }
  // ... to the power of 1 / (alpha - 1), 0 where it is absent.
  constexpr node_id weights(node_id above) const {
    return add_present(g, alpha == 2     ? above
                          : alpha == 1.5 ? apply(op::multiply, above, above)
                                         : apply(op::power, above, 0, 1 / (alpha - 1)));
  }
  // The weights to the power of 2 - alpha, which is their derivative by the scores if the threshold stays.
  constexpr node_id slopes(node_id above) const {
    return alpha == 2     ? apply(op::sign, above)
           : alpha == 1.5 ? above
                          : apply(op::power, above, 0, (2 - alpha) / (alpha - 1));
  }
  // u (dy - sum(u dy) / sum(u)), of the slopes u, whose sum is at least 1.
  constexpr node_id reaches_scores(node_id u, node_id dy) const {
    const node_id mean = apply(op::divide, sum(apply(op::multiply, u, dy)), apply(op::maximum, sum(u), number(1)));
    return apply(op::multiply, u, apply(op::subtract, dy, mean));
  }
};

// entmax<m>(alpha, s): max((alpha - 1) (s - t), 0)^(1 / (alpha - 1)), t such that a row sums to 1: weights between
// those of softmax (alpha near 1) and sparsemax (2). alpha: a number, 1 < alpha <= 2; s (..., m): numbers; shape: that
// of s. t is rounded as a score is. Peters, Niculae and Martins 2019.
template <auto Axis, Symbolic S> constexpr auto entmax(double alpha, const S& s) {
  if constexpr (any_ill_formed<S>) return ill_formed{};
  else if constexpr (!require_axes<shape_of<S>, axis_type<Axis>>()) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<S>>()) return ill_formed{};
  else if constexpr (!is_real(element_of_expr<S>)) return entmax<Axis>(alpha, 1. * s);
  else {
    if (std::is_constant_evaluated() && !(alpha > 1 && alpha <= 2))
      stop_compiling<"heed: the alpha of entmax is above 1 (softmax) and at most 2 (sparsemax)">();
    using E = expr<shape_of<S>, element_of_expr<S>>;
    const E weights(graph_of(s), [&](graph& g) {
      const entmax_nodes e{g, E::type, axes_in<Axis>(g), alpha};
      return e.weights(e.above(put(g, s)));
    });
    const auto rule = [alpha](const S& scores, const E&, const E& reached) {
      return E(reached.g, [&](graph& g) {
        const entmax_nodes e{g, E::type, axes_in<Axis>(g), alpha};
        return e.reaches_scores(e.slopes(e.above(put(g, scores))), put(g, reached));
      });
    };
    return with_gradient(weights, rule, s);
  }
}
// entmax15<m>(s): entmax of 1.5, the square of max((s - t) / 2, 0).
template <auto Axis, Symbolic S> constexpr auto entmax15(const S& s) { return entmax<Axis>(1.5, s); }
// sparsemax<m>(s): max(s - t, 0), of all weights those that are nearest to the scores. Martins and Astudillo 2016.
template <auto Axis, Symbolic S> constexpr auto sparsemax(const S& s) { return entmax<Axis>(2, s); }

// top_k_softmax<m>(s, k): softmax of the k largest scores of each row, and of all that are equal to the smallest of
// them; the others have weight 0. k: a whole number, or an expression of one, as in kth_largest.
template <auto Axis, Symbolic S, class K> constexpr auto top_k_softmax(const S& s, const K& k) {
  const auto smallest = kth_largest<Axis>(s, k);
  if constexpr (is_ill_formed<std::remove_const_t<decltype(smallest)>>) return ill_formed{};
  else return softmax<Axis>(mask(s, s >= smallest));
}

}  // namespace heed::internal
