// expect: heed: an axis that is reduced or normalised must be an axis of the operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = kth_largest<m>(x, 3);
#else
constexpr auto y = kth_largest<d>(x, 3);
#endif
