// Slots that compete: each input gives itself to slots by a softmax over the slots; a slot is the mean of what it got.
//
// Paper: Locatello et al. 2020, "Object-Centric Learning with Slot Attention".
// Formula: w[b, n, m] = softmax_n(q[b, n] . k[b, m] / sqrt(d)); o[b, n] = sum over m of w v[b, m] / (1e-8 + sum over m
//   of w)
// Vary: several rounds, a recurrent update between them; a temperature.
// Measured: b=8,n=16,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::slots {
using namespace heed;

constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);

constexpr auto weights = softmax<n>(scaled_dot<d>(q, k));
constexpr auto out = dot<m>(weights, v) / (sum<m>(weights) + 1e-8);

HEED_KERNEL(slots, out, wrt(q, k, v))

}  // namespace gallery::slots
