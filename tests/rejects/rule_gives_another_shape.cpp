// expect: heed: the rule of with_gradient gives an expression with the axes of the operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = with_gradient(sum<m>(x), [](const auto& a, const auto&, const auto& reached) { return reached + 0 * a; }, x);
#else
constexpr auto y = with_gradient(sum<m>(x), [](const auto&, const auto&, const auto& reached) { return reached; }, x);
#endif
