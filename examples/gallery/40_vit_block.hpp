// A whole block of a vision transformer: attention of all patches to all, layer norms, a network of GELU.
//
// Paper: Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale".
// Formula: z = x + wo attention(wq norm(x), wk norm(x), wv norm(x)); o = z + w2 gelu(w1 norm(z) + b1) + b2
// Vary: widths; windows (18); a scale of each half, learned (Touvron et al. 2021); padding(m, length) for an encoder of
//   text.
// Measured: n=512 wq=-0.1:0.1 wk=-0.1:0.1
#pragma once
#include <heed/heed.hpp>

namespace gallery::vit_block {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 4> h;
constexpr axis<"d", 64> d;
constexpr axis<"c", 256> c;
constexpr axis<"f", 512> f;
constexpr auto x = input<"x">(n, c);
constexpr auto wq = input<"wq">(h, d, c);
constexpr auto wk = input<"wk">(h, d, c);
constexpr auto wv = input<"wv">(h, d, c);
constexpr auto wo = input<"wo">(c, h, d);
constexpr auto w1 = input<"w1">(f, c);
constexpr auto b1 = input<"b1">(f);
constexpr auto w2 = input<"w2">(c, f);
constexpr auto b2 = input<"b2">(c);
constexpr auto scale_1 = input<"scale_1">(c);
constexpr auto shift_1 = input<"shift_1">(c);
constexpr auto scale_2 = input<"scale_2">(c);
constexpr auto shift_2 = input<"shift_2">(c);

constexpr auto y = layer_norm<c>(x, scale_1, shift_1);
constexpr auto others = rename<n, m>(y);
constexpr auto read = attention<d, m>(project<c>(y, wq), project<c>(others, wk), project<c>(others, wv));
constexpr auto z = x + dot<h, d>(read, wo);
constexpr auto w = layer_norm<c>(z, scale_2, shift_2);
constexpr auto out = z + project<f>(gelu(project<c>(w, w1, b1)), w2, b2);

HEED_KERNEL(vit_block, out, wrt(x, wq, wk, wv, wo, w1, b1, w2, b2, scale_1, shift_1, scale_2, shift_2))

}  // namespace gallery::vit_block
