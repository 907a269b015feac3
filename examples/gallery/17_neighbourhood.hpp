// Neighbourhood attention: a pixel sees the 7 x 7 pixels around it; at an edge the neighbourhood stays inside, so that
// everybody sees as many.
//
// Paper: Hassani et al. 2023, "Neighborhood Attention Transformer".
// Formula: o[h, y, x] = sum over |yk - clamp(y, 3, Y - 4)| <= 3, |xk - clamp(x, 3, X - 4)| <= 3 of softmax(q[h, y, x] .
//   k[h, yk, xk] / sqrt(d)) v[h, yk, xk]
// Vary: the width; without clamp a smaller neighbourhood at edges; dilated, (y - yk) % 2 == 0; a third axis for videos.
// Measured: h=4,y=48,x=48,yk=48,xk=48
#pragma once
#include <heed/heed.hpp>

namespace gallery::neighbourhood {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"yk"> yk;
constexpr axis<"xk"> xk;
constexpr axis<"d", 32> d;
constexpr axis<"e", 32> e;
constexpr auto q = input<"q">(h, y, x, d);
constexpr auto k = input<"k">(h, yk, xk, d);
constexpr auto v = input<"v">(h, yk, xk, e);

constexpr auto rows = abs(yk - clamp(y, 3, size<y> - 4)) <= 3;
constexpr auto columns = abs(xk - clamp(x, 3, size<x> - 4)) <= 3;
constexpr auto out = dot<yk, xk>(softmax<yk, xk>(mask(scaled_dot<d>(q, k), rows&& columns)), v);

HEED_KERNEL(neighbourhood, out, wrt(q, k, v))

}  // namespace gallery::neighbourhood
