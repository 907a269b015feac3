// How alike two vectors are along an axis: a (..., d), b (..., d); the result varies over the other axes of both.
#pragma once
#include "../graph/pointwise.hpp"
#include "../graph/results.hpp"

namespace heed::internal {

template <auto Axis, Operand A, Operand B> constexpr auto dot_similarity(const A& a, const B& b) {
  return dot<Axis>(a, b);
}
// The dot product over the square root of its length, along one axis or several, so that its spread does not grow with
// it; of nothing, 0. Vaswani et al. 2017.
template <auto Axis, auto... More, Operand A, Operand B> constexpr auto scaled_dot(const A& a, const B& b) {
  const auto product = dot<Axis, More...>(a, b);
  if constexpr (is_ill_formed<std::remove_const_t<decltype(product)>>) return product;
  else return product / sqrt(max((size<Axis> * ... * size<More>), 1));
}
template <Operand A, Operand B> requires(Symbolic<A> || Symbolic<B>)
constexpr ill_formed scaled_dot(const A&, const B&) {
  if constexpr (!any_ill_formed<A, B>) require_named_axis<expr_of<A>>();
  return {};
}
// The cosine of the angle; NaN where a vector is 0.
template <auto Axis, Operand A, Operand B> constexpr auto cosine_similarity(const A& a, const B& b) {
  const auto product = dot<Axis>(a, b);
  if constexpr (is_ill_formed<std::remove_const_t<decltype(product)>>) return product;
  else return product * rsqrt(sum<Axis>(a * a)) * rsqrt(sum<Axis>(b * b));
}

}  // namespace heed::internal
