// expect: heed: a gradient is taken with respect to an input that the graph does not have
// expect: "other"
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
constexpr auto other = input<"q">(n, d);
constexpr auto f = fuse<gradient<out>(wrt(other))>;
#else
constexpr auto other = input<"other">(n, d);
constexpr auto f = fuse<gradient<out>(wrt(other))>;
#endif
