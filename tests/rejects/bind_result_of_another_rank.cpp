// expect: heed: a result has another number of axes than the memory it goes to
// expect: shape_fact.*"b".*"n".*"e"
// expect: bound_axes.*2
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr axis<"o", 384> o;
constexpr axis<"h", 12> h;
constexpr axis<"w", 32> w;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto keep = input<"keep", bool>(b, m);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto y = dot<m>(softmax<m>(s), v);
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, float (&O)[2][3][32], float (&wrong)[6][32]) {
  (void)wrong, fuse<y>(q = Q, k = K, v = V, into(O));
}
#else
constexpr auto y = dot<m>(softmax<m>(s), v);
void call(tensor<float>& Q, tensor<float>& K, tensor<float>& V, float (&O)[2][3][32], float (&wrong)[6][32]) {
  (void)O, fuse<y>(q = Q, k = K, v = V, into(wrong));
}
#endif
