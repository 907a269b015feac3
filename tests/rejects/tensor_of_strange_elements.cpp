// expect: heed: a tensor holds float, double, std::int8_t, std::int32_t, std::int64_t or bool
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
tensor<float> x;
#else
tensor<char> x;
#endif
