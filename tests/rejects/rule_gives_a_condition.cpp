// expect: heed: arithmetic needs numbers, not booleans
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = with_gradient(round(x), [](auto a, auto, auto r) { return where(a < 1, r, 0); }, x);
#else
constexpr auto y = with_gradient(round(x), [](auto a, auto, auto) { return a < 1; }, x);
#endif
