// Matmul, row and loop regions against the oracle, through whole graphs.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr axis<"h"> h;
constexpr axis<"d"> d;
constexpr axis<"w"> w;
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
constexpr auto chosen = where(ids == w, gather<w>(input<"prices">(w), ids), -1) + cast<float>(w);  // the table's own
                                                                                                   // axis in the lanes
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
  for (const auto& [B, N, C, O] : {std::array<extent_t, 4>{1, 1, 1, 1},
                                   {2, 7, 8, 9},
                                   {1, 8, 16, 48},
                                   {3, 9, 17, 49},
                                   {2, 97, 65, 47},
                                   {1, 100, 130, 100}}) {
    const tensor<float> X = filled<float>(1, 1, {B, N, C}), W = filled<float>(2, 1, {O, C}),
                        D = filled<float>(3, 1, {O}), R = filled<float>(4, 1, {B, N, O}), S = filled<float>(5, 1, {C}),
                        T = filled<float>(6, 1, {5, C});
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
    if (B * N == 1 || N < 10)
      check<softmaxed_over_n>(
          "softmaxed over n", 8, {B, N, C}, x = X, length = [&] {
            tensor<std::int32_t> t(B);
            for (auto& l : t) l = std::int32_t(N);
            return t;
          }());
    check<pointwise>("pointwise", 40 + double(N) / 4, {B, N, C}, x = X, scale = S);
    check<similarity>("similarity", 8, {B, N, N}, x = X);
    check<maxima>("maxima", 4, {B, N}, x = X);
    check<cubes>("cubes", 200, {B, N, C}, x = X);
    check<total>("total", double(N * C), {B}, x = X);
    const tensor<float> P = filled<float>(10, 1, {40});
    check<chosen>("chosen", 8, {B, N, 40}, ids = I, input<"prices">(w) = P);
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
  const tensor<float> X = filled<float>(1, 1, {3, 200, 65}), W = filled<float>(2, 1, {70, 65}),
                      D = filled<float>(3, 1, {70}), S = filled<float>(5, 1, {65});
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

// Heads as two column axes: packs lie across the border of a head where its width is no multiple of the lanes, and
// heads far apart in memory.
BOOST_AUTO_TEST_CASE(heads_of_every_width_into_strided_memory) {
  static constexpr auto weights = input<"weights">(h, d, c);
  static constexpr auto offsets = input<"offsets">(h, d);
  static constexpr auto before = input<"before">(b, n, h, d);
  static constexpr auto headed = before + gelu(dot<c>(x, weights) + offsets);
  for (const auto& [H, D] : {std::array<extent_t, 2>{3, 5}, {1, 16}, {4, 12}, {3, 32}, {5, 7}, {2, 50}, {60, 1}}) {
    const extent_t B = 2, N = 11, C = 13;
    const tensor<float> X = filled<float>(1, 1, {B, N, C}), W = filled<float>(2, 1, {H, D, C}),
                        O = filled<float>(3, 1, {H, D});
    tensor<float> R = filled<float>(4, 1, {B, N, H, D}), got(B, H, N, D);
    std::fill(got.begin(), got.end(), 7.f);
    tensor<double> want(B, N, H, D);
    reference<headed>(x = X, weights = W, offsets = O, before = R, into(want));
    fuse<headed, strict>(x = X, weights = W, offsets = O, before = R,
                         into(view<float>(got.data(), {B, N, H, D}, {H * N * D, D, N * D, 1})));
    const double unit = 1.2e-7 * double(C) * 6;
    double worst = 0;
    const auto difference = [&](float a, extent_t i, extent_t j, extent_t k, extent_t l) {
      worst = std::max(worst, std::fabs(double(a) - want(i, j, k, l)));
    };
    for (extent_t i = 0; i < B; ++i)
      for (extent_t j = 0; j < N; ++j)
        for (extent_t k = 0; k < H; ++k)
          for (extent_t l = 0; l < D; ++l) difference(got(i, k, j, l), i, j, k, l);
    BOOST_TEST(worst <= 16 * unit, std::to_string(H) + " heads of " + std::to_string(D));
    // the same the other way round: what is read lies in heads, columns descend, rows stand apart
    tensor<float> gaps(B, N, H * D * 2);
    std::fill(gaps.begin(), gaps.end(), 7.f);
    fuse<headed, strict>(
        x = X, weights = W, offsets = O, before = R,
        into(view<float>(gaps.data() + H * D * 2 - 1, {B, N, H, D}, {N * H * D * 2, H * D * 2, -D * 2, -2})));
    worst = 0;
    for (extent_t i = 0; i < B; ++i)
      for (extent_t j = 0; j < N; ++j)
        for (extent_t k = 0; k < H; ++k)
          for (extent_t l = 0; l < D; ++l) {
            const extent_t at = H * D * 2 - 1 - (k * D + l) * 2;
            difference(gaps(i, j, at), i, j, k, l);
            BOOST_REQUIRE(gaps(i, j, at - 1) == 7.f);  // nothing between is written
          }
    BOOST_TEST(worst <= 16 * unit, std::to_string(H) + " heads of " + std::to_string(D) + ", descending");
  }
}
// A single block of rows is shared out by panels, and packs its panels itself; weights of each batch item likewise.
BOOST_AUTO_TEST_CASE(few_rows_for_many_threads_and_rows_alone) {
  static constexpr auto own_weights = input<"own_weights">(b, o, c);
  static constexpr auto per_item = relu(dot<c>(x, own_weights) + residual);
  const extent_t C = 37, O = 333;
  const tensor<float> W = filled<float>(2, 1, {O, C}), D = filled<float>(3, 1, {O}),
                      all = filled<float>(1, 1, {1, 100, C});
  omp_set_num_threads(1);
  tensor<float> whole(1, 100, O);
  fuse<activated>(x = all, weight = W, bias = D, into(whole));
  for (const extent_t N : {1, 2, 7, 8, 9, 31, 96, 97, 100})
    for (const int threads : {1, 2, 5, 16}) {
      omp_set_num_threads(threads);
      tensor<float> got(1, N, O);
      fuse<activated>(x = view<const float>(all.data(), {1, N, C}), weight = W, bias = D, into(got));
      BOOST_TEST(std::memcmp(got.data(), whole.data(), got.size() * 4) == 0,
                 std::to_string(N) + " rows, " + std::to_string(threads) + " threads");
    }
  for (const extent_t N : {1, 9, 100}) {
    const tensor<float> X = filled<float>(5, 1, {3, N, C}), V = filled<float>(6, 1, {3, O, C}),
                        R = filled<float>(7, 1, {3, N, O});
    tensor<float> got(3, N, O), again(3, N, O);
    tensor<double> want(3, N, O);
    omp_set_num_threads(1);
    fuse<per_item>(x = X, own_weights = V, residual = R, into(got));
    reference<per_item>(x = X, own_weights = V, residual = R, into(want));
    BOOST_TEST(worst_units(got, want, 1.2e-7 * double(C) * 4) <= 16);
    omp_set_num_threads(7);
    fuse<per_item>(x = X, own_weights = V, residual = R, into(again));
    BOOST_TEST(std::memcmp(got.data(), again.data(), got.size() * 4) == 0);
  }
  omp_set_num_threads(omp_get_num_procs());
}
// Epilogues whose result is not a real number, varies over rows or columns only, or looks at positions.
BOOST_AUTO_TEST_CASE(results_of_every_type) {
  static constexpr auto positive = projected > 0;
  static constexpr auto number = cast<std::int32_t>(projected * 8) + cast<std::int32_t>(n);
  const extent_t B = 2, N = 13, C = 9, O = 51;
  const tensor<float> X = filled<float>(1, 1, {B, N, C}), W = filled<float>(2, 1, {O, C}), D = filled<float>(3, 1, {O});
  tensor<float> P(B, N, O);
  tensor<std::int32_t> numbers(B, N, O);
  std::vector<char> truths(std::size_t(B * N * O), 7);
  fuse<projected>(x = X, weight = W, bias = D, into(P));
  fuse<number>(x = X, weight = W, bias = D, into(numbers));
  fuse<positive>(x = X, weight = W, bias = D, into(view<bool>(reinterpret_cast<bool*>(truths.data()), {B, N, O})));
  for (std::size_t i = 0; i < P.size(); ++i) {
    BOOST_TEST_REQUIRE(int(truths[i]) == int(P[i] > 0));
    BOOST_TEST_REQUIRE(numbers[i] == std::int32_t(P[i] * 8) + std::int32_t(i / std::size_t(O) % std::size_t(N)));
  }
}
