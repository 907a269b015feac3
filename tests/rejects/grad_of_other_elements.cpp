// expect: heed: a result has another element type than the memory it goes to
// expect: "grad.q.".*float.*double
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(n, d);
constexpr auto v = input<"v">(n, d);
constexpr auto loss = sum<n, d>(q * k + v);
constexpr auto step = results(loss, gradient<loss>(wrt(q, k)));
struct memory { tensor<float> Q, K, V, dQ, dK; float L; };
#ifdef REPAIRED
void call(memory& r) {
  fuse<step>(q = r.Q, k = r.K, v = r.V, into(r.L, grad(k) = r.dK, grad(q) = r.dQ));
}
#else
void call(memory& r) {
  tensor<double> Z;
  fuse<step>(q = r.Q, k = r.K, v = r.V, into(r.L, grad(k) = r.dK, grad(q) = Z));
}
#endif
