// Scatter regions: gradients of tables read at an index, against the oracle of the same graph and against sums written
// by hand; widths around the packs, kept batch axes, indices outside the table, absent readers, strides; the same bits
// for every team.
// options: -O2
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// labels: widths
#include "against_reference.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"c"> c;
constexpr axis<"w"> w;
constexpr axis<"h"> h;
constexpr auto words = input<"words">(w, c);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto x = input<"x">(b, n, c);
constexpr auto own = input<"own">(b, w, c);
constexpr auto wide_table = input<"wide", double>(w, h, c);
constexpr auto order = input<"order", std::int32_t>(w);
constexpr auto embedded = gather<w>(words, ids);
constexpr auto d_words = gradient<embedded>(wrt(words));
constexpr auto normed = rms_norm<c>(gather<w>(words, ids) + x);
constexpr auto d_normed = gradient<normed>(wrt(words, x));
constexpr auto of_item = gather<w>(own, ids);  // a table for each item of the batch
constexpr auto d_own = gradient<of_item>(wrt(own));
constexpr auto outside = gather<w>(words, ids * 2 - 3);  // the nearest end
constexpr auto d_outside = gradient<outside>(wrt(words));
constexpr auto seen = sum<b, n>(mask(gather<w>(words, ids), ids > 0) * x);
constexpr auto d_seen = gradient<seen>(wrt(words));
constexpr auto level_of = input<"numbers">(w);
constexpr auto level = sum<b, n>(gather<w>(level_of, ids) * sum<c>(x));
constexpr auto d_level = gradient<level>(wrt(level_of));
constexpr auto wide = gather<w>(wide_table, ids);
constexpr auto d_wide = gradient<wide>(wrt(wide_table));
constexpr auto itself = gather<w>(level_of, order);  // the index varies over the table's own axis
constexpr auto d_itself = gradient<itself>(wrt(level_of));
constexpr auto twice = sum<b, n, c>(pow(gather<w>(words, ids), 3));
constexpr auto d_twice = gradient<twice>(wrt(words));
constexpr auto dd_twice = gradient<d_twice>(wrt(words));

tensor<std::int32_t> drawn_ids(extent_t B, extent_t N, extent_t top) {
  tensor<std::int32_t> r(B, N);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = std::int32_t((i * 7 + i / 3) % std::size_t(top));
  return r;
}
template <result_list R, class T, class... Bind>
void check(const char* name, std::initializer_list<extent_t> shape, Bind&&... bind) {
  tensor<T> got{std::span(shape.begin(), shape.size())};
  tensor<double> want{std::span(shape.begin(), shape.size())};
  std::fill(got.begin(), got.end(), T(7));
  fuse<R, strict>(bind..., into(got));
  reference<R>(bind..., into(want));
  const double units = worst_units(got, want, (8 + largest(want)) * double(std::numeric_limits<T>::epsilon()));
  BOOST_TEST(units <= 16, std::string(name) + ": " + std::to_string(units) + " error units");
  BOOST_TEST((!mostly_zero(want) || got.size() == 0), std::string(name) + ": expected values are mostly zero");
}
}  // namespace

BOOST_AUTO_TEST_CASE(at_many_sizes) {
  for (const auto& [B, N, C] :
       {std::array<extent_t, 3>{1, 1, 1}, {2, 7, 15}, {1, 40, 16}, {3, 9, 33}, {2, 50, 64}, {2, 0, 5}, {1, 97, 131}}) {
    constexpr extent_t W = 5, H = 3;
    const tensor<float> T = filled<float>(1, 1, {W, C}), G = filled<float>(2, 1, {B, N, C}),
                        X = filled<float>(3, 1, {B, N, C}), V = filled<float>(4, 1, {W}), GC = filled<float>(5, 1, {C});
    const tensor<double> GW = filled<double>(6, 1, {B, N, H, C});
    const tensor<std::int32_t> I = drawn_ids(B, N, W);
    if (N == 0) {  // nobody reads: zeros
      tensor<float> got(W, C);
      std::fill(got.begin(), got.end(), 7.f);
      fuse<d_words, strict>(ids = I, cotangent<embedded> = G, into(got));
      for (const float v : got) BOOST_TEST(v == 0);
      continue;
    }
    if (N > 5) check<d_words, float>("words", {W, C}, words = T, ids = I, cotangent<embedded> = G);
    if (N > 5) check<d_outside, float>("outside", {W, C}, words = T, ids = I, cotangent<outside> = G);
    if (N > 20)
      check<d_own, float>("a table for each item", {B, W, C}, own = filled<float>(8, 1, {B, W, C}), ids = I,
                          cotangent<of_item> = G);
    if (N > 5) check<d_seen, float>("masked readers", {W, C}, words = T, ids = I, x = X, cotangent<seen> = GC);
    if (N > 5) check<d_level, float>("numbers", {W}, level_of = V, ids = I, x = X);
    if (N > 5)
      check<d_wide, double>("doubles", {W, H, C}, wide_table = filled<double>(9, 1, {W, H, C}), ids = I,
                            cotangent<wide> = GW);
    if (N > 5)
      check<dd_twice, float>("twice", {W, C}, words = T, ids = I, cotangent<d_twice> = filled<float>(7, 1, {W, C}));
    if (N > 5 && C > 1) {
      tensor<float> dT(W, C), dX(B, N, C);
      tensor<double> wantT(W, C), wantX(B, N, C);
      fuse<d_normed, strict>(words = T, ids = I, x = X, cotangent<normed> = G, into(dT, dX));
      reference<d_normed>(words = T, ids = I, x = X, cotangent<normed> = G, into(wantT, wantX));
      BOOST_TEST(worst_units(dT, wantT, 64 * double(std::numeric_limits<float>::epsilon())) <= 16);
      BOOST_TEST(worst_units(dX, wantX, 64 * double(std::numeric_limits<float>::epsilon())) <= 16);
    }
  }
}
BOOST_AUTO_TEST_CASE(sums_by_hand) {
  const tensor<std::int32_t> I = drawn_ids(2, 9, 4);
  const tensor<float> G = filled<float>(2, 1, {2, 9, 3});
  tensor<float> got(4, 3);
  fuse<d_words, strict>(ids = I, cotangent<embedded> = G, into(got));
  double want[4][3] = {};
  for (std::size_t i = 0; i < 18; ++i)
    for (std::size_t j = 0; j < 3; ++j) want[I[i]][j] += double(G[i * 3 + j]);
  for (std::size_t i = 0; i < 12; ++i) BOOST_TEST(std::abs(double(got[i]) - want[i / 3][i % 3]) < 1e-6);
}
BOOST_AUTO_TEST_CASE(an_index_along_the_table) {
  const std::int32_t reads[] = {2, 0, 0, 3};
  const float G[] = {1, 2, 4, 8};
  tensor<float> got(4);
  fuse<d_itself, strict>(order = reads, cotangent<itself> = G, into(got));
  const float want[] = {6, 0, 1, 8};
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(got[i] == want[i]);
}
BOOST_AUTO_TEST_CASE(strides_of_the_result) {
  const tensor<std::int32_t> I = drawn_ids(2, 30, 6);
  const tensor<float> G = filled<float>(2, 1, {2, 30, 20});
  tensor<float> plain(6, 20), transposed(20, 6);
  fuse<d_words, strict>(ids = I, cotangent<embedded> = G, into(plain));
  fuse<d_words, strict>(ids = I, cotangent<embedded> = G, into(view(transposed.data(), {6, 20}, {1, 6})));
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 20; ++j) BOOST_TEST(plain[i * 20 + j] == transposed[j * 6 + i]);
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_every_team) {
  const tensor<std::int32_t> I = drawn_ids(2, 101, 7);
  const tensor<float> G = filled<float>(2, 1, {2, 101, 150});
  tensor<float> first(7, 150), again(7, 150);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  fuse<d_words, strict>(ids = I, cotangent<embedded> = G, into(first));
  for (const int threads : {2, 3, 5, 8, 16}) {
    omp_set_num_threads(threads);
    std::fill(again.begin(), again.end(), 7.f);
    fuse<d_words, strict>(ids = I, cotangent<embedded> = G, into(again));
    BOOST_TEST(std::memcmp(first.data(), again.data(), first.size() * sizeof(float)) == 0);
  }
  omp_set_num_threads(before);
}
