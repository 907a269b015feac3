// expect: heed: an expression is no number of C\+\+: write exp\(x\) for std::exp\(x\)
#include <heed/heed.hpp>
#include <cmath>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
auto x = exp(q);
#else
auto x = std::exp(q);
#endif
