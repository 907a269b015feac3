// expect: heed: an expression has no values to print: explain<out>\(\) describes it
#include <heed/heed.hpp>
#include <iostream>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto s = dot<d>(q, k);
void print() {
#ifdef REPAIRED
  std::cout << explain<s>();
#else
  std::cout << s;
#endif
}
