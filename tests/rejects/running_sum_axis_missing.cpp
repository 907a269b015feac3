// expect: heed: an axis that is reduced or normalised must be an axis of the operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto x = input<"x">(n, d);
#ifdef REPAIRED
constexpr auto y = running_sum<d>(x);
#else
constexpr auto y = running_sum<e>(x);
#endif
