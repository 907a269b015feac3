// Capped scores: none can leave -50 .. 50, however long queries and keys become.
//
// Paper: Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size".
// Formula: o[h, n] = sum over m <= n of softmax_m(50 tanh(q[h, n] . k[h, m] / (50 sqrt(d)))) v[h, m]
// Vary: the cap, a number or an input over heads; a window in every other layer, as Gemma 2 has it.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::softcapped {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);

constexpr auto score = softcap(scaled_dot<d>(q, k), 50);
constexpr auto out = dot<m>(softmax<m>(mask(score, causal(n, m))), v);

HEED_KERNEL(softcapped, out, wrt(q, k, v))

}  // namespace gallery::softcapped
