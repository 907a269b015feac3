// NaN stored in masked keys and values, through the kernels and by the call's own words.
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr axis<"e", 4> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto out = attention<d, m>(q, k, v, padding(m, length));
}  // namespace

BOOST_AUTO_TEST_CASE(fused_gradients_leave_out_what_is_excluded) {
  const tensor<float> Q = filled<float>(1, 1, {5, 4}), G = filled<float>(4, 1, {5, 4});
  using result = tensor<float>;
  result got[2][3] = {{result(5, 4), result(7, 4), result(7, 4)}, {result(5, 4), result(7, 4), result(7, 4)}};
  for (int dirty : {0, 1}) {
    tensor<float> K = filled<float>(2, 1, {7, 4}), V = filled<float>(3, 1, {7, 4});
    for (extent_t j = 3; j < 7; ++j)
      for (extent_t i = 0; i < 4; ++i) K(j, i) = V(j, i) = dirty ? NAN : 0.f;
    fuse<gradient<out>(wrt(q, k, v))>(q = Q, k = K, v = V, length = 3, cotangent<out> = G,
                                      into(got[dirty][0], got[dirty][1], got[dirty][2]));
  }
  for (int t : {0, 1, 2})
    for (std::size_t i = 0; i < got[0][t].size(); ++i) {
      BOOST_TEST(got[0][t][i] == got[1][t][i]);
      if (t > 0 && i >= 12) BOOST_TEST(got[1][t][i] == 0);
    }
  BOOST_TEST(largest(got[1][0]) > 0.01);
}
