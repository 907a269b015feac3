// expect: heed: a gradient is taken with respect to an input that the graph does not have
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto z = input<"z">(n);
constexpr auto y = x * x;
#ifdef REPAIRED
HEED_KERNEL(square, y, wrt(x))
#else
HEED_KERNEL(square, y, wrt(z))
#endif
