// expect: heed: a rotary turns two halves of a width: width = 2 x half
// expect: "odd".*65
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"half", 32> half;
constexpr axis<"odd", 65> odd;
constexpr auto q = input<"q">(n, d);
constexpr auto cosine = input<"cosine">(n, half);
constexpr auto sine = input<"sine">(n, half);
#ifdef REPAIRED
constexpr auto x = rotary<d, half>(q, cosine, sine);
#else
constexpr auto x = rotary<odd, half>(input<"x">(n, odd), cosine, sine);
#endif
