// expect: heed: the rule of with_gradient gives an expression for each operand, several as std::tuple
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto x = input<"x">(n, m);
constexpr auto row = input<"row">(n);
#ifdef REPAIRED
constexpr auto y = with_gradient(x * row, [](auto, auto, auto, auto r) { return std::tuple(r, sum<m>(r)); }, x, row);
#else
constexpr auto y = with_gradient(x * row, [](auto, auto, auto, auto r) { return r; }, x, row);
#endif
