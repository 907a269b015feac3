// expect: heed: into..... takes one operand for each result
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
constexpr auto out = attention<d, m>(q, k, v);
constexpr auto step = differentiable<out>(wrt(q));
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, tensor<float>& O) {
  auto saved = step.saved();
#ifdef REPAIRED
  step.forward(saved, q = Q, k = K, v = V, into(O));
#else
  step.forward(saved, q = Q, k = K, v = V, into(O, Q));
#endif
}
