// Regions of every kind, in linked names: no kernel holds the region that it was made of, no call its plan.
#include <heed/heed.hpp>

namespace kinds {
using namespace heed;
inline constexpr axis<"n"> n;
inline constexpr axis<"m"> m;
inline constexpr axis<"w"> w;
inline constexpr axis<"d", 16> d;
inline constexpr axis<"e", 24> e;
inline constexpr auto x = input<"x">(n, d);
inline constexpr auto y = input<"y">(m, d);
inline constexpr auto p = input<"p">(e, d);
inline constexpr auto table = input<"table">(w, d);
inline constexpr auto ids = input<"ids", std::int32_t>(n);
inline constexpr auto weighted = attention<d, m>(layer_norm<d>(x), y, y, causal(n, m));  // row, score
inline constexpr auto several = sum<m>(max<d>(x * y) * min<d>(x - y));                   // loop
inline constexpr auto scattered = gradient<results(weighted)>(wrt(x, y));                // score_gradient
inline constexpr auto looked_up = gelu(dot<d>(gather<w>(table, ids), p));                // matmul
inline constexpr auto into_table = gradient<looked_up>(wrt(table, p));                   // scatter
}  // namespace kinds

int main() {
  using namespace kinds;
  tensor<float> X(5, 16), Y(7, 16), P(24, 16), T(9, 16), O(5, 16), L(5), M(5, 24), dX(5, 16), dY(7, 16), dT(9, 16),
      dP(24, 16);
  tensor<double> expected(5, 16);
  tensor<std::int32_t> I(5);
  fuse<results(weighted, several)>(x = X, y = Y, into(O, L));
  fuse<scattered>(x = X, y = Y, cotangent<weighted> = O, into(dX, dY));
  fuse<looked_up>(table = T, ids = I, p = P, into(M));
  fuse<into_table>(table = T, ids = I, p = P, cotangent<looked_up> = M, into(dT, dP));
  reference<weighted>(x = X, y = Y, into(expected));
}
