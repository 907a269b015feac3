// options: -O0 -DHEED_UNOPTIMISED
// Attention with other weights than those of one softmax: against plain loops in double, and their gradients against
// the oracle, in fused loops all of them.
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 24> d;
constexpr axis<"e", 17> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto q2 = input<"q2">(h, n, d);
constexpr auto share = input<"share">(h);
constexpr auto score = mask(scaled_dot<d>(q, k), m <= n + 1);
constexpr auto second = mask(scaled_dot<d>(q2, k), m <= n + 1);

constexpr auto sigmoids = sigmoid_attention<m>(score, v);
constexpr auto relus = relu_attention<m>(score, v);
constexpr auto squares = squared_relu_attention<m>(score, v);
constexpr auto softmax1 = softmax1_attention<m>(score, v);
constexpr auto softpick = softpick_attention<m>(score, v);
constexpr auto cog = cog_attention<m>(score, v);
constexpr auto difference = differential_attention<m>(score, second, v, share);

constexpr extent_t H = 2, E = 17, D = 24;
struct operands {
  extent_t N, M;
  tensor<float> Q = filled<float>(1, 1.5, {H, N, D}), P = filled<float>(5, 1, {H, N, D}),
                K = filled<float>(2, 1, {H, M, D}), V = filled<float>(3, 1, {H, M, E}),
                G = filled<float>(4, 1, {H, N, E}), S = filled<float>(6, 0.5, {H});
  tensor<float> O{H, N, E}, dQ{H, N, D}, dK{H, M, D}, dV{H, M, E}, dP{H, N, D}, dS{H};
  tensor<double> wO{H, N, E}, wQ{H, N, D}, wK{H, M, D}, wV{H, M, E}, wP{H, N, D}, wS{H};
};
// The scores of a row that the mask lets through, of the first map or the second.
std::vector<double> scores_of(const operands& x, bool of_second, extent_t a, extent_t i) {
  std::vector<double> s;
  for (extent_t j = 0; j < x.M && j <= i + 1; ++j) {
    double one = 0;
    for (extent_t l = 0; l < D; ++l)
      one += double((of_second ? x.P : x.Q)(a, i, l)) * double(x.K(a, j, l)) / std::sqrt(double(D));
    s.push_back(one);
  }
  return s;
}
std::vector<double> softmax_of(std::vector<double> s, double more = 0) {
  double total = more;
  for (double& x : s) x = std::exp(x), total += x;
  for (double& x : s) x /= total;
  return s;
}
// weights(scores of a row, its head, its number) times the values.
template <const auto& Out, class Weights> void check_values(const char* name, const Weights& weights) {
  for (const extent_t N : {33, 1, 0})
    for (const extent_t M : {47, 1, 0}) {
      operands x{N, M};
      if constexpr (&Out == static_cast<const void*>(&difference))
        fuse<Out, strict>(q = x.Q, q2 = x.P, k = x.K, v = x.V, share = x.S, into(x.O));
      else fuse<Out, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
      for (extent_t a = 0; a < H; ++a)
        for (extent_t i = 0; i < N; ++i) {
          const std::vector<double> w = weights(x, a, i);
          for (extent_t l = 0; l < E; ++l)
            for (extent_t j = 0; j < extent_t(w.size()); ++j) x.wO(a, i, l) += w[j] * double(x.V(a, j, l));
        }
      BOOST_TEST(off(x.O, x.wO) < 1e-5, name << ", " << N << " queries and " << M << " keys: " << off(x.O, x.wO));
    }
}
template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v));
template <const auto& Out> void check_gradients(const char* name) {
  operands x{33, 33};
  fuse<gradients<Out>, strict>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.dQ, x.dK, x.dV));
  reference<gradients<Out>>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.wQ, x.wK, x.wV));
  BOOST_TEST(off(x.dQ, x.wQ) < 1e-5, name);
  BOOST_TEST(off(x.dK, x.wK) < 1e-5, name);
  BOOST_TEST(off(x.dV, x.wV) < 1e-5, name);
}
std::vector<double> each(std::vector<double> s, double (*f)(double), double over) {
  for (double& x : s) x = f(x) / over;
  return s;
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  check_values<sigmoids>("sigmoid", [](const operands& x, extent_t a, extent_t i) {
    std::vector<double> s = scores_of(x, false, a, i);
    for (double& w : s) w = 1 / (1 + double(x.M) * std::exp(-w));
    return s;
  });
  check_values<relus>("relu", [](const operands& x, extent_t a, extent_t i) {
    return each(scores_of(x, false, a, i), [](double s) { return std::max(s, 0.); }, double(x.M));
  });
  check_values<squares>("squared relu", [](const operands& x, extent_t a, extent_t i) {
    return each(scores_of(x, false, a, i), [](double s) { return s > 0 ? s * s : 0; }, double(x.M));
  });
  check_values<softmax1>(
      "softmax1", [](const operands& x, extent_t a, extent_t i) { return softmax_of(scores_of(x, false, a, i), 1); });
  check_values<softpick>("softpick", [](const operands& x, extent_t a, extent_t i) {
    const std::vector<double> s = scores_of(x, false, a, i);
    double total = 1e-6;
    for (const double one : s) total += std::fabs(std::exp(one) - 1);
    return each(s, [](double one) { return std::max(std::exp(one) - 1, 0.); }, total);
  });
  check_values<cog>("cog", [](const operands& x, extent_t a, extent_t i) {
    const std::vector<double> s = scores_of(x, false, a, i);
    std::vector<double> w = softmax_of(each(s, [](double one) { return std::fabs(one); }, 1));
    for (std::size_t j = 0; j < w.size(); ++j) w[j] = s[j] < 0 ? -w[j] : w[j];
    return w;
  });
  check_values<difference>("differential", [](const operands& x, extent_t a, extent_t i) {
    std::vector<double> w = softmax_of(scores_of(x, false, a, i));
    const std::vector<double> less = softmax_of(scores_of(x, true, a, i));
    for (std::size_t j = 0; j < w.size(); ++j) w[j] -= double(x.S(a)) * less[j];
    return w;
  });
}
// (Those of sigmoids and squares are in regions/normalizers.cpp, of a sink in gradient/composites.cpp.)
BOOST_AUTO_TEST_CASE(gradients_of_each) {
  check_gradients<relus>("relu");
  check_gradients<softpick>("softpick");
  check_gradients<cog>("cog");
}
BOOST_AUTO_TEST_CASE(gradients_of_two_maps) {
  static constexpr auto all = gradient<difference>(wrt(q, q2, k, v, share));
  operands x{33, 33};
  fuse<all, strict>(q = x.Q, q2 = x.P, k = x.K, v = x.V, share = x.S, cotangent<difference> = x.G,
                    into(x.dQ, x.dP, x.dK, x.dV, x.dS));
  reference<all>(q = x.Q, q2 = x.P, k = x.K, v = x.V, share = x.S, cotangent<difference> = x.G,
                 into(x.wQ, x.wP, x.wK, x.wV, x.wS));
  BOOST_TEST(off(x.dQ, x.wQ) < 1e-5);
  BOOST_TEST(off(x.dP, x.wP) < 1e-5);
  BOOST_TEST(off(x.dK, x.wK) < 1e-5);
  BOOST_TEST(off(x.dV, x.wV) < 1e-5);
  BOOST_TEST(off(x.dS, x.wS) < 1e-5);
}
