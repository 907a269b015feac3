// Sparse weights: most keys have none at all, and which do follows from the scores.
//
// Paper: Peters, Niculae and Martins 2019, "Sparse Sequence-to-Sequence Models".
// Formula: o[h, n] = sum over m <= n of max(s / 2 - t, 0)^2 v[h, m], t such that the weights of a row sum to 1;
//   s = q . k / sqrt(d)
// Vary: sparsemax<m>(s) has fewer weights yet, entmax<m>(1.25, s) more.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::entmax {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto weights = entmax15<m>(mask(scaled_dot<d>(q, k), causal(n, m)));
constexpr auto out = dot<m>(weights, v);

HEED_KERNEL(entmax, out, wrt(q, k, v))

}  // namespace gallery::entmax
