// Score-gradient regions against the oracle of the same graph: the backward pass of attention written by hand, for masks, score
// changes, captured operands, groups, sizes around the tiles, strides; every graph strict, so that nothing falls to loops.
// options: -O2
#include "against_reference.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;  constexpr axis<"h"> h;  constexpr axis<"n"> n;  constexpr axis<"m"> m;  constexpr axis<"d"> d;
constexpr axis<"e"> e;  constexpr axis<"r"> r;  constexpr axis<"z"> z;
constexpr auto q = input<"q">(b, h, n, d);
constexpr auto k = input<"k">(b, h, m, d);
constexpr auto v = input<"v">(b, h, m, e);
constexpr auto g = input<"g">(b, h, n, e);
constexpr auto slope = input<"slope">(h);
constexpr auto doc = input<"doc", std::int32_t>(b, z);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto gate = input<"gate">(b, h, n);
constexpr auto gate_m = input<"gate_m">(b, h, m);
constexpr auto s = dot<d>(q, k) * 0.25;

// The gradients that pass through O = softmax(S) V.
template <class S> constexpr auto weights(const S& score) { return softmax<m>(score); }
template <class P, class Q> constexpr auto d_score(const P& p, const Q& cotangent) {
  return p * (dot<e>(cotangent, v) - dot<e>(cotangent, dot<m>(p, v)));
}
constexpr auto p_full = weights(s);
constexpr auto ds_full = d_score(p_full, g);
constexpr auto dq_full = dot<m>(ds_full * 0.25, k);
constexpr auto dk_full = dot<n>(ds_full * 0.25, q);
constexpr auto dv_full = dot<n>(p_full, g);

#define HEED_GRADIENT(NAME, KEEP)                                          \
  constexpr auto keep_##NAME = KEEP;                                       \
  constexpr auto p_##NAME = weights(mask(s, keep_##NAME));                 \
  constexpr auto ds_##NAME = where(keep_##NAME, d_score(p_##NAME, g), 0.); \
  constexpr auto dq_##NAME = dot<m>(ds_##NAME * 0.25, k);                  \
  constexpr auto dk_##NAME = dot<n>(ds_##NAME * 0.25, q);                  \
  constexpr auto dv_##NAME = dot<n>(p_##NAME, g);
HEED_GRADIENT(causal, causal(n, m))
HEED_GRADIENT(window, sliding_window(n, m, 9))
HEED_GRADIENT(documents, causal(n, m) && same_document(doc, n, m))
HEED_GRADIENT(never, m < n)

// ALiBi with the gradient of its slopes, a gate over rows and one over columns, softcap, groups, dense biases.
constexpr auto p_alibi = weights(mask(s + slope * (m - n), causal(n, m)));
constexpr auto ds_alibi = where(causal(n, m), d_score(p_alibi, g), 0.);
constexpr auto dq_alibi = dot<m>(ds_alibi * 0.25, k);
constexpr auto dk_alibi = dot<n>(ds_alibi * 0.25, q);
constexpr auto dslope = sum<b, n, m>(ds_alibi * (m - n));
constexpr auto p_gated = weights(mask(s + gate - gate_m, causal(n, m)));
constexpr auto ds_gated = where(causal(n, m), d_score(p_gated, g), 0.);
constexpr auto dq_gated = dot<m>(0.25 * ds_gated, k);
constexpr auto dgate = sum<m>(ds_gated);
constexpr auto dgate_m = sum<n>(-ds_gated);
constexpr auto cap_tanh = tanh(s / 2);
constexpr auto p_capped = weights(mask(2 * cap_tanh, causal(n, m)));
constexpr auto ds_capped = where(causal(n, m), d_score(p_capped, g), 0.) * 2 * (1 - cap_tanh * cap_tanh) / 2 * 0.25;
constexpr auto dq_capped = dot<m>(ds_capped, k);
constexpr auto dk_capped = dot<n>(ds_capped, q);
constexpr auto dv_capped = dot<n>(p_capped, g);
constexpr auto qr = input<"qr">(b, h, n, r, d);
constexpr auto gr = input<"gr">(b, h, n, r, e);
constexpr auto p_grouped = weights(mask(dot<d>(qr, k) * 0.25, causal(n, m)));
constexpr auto ds_grouped = where(causal(n, m), d_score(p_grouped, gr), 0.);
constexpr auto dq_grouped = dot<m>(ds_grouped, k) * 0.25;
constexpr auto dk_grouped = 0.25 * dot<n, r>(ds_grouped, qr);
constexpr auto dv_grouped = dot<n, r>(p_grouped, gr);
constexpr auto p_biased = weights(mask(s + bias, causal(n, m)));
constexpr auto ds_biased = where(causal(n, m), d_score(p_biased, g), 0.);
constexpr auto dq_biased = dot<m>(ds_biased, k) * 0.25;
constexpr auto dk_biased = dot<n>(ds_biased, q) * 0.25;
constexpr auto dv_biased = dot<n>(p_biased, g);
constexpr auto dbias = sum<b>(ds_biased);
constexpr auto dbias_each = ds_biased * 2;

template <result_list R, class... Bind>
void check(const std::string& name, std::vector<std::vector<extent_t>> shapes, double unit, Bind&&... bind) {
  std::vector<tensor<float>> got;
  std::vector<tensor<double>> want;
  for (const auto& x : shapes) {
    got.emplace_back(std::span<const extent_t>(x)), want.emplace_back(std::span<const extent_t>(x));
    std::fill(got.back().begin(), got.back().end(), 7.f);
  }
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    fuse<R, strict>(bind..., into(got[I]...));
    reference<R>(bind..., into(want[I]...));
  }(std::make_index_sequence<std::size_t(R.count)>{});
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double units = worst_units(got[i], want[i], unit * (1 + largest(want[i])));
    BOOST_TEST(units <= 32, name + ", result " + std::to_string(i) + ": " + std::to_string(units) + " error units");
  }
}
struct problem {
  extent_t B, H, N, M, D, E;
  tensor<float> Q = filled<float>(1, 1, {B, H, N, D}), K = filled<float>(2, 1, {B, H, M, D}), V = filled<float>(3, 1, {B, H, M, E});
  tensor<float> G = filled<float>(4, 1, {B, H, N, E});
  double unit() const { return double(std::numeric_limits<float>::epsilon()) * (4 + std::sqrt(double(D)) + std::sqrt(double(E))); }
  std::vector<std::vector<extent_t>> shapes() const { return {{B, H, N, D}, {B, H, M, D}, {B, H, M, E}}; }
};
}  // namespace

BOOST_AUTO_TEST_CASE(masks_at_sizes_around_the_tiles) {
  for (const auto& [N, M, D, E] : {std::array<extent_t, 4>{1, 1, 1, 1}, {47, 47, 8, 8}, {48, 48, 16, 17}, {49, 50, 31, 5}, {97, 193, 64, 64},
                                   {130, 130, 32, 48}, {13, 200, 96, 33}, {200, 13, 3, 7}, {5, 0, 4, 4}, {0, 5, 4, 4}}) {
    const problem p{.B = 2, .H = 2, .N = N, .M = M, .D = D, .E = E};
    tensor<std::int32_t> docs(2, std::max(N, M));
    for (std::size_t i = 0; i < docs.size(); ++i) docs[i] = std::int32_t(i % std::size_t(std::max(N, M))) / 11;
    const std::string at = " at " + std::to_string(N) + " x " + std::to_string(M);
    check<results(dq_full, dk_full, dv_full)>("full" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G);
    check<results(dq_causal, dk_causal, dv_causal)>("causal" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G);
    check<results(dq_window, dk_window, dv_window)>("window" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G);
    check<results(dq_documents, dk_documents, dv_documents)>("documents" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G, doc = docs);
  }
}
BOOST_AUTO_TEST_CASE(captured_operands_and_score_changes) {
  for (const auto& [N, M, D, E] : {std::array<extent_t, 4>{1, 1, 1, 1}, {47, 47, 8, 8}, {48, 48, 16, 17}, {49, 50, 31, 5}, {97, 193, 64, 64},
                                   {130, 130, 32, 48}, {200, 13, 3, 7}, {5, 0, 4, 4}, {0, 5, 4, 4}}) {
    const problem p{.B = 2, .H = 3, .N = N, .M = M, .D = D, .E = E};
    const tensor<float> slopes = filled<float>(4, 0.1, {3}), B = filled<float>(5, 1, {3, N, M}), Gn = filled<float>(7, 1, {2, 3, N}), Gm = filled<float>(8, 1, {2, 3, M});
    const std::string at = " at " + std::to_string(N) + " x " + std::to_string(M);
    const auto shapes = p.shapes();
    const double far = 1 + double(M) / 10;
    check<results(dq_alibi, dk_alibi, dslope)>("alibi" + at, {shapes[0], shapes[1], {3}}, p.unit() * far, q = p.Q, k = p.K, v = p.V, g = p.G, slope = slopes);
    check<results(dq_gated, dgate, dgate_m)>("gated" + at, {shapes[0], {2, 3, N}, {2, 3, M}}, p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G, gate = Gn, gate_m = Gm);
    check<results(dq_capped, dk_capped, dv_capped)>("capped" + at, shapes, p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G);
    check<results(dbias, dq_biased, dk_biased, dv_biased)>("biased" + at, {{3, N, M}, shapes[0], shapes[1], shapes[2]}, p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G, bias = B);
    check<results(dbias_each, dv_biased)>("pairs" + at, {{2, 3, N, M}, shapes[2]}, p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G, bias = B);
  }
}
BOOST_AUTO_TEST_CASE(groups_of_query_heads) {
  for (const extent_t R : {1, 3, 8})
    for (const extent_t N : {1, 7, 50}) {
      const problem p{.B = 2, .H = 2, .N = N, .M = N, .D = 16, .E = 24};
      const tensor<float> Q = filled<float>(8, 1, {2, 2, N, R, 16}), G = filled<float>(9, 1, {2, 2, N, R, 24});
      check<results(dq_grouped, dk_grouped, dv_grouped)>("grouped", {{2, 2, N, R, 16}, p.shapes()[1], p.shapes()[2]}, p.unit(), qr = Q, k = p.K, v = p.V, gr = G);
    }
}
BOOST_AUTO_TEST_CASE(rows_with_nothing_left_and_excluded_nan) {
  problem p{.B = 1, .H = 1, .N = 60, .M = 60, .D = 8, .E = 8};
  for (extent_t i = 0; i < 8; ++i) p.K(0, 0, 59, i) = p.V(0, 0, 59, i) = NAN;   // key 59 is seen by nobody
  tensor<float> Q(1, 1, 60, 8), K(1, 1, 60, 8), V(1, 1, 60, 8);
  fuse<results(dq_never, dk_never, dv_never), strict>(q = p.Q, k = p.K, v = p.V, g = p.G, into(Q, K, V));
  for (extent_t i = 0; i < 8; ++i) BOOST_TEST((Q(0, 0, 0, i) == 0.f && K(0, 0, 59, i) == 0.f && V(0, 0, 59, i) == 0.f));
  for (const tensor<float>* t : {&Q, &K, &V})
    for (const float x : *t) BOOST_TEST(std::isfinite(x));
}
// Scores of 10^8 are known to within 8, their log-sum-exp as well: a weight recomputed from both may be off, but is a weight.
BOOST_AUTO_TEST_CASE(weights_of_large_scores_are_at_most_1) {
  problem p{.B = 1, .H = 2, .N = 60, .M = 60, .D = 8, .E = 3};
  for (tensor<float>* t : {&p.Q, &p.K}) for (float& x : *t) x *= 1e4f;
  std::fill(p.G.begin(), p.G.end(), 1.f);
  tensor<float> Q(1, 2, 60, 8), K(1, 2, 60, 8), V(1, 2, 60, 3);
  fuse<results(dq_full, dk_full, dv_full), strict>(q = p.Q, k = p.K, v = p.V, g = p.G, into(Q, K, V));
  for (const float x : V) BOOST_TEST((x >= 0 && x <= 60));   // the sum of a key's weights
  BOOST_TEST(largest(V) >= 1);
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const problem p{.B = 2, .H = 3, .N = 100, .M = 100, .D = 24, .E = 16};
  std::vector<tensor<float>> one, many;
  for (const auto& x : p.shapes()) one.emplace_back(std::span<const extent_t>(x)), many.emplace_back(std::span<const extent_t>(x));
  for (const int threads : {1, 2, 5}) {
    omp_set_num_threads(threads);
    auto& to = threads == 1 ? one : many;
    fuse<results(dq_causal, dk_causal, dv_causal)>(q = p.Q, k = p.K, v = p.V, g = p.G, into(to[0], to[1], to[2]));
    for (std::size_t i = 0; threads > 1 && i < 3; ++i) BOOST_TEST(std::memcmp(one[i].data(), many[i].data(), one[i].size() * sizeof(float)) == 0);
  }
  omp_set_num_threads(2);
}
BOOST_AUTO_TEST_CASE(strides_of_every_kind) {
  const problem p{.B = 2, .H = 2, .N = 33, .M = 45, .D = 16, .E = 10};
  tensor<double> want_q(2, 2, 33, 16), want_k(2, 2, 45, 16), want_v(2, 2, 45, 10);
  reference<results(dq_causal, dk_causal, dv_causal)>(q = p.Q, k = p.K, v = p.V, g = p.G, into(want_q, want_k, want_v));
  tensor<float> Qt(2, 33, 2, 16), Kt(16, 45, 2, 2), Vp(2, 2, 45, 13), dQ(2, 33, 2, 16), dK(16, 45, 2, 2), dV(2, 2, 45, 13);   // heads inside, transposed, backwards
  for (extent_t i = 0; i < 2; ++i) for (extent_t j = 0; j < 2; ++j) {
    for (extent_t x = 0; x < 33; ++x) for (extent_t c = 0; c < 16; ++c) Qt(i, x, j, c) = p.Q(i, j, x, c);
    for (extent_t x = 0; x < 45; ++x) for (extent_t c = 0; c < 16; ++c) Kt(c, x, i, j) = p.K(i, j, x, c);
    for (extent_t x = 0; x < 45; ++x) for (extent_t c = 0; c < 10; ++c) Vp(i, j, 44 - x, c) = p.V(i, j, x, c);
  }
  const auto rows = [](tensor<float>& t) { return view(t.data(), {2, 2, 33, 16}, {33 * 32, 16, 32, 1}); };
  const auto keys = [](tensor<float>& t) { return view(t.data(), {2, 2, 45, 16}, {2, 1, 4, 180}); };
  const auto values = [](tensor<float>& t) { return view(t.data() + 44 * 13, {2, 2, 45, 10}, {2 * 45 * 13, 45 * 13, -13, 1}); };
  fuse<results(dq_causal, dk_causal, dv_causal), strict>(q = rows(Qt), k = keys(Kt), v = values(Vp), g = p.G, into(rows(dQ), keys(dK), values(dV)));
  double worst = 0;
  for (extent_t i = 0; i < 2; ++i) for (extent_t j = 0; j < 2; ++j) for (extent_t x = 0; x < 45; ++x) for (extent_t c = 0; c < 16; ++c) {
    if (x < 33) worst = std::max(worst, std::fabs(double(dQ(i, x, j, c)) - want_q(i, j, x, c)));
    worst = std::max(worst, std::fabs(double(dK(c, x, i, j)) - want_k(i, j, x, c)));
    if (c < 10) worst = std::max(worst, std::fabs(double(dV(i, j, 44 - x, c)) - want_v(i, j, x, c)));
  }
  BOOST_TEST(worst <= 32 * p.unit() * (1 + largest(want_k)));
}
BOOST_AUTO_TEST_CASE(double_precision) {
  static constexpr auto qd = input<"q", double>(n, d);
  static constexpr auto kd = input<"k", double>(m, d);
  static constexpr auto vd = input<"v", double>(m, e);
  static constexpr auto gd = input<"g", double>(n, e);
  static constexpr auto pd = softmax<m>(mask(dot<d>(qd, kd) / sqrt(size<d>), m <= n));
  static constexpr auto ds = where(m <= n, pd * (dot<e>(gd, vd) - dot<e>(gd, dot<m>(pd, vd))), 0.) / sqrt(size<d>);
  static constexpr auto dq = dot<m>(ds, kd);
  static constexpr auto dk = dot<n>(ds, qd);
  static constexpr auto dv = dot<n>(pd, gd);
  const tensor<double> Q = filled<double>(1, 1, {60, 20}), K = filled<double>(2, 1, {70, 20}), V = filled<double>(3, 1, {70, 9}), G = filled<double>(4, 1, {60, 9});
  tensor<double> got[3] = {tensor<double>(60, 20), tensor<double>(70, 20), tensor<double>(70, 9)}, want[3] = {got[0], got[1], got[2]};
  fuse<results(dq, dk, dv), strict>(qd = Q, kd = K, vd = V, gd = G, into(got[0], got[1], got[2]));
  reference<results(dq, dk, dv)>(qd = Q, kd = K, vd = V, gd = G, into(want[0], want[1], want[2]));
  for (int i = 0; i < 3; ++i) BOOST_TEST(worst_units(got[i], want[i], 2.2e-16 * 20) <= 32);
}
