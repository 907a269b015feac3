// expect: heed: a gradient is taken with respect to 1 to 64 inputs
// expect: 65
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr axis<"o", 384> o;
constexpr axis<"h", 12> h;
constexpr axis<"w", 32> w;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto keep = input<"keep", bool>(b, m);
constexpr auto s = dot<d>(q, k);
#define EIGHT q, q, q, q, q, q, q, q
#define FIFTY_SIX EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT
constexpr auto out = dot<d>(q, q);
#ifdef REPAIRED
constexpr auto f = fuse<gradient<out>(wrt(q))>;
#else
constexpr auto f = fuse<gradient<out>(wrt(FIFTY_SIX, EIGHT, q))>;
#endif
