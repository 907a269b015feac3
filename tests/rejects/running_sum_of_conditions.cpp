// expect: heed: arithmetic needs numbers, not booleans
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto x = input<"x">(n, d);
#ifdef REPAIRED
constexpr auto y = running_sum<n>(where(x > 0, 1, 0));
#else
constexpr auto y = running_sum<n>(x > 0);
#endif
