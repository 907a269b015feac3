// expect: heed: any and all look at conditions
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"j", 4> j;
constexpr auto pick = input<"pick", std::int32_t>(n, j);
#ifdef REPAIRED
constexpr auto x = any<j>(pick == 3);
#else
constexpr auto x = any<j>(pick);
#endif
