// Gradients by the call's own words, checks included: what a view shows a part of has zeros in the rest, and a gradient
// has the element of its input.
// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
#include "against_reference.hpp"
using namespace heed::internal;
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"z"> z;
constexpr axis<"c", 8> c;
constexpr axis<"s", 3> s;
constexpr auto x = input<"x">(n, c);
constexpr auto level = input<"level">(z);
constexpr auto front = slice<c, s, 0>(x * x);
constexpr auto behind = slice<c, s, 5>(x * x);
constexpr auto first_levels = level.at(n) * 3;  // n is shorter than z

// Losses whose gradients hold no value of the input's element, or none at all.
constexpr axis<"o"> o;
constexpr auto y = input<"y", double>(n, o);
constexpr auto bias = input<"bias", double>(o);
constexpr auto unused = input<"unused", double>(z);
constexpr auto total = sum<n, o>(y + bias) + sum<z>(0 * unused);
constexpr auto narrow = sum<n, o>(cast<float>(y) - cast<float>(bias));
constexpr auto best = sum<o>(max<n>(y) + min<n>(bias + n));
constexpr auto present = mean<n, o>(mask(y - 3 * bias, n >= 1));
constexpr auto seconds = results(gradient<gradient<total>(wrt(y))>(wrt(bias)));
template <result_list R> constexpr bool all_of(element e) {
  for (int i = 0; i < R.count; ++i)
    if (R.of[i]->top().type != e) return false;
  return true;
}
static_assert(all_of<gradient<total>(wrt(y, bias, unused))>(element::f64));
static_assert(all_of<gradient<narrow>(wrt(y, bias))>(element::f64));
static_assert(all_of<gradient<best>(wrt(y, bias))>(element::f64));
static_assert(all_of<gradient<present>(wrt(y, bias))>(element::f64));
static_assert(all_of<seconds>(element::f64));
constexpr auto of_floats = sum<n, c>(x);
static_assert(all_of<gradient<of_floats>(wrt(x))>(element::f32));

// Self-attention whose keys and values are projections of the renamed input.
constexpr axis<"m"> m;
constexpr axis<"k", 2> k;
constexpr axis<"d", 3> d;
constexpr auto tokens = input<"tokens">(n, k);
constexpr auto wq = input<"wq">(d, k);
constexpr auto wk = input<"wk">(d, k);
constexpr auto wv = input<"wv">(d, k);
constexpr auto same_tokens = rename<n, m>(tokens);
constexpr auto attended =
    attention<d, m>(project<k>(tokens, wq), project<k>(same_tokens, wk), project<k>(same_tokens, wv));
}  // namespace

BOOST_AUTO_TEST_CASE(a_gradient_has_the_element_of_its_input) {
  const tensor<double> Y = filled<double>(1, 1, {3, 2}), B = filled<double>(2, 1, {2}), U(4);
  constexpr auto of_total = gradient<total>(wrt(y, bias, unused));
  for (const bool fused_one : {true, false}) {
    tensor<double> dY(3, 2), dB(2), dU(4);
    if (fused_one) fuse<of_total>(y = Y, bias = B, unused = U, into(dY, dB, dU));
    else reference<of_total>(y = Y, bias = B, unused = U, into(dY, dB, dU));
    for (const double v : dY) BOOST_TEST(v == 1);
    for (const double v : dB) BOOST_TEST(v == 3);  // a size, which is a whole number in the graph
    for (const double v : dU) BOOST_TEST(v == 0);
  }
}
BOOST_AUTO_TEST_CASE(a_slice_gives_zeros_to_the_rest) {
  const tensor<float> X = filled<float>(1, 1, {4, 8}), G = filled<float>(2, 1, {4, 3});
  tensor<float> dfront(4, 8), dbehind(4, 8);
  fuse<gradient<front>(wrt(x))>(x = X, cotangent<front> = G, into(dfront));
  fuse<gradient<behind>(wrt(x))>(x = X, cotangent<behind> = G, into(dbehind));
  for (extent_t i = 0; i < 4; ++i)
    for (extent_t k = 0; k < 8; ++k) {
      BOOST_TEST(dfront(i, k) == (k < 3 ? 2 * X(i, k) * G(i, k) : 0));
      BOOST_TEST(dbehind(i, k) == (k >= 5 ? 2 * X(i, k) * G(i, k - 5) : 0));
    }
}
BOOST_AUTO_TEST_CASE(a_table_longer_than_the_axis_it_is_read_at) {
  for (const extent_t N : {3, 1, 0, 5}) {
    const tensor<float> L = filled<float>(1, 1, {5}), G = filled<float>(2, 1, {N});
    tensor<float> got(5);
    fuse<gradient<first_levels>(wrt(level))>(level = L, cotangent<first_levels> = G, into(got));
    for (extent_t k = 0; k < 5; ++k) BOOST_TEST(got(k) == (k < N ? 3 * G(k) : 0));
  }
}
namespace {
constexpr int N = 4, K = 2, D = 3;
using matrix = std::vector<double>;
matrix projection(const matrix& t, const tensor<float>& weight) {
  matrix r(N * D);
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < D; ++j)
      for (int l = 0; l < K; ++l) r[std::size_t(i * D + j)] += t[std::size_t(i * K + l)] * double(weight(j, l));
  return r;
}
// The sum of self-attention's values times their cotangents, in plain loops.
double weighed_attention(const matrix& t, const tensor<float>& WQ, const tensor<float>& WK, const tensor<float>& WV,
                         const tensor<float>& G) {
  const matrix q = projection(t, WQ), key = projection(t, WK), v = projection(t, WV);
  double sum = 0;
  for (int i = 0; i < N; ++i) {
    double total = 0, weight[N], of[D] = {};
    for (int j = 0; j < N; ++j) {
      double score = 0;
      for (int l = 0; l < D; ++l) score += q[std::size_t(i * D + l)] * key[std::size_t(j * D + l)];
      total += weight[j] = std::exp(score / std::sqrt(double(D)));
    }
    for (int j = 0; j < N; ++j)
      for (int l = 0; l < D; ++l) of[l] += weight[j] / total * v[std::size_t(j * D + l)];
    for (int l = 0; l < D; ++l) sum += of[l] * double(G(i, l));
  }
  return sum;
}
}  // namespace
BOOST_AUTO_TEST_CASE(an_input_that_gives_queries_keys_and_values) {
  const tensor<float> X = filled<float>(1, 1, {N, K}), WQ = filled<float>(2, 1, {D, K}),
                      WK = filled<float>(3, 1, {D, K}), WV = filled<float>(4, 1, {D, K}),
                      G = filled<float>(5, 1, {N, D});
  tensor<float> got(N, K);
  fuse<gradient<attended>(wrt(tokens))>(tokens = X, wq = WQ, wk = WK, wv = WV, cotangent<attended> = G, into(got));
  matrix t(N * K);
  for (int i = 0; i < N * K; ++i) t[std::size_t(i)] = double(X[std::size_t(i)]);
  for (int i = 0; i < N * K; ++i) {
    matrix more = t, less = t;
    more[std::size_t(i)] += 1e-4, less[std::size_t(i)] -= 1e-4;
    const double want = (weighed_attention(more, WQ, WK, WV, G) - weighed_attention(less, WQ, WK, WV, G)) / 2e-4;
    BOOST_TEST(std::fabs(double(got[std::size_t(i)]) - want) < 1e-5 * (1 + std::fabs(want)));
  }
}
