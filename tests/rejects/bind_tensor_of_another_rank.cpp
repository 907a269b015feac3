// expect: heed: an operand has another number of axes than its input declares
// expect: "k"
// expect: shape_fact.*"b".*"m".*"d"
// expect: bound_axes.*2
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
void call(const tensor<float, 3>& Q, const tensor<float, 3>& K, tensor<float, 3>& S) {
#else
void call(const tensor<float, 3>& Q, const tensor<float, 2>& K, tensor<float, 3>& S) {
#endif
  fuse<s>(q = Q, k = K, into(S));
}
