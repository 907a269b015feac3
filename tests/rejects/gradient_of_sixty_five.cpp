// expect: heed: a gradient is taken with respect to 1 to 64 inputs
// expect: 65
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto q = input<"q">(n);
#define EIGHT q, q, q, q, q, q, q, q
#define FIFTY_SIX EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT
constexpr auto out = q * q;
#ifdef REPAIRED
constexpr auto f = fuse<gradient<out>(wrt(q))>;
#else
constexpr auto f = fuse<gradient<out>(wrt(FIFTY_SIX, EIGHT, q))>;
#endif
