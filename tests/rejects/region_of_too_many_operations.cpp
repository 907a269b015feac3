// expect: heed: a region computes 768 operations at most: make some of it a result
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"c", 64> c;
constexpr auto x = input<"x">(n, c);
#ifdef REPAIRED
constexpr int terms = 8;
#else
constexpr int terms = 80;
#endif
constexpr auto y = []<int... I>(std::integer_sequence<int, I...>) {
  return (softmax<c>((I + 2) * x) + ...);
}(std::make_integer_sequence<int, terms>{});
constexpr auto f = fuse<y>;
[[maybe_unused]] constexpr auto g_ = f;
