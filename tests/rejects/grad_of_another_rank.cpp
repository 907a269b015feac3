// expect: heed: a result has another number of axes than the memory it goes to
// expect: "grad.q."
// expect: shape_fact.*"n".*"d"
// expect: bound_axes.*1
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
  std::vector<float> Z(64);
  fuse<step>(q = r.Q, k = r.K, v = r.V, into(r.L, grad(k) = r.dK, grad(q) = Z));
}
#endif
