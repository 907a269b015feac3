// expect: heed: the derivative of a primitive is pointwise, in its operands alone
// expect: "cube"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y">(n);
struct cube {
  static constexpr auto name = "cube";
  static auto value(const auto& a) { return a * a * a; }
#ifdef REPAIRED
  static constexpr auto derivative(const auto& a) { return 3 * a * a; }
#else
  static constexpr auto derivative(const auto& a) { return 3 * a * y; }
#endif
};
constexpr auto loss = sum<n>(primitive<cube>(x));
constexpr auto slope = gradient<loss>(wrt(x));
