// expect: heed: the seed of a draw is a whole number without axes: an input, a constant
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
#ifdef REPAIRED
constexpr auto u = random_uniform(1, n);
#else
constexpr auto u = random_uniform(1.5, n);
#endif
