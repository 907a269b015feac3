// expect: heed: with_gradient.value, rule, x, .... names behind the rule the real numbers that it is a derivative by
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = with_gradient(round(x), [](auto, auto, auto r) { return r; }, x);
#else
constexpr auto y = with_gradient(round(x), [](auto, auto r) { return r; });
#endif
