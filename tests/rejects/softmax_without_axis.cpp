// expect: heed: the axis stands between < and >: softmax<m>\(a\)
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto x = softmax<m>(s);
#else
constexpr auto x = softmax(s);
#endif
