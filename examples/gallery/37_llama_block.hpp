// A whole block of a model like Llama 3: grouped queries, turned by their positions, and a gated network, each behind a
// norm and added to what came in.
//
// Paper: Grattafiori et al. 2024, "The Llama 3 Herd of Models"; Shazeer 2020, "GLU Variants Improve Transformer".
// Formula: z = x + wo attention(R wq norm(x), R wk norm(x), wv norm(x)), causal; o = z + down (silu(gate norm(z)) * up
//   norm(z))
// Vary: widths; a window; norms of queries and keys (01); layers one behind the other, as in examples/train.
// Measured: n=512 wq=-0.1:0.1 wk=-0.1:0.1
#pragma once
#include <heed/heed.hpp>

namespace gallery::llama_block {
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
constexpr auto wq = input<"wq">(g, r, d, c);
constexpr auto wk = input<"wk">(g, d, c);
constexpr auto wv = input<"wv">(g, d, c);
constexpr auto wo = input<"wo">(c, g, r, d);
constexpr auto gate = input<"gate">(f, c);
constexpr auto up = input<"up">(f, c);
constexpr auto down = input<"down">(c, f);
constexpr auto first_norm = input<"first_norm">(c);
constexpr auto second_norm = input<"second_norm">(c);

constexpr auto y = rms_norm<c>(x, first_norm);
constexpr auto query = rotary<d, half>(project<c>(y, wq), cosine, sine);
constexpr auto key = rename<n, m>(rotary<d, half>(project<c>(y, wk), cosine, sine));
constexpr auto value = rename<n, m>(project<c>(y, wv));
constexpr auto z = x + dot<g, r, d>(attention<d, m>(query, key, value, causal(n, m)), wo);
constexpr auto w = rms_norm<c>(z, second_norm);
constexpr auto out = z + project<f>(silu(project<c>(w, gate)) * project<c>(w, up), down);

HEED_KERNEL(llama_block, out, wrt(x, wq, wk, wv, wo, gate, up, down, first_norm, second_norm))

}  // namespace gallery::llama_block
