// expect: heed: only inputs of real numbers have a gradient
// expect: "ids"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto out = attention<d, m>(q, k, v, ids > 0);
#ifdef REPAIRED
constexpr auto f = fuse<gradient<out>(wrt(q))>;
#else
constexpr auto f = fuse<gradient<out>(wrt(ids))>;
#endif
