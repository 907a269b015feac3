// expect: heed: an expression has no value for `if`: where\(condition, a, b\) chooses
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto x = where(n < m, s, 0);
#else
float f() {
  if (n < m) return 1;
  return 0;
}
#endif
