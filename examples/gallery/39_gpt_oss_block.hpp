// A whole block of a model like gpt-oss: sinks, a window, biases, and of its experts one: a gated network whose halves
// are clamped.
//
// Paper: OpenAI 2025, "gpt-oss-120b & gpt-oss-20b Model Card".
// Formula: z = x + wo attention(R (wq norm(x) + bq), R (wk norm(x) + bk), wv norm(x) + bv) + bo, with sinks, in a
//   window; a = min(gate norm(z), 7), b = clamp(up norm(z), -7, 7); o = z + down (a sigmoid(1.702 a) (b + 1))
// Vary: causal(n, m) in every other layer; the sum of several experts, each times its chance.
// Measured: n=512 width=128:129 wq=-0.1:0.1 wk=-0.1:0.1 gate=-0.1:0.1 up=-0.1:0.1
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

namespace gallery::gpt_oss_block {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"g", 2> g;
constexpr axis<"r", 2> r;
constexpr axis<"d", 64> d;
constexpr axis<"half", 32> half;
constexpr axis<"c", 256> c;
constexpr axis<"f", 512> f;
constexpr auto x = input<"x">(n, c);
constexpr auto cosine = input<"cosine">(n, half);
constexpr auto sine = input<"sine">(n, half);
constexpr auto width = input<"width", std::int32_t>();
constexpr auto wq = input<"wq">(g, r, d, c);
constexpr auto wk = input<"wk">(g, d, c);
constexpr auto wv = input<"wv">(g, d, c);
constexpr auto wo = input<"wo">(c, g, r, d);
constexpr auto bq = input<"bq">(g, r, d);
constexpr auto bk = input<"bk">(g, d);
constexpr auto bv = input<"bv">(g, d);
constexpr auto bo = input<"bo">(c);
constexpr auto sink = input<"sink">(g, r);
constexpr auto gate = input<"gate">(f, c);
constexpr auto up = input<"up">(f, c);
constexpr auto down = input<"down">(c, f);
constexpr auto first_norm = input<"first_norm">(c);
constexpr auto second_norm = input<"second_norm">(c);

constexpr auto y = rms_norm<c>(x, first_norm);
constexpr auto query = rotary<d, half>(project<c>(y, wq, bq), cosine, sine);
constexpr auto key = rename<n, m>(rotary<d, half>(project<c>(y, wk, bk), cosine, sine));
constexpr auto score = mask(scaled_dot<d>(query, key), causal(n, m) && n - m < width);
constexpr auto read = sink_attention<m>(score, rename<n, m>(project<c>(y, wv, bv)), sink);
constexpr auto z = x + dot<g, r, d>(read, wo) + bo;
constexpr auto w = rms_norm<c>(z, second_norm);
constexpr auto a = min(project<c>(w, gate), 7);
constexpr auto b = clamp(project<c>(w, up), -7, 7);
constexpr auto out = z + project<f>(a * sigmoid(1.702 * a) * (b + 1), down);

HEED_KERNEL(gpt_oss_block, out, wrt(x, wq, wk, wv, wo, bq, bk, bv, bo, sink, gate, up, down, first_norm, second_norm))

}  // namespace gallery::gpt_oss_block
