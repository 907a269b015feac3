// expect: heed: the share that a dropout
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto x = input<"x">(n, m);
#ifdef REPAIRED
constexpr auto y = dropout(0.1, x, seed);
#else
constexpr auto y = dropout(10, x, seed);
#endif
