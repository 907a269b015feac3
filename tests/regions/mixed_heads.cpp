// Heads that are mixed without a softmax, as many as a call brings, and beside values of a width that a call brings, in
// kernels: against formulas in double, and central differences of them.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"g"> g;
constexpr axis<"s", 3> s;
constexpr axis<"t", 2> t;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 10> d;
constexpr axis<"e", 12> e;
constexpr auto q = input<"q">(g, n, d);
constexpr auto k = input<"k">(g, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto mix = input<"mix">(h, g);
constexpr auto softmaxed = dot<m>(softmax<m>(mask(dot<g>(mix, scaled_dot<d>(q, k)), m <= n)), v);
constexpr auto softmaxed_backward = gradient<softmaxed>(wrt(q, k, v, mix));
// Of a static number, no softmax, nothing that queries and keys share but the heads that are mixed.
constexpr auto qs = input<"q">(s, n, d);
constexpr auto ks = input<"k">(s, m, d);
constexpr auto vs = input<"v">(t, m, e);
constexpr auto mixs = input<"mix">(t, s);
constexpr auto mixture = dot<s>(mixs, scaled_dot<d>(qs, ks));
constexpr auto product = dot<m>(mask(mixture, m <= n), vs);
constexpr auto product_backward = gradient<product>(wrt(qs, ks, vs, mixs));
constexpr auto behind = dot<m>(mask(dot<s>(mixs, tanh(scaled_dot<d>(qs, ks))), m <= n), vs);
constexpr auto behind_backward = gradient<behind>(wrt(qs, ks, vs, mixs));
// Of a width that a call brings: weights that are mixed, and one softmax that several heads' values share.
constexpr axis<"w"> w;
constexpr auto vw = input<"v">(t, m, w);
constexpr auto weights = softmax<m>(mask(scaled_dot<d>(qs, ks), m <= n));
constexpr auto wide = dot<m>(dot<s>(mixs, weights), vw);
constexpr auto wide_backward = gradient<wide>(wrt(qs, ks, vw, mixs));
constexpr auto q1 = input<"q">(n, d);
constexpr auto k1 = input<"k">(m, d);
constexpr auto shared = dot<m>(softmax<m>(mask(scaled_dot<d>(q1, k1), m <= n)), vw);

enum class kind { softmaxed, product, behind, softmaxed_behind };
struct operands_in_double {
  std::vector<double> q, k, v, mix;
};
constexpr int heads = 3, made = 2;
// The sum of all results times their cotangents; the results in o, if they are wanted.
double total(kind what, const operands_in_double& of, int N, int M, const double* cotangents, double* o = nullptr) {
  double sum = 0;
  for (int j = 0; j < made; ++j)
    for (int r = 0; r < N; ++r) {
      std::vector<double> w(std::size_t(M), 0);
      double all = 0;
      const auto score = [&](int i, int c) {
        double sum_of_products = 0;
        for (int x = 0; x < 10; ++x)
          sum_of_products += of.q[std::size_t((i * N + r) * 10 + x)] * of.k[std::size_t((i * M + c) * 10 + x)];
        return sum_of_products / std::sqrt(10.);
      };
      const auto share = [&](int i) { return of.mix[std::size_t(j * heads + i)]; };
      for (int i = 0; what == kind::softmaxed_behind && i < heads; ++i) {
        double of_head = 0;
        for (int c = 0; c <= r && c < M; ++c) of_head += std::exp(score(i, c));
        for (int c = 0; c <= r && c < M; ++c) w[std::size_t(c)] += share(i) * std::exp(score(i, c)) / of_head;
      }
      for (int c = 0; what != kind::softmaxed_behind && c <= r && c < M; ++c) {
        double mixed = 0;
        for (int i = 0; i < heads; ++i)
          mixed += share(i) * (what == kind::behind ? std::tanh(score(i, c)) : score(i, c));
        all += w[std::size_t(c)] = what == kind::softmaxed ? std::exp(mixed) : mixed;
      }
      for (int x = 0; x < 12; ++x) {
        double y = 0;
        for (int c = 0; c < M; ++c) y += w[std::size_t(c)] * of.v[std::size_t((j * M + c) * 12 + x)];
        if (what == kind::softmaxed) y /= all;
        if (o) o[(j * N + r) * 12 + x] = y;
        sum += y * cotangents[(j * N + r) * 12 + x];
      }
    }
  return sum;
}

template <const auto& Out, const auto& Backward, class Q, class K, class V, class Mix>
void check(const char* name, kind what, const Q& of_q, const K& of_k, const V& of_v, const Mix& of_mix) {
  const int N = 37, M = 41;
  const tensor<float> X = filled<float>(1, 1, {heads, N, 10}), Y = filled<float>(2, 1, {heads, M, 10}),
                      Z = filled<float>(3, 1, {made, M, 12}), W = filled<float>(4, 1, {made, heads}),
                      dO = filled<float>(5, 1, {made, N, 12});
  tensor<float> O(made, N, 12), dX(heads, N, 10), dY(heads, M, 10), dZ(made, M, 12), dW(made, heads);
  fuse<Out, strict>(of_q = X, of_k = Y, of_v = Z, of_mix = W, into(O));
  fuse<Backward, strict>(of_q = X, of_k = Y, of_v = Z, of_mix = W, cotangent<Out> = dO, into(dX, dY, dZ, dW));
  const auto doubles = [](const tensor<float>& x) { return std::vector<double>(x.begin(), x.end()); };
  operands_in_double at{doubles(X), doubles(Y), doubles(Z), doubles(W)};
  const std::vector<double> cotangents = doubles(dO);
  tensor<double> o(made, N, 12);
  total(what, at, N, M, cotangents.data(), o.data());
  expect_close(name, O, o);
  const auto slopes = [&](const char* of, std::vector<double>& x, const tensor<float>& got) {
    for (std::size_t i = 0; i < x.size(); i += x.size() < 10 ? 1 : 131) {
      const double was = x[i], step = 1e-5;
      x[i] = was + step;
      const double above = total(what, at, N, M, cotangents.data());
      x[i] = was - step;
      const double wanted = (above - total(what, at, N, M, cotangents.data())) / (2 * step);
      x[i] = was;
      BOOST_TEST(std::fabs(wanted - double(got[i])) < 2e-5 * (1 + std::fabs(wanted)),
                 name << ", " << of << " " << i << ": " << got[i] << " for " << wanted);
    }
  };
  slopes("dq", at.q, dX), slopes("dk", at.k, dY), slopes("dv", at.v, dZ), slopes("dmix", at.mix, dW);
}
}  // namespace

BOOST_AUTO_TEST_CASE(as_many_as_a_call_brings) {
  check<softmaxed, softmaxed_backward>("softmax", kind::softmaxed, q, k, v, mix);
}
BOOST_AUTO_TEST_CASE(without_softmax) {
  check<product, product_backward>("product", kind::product, qs, ks, vs, mixs);
  check<behind, behind_backward>("behind", kind::behind, qs, ks, vs, mixs);
}
BOOST_AUTO_TEST_CASE(a_width_of_a_call) {
  check<wide, wide_backward>("width of a call", kind::softmaxed_behind, qs, ks, vw, mixs);
}
BOOST_AUTO_TEST_CASE(one_softmax_for_several_heads) {
  const int N = 37, M = 41, W = 19;
  const tensor<float> X = filled<float>(1, 1, {N, 10}), Y = filled<float>(2, 1, {M, 10}),
                      Z = filled<float>(3, 1, {2, M, W});
  tensor<float> O(N, 2, W);
  fuse<shared, strict>(q1 = X, k1 = Y, vw = Z, into(O));
  tensor<double> o(N, 2, W);
  for (int r = 0; r < N; ++r) {
    double all = 0;
    for (int c = 0; c <= r; ++c) {
      double score = 0;
      for (int x = 0; x < 10; ++x) score += double(X(r, x)) * double(Y(c, x)) / std::sqrt(10.);
      all += std::exp(score);
      for (int j = 0; j < 2; ++j)
        for (int x = 0; x < W; ++x) o(r, j, x) += std::exp(score) * double(Z(j, c, x));
    }
    for (int j = 0; j < 2; ++j)
      for (int x = 0; x < W; ++x) o(r, j, x) /= all;
  }
  expect_close("one softmax", O, o);
}
