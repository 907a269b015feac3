// expect: heed: the k of kth_largest<m>\(a, k\) is a whole number
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = kth_largest<m>(x, 3);
#else
constexpr auto y = kth_largest<m>(x, 2.5);
#endif
