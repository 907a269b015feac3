// expect: heed: the k of kth_largest<m>
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = kth_largest<m>(x, 1);
#else
constexpr auto y = kth_largest<m>(x, 0);
#endif
