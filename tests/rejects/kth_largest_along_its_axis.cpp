// expect: heed: the k of kth_largest<m>\(a, k\) varies over axes of a, and not along m
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = kth_largest<m>(x, n + 1);
#else
constexpr auto y = kth_largest<m>(x, m + 1);
#endif
