// expect: heed: the k of shift<axis>\(a, k\) is
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, d);
constexpr auto by = input<"by", std::int32_t>();
#ifdef REPAIRED
constexpr auto y = shift<n>(x, 1);
#else
constexpr auto y = shift<n>(x, 1.5);
#endif
