// expect: heed: the rule of with_gradient is called with its operands, the value and what reaches the value
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
constexpr auto y = with_gradient(round(x), [](auto, auto, auto r) { return r; }, x);
#else
constexpr auto y = with_gradient(round(x), [](auto r) { return r; }, x);
#endif
