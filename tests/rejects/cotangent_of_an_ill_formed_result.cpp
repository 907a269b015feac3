// expect: heed: a mask is a condition
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
#ifdef REPAIRED
constexpr auto out = attention<d, m>(q, k, v, abs(n - m) <= 2);
#else
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k), abs(n - m))), v);
#endif
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& G, tensor<float>& D) {
  fuse<gradient<out>(wrt(q))>(q = Q, k = K, v = V, cotangent<out> = G, into(D));
}
