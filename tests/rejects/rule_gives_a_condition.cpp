// expect: heed: arithmetic needs numbers, not booleans
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto seeds = input<"seeds", std::int64_t>(n);
constexpr auto share = input<"share">(d);
constexpr auto x = input<"x">(n, m);
constexpr auto row = input<"row">(n);
constexpr auto ids = input<"ids", std::int32_t>(n);
#ifdef REPAIRED
constexpr auto y = with_gradient(round(x), [](auto a, auto, auto r) { return where(a < 1, r, 0); }, x);
#else
constexpr auto y = with_gradient(round(x), [](auto a, auto, auto) { return a < 1; }, x);
#endif
