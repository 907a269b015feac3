// A whole layer of an encoder as MiniLM has it: width 384, 12 heads of 32, a network of 1536, norms behind both.
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
constexpr axis<"c", 384> c;
constexpr axis<"o", 384> o;
constexpr axis<"h", 12> h;
constexpr axis<"d", 32> d;
constexpr axis<"f", 1536> f;
constexpr auto x = input<"x", REAL>(b, n, c);
constexpr auto wq = input<"wq", REAL>(o, c);
constexpr auto wk = input<"wk", REAL>(o, c);
constexpr auto wv = input<"wv", REAL>(o, c);
constexpr auto wo = input<"wo", REAL>(c, o);
constexpr auto w1 = input<"w1", REAL>(f, c);
constexpr auto w2 = input<"w2", REAL>(c, f);
constexpr auto bias_q = input<"bias_q", REAL>(o);
constexpr auto bias_o = input<"bias_o", REAL>(c);
constexpr auto bias_1 = input<"bias_1", REAL>(f);
constexpr auto bias_2 = input<"bias_2", REAL>(c);
constexpr auto gain_a = input<"gain_a", REAL>(c);
constexpr auto shift_a = input<"shift_a", REAL>(c);
constexpr auto gain_f = input<"gain_f", REAL>(c);
constexpr auto shift_f = input<"shift_f", REAL>(c);
constexpr auto query = split_heads<o, h, d>(project<c>(x, wq, bias_q));
constexpr auto key = rename<n, m>(split_heads<o, h, d>(project<c>(x, wk)));
constexpr auto value = rename<n, m>(split_heads<o, h, d>(project<c>(x, wv)));
constexpr auto context = merge_heads<h, d, o>(attention<d, m>(query, key, value));
constexpr auto attended = layer_norm<c>(x + project<o>(context, wo, bias_o), gain_a, shift_a);
constexpr auto out =
    layer_norm<c>(attended + project<f>(gelu_tanh(project<c>(attended, w1, bias_1)), w2, bias_2), gain_f, shift_f);
}  // namespace study
