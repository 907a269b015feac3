// expect: heed: an axis that is reduced or normalised must be an axis of the operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"j"> j;
constexpr axis<"d", 64> d;
constexpr auto score = scaled_dot<d>(input<"q">(n, d), input<"k">(m, d));
constexpr auto v = input<"v">(m, d);
#ifdef REPAIRED
constexpr auto x = softpick_attention<m>(score, v) + cog_attention<m>(score, v) + sigmoid_attention<m>(score, v);
#else
constexpr auto x = sigmoid_attention<j>(score, v);
#endif
