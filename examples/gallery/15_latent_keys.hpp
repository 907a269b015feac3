// Latent keys: one latent vector a token serves as key and as value of all heads; the projections that would make keys
// and values of it are absorbed into the queries and the result. A part of the key, turned by its position, stands
// beside it.
//
// Paper: DeepSeek-AI 2024, "DeepSeek-V2" (multi-head latent attention, MLA).
// Formula: s[h, n, m] = (wk[h]^T q[h, n] . latent[m] + turned[h, n] . rope[m]) / sqrt(a + p), row[m] = (latent[m],
//   rope[m]); o[h, n] = wv[h] sum over m <= n of softmax_m(s) latent[m]
// Vary: widths; causal(n, m, offset) behind a cache of rows.
// Measured: h=4,n=1024,m=1024
#pragma once
#include <heed/heed.hpp>

namespace gallery::latent_keys {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"a", 64> a;
constexpr axis<"c", 128> c;
constexpr axis<"p", 32> p;
constexpr axis<"w", 160> w;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, a);
constexpr auto turned = input<"turned">(h, n, p);
constexpr auto row = input<"row">(m, w);
constexpr auto wk = input<"wk">(h, a, c);
constexpr auto wv = input<"wv">(h, e, c);

constexpr auto query = concat<c, p, w>(dot<a>(q, wk), turned);
constexpr auto score = dot<w>(query, row) / sqrt(size<a> + size<p>);
constexpr auto read = dot<m>(softmax<m>(mask(score, causal(n, m))), slice<w, c, 0>(row));
constexpr auto out = dot<c>(read, wv);

HEED_KERNEL(latent_keys, out, wrt(q, turned, row, wk, wv))

}  // namespace gallery::latent_keys
