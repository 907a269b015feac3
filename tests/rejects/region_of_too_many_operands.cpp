// expect: heed: a region reads 48 operands at most: make some of it a result
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
#ifdef REPAIRED
constexpr std::size_t operands = 48;
#else
constexpr std::size_t operands = 49;
#endif
constexpr auto y = []<std::size_t... I>(std::index_sequence<I...>) {
  return (input<heed::internal::text<3>({'a', char('A' + I), 0})>(n) + ...);
}(std::make_index_sequence<operands>{});
constexpr auto f = fuse<y>;
[[maybe_unused]] constexpr auto g_ = f;
