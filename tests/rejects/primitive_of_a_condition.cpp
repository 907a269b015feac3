// expect: heed: arithmetic needs numbers, not booleans
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y">(n);
struct cube {
  static constexpr auto name = "cube";
  static auto value(const auto& a) { return a * a * a; }
};
#ifdef REPAIRED
constexpr auto out = primitive<cube>(x);
#else
constexpr auto out = primitive<cube>(x < 0);
#endif
