// expect: heed: strict: a region of this graph cannot be fused
// expect: value_fact<.*"the result \(b, n, e\), of q, k, v"
// expect: reason_fact<.*"the score reads another value".*"over pairs of positions that is".*"not an input"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr axis<"o", 384> o;
constexpr axis<"h", 12> h;
constexpr axis<"w", 32> w;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto keep = input<"keep", bool>(b, m);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto y = dot<m>(softmax<m>(s), v);
constexpr auto f = fuse<y, strict>;
[[maybe_unused]] constexpr auto g_ = f;
#else
constexpr auto y = dot<m>(softmax<m>(s + sum<d>(tanh(q + k))), v);   // a sum over pairs that is no contraction
constexpr auto f = fuse<y, strict>;
[[maybe_unused]] constexpr auto g_ = f;
#endif
