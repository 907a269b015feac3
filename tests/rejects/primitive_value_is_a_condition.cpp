// expect: heed: a primitive has a static value
// expect: "cube"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y">(n);
struct cube {
  static constexpr auto name = "cube";
#ifdef REPAIRED
  static auto value(const auto& a) { return a * a * a; }
#else
  static auto value(const auto& a) { return a > 0; }
#endif
};
constexpr auto out = primitive<cube>(x);
