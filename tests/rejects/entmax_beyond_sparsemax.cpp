// expect: heed: the alpha of entmax is above
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = entmax<m>(1.9, x);
#else
constexpr auto y = entmax<m>(2.5, x);
#endif
