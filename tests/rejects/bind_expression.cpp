// expect: heed: a call binds inputs by name: this expression is no input
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
  fuse<s>(q = Q, k = K, into(S));
#else
  fuse<s>(q = Q, k = K, s = S, into(S));
#endif
}
