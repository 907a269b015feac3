// expect: heed: between < and > stands the name of an expression: constexpr auto out = ...
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
#ifdef REPAIRED
constexpr auto y = x * x;
HEED_KERNEL(square, y)
#else
HEED_KERNEL(square, x* x)
#endif
