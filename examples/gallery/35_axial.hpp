// Axial attention: a pixel sees its row; the next layer lets it see its column.
//
// Paper: Ho et al. 2019, "Axial Attention in Multidimensional Transformers".
// Formula: o[h, y, x] = sum over xk of softmax_xk(q[h, y, x] . k[h, y, xk] / sqrt(d)) v[h, y, xk]
// Vary: columns: keys (h, yk, x, d); causal(x, xk) for images that are written pixel by pixel.
// Measured: h=4,y=128,x=128,xk=128
#pragma once
#include <heed/heed.hpp>

namespace gallery::axial {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"xk"> xk;
constexpr axis<"d", 32> d;
constexpr axis<"e", 32> e;
constexpr auto q = input<"q">(h, y, x, d);
constexpr auto k = input<"k">(h, y, xk, d);
constexpr auto v = input<"v">(h, y, xk, e);

constexpr auto out = attention<d, xk>(q, k, v);

HEED_KERNEL(axial, out, wrt(q, k, v))

}  // namespace gallery::axial
