// expect: heed: % and floor_divide take whole numbers; the quotient of others is /
// expect: float
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
#ifdef REPAIRED
constexpr auto phase = cast<std::int32_t>(x) % 3;
#else
constexpr auto phase = x % 3;
#endif
