// expect: heed: a region reads 32 operands at most: make some of it a result
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
constexpr auto y = []<std::size_t... I>(std::index_sequence<I...>) {
  return (input<text<3>({'a', char('A' + I), 0})>(n) + ...);
}(std::make_index_sequence<32>{});
constexpr auto f = fuse<y>;
[[maybe_unused]] constexpr auto g_ = f;
#else
constexpr auto y = []<std::size_t... I>(std::index_sequence<I...>) {
  return (input<text<3>({'a', char('A' + I), 0})>(n) + ...);
}(std::make_index_sequence<33>{});
constexpr auto f = fuse<y>;
[[maybe_unused]] constexpr auto g_ = f;
#endif
