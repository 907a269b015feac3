// expect: heed: the extent of an axis is given twice
// expect: "n"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto y = dot<m>(softmax<m>(s), v);
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  (void)Q, (void)K, (void)V, (void)O;
  fuse<y>(q = Q, k = K, v = V, with(n, 4), into(O));
}
#else
constexpr auto y = dot<m>(softmax<m>(s), v);
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  (void)Q, (void)K, (void)V, (void)O;
  fuse<y>(q = Q, k = K, v = V, with(n, 4), into(O), with(n, 5));
}
#endif
