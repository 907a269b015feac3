// expect: heed: results takes 1 to 64 expressions
// expect: 65
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto q = input<"q">(n);
#define EIGHT q, q, q, q, q, q, q, q
#define FIFTY_SIX EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT
#ifdef REPAIRED
constexpr auto f = fuse<results(FIFTY_SIX, EIGHT)>;
#else
constexpr auto f = fuse<results(FIFTY_SIX, EIGHT, q)>;
#endif
