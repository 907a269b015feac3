// Matmul, row and loop regions against the oracle, through whole graphs.
#include "against_reference.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;  constexpr axis<"n"> n;  constexpr axis<"m"> m;  constexpr axis<"c"> c;  constexpr axis<"o"> o;
constexpr axis<"h"> h;  constexpr axis<"d"> d;  constexpr axis<"w"> w;
constexpr auto x = input<"x">(b, n, c);
constexpr auto weight = input<"weight">(o, c);
constexpr auto bias = input<"bias">(o);
constexpr auto residual = input<"residual">(b, n, o);
constexpr auto scale = input<"scale">(c);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto words = input<"words">(w, c);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto projected = project<c>(x, weight, bias);
constexpr auto activated = gelu(projected);
constexpr auto added = residual + projected;
constexpr auto normed = layer_norm<c>(x, scale, scale);
constexpr auto embedded = layer_norm<c>(gather<w>(words, ids), scale, scale);
constexpr auto pooled = mean<n>(mask(x, n < length));
constexpr auto softmaxed = softmax<c>(x);
constexpr auto softmaxed_over_n = softmax<n>(mask(x, n < length));
constexpr auto pointwise = where(x > 0.5, tanh(x) * scale, -exp(x - 1)) + n * 0.25;
constexpr auto similarity = cosine_similarity<c>(x, rename<n, m>(x));
constexpr auto maxima = max<c>(abs(x));
constexpr auto heads = merge<h, d, o>(input<"xh">(b, h, n, d) * 2);
constexpr auto cubes = pow(x, 3) + log(abs(x) + 1) + sigmoid(x) + erf(x) + sqrt(abs(x)) + exp2(x);
constexpr auto total = sum<n, c>(x);
constexpr auto shifted = shift<n>(x, 2) - shift<n>(x, -1);

template <result_list R, class... Bind>
void check(const char* name, double unit, std::initializer_list<extent_t> shape, Bind&&... bind) {
  tensor<float> got{std::span(shape.begin(), shape.size())};
  tensor<double> want{std::span(shape.begin(), shape.size())};
  std::fill(got.begin(), got.end(), 7.f);
  fuse<R>(bind..., into(got));
  reference<R>(bind..., into(want));
  const double units = worst_units(got, want, unit * double(std::numeric_limits<float>::epsilon()));
  BOOST_TEST(units <= 16, std::string(name) + ": " + std::to_string(units) + " error units");
  BOOST_TEST(!mostly_zero(want), std::string(name) + ": expected values are mostly zero");
}
}  // namespace

BOOST_AUTO_TEST_CASE(at_many_sizes) {
  for (const auto& [B, N, C, O] : {std::array<extent_t, 4>{1, 1, 1, 1}, {2, 7, 8, 9}, {1, 8, 16, 48}, {3, 9, 17, 49}, {2, 97, 65, 47}, {1, 100, 130, 100}}) {
    const tensor<float> X = filled<float>(1, 1, {B, N, C}), W = filled<float>(2, 1, {O, C}), D = filled<float>(3, 1, {O}),
                        R = filled<float>(4, 1, {B, N, O}), S = filled<float>(5, 1, {C}), T = filled<float>(6, 1, {5, C});
    tensor<std::int32_t> I(B, N), L(B);
    for (std::size_t i = 0; i < I.size(); ++i) I[i] = std::int32_t(i * 7 % 5);
    for (std::size_t i = 0; i < L.size(); ++i) L[i] = std::int32_t(1 + (i * 3) % std::size_t(N));
    const double reach = double(C) * 6;
    check<projected>("projected", reach, {B, N, O}, x = X, weight = W, bias = D);
    check<activated>("activated", reach, {B, N, O}, x = X, weight = W, bias = D);
    check<added>("added", reach, {B, N, O}, x = X, weight = W, bias = D, residual = R);
    if (C > 1) check<normed>("normed", 40, {B, N, C}, x = X, scale = S);
    if (C > 1) check<embedded>("embedded", 40, {B, N, C}, words = T, ids = I, scale = S);
    check<pooled>("pooled", 8, {B, C}, x = X, length = L);
    check<softmaxed>("softmaxed", 8, {B, N, C}, x = X);
    if (B * N == 1 || N < 10) check<softmaxed_over_n>("softmaxed over n", 8, {B, N, C}, x = X, length = [&] { tensor<std::int32_t> t(B); for (auto& l : t) l = std::int32_t(N); return t; }());
    check<pointwise>("pointwise", 40 + double(N) / 4, {B, N, C}, x = X, scale = S);
    check<similarity>("similarity", 8, {B, N, N}, x = X);
    check<maxima>("maxima", 4, {B, N}, x = X);
    check<cubes>("cubes", 200, {B, N, C}, x = X);
    check<total>("total", double(N * C), {B}, x = X);
    if (N > 6) check<shifted>("shifted", 8, {B, N, C}, x = X);
    const tensor<float> H = filled<float>(9, 1, {B, 3, N, C});
    check<heads>("heads", 4, {B, N, 3 * C}, input<"xh">(b, h, n, d) = H);
  }
}
BOOST_AUTO_TEST_CASE(a_merged_input_is_a_result_and_an_operand) {
  static constexpr auto xm = input<"xm">(b, h, n, d);
  static constexpr auto merged = merge<h, d, o>(xm);
  static constexpr auto projected_merge = dot<o>(merged, input<"back">(c, o));
  const tensor<float> X = filled<float>(1, 1, {2, 3, 5, 4}), W = filled<float>(2, 1, {6, 12});
  tensor<float> M(2, 5, 12), P(2, 5, 6);
  tensor<double> M2(2, 5, 12), P2(2, 5, 6);
  fuse<results(merged, projected_merge)>(xm = X, input<"back">(c, o) = W, into(M, P));
  reference<results(merged, projected_merge)>(xm = X, input<"back">(c, o) = W, into(M2, P2));
  BOOST_TEST(worst_units(M, M2, 1e-7) == 0);
  BOOST_TEST(worst_units(P, P2, 1.2e-7 * 12 * 9) <= 16);
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const tensor<float> X = filled<float>(1, 1, {3, 200, 65}), W = filled<float>(2, 1, {70, 65}), D = filled<float>(3, 1, {70}), S = filled<float>(5, 1, {65});
  tensor<float> a(3, 200, 70), a2(3, 200, 70), y(3, 200, 65), y2(3, 200, 65);
  omp_set_num_threads(1);
  fuse<activated>(x = X, weight = W, bias = D, into(a));
  fuse<normed>(x = X, scale = S, into(y));
  for (const int threads : {2, 3, 5, 8, 16}) {
    omp_set_num_threads(threads);
    fuse<activated>(x = X, weight = W, bias = D, into(a2));
    fuse<normed>(x = X, scale = S, into(y2));
    BOOST_TEST(std::memcmp(a.data(), a2.data(), a.size() * 4) == 0);
    BOOST_TEST(std::memcmp(y.data(), y2.data(), y.size() * 4) == 0);
  }
}
