// A contrastive loss: every image must find its text among all texts, and every text its image. The matrix of
// similarities is never stored.
//
// Paper: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision" (CLIP).
// Formula: s[n, m] = exp(t) cos(x[n], y[m]); loss = (mean_n(log sum_m exp(s)) + mean_m(log sum_n exp(s))) / 2 -
//   mean_n(s[n, n])
// Vary: one direction; several positives; sigmoids of single pairs, -log sigmoid(+-s) (Zhai et al. 2023, SigLIP).
// Measured: n=2048,m=2048 t=2:2.5
#pragma once
#include <heed/heed.hpp>

namespace gallery::contrastive {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, d);
constexpr auto y = input<"y">(m, d);
constexpr auto t = input<"t">();

constexpr auto score = exp(t) * cosine_similarity<d>(x, y);
constexpr auto matches = exp(t) * cosine_similarity<d>(x, rename<m, n>(y));
constexpr auto out = (mean<n>(logsumexp<m>(score)) + mean<m>(logsumexp<n>(score))) / 2 - mean<n>(matches);

HEED_KERNEL(contrastive, out, wrt(x, y, t))

}  // namespace gallery::contrastive
