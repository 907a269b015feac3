// expect: heed: the seed of a draw is a whole number without axes: an input, a constant
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto seeds = input<"seeds", std::int64_t>(n);
#ifdef REPAIRED
constexpr auto u = random_uniform(seed, n);
#else
constexpr auto u = random_uniform(seeds, n);
#endif
