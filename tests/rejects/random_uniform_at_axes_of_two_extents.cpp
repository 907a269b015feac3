// expect: heed: an axis has one extent throughout a graph
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"d", 64> d;
constexpr auto seed = input<"seed", std::int64_t>();
#ifdef REPAIRED
constexpr auto u = random_uniform(seed, d, axis<"n">{});
#else
constexpr auto u = random_uniform(seed, d, axis<"d", 32>{});
#endif
