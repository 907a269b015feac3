// expect: heed: the derivative of a primitive of two operands is a pair of expressions
// expect: "cube"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y">(n);
struct cube {
  static constexpr auto name = "cube";
  static auto value(const auto& a, const auto& b) { return a * a * b; }
#ifdef REPAIRED
  static constexpr auto derivative(const auto& a, const auto& b) { return std::pair(2 * a * b, a * a); }
#else
  static constexpr auto derivative(const auto& a, const auto& b) { return 2 * a * b; }
#endif
};
constexpr auto loss = sum<n>(primitive<cube>(x, y));
constexpr auto slope = gradient<loss>(wrt(x));
