// Normalisation along one axis. Shape and axes stay as they are; weight and bias vary over the normalised axis.
#pragma once
#include "../graph/results.hpp"

namespace heed::internal {

// (x - mean) / sqrt(variance + epsilon) along Axis. Ba, Kiros and Hinton 2016.
template <auto Axis, Symbolic X> constexpr auto layer_norm(const X& x, double epsilon = 1e-5) {
  const auto centred = x - mean<Axis>(x);
  return centred * rsqrt(mean<Axis>(centred * centred) + epsilon);
}
template <Symbolic X, Operand... More> constexpr ill_formed layer_norm(const X&, const More&...) {
  if constexpr (!any_ill_formed<X, More...>) require_named_axis<expr_of<X>>();
  return {};
}
// A weight or a bias is a number, a scalar, or varies over the normalised axis.
template <auto Axis, class... W> constexpr bool require_norm_weights() {
  constexpr bool ok = ((shape_of<W>::rank == 0 || has<shape_of<W>, axis_type<Axis>>) && ...);
  static_assert(given<ok, axis_fact_of<axis_type<Axis>>, shape_fact_of<shape_of<W>>...>,
                "heed: the weight and the bias of a norm vary over its axis");
  return ok;
}
// layer_norm(x) * weight + bias; x (..., c), weight (c), bias (c).
template <auto Axis, Symbolic X, Operand W, Operand B>
constexpr auto layer_norm(const X& x, const W& weight, const B& bias, double epsilon = 1e-5) {
  if constexpr (any_ill_formed<X, W, B>) return ill_formed{};
  else if constexpr (!require_axes<shape_of<X>, axis_type<Axis>>()) return ill_formed{};
  else if constexpr (!require_norm_weights<Axis, W, B>()) return ill_formed{};
  else return layer_norm<Axis>(x, epsilon) * weight + bias;
}
// x / sqrt(mean of squares + epsilon) along Axis. Zhang and Sennrich 2019.
template <auto Axis, Symbolic X> constexpr auto rms_norm(const X& x, double epsilon = 1e-6) {
  return x * rsqrt(mean<Axis>(x * x) + epsilon);
}
template <Symbolic X, Operand... More> constexpr ill_formed rms_norm(const X&, const More&...) {
  if constexpr (!any_ill_formed<X, More...>) require_named_axis<expr_of<X>>();
  return {};
}
template <auto Axis, Symbolic X, Operand W> requires Symbolic<W>
constexpr auto rms_norm(const X& x, const W& weight, double epsilon = 1e-6) {
  if constexpr (any_ill_formed<X, W>) return ill_formed{};
  else if constexpr (!require_axes<shape_of<X>, axis_type<Axis>>()) return ill_formed{};
  else if constexpr (!require_norm_weights<Axis, W>()) return ill_formed{};
  else return rms_norm<Axis>(x, epsilon) * weight;
}

}  // namespace heed::internal
