// Grouped queries: causal attention of the kind that most language models have, in which the heads of a group share
// their keys; queries and keys are normed, then turned by angles that grow with their positions.
//
// Paper: Ainslie et al. 2023, "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints";
//   Su et al. 2021, "RoFormer"; Henry et al. 2020, "Query-Key Normalization for Transformers" (here as RMS norm,
//   Qwen3).
// Formula: s[g, r, n, m] = R(n) norm(q[g, r, n]) . R(m) norm(k[g, m]) / sqrt(d); o[g, r, n] = sum over m <= n of
//   softmax_m(s) v[g, m]
// Vary: one group (multi-query attention) or groups of one head; no norms; causal(n, m, offset) behind a cache.
// Measured: g=2,n=2048,m=2048
#pragma once
#include <heed/heed.hpp>

namespace gallery::grouped_queries {
using namespace heed;

constexpr axis<"g"> g;
constexpr axis<"r", 2> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"half", 32> half;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(g, r, n, d);
constexpr auto k = input<"k">(g, m, d);
constexpr auto v = input<"v">(g, m, e);
constexpr auto q_weight = input<"q_weight">(d);
constexpr auto k_weight = input<"k_weight">(d);
constexpr auto cosine = input<"cosine">(n, half);
constexpr auto sine = input<"sine">(n, half);

constexpr auto query = rotary<d, half>(rms_norm<d>(q, q_weight), cosine, sine);
constexpr auto key = rotary<d, half>(rms_norm<d>(k, k_weight), rename<n, m>(cosine), rename<n, m>(sine));
constexpr auto out = attention<d, m>(query, key, v, causal(n, m));

HEED_KERNEL(grouped_queries, out, wrt(q, k, v, q_weight, k_weight))

}  // namespace gallery::grouped_queries
