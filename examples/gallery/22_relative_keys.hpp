// Keys for distances: a query meets a learned vector for its distance to a key besides the key itself. One loop nest
// forward and one backward: far keys of one vector share its product with the query.
//
// Paper: Shaw, Uszkoreit and Vaswani 2018, "Self-Attention with Relative Position Representations".
// Formula: o[h, n] = sum over m of softmax_m(q[h, n] . (k[h, m] + table[clamp(m - n, -16, 16) + 16]) / sqrt(d)) v[h, m]
// Vary: how far distances are told apart; vectors for values as well; a table of each head, (h, distances, d).
// Measured: h=2,n=256,m=256
#pragma once
#include <heed/heed.hpp>

namespace gallery::relative_keys {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr axis<"distances", 33> distances;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto table = input<"table">(distances, d);

constexpr auto place = gather<distances>(table, clamp(m - n, -16, 16) + 16);
constexpr auto score = (dot<d>(q, k) + dot<d>(q, place)) / sqrt(size<d>);
constexpr auto out = dot<m>(softmax<m>(score), v);

HEED_KERNEL(relative_keys, out, wrt(q, k, v, table))

}  // namespace gallery::relative_keys
