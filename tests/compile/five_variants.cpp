#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto s = scaled_dot<d>(q, k);
constexpr auto out0 = dot<m>(softmax<m>(mask(s, m <= n)), v);
void run0(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  fuse<out0>(q = Q, k = K, v = V, into(O));
}
constexpr auto out1 = dot<m>(softmax<m>(mask(softcap(s, 20), m <= n)), v);
void run1(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  fuse<out1>(q = Q, k = K, v = V, into(O));
}
constexpr auto out2 = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 256))), v);
void run2(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  fuse<out2>(q = Q, k = K, v = V, into(O));
}
constexpr auto out3 = dot<m>(softmax<m>(mask(s * s, m < n)), v);
void run3(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  fuse<out3>(q = Q, k = K, v = V, into(O));
}
constexpr auto out4 = dot<m>(softmax<m>(mask(s + (m - n) * 0.1, m <= n)), v);
void run4(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  fuse<out4>(q = Q, k = K, v = V, into(O));
}
