// A pre-norm block of a language model: causal attention of 8 heads and a gated network behind RMS norms, width 512.
#pragma once
#include <heed/heed.hpp>

#ifndef REAL
#define REAL float
#endif

namespace study {
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 8> h;
constexpr axis<"d", 64> d;
constexpr axis<"c", 512> c;
constexpr axis<"o", 512> o;
constexpr axis<"f", 1536> f;
constexpr auto x = input<"x", REAL>(b, n, c);
constexpr auto wq = input<"wq", REAL>(o, c);
constexpr auto wk = input<"wk", REAL>(o, c);
constexpr auto wv = input<"wv", REAL>(o, c);
constexpr auto wo = input<"wo", REAL>(c, o);
constexpr auto gate = input<"gate", REAL>(f, c);
constexpr auto up = input<"up", REAL>(f, c);
constexpr auto down = input<"down", REAL>(c, f);
constexpr auto norm_a = input<"norm_a", REAL>(c);
constexpr auto norm_f = input<"norm_f", REAL>(c);
constexpr auto y = rms_norm<c>(x, norm_a);
constexpr auto query = split_heads<o, h, d>(project<c>(y, wq));
constexpr auto key = rename<n, m>(split_heads<o, h, d>(project<c>(y, wk)));
constexpr auto value = rename<n, m>(split_heads<o, h, d>(project<c>(y, wv)));
constexpr auto z = x + project<o>(merge_heads<h, d, o>(attention<d, m>(query, key, value, causal(n, m))), wo);
constexpr auto w = rms_norm<c>(z, norm_f);
constexpr auto out = z + project<f>(silu(project<c>(w, gate)) * project<c>(w, up), down);
}  // namespace study
