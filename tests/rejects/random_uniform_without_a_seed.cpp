// expect: heed: the seed of a draw is a whole number without axes: an input, a constant
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto seed = input<"seed", std::int64_t>();
#ifdef REPAIRED
constexpr auto u = random_uniform(seed, n, m);
#else
constexpr auto u = random_uniform(n, m);
#endif
