// expect: heed: only values of real numbers have a gradient
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto row = input<"row">(n);
constexpr auto ids = input<"ids", std::int32_t>(n);
#ifdef REPAIRED
constexpr auto y = with_gradient(ids * row, [](auto, auto, auto r) { return r; }, row);
#else
constexpr auto y = with_gradient(ids + 1, [](auto, auto, auto r) { return r; }, row);
#endif
