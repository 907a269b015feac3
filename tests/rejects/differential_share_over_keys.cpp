// expect: heed: the share of a second map varies over axes of the scores, but not over keys
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(h, n, d);
constexpr auto q2 = input<"q2">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
constexpr auto share = input<"share">(h);
constexpr auto shares = input<"shares">(m);
#ifdef REPAIRED
constexpr auto x = differential_attention<m>(scaled_dot<d>(q, k), scaled_dot<d>(q2, k), v, share);
#else
constexpr auto x = differential_attention<m>(scaled_dot<d>(q, k), scaled_dot<d>(q2, k), v, shares);
#endif
