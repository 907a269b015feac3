// Losses of single positions; their mean over positions is a line of the caller: mean<b, n>(cross_entropy<words>(logits, target)).
#pragma once
#include "../graph/results.hpp"

namespace heed {

template <class Logits, class Axis, element Target> constexpr bool require_target() {
  constexpr bool over = has<Logits, Axis>, whole = is_integer(Target);
  static_assert(given<over, axis_fact_of<Axis>, shape_fact_of<Logits>>, "heed: the classes of a cross entropy are an axis of its logits");
  static_assert(given<!over || whole, element_fact_of<Target>>, "heed: the target of a cross entropy is a whole number, that of the right class");
  return over && whole;
}
// -log softmax(logits)[target] along Axis: logsumexp(logits) - logits[target]. logits (..., words), target (...) of whole numbers,
// 0 .. words - 1 (another one counts as the nearest; a target that is an operand is checked when the call begins); the result
// has the axes of the logits without words, then what target adds. Real, of the logits' element; its gradient is softmax - [target].
template <auto Axis, Symbolic L, Operand T> constexpr auto cross_entropy(const L& logits, const T& target) {
  if constexpr (any_ill_formed<L, T>) return ill_formed{};
  else if constexpr (!require_target<shape_of<L>, axis_type<Axis>, element_of_expr<T>>()) return ill_formed{};
  else return logsumexp<Axis>(logits) - gather<Axis>(logits, target);
}

}  // namespace heed
