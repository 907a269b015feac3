// Activations: pointwise functions between layers. Shape and axes stay as they are.
#pragma once
#include "../graph/results.hpp"

namespace heed::internal {

// max(x, 0).
template <Symbolic X> constexpr auto relu(const X& x) { return max(x, 0); }
// The Gaussian error linear unit, exact: x Phi(x). Hendrycks and Gimpel 2016.
template <Symbolic X> constexpr auto gelu(const X& x) { return x * 0.5 * (1 + erf(x * 0.70710678118654752440)); }
// Its approximation by tanh, from the same paper.
template <Symbolic X> constexpr auto gelu_tanh(const X& x) {
  return x * 0.5 * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}
// x sigmoid(x), also called swish. Elfwing et al. 2017.
template <Symbolic X> constexpr auto silu(const X& x) { return x * sigmoid(x); }
// c tanh(score / c): keeps scores within -c .. c; c is a number or varies, e.g. over heads. Gemma 2, 2024.
template <Symbolic X, Operand C> constexpr auto softcap(const X& score, const C& c) { return c * tanh(score / c); }

}  // namespace heed::internal
