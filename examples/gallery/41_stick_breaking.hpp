// Stick-breaking: keys are asked from the nearest on, and each takes a share, the sigmoid of its score, of what those
// before it have left. So the weights know an order without positions, and may add up to less than 1. No softmax: what
// is left is a running sum of logarithms over the pairs of a row, taken on in the one loop nest of each direction.
//
// Paper: Tan et al. 2024, "Scaling Stick-Breaking Attention: An Efficient Implementation and In-depth Study".
// Formula: o[h, n] = sum over m < n of a[h, n, m] (product over m < j < n of (1 - a[h, n, j])) v[h, m];
//   a[h, n, m] = sigmoid(q[h, n] . k[h, m] / sqrt(d))
// Vary: what is left in the end to a value of its own, exp(-sum<m>(softplus(score))) beside it; a norm behind it.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::stick_breaking {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto score = mask(scaled_dot<d>(q, k), m < n);
constexpr auto left = -running_sum<m>(softplus(score), from_the_end);  // its own part included: log(1 - sigmoid(score))
constexpr auto out = dot<m>(exp(score + left), v);                     // sigmoid(x) = exp(x - softplus(x))

HEED_KERNEL(stick_breaking, out, wrt(q, k, v))

}  // namespace gallery::stick_breaking
