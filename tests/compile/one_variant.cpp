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
