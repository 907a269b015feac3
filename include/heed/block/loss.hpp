// Losses of single positions; their mean over positions is a line of the caller: mean<b,
// n>(cross_entropy<words>(logits, target)).
#pragma once
#include "../graph/presence.hpp"
#include "../graph/results.hpp"
#include <limits>

namespace heed::internal {

template <class Logits, class Axis, element Target> constexpr bool require_target() {
  constexpr bool over = has<Logits, Axis>, whole = is_integer(Target);
  static_assert(given<over, axis_fact_of<Axis>, shape_fact_of<Logits>>,
                "heed: the classes of a cross entropy are an axis of its logits");
  static_assert(given < !over || whole, element_fact_of < Target >>,
                "heed: the target of a cross entropy is a whole number, that of the right class");
  return over && whole;
}
// logsumexp - target logit, a node of g, where a mask may exclude the target: its logit counts as -inf, so that the
// loss is +inf and not absent, which a mean would leave out. Where the mask leaves no class at all there is no loss: it
// is absent.
constexpr node_id add_loss_of_masked(graph& g, node_id difference) {
  const node x = g[difference];
  const node_id keep = presences{}.of(g, x.b);
  if (!keep) return difference;
  const node_id nothing = g.add_constant(-std::numeric_limits<double>::infinity());
  const node_id logit = add_pointwise(g, op::where, x.type, keep, add_present(g, x.b), nothing);
  const node_id loss = add_pointwise(g, op::subtract, x.type, x.a, logit);
  const node_id empty = add_condition(g, op::equal, x.a, nothing);
  return add_mask(g, loss, add_condition(g, op::invert, empty));
}
// -log softmax(logits)[target] along Axis: logsumexp(logits) - logits[target]. logits (..., words), target (...) of
// whole numbers, 0 .. words - 1 (another one counts as the nearest; a target that is an operand is checked when the
// call begins); the result has the axes of the logits without words, then what target adds. Real, of the logits'
// element; its gradient is softmax - [target]. A target that a mask over the logits excludes has loss +inf; where the
// mask leaves no class, the loss is absent.
template <auto Axis, Symbolic L, Operand T> constexpr auto cross_entropy(const L& logits, const T& target) {
  if constexpr (any_ill_formed<L, T>) return ill_formed{};
  else if constexpr (!require_target<shape_of<L>, axis_type<Axis>, element_of_expr<T>>()) return ill_formed{};
  else {
    const auto difference = logsumexp<Axis>(logits) - gather<Axis>(logits, target);
    using Loss = std::remove_const_t<decltype(difference)>;
    if constexpr (is_ill_formed<Loss>) return difference;
    else
      return expr<typename Loss::shape_type, Loss::type>(
          difference.g, [&](graph& g) { return add_loss_of_masked(g, difference.root); });
  }
}

}  // namespace heed::internal
