// expect: heed: an operand has another number of axes than its input declares
// expect: "cotangent"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto out = attention<d, m>(q, k, v, ids > 0);
#ifdef REPAIRED
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, std::vector<std::int32_t>& I, tensor<float>& G, tensor<float>& D) {
  fuse<gradient<out>(wrt(q))>(q = Q, k = K, v = V, ids = I, cotangent<out> = G, into(D));
}
#else
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, std::vector<std::int32_t>& I, tensor<float>& G, tensor<float>& D) {
  (void)G;
  float Z[32];
  fuse<gradient<out>(wrt(q))>(q = Q, k = K, v = V, ids = I, cotangent<out> = Z, into(D));
}
#endif
