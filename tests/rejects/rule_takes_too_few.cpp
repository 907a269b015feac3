// expect: heed: the rule of with_gradient is called with its operands, the value and what reaches the value
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = with_gradient(round(x), [](auto, auto, auto r) { return r; }, x);
#else
constexpr auto y = with_gradient(round(x), [](auto r) { return r; }, x);
#endif
