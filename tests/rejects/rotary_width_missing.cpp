// expect: heed: the width that a rotary turns is an axis of its operand
// expect: "e".*64
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"half", 32> half;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(n, d);
constexpr auto cosine = input<"cosine">(n, half);
constexpr auto sine = input<"sine">(n, half);
#ifdef REPAIRED
constexpr auto x = rotary<d, half>(q, cosine, sine);
#else
constexpr auto x = rotary<e, half>(q, cosine, sine);
#endif
