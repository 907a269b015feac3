// expect: heed: a draw is made at whole numbers: axes, or positions computed from them
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto row = input<"row">(n);
constexpr auto ids = input<"ids", std::int32_t>(n);
#ifdef REPAIRED
constexpr auto u = random_uniform(seed, ids, m);
#else
constexpr auto u = random_uniform(seed, row, m);
#endif
