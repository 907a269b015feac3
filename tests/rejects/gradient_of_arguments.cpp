// expect: heed: a gradient is written gradient<out>\(wrt\(q, k\)\): the result stands between < and >
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto g = gradient<s>(wrt(q));
#else
constexpr auto g = gradient(s, q);
#endif
