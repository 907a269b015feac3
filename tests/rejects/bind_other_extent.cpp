// expect: heed: an operand has another extent than its axis
// expect: "k"
// expect: "d".*64
// expect: bound_extent.*32
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
void call(float (&Q)[2][3][64], float (&K)[2][5][64], float (&V)[2][5][32], float (&O)[2][3][32]) {
  fuse<y>(q = Q, k = K, v = V, into(O));
}
#else
constexpr auto y = dot<m>(softmax<m>(s), v);
void call(float (&Q)[2][3][64], float (&K)[2][5][64], float (&V)[2][5][32], float (&O)[2][3][32]) {
  fuse<y>(q = Q, k = V, v = V, into(O));
}
#endif
