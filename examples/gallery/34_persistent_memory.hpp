// Persistent memory: learned keys and values that every query sees beside those of the sequence. Two attentions are
// merged by their log-sum-exps, as partial results of keys that lie in several places are.
//
// Paper: Sukhbaatar et al. 2019, "Augmenting Self-attention with Persistent Memory"; merging Dao et al. 2022,
//   "FlashAttention".
// Formula: o[h, n] = softmax over m <= n and all t of (q[h, n] . k[h, m] / sqrt(d), q[h, n] . kp[h, t] / sqrt(d)) times
//   (v, vp)
// Vary: a shared prefix in the place of the memory; more parts.
// Measured: h=4,n=2048,m=2048,t=128
#pragma once
#include <heed/heed.hpp>

namespace gallery::persistent_memory {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr axis<"t"> t;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto kp = input<"kp">(h, t, d);
constexpr auto vp = input<"vp">(h, t, e);

constexpr auto score = mask(scaled_dot<d>(q, k), causal(n, m));
constexpr auto fixed = scaled_dot<d>(q, kp);
constexpr auto share = sigmoid(logsumexp<m>(score) - logsumexp<t>(fixed));
constexpr auto out = share * dot<m>(softmax<m>(score), v) + (1 - share) * dot<t>(softmax<t>(fixed), vp);

HEED_KERNEL(persistent_memory, out, wrt(q, k, v, kp, vp))

}  // namespace gallery::persistent_memory
