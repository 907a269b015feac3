// expect: heed: the rule of with_gradient gives an expression with the axes of the operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto seeds = input<"seeds", std::int64_t>(n);
constexpr auto share = input<"share">(d);
constexpr auto x = input<"x">(n, m);
constexpr auto row = input<"row">(n);
constexpr auto ids = input<"ids", std::int32_t>(n);
#ifdef REPAIRED
constexpr auto y = with_gradient(sum<m>(x), [](const auto& a, const auto&, const auto& reached) { return reached + 0 * a; }, x);
#else
constexpr auto y = with_gradient(sum<m>(x), [](const auto&, const auto&, const auto& reached) { return reached; }, x);
#endif
