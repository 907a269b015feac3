// expect: heed: an axis that is reduced or normalised must be an axis of the operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = entmax15<m>(x);
#else
constexpr auto y = entmax15<d>(x);
#endif
