// expect: heed: the operand already has the axis of the angles
// expect: "half".*32
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"half", 32> half;
constexpr auto q = input<"q">(n, d);
constexpr auto cosine = input<"cosine">(n, half);
constexpr auto sine = input<"sine">(n, half);
#ifdef REPAIRED
constexpr auto x = rotary<d, half>(q, cosine, sine);
#else
constexpr auto x = rotary<d, half>(input<"x">(n, half, d), cosine, sine);
#endif
