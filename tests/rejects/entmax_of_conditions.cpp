// expect: heed: arithmetic needs numbers, not booleans
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = sparsemax<m>(x);
#else
constexpr auto y = sparsemax<m>(x > 0);
#endif
