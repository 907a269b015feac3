// expect: heed: a number that is known at ru
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
float strength = 2;
#ifdef REPAIRED
constexpr auto s = dot<d>(q, k) * input<"strength">();
#else
constexpr auto s = dot<d>(q, k) * strength;
#endif
