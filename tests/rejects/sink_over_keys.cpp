// expect: heed: a sink varies over axes of the scores, but not over keys
// expect: "m"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"h", 8> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
#ifdef REPAIRED
constexpr auto x = sink_attention<m>(scaled_dot<d>(q, k), v, input<"sink">(h));
#else
constexpr auto x = sink_attention<m>(scaled_dot<d>(q, k), v, input<"sink">(h, m));
#endif
constexpr auto y = layer_norm<d>(x) * 2;
