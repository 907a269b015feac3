// Dropout: some values are left out by chance while a network is trained, the others grow so that sums stay what they
// are on average.
#pragma once
#include "../graph/random.hpp"
#include "../graph/results.hpp"

namespace heed::internal {

// What the values that stay are multiplied by. Where none stays it is 0, for 0 times infinity would be NaN.
template <class P> constexpr auto kept_scale(const P& p) {
  if constexpr (!std::is_arithmetic_v<P>) return 1 / (1 - p);
  else {
    const double share = double(p);
    if (std::is_constant_evaluated() && !(share >= 0 && share <= 1))
      stop_compiling<"heed: the share that a dropout leaves out lies in [0, 1]">();
    return share < 1 ? 1 / (1 - share) : 0.;
  }
}
template <class Shape> struct draw_over;
template <class... Axes> struct draw_over<shape<Axes...>> {
  template <class Seed> static constexpr auto from(const Seed& seed) { return random_uniform(seed, Axes{}...); }
};
template <class Weights, class P> constexpr bool require_share() {
  constexpr bool ok = std::is_same_v<join<Weights, P>, Weights>;
  static_assert(given<ok, shape_fact_of<P>, shape_fact_of<Weights>>,
                "heed: the share that a dropout leaves out varies over axes of its operand");
  return ok;
}

// dropout(p, x, seed): 0 with the probability p, x / (1 - p) otherwise, each element for itself. p: a number in [0, 1],
// or an expression below 1; x (...): weights of a softmax, or any value; seed: a whole number without axes, another one
// for each call. Shape: that of x. It is x times where(random_uniform(seed, axes of x...) >= p, 1 / (1 - p), 0), so
// that NaN stays and what is absent stays absent. Srivastava et al. 2014, in the form that leaves the network as it is
// when nothing is left out.
template <Operand P, Symbolic X, Operand Seed> constexpr auto dropout(const P& p, const X& x, const Seed& seed) {
  if constexpr (any_ill_formed<P, X, Seed>) return ill_formed{};
  else if constexpr (!require_share<shape_of<X>, shape_of<P>>()) return ill_formed{};
  else {
    const auto draw = draw_over<shape_of<X>>::from(seed);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(draw)>>) return ill_formed{};
    else return x * where(draw >= p, kept_scale(p), 0);
  }
}

}  // namespace heed::internal
