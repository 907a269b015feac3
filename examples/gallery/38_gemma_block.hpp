// A whole block of a model like Gemma 2: capped scores in a window, norms before and behind both halves, a gated
// network of GELU.
//
// Paper: Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size".
// Formula: z = x + norm(wo attention(R wq norm(x), R wk norm(x), wv norm(x))), scores capped at 50, in a window; o = z
//   + norm(down (gelu(gate norm(z)) * up norm(z))); norm(x) = x / rms(x) * (1 + weight)
// Vary: causal(n, m) in every other layer; widths; norms of queries and keys in the place of caps, as Gemma 3 has them.
// Measured: n=512 width=128:129 wq=-0.1:0.1 wk=-0.1:0.1
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

namespace gallery::gemma_block {
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
constexpr auto gate = input<"gate">(f, c);
constexpr auto up = input<"up">(f, c);
constexpr auto down = input<"down">(c, f);
constexpr auto norm_1 = input<"norm_1">(c);
constexpr auto norm_2 = input<"norm_2">(c);
constexpr auto norm_3 = input<"norm_3">(c);
constexpr auto norm_4 = input<"norm_4">(c);

constexpr auto y = rms_norm<c>(x, 1 + norm_1);
constexpr auto query = rotary<d, half>(project<c>(y, wq), cosine, sine);
constexpr auto key = rename<n, m>(rotary<d, half>(project<c>(y, wk), cosine, sine));
constexpr auto score = mask(softcap(scaled_dot<d>(query, key), 50), causal(n, m) && n - m < width);
constexpr auto read = dot<m>(softmax<m>(score), rename<n, m>(project<c>(y, wv)));
constexpr auto z = x + rms_norm<c>(dot<g, r, d>(read, wo), 1 + norm_2);
constexpr auto w = rms_norm<c>(z, 1 + norm_3);
constexpr auto network = project<f>(gelu_tanh(project<c>(w, gate)) * project<c>(w, up), down);
constexpr auto out = z + rms_norm<c>(network, 1 + norm_4);

HEED_KERNEL(gemma_block, out, wrt(x, wq, wk, wv, wo, gate, up, down, norm_1, norm_2, norm_3, norm_4))

}  // namespace gallery::gemma_block
