// expect: heed: results takes 1 to 64 expressions
// expect: 65
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto q = input<"q">(n);
constexpr auto list = results(q, q, q, q, q, q, q, q, q, q, q, q, q, q, q, q);   // 16
#ifdef REPAIRED
constexpr auto f = fuse<results(list, list, list, list)>;
#else
constexpr auto f = fuse<results(list, list, list, list, q)>;
#endif
