// Forgetting: each token says how much of everything before it is kept; a score falls by the logarithms of all gates
// between its key and its query. What is read at both is the running sum of these logarithms, which is stored once.
//
// Paper: Lin et al. 2025, "Forgetting Transformer: Softmax Attention with a Forget Gate" (FoX).
// Formula: o[h, n] = sum over m <= n of softmax_m(q[h, n] . k[h, m] / sqrt(d) + total[h, n] - total[h, m]) v[h, m];
//   total[h, n] = sum over t <= n of log sigmoid(gate[h, t])
// Vary: gates of a group of heads; the output gate of 10 beside it, as the paper's Pro layer has it.
// Measured: h=4,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::forgetting {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto gate = input<"gate">(h, n);

constexpr auto total = running_sum<n>(-softplus(-gate));
constexpr auto score = scaled_dot<d>(q, k) + total - rename<n, m>(total);
constexpr auto out = dot<m>(softmax<m>(mask(score, causal(n, m))), v);

HEED_KERNEL(forgetting, out, wrt(q, k, v, gate))

}  // namespace gallery::forgetting
