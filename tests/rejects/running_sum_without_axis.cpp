// expect: heed: a running sum goes along one axis
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto x = input<"x">(n, d);
#ifdef REPAIRED
constexpr auto y = running_sum<n>(x, from_the_end);
#else
constexpr auto y = running_sum(x, from_the_end);
#endif
