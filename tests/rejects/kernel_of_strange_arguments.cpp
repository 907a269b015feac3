// expect: heed: a kernel is HEED_KERNEL\(name, results\) or HEED_KERNEL\(name, results, wrt\(inputs\)\)
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = x * x;
#ifdef REPAIRED
HEED_KERNEL(square, y, wrt(x))
#else
HEED_KERNEL(square, y, x)
#endif
