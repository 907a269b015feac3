// Triangle attention: of a representation of pairs (i, n), each attends along its row to the pairs (i, m), with a bias
// for the third side (n, m), projected from the same representation, and a gate. The bias is stored, which takes less
// than the pairs do.
//
// Paper: Jumper et al. 2021, "Highly accurate protein structure prediction with AlphaFold" (Evoformer, algorithm 13).
// Formula: z = norm(pair); s[h, i, n, m] = wq[h] z[i, n] . wk[h] z[i, m] / sqrt(d) + wb[h] . z[n, m]; o[i, n] = sum
// over
//   h of wo[h] (sigmoid(wg[h] z[i, n]) * sum over m of softmax_m(s) wv[h] z[i, m])
// Vary: around the ending node: pair (n, i, c), the rest as it stands; row attention of an alignment: rows i, a bias
//   from the pairs.
// Measured: i=96,n=96 wq=-0.1:0.1 wk=-0.1:0.1
#pragma once
#include <heed/heed.hpp>

namespace gallery::triangle {
using namespace heed;

constexpr axis<"h", 4> h;
constexpr axis<"i"> i;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c", 64> c;
constexpr axis<"d", 32> d;
constexpr auto pair = input<"pair">(i, n, c);
constexpr auto wq = input<"wq">(h, d, c);
constexpr auto wk = input<"wk">(h, d, c);
constexpr auto wv = input<"wv">(h, d, c);
constexpr auto wg = input<"wg">(h, d, c);
constexpr auto wb = input<"wb">(h, c);
constexpr auto wo = input<"wo">(c, h, d);

constexpr auto z = layer_norm<c>(pair);
constexpr auto row = rename<n, m>(z);
constexpr auto bias = project<c>(rename<i, n>(row), wb);
constexpr auto weights = softmax<m>(scaled_dot<d>(project<c>(z, wq), project<c>(row, wk)) + bias);
constexpr auto read = sigmoid(project<c>(z, wg)) * dot<m>(weights, project<c>(row, wv));
constexpr auto out = dot<h, d>(read, wo);

HEED_KERNEL(triangle, out, wrt(pair, wq, wk, wv, wg, wb, wo))

}  // namespace gallery::triangle
