// expect: heed: a primitive has a static value
// expect: "cube"
// expect: "operands".*1
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
#endif
};
constexpr auto out = primitive<cube>(x);
