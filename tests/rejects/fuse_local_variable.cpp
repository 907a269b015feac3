// expect: heed: a result is constexpr: constexpr auto out = ...
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto s = dot<d>(q, k);
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& S) {
#ifdef REPAIRED
  static constexpr
#endif
  auto out = s * 2;
  fuse<out>(q = Q, k = K, into(S));
}
