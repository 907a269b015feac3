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
constexpr auto out = dot<m>(softmax<m>(mask(s, m <= n)), v);
constexpr auto gradients = gradient<out>(wrt(q, k, v));
void forward(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  fuse<out>(q = Q, k = K, v = V, into(O));
}
void backward(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& dO, tensor<float>& dQ,
              tensor<float>& dK, tensor<float>& dV) {
  fuse<gradients, strict>(q = Q, k = K, v = V, cotangent<out> = dO, into(dQ, dK, dV));
}
