// options: -O0 -DHEED_UNOPTIMISED
// More inputs than there may be axes: a number of an input is none of an axis.
#include <boost/test/unit_test.hpp>
#include <heed/heed.hpp>
#include <boost/preprocessor/repetition/enum_trailing.hpp>
#include <boost/preprocessor/repetition/repeat.hpp>
#include <boost/preprocessor/stringize.hpp>
#include <cmath>
using namespace heed;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
#define FACTOR(Z, I, _) constexpr auto f##I = input<"f" BOOST_PP_STRINGIZE(I)>(n);
#define PLUS(Z, I, _) +f##I
#define BOUND(Z, I, _) f##I = factors[I]
BOOST_PP_REPEAT(36, FACTOR, ~)
constexpr auto factor = 0 BOOST_PP_REPEAT(36, PLUS, ~);
constexpr auto out = dot<m>(softmax<m>(dot<d>(q, k) * factor), v);
}  // namespace

BOOST_AUTO_TEST_CASE(more_inputs_than_axes) {
  const extent_t N = 5, M = 7;
  tensor<float> Q(N, 4), K(M, 4), V(M, 4), O(N, 4);
  const auto fill = [](tensor<float>& t, double scale) {
    double x = scale;
    for (float& to : t) to = float(scale * std::sin(x += 1.7));
  };
  fill(Q, 1.0), fill(K, 0.9), fill(V, 0.8);
  std::vector<tensor<float>> factors(36, tensor<float>(N));
  std::vector<double> total(std::size_t(N), 0.);
  for (std::size_t f = 0; f < factors.size(); ++f) {
    fill(factors[f], 0.1 + 0.01 * double(f));
    for (extent_t i = 0; i < N; ++i) total[std::size_t(i)] += double(factors[f].data()[i]);
  }
  fuse<out>(q = Q, k = K, v = V BOOST_PP_ENUM_TRAILING(36, BOUND, ~), into(O));
  for (extent_t i = 0; i < N; ++i) {
    double weights = 0, sums[4] = {};
    for (extent_t j = 0; j < M; ++j) {
      double s = 0;
      for (extent_t c = 0; c < 4; ++c) s += double(Q.data()[4 * i + c]) * double(K.data()[4 * j + c]);
      const double weight = std::exp(s * total[std::size_t(i)]);
      weights += weight;
      for (extent_t c = 0; c < 4; ++c) sums[c] += weight * double(V.data()[4 * j + c]);
    }
    for (extent_t c = 0; c < 4; ++c) BOOST_TEST(std::abs(double(O.data()[4 * i + c]) - sums[c] / weights) < 1e-5);
  }
}
