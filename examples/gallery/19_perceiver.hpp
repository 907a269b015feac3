// Latents that read: few learned vectors attend to many inputs of another width, so that the cost is linear in the
// inputs.
//
// Paper: Jaegle et al. 2021, "Perceiver: General Perception with Iterative Attention"; Lee et al. 2019, "Set
//   Transformer".
// Formula: o[n] = latent[n] + sum over h of wo[h] sum over m of softmax_m(wq[h] norm(latent[n]) . wk[h] x[m] / sqrt(d))
//   wv[h] x[m]
// Vary: any cross attention: of a decoder to an encoder, of text to an image; padding(m, length); one latent pools a
//   set.
// Measured: n=256,m=4096 wq=-0.1:0.1 wk=-0.1:0.1
#pragma once
#include <heed/heed.hpp>

namespace gallery::perceiver {
using namespace heed;

constexpr axis<"h", 4> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c", 256> c;
constexpr axis<"w", 96> w;
constexpr axis<"d", 64> d;
constexpr auto latent = input<"latent">(n, c);
constexpr auto x = input<"x">(m, w);
constexpr auto wq = input<"wq">(h, d, c);
constexpr auto wk = input<"wk">(h, d, w);
constexpr auto wv = input<"wv">(h, d, w);
constexpr auto wo = input<"wo">(c, h, d);

constexpr auto query = project<c>(layer_norm<c>(latent), wq);
constexpr auto read = attention<d, m>(query, project<w>(x, wk), project<w>(x, wv));
constexpr auto out = latent + dot<h, d>(read, wo);

HEED_KERNEL(perceiver, out, wrt(latent, x, wq, wk, wv, wo))

}  // namespace gallery::perceiver
