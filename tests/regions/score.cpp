// Score regions against the oracle: masks, score changes, groups, sizes around the tiles, strides, statistics.
// options: -O1
// labels: meaning
#include "against_reference.hpp"
#include "attention_operands.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr auto slope = input<"slope">(h);
constexpr auto doc = input<"doc", std::int32_t>(b, z);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto table = input<"table">(h, z);
constexpr auto gate = input<"gate">(b, h, z);
constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
constexpr auto full = dot<m>(softmax<m>(s), v);
constexpr auto causal_score = mask(s, causal(n, m));
constexpr auto causal_out = dot<m>(softmax<m>(causal_score), v);
constexpr auto causal_lse = logsumexp<m>(causal_score);
constexpr auto causal_top = max<m>(causal_score);
constexpr auto window = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 9))), v);
constexpr auto documents = dot<m>(softmax<m>(mask(s, causal(n, m) && same_document(doc, n, m))), v);
constexpr auto padded = dot<m>(softmax<m>(mask(s, padding(m, length))), v);
constexpr auto alibi_out = dot<m>(softmax<m>(mask(s + alibi(slope, n, m), causal(n, m))), v);
constexpr auto capped = dot<m>(softmax<m>(mask(softcap(s, 2), causal(n, m))), v);
constexpr auto biased = dot<m>(softmax<m>(s + bias), v);
constexpr auto relative = dot<m>(softmax<m>(s + table.at(n - m + 7)), v);
constexpr auto forgetting = dot<m>(softmax<m>(mask(s + gate.at(n) - gate.at(m), causal(n, m))), v);
constexpr auto grouped = dot<m>(softmax<m>(mask(dot<d>(input<"qr">(b, h, n, r, d), k) * 0.25, causal(n, m))), v);

template <result_list R, class... Bind>
void check(const char* name, double unit, const tensor<float>& like, Bind&&... bind) {
  tensor<float> got(like.extents());
  tensor<double> want(like.extents());
  std::fill(got.begin(), got.end(), 7.f);
  fuse<R, strict>(bind..., into(got));
  reference<R>(bind..., into(want));
  const double units = worst_units(got, want, unit);
  BOOST_TEST(units <= 16, name << ": " << units << " error units");
  BOOST_TEST(!mostly_zero(want), name << ": expected values are mostly zero");
}

struct problem {
  extent_t B, H, N, M, D, E;
  tensor<float> Q = filled<float>(1, 1, {B, H, N, D}), K = filled<float>(2, 1, {B, H, M, D}),
                V = filled<float>(3, 1, {B, H, M, E});
  tensor<float> O{B, H, N, E};
  double unit() const {
    const double reach = largest(Q) * largest(K) * std::sqrt(double(D));
    return double(std::numeric_limits<float>::epsilon()) * largest(V) * (1 + reach) + 1e-30;
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(variants_at_sizes_around_the_tiles) {
  for (const auto& [N, M, D, E] : {std::array<extent_t, 4>{1, 1, 1, 1},
                                   {47, 47, 8, 8},
                                   {48, 48, 16, 17},
                                   {49, 50, 31, 5},
                                   {97, 193, 64, 64},
                                   {130, 130, 32, 48},
                                   {13, 200, 96, 33},
                                   {200, 13, 3, 7}}) {
    const problem p{.B = 2, .H = 3, .N = N, .M = M, .D = D, .E = E};
    tensor<std::int32_t> docs(2, std::max(N, M)), lengths(2);
    for (std::size_t i = 0; i < docs.size(); ++i) docs[i] = std::int32_t(i % std::size_t(std::max(N, M))) / 11;
    lengths[0] = std::int32_t(M), lengths[1] = std::int32_t((M + 1) / 2);
    const tensor<float> slopes = filled<float>(4, 0.1, {3}), B = filled<float>(5, 1, {3, N, M}),
                        T = filled<float>(6, 1, {3, 15});
    const tensor<float> G = filled<float>(7, 1, {2, 3, std::max(N, M)});
    check<full>("full", p.unit(), p.O, q = p.Q, k = p.K, v = p.V);
    check<causal_out>("causal", p.unit(), p.O, q = p.Q, k = p.K, v = p.V);
    check<padded>("padded", p.unit(), p.O, q = p.Q, k = p.K, v = p.V, length = lengths);
    check<capped>("capped", p.unit(), p.O, q = p.Q, k = p.K, v = p.V);
    check<biased>("biased", p.unit(), p.O, q = p.Q, k = p.K, v = p.V, bias = B);
    check<relative>("relative", p.unit(), p.O, q = p.Q, k = p.K, v = p.V, table = T);
    check<alibi_out>("alibi", p.unit() * (1 + double(M) / 10), p.O, q = p.Q, k = p.K, v = p.V, slope = slopes);
    check<forgetting>("forgetting", p.unit(), p.O, q = p.Q, k = p.K, v = p.V, gate = G);
    if (N <= M + 8) check<documents>("documents", p.unit(), p.O, q = p.Q, k = p.K, v = p.V, doc = docs);
    if (N <= M + 8) check<window>("window", p.unit(), p.O, q = p.Q, k = p.K, v = p.V);
  }
}
BOOST_AUTO_TEST_CASE(large_scores_that_grow_along_the_keys) {
  problem p{.B = 1, .H = 2, .N = 60, .M = 230, .D = 16, .E = 16};
  for (extent_t i = 0; i < p.M; ++i)  // visited last first: the maximum keeps growing
    for (extent_t j = 0; j < 2; ++j)
      for (extent_t c = 0; c < 16; ++c) p.K(0, j, i, c) *= 0.1f * float(p.M - i);
  check<full>("large scores", p.unit(), p.O, q = p.Q, k = p.K, v = p.V);
}
BOOST_AUTO_TEST_CASE(groups_of_query_heads) {
  for (const extent_t R : {1, 3, 6, 8})
    for (const extent_t N : {1, 7, 50}) {
      const problem p{.B = 2, .H = 2, .N = N, .M = N, .D = 16, .E = 24};
      const tensor<float> G = filled<float>(8, 1, {2, 2, N, R, 16});
      check<grouped>("grouped", p.unit(), tensor<float>(2, 2, N, R, 24), input<"qr">(b, h, n, r, d) = G, k = p.K,
                     v = p.V);
    }
}
BOOST_AUTO_TEST_CASE(one_query_without_an_axis_of_its_own) {
  static constexpr auto q1 = input<"q1">(b, h, d);
  static constexpr auto decoded = dot<m>(softmax<m>(mask(dot<d>(q1, k) * 0.25 + slope, padding(m, length))), v);
  const problem p{.B = 2, .H = 3, .N = 1, .M = 77, .D = 16, .E = 24};
  const tensor<float> Q1 = filled<float>(11, 1, {2, 3, 16}), S = filled<float>(12, 1, {3});
  tensor<std::int32_t> lengths(2);
  lengths[0] = 77, lengths[1] = 31;
  check<decoded>("decoded", p.unit(), tensor<float>(2, 3, 24), q1 = Q1, k = p.K, v = p.V, slope = S, length = lengths);
}
BOOST_AUTO_TEST_CASE(statistics) {
  const problem p{.B = 1, .H = 2, .N = 70, .M = 61, .D = 16, .E = 16};
  tensor<float> O(1, 2, 70, 16), L(1, 2, 70), T(1, 2, 70);
  tensor<double> O2(1, 2, 70, 16), L2(1, 2, 70), T2(1, 2, 70);
  fuse<results(causal_out, causal_lse, causal_top), strict>(q = p.Q, k = p.K, v = p.V, into(O, L, T));
  reference<results(causal_out, causal_lse, causal_top)>(q = p.Q, k = p.K, v = p.V, into(O2, L2, T2));
  BOOST_TEST(worst_units(O, O2, p.unit()) <= 16);
  BOOST_TEST(worst_units(L, L2, p.unit()) <= 16);
  BOOST_TEST(worst_units(T, T2, p.unit()) <= 16);
}
BOOST_AUTO_TEST_CASE(rows_with_nothing_left_and_excluded_nan) {
  static constexpr auto never = dot<m>(softmax<m>(mask(s, m < n)), v);
  static constexpr auto never_lse = logsumexp<m>(mask(s, m < n));
  problem p{.B = 1, .H = 1, .N = 60, .M = 60, .D = 8, .E = 8};
  for (extent_t i = 0; i < 8; ++i) p.K(0, 0, 59, i) = p.V(0, 0, 59, i) = NAN;  // key 59 is seen by nobody
  p.V(0, 0, 30, 3) = INFINITY;                                                 // key 30 only by queries after it
  tensor<float> O(1, 1, 60, 8), L(1, 1, 60);
  fuse<results(never, never_lse), strict>(q = p.Q, k = p.K, v = p.V, into(O, L));
  for (extent_t i = 0; i < 8; ++i) BOOST_TEST(O(0, 0, 0, i) == 0.f);
  BOOST_TEST(L(0, 0, 0) == -INFINITY);
  for (extent_t i = 1; i < 60; ++i)
    for (extent_t c = 0; c < 8; ++c) BOOST_TEST(std::isfinite(O(0, 0, i, c)) == !(i > 30 && c == 3));
  tensor<double> O2(1, 1, 60, 8), L2(1, 1, 60);
  reference<results(never, never_lse)>(q = p.Q, k = p.K, v = p.V, into(O2, L2));
  BOOST_TEST(worst_units(O, O2, p.unit()) <= 16);
  BOOST_TEST(worst_units(L, L2, p.unit()) <= 16);
}
BOOST_AUTO_TEST_CASE(strides_of_every_kind) {
  const problem p{.B = 2, .H = 2, .N = 33, .M = 45, .D = 12, .E = 10};
  tensor<double> want(2, 2, 33, 10);
  reference<causal_out>(q = p.Q, k = p.K, v = p.V, into(want));
  tensor<float> Qt(2, 33, 2, 12), Kt(12, 45, 2, 2), Vp(2, 2, 45, 13), Ot(10, 33, 2, 2);  // heads inside, transposed,
                                                                                         // padded
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t j = 0; j < 2; ++j) {
      for (extent_t x = 0; x < 33; ++x)
        for (extent_t c = 0; c < 12; ++c) Qt(i, x, j, c) = p.Q(i, j, x, c);
      for (extent_t x = 0; x < 45; ++x)
        for (extent_t c = 0; c < 12; ++c) Kt(c, x, i, j) = p.K(i, j, x, c);
      for (extent_t x = 0; x < 45; ++x)
        for (extent_t c = 0; c < 10; ++c) Vp(i, j, 44 - x, c) = p.V(i, j, x, c);  // backwards
    }
  fuse<causal_out>(q = view(Qt.data(), {2, 2, 33, 12}, {33 * 24, 12, 24, 1}),
                   k = view(Kt.data(), {2, 2, 45, 12}, {2, 1, 4, 180}),
                   v = view(Vp.data() + 44 * 13, {2, 2, 45, 10}, {2 * 45 * 13, 45 * 13, -13, 1}),
                   into(view(Ot.data(), {2, 2, 33, 10}, {2, 1, 4, 132})));
  double worst = 0;
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t j = 0; j < 2; ++j)
      for (extent_t x = 0; x < 33; ++x)
        for (extent_t c = 0; c < 10; ++c) worst = std::max(worst, std::fabs(double(Ot(c, x, i, j)) - want(i, j, x, c)));
  BOOST_TEST(worst <= 16 * p.unit());
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads_and_any_batch) {
  const problem p{.B = 3, .H = 2, .N = 150, .M = 150, .D = 24, .E = 16};
  tensor<float> one(3, 2, 150, 16), many(3, 2, 150, 16), alone(1, 2, 150, 16);
  omp_set_num_threads(1);
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(one));
  for (const int threads : {2, 3, 5, 8, 16}) {
    omp_set_num_threads(threads);
    fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(many));
    BOOST_TEST(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)) == 0);
  }
  omp_set_num_threads(2);
  fuse<causal_out>(q = view(p.Q.data() + 2 * 150 * 24 * 2, {1, 2, 150, 24}),
                   k = view(p.K.data() + 2 * 150 * 24 * 2, {1, 2, 150, 24}),
                   v = view(p.V.data() + 2 * 150 * 16 * 2, {1, 2, 150, 16}), into(alone));
  BOOST_TEST(std::memcmp(one.data() + 2 * 150 * 16 * 2, alone.data(), alone.size() * sizeof(float)) == 0);
}
BOOST_AUTO_TEST_CASE(double_precision) {
  static constexpr auto qd = input<"q", double>(n, d);
  static constexpr auto kd = input<"k", double>(m, d);
  static constexpr auto vd = input<"v", double>(m, e);
  static constexpr auto out = dot<m>(softmax<m>(mask(dot<d>(qd, kd) / sqrt(size<d>), m <= n)), vd);
  const tensor<double> Q = filled<double>(1, 1, {60, 20}), K = filled<double>(2, 1, {60, 20}),
                       V = filled<double>(3, 1, {60, 9});
  tensor<double> got(60, 9), want(60, 9);
  fuse<out, strict>(qd = Q, kd = K, vd = V, into(got));
  reference<out>(qd = Q, kd = K, vd = V, into(want));
  BOOST_TEST(worst_units(got, want, 2.2e-16 * largest(V) * (1 + largest(Q) * largest(K) * 4.5)) <= 16);
}
