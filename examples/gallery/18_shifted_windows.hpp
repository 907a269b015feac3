// Shifted windows: an image is cut into windows of 8 x 8 pixels, moved by 4 in every other layer; attention stays
// inside, with a learned bias for each difference of places.
//
// Paper: Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows".
// Formula: s = q[h, y, x] . k[h, yk, xk] / sqrt(d) + table[h, 15 (y - yk + 7) + x - xk + 7]; o[h, y, x] = sum over (yk,
//   xk) of the same window of softmax(s) v[h, yk, xk]
// Vary: the width; no shift; cosine_similarity<d>(q, k) over a learned temperature, as in the second version.
// Measured: h=4,y=48,x=48,yk=48,xk=48
#pragma once
#include <heed/heed.hpp>

namespace gallery::shifted_windows {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"yk"> yk;
constexpr axis<"xk"> xk;
constexpr axis<"d", 32> d;
constexpr axis<"e", 32> e;
constexpr axis<"places", 225> places;
constexpr auto q = input<"q">(h, y, x, d);
constexpr auto k = input<"k">(h, yk, xk, d);
constexpr auto v = input<"v">(h, yk, xk, e);
constexpr auto table = input<"table">(h, places);

constexpr auto rows = floor_divide(y + 4, 8) == floor_divide(yk + 4, 8);
constexpr auto columns = floor_divide(x + 4, 8) == floor_divide(xk + 4, 8);
constexpr auto score = scaled_dot<d>(q, k) + table.at((y - yk + 7) * 15 + x - xk + 7);
constexpr auto out = dot<yk, xk>(softmax<yk, xk>(mask(score, rows&& columns)), v);

HEED_KERNEL(shifted_windows, out, wrt(q, k, v, table))

}  // namespace gallery::shifted_windows
