// expect: heed: a graph holds 32 sets of sums over pairs of positions at most: fuse it in parts
// steps: many
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr axis<"e", 4> e;
constexpr auto q = input<"q">(n, d);
#ifdef REPAIRED
constexpr int times = 2;
#else
constexpr int times = 33;
#endif
constexpr auto y = [] {
  auto x = 1 * q;
  for (int i = 0; i < times; ++i) x = rename<e, d>(attention<d, m>(x, input<"k">(m, d), input<"v">(m, e)));
  return x;
}();
constexpr auto f = fuse<gradient<y>(wrt(q))>;
[[maybe_unused]] constexpr auto g_ = f;
