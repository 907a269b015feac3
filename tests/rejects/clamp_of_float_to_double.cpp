// expect: heed: float and double do not mix
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
#ifdef REPAIRED
constexpr auto x = clamp(q, 0, cast<float>(input<"top", double>(n)));
#else
constexpr auto x = clamp(q, 0, input<"top", double>(n));
#endif
