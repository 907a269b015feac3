// expect: heed: a primitive has a name
// expect: cube
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y">(n);
struct cube {
#ifdef REPAIRED
  static constexpr auto name = "cube";
#else
#endif
  static auto value(const auto& a) { return a * a * a; }
};
constexpr auto out = primitive<cube>(x);
constexpr auto more = out + 1;
