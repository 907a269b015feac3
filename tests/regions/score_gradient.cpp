// Score-gradient regions against the oracle of the same graph: the backward pass of attention written by hand, for
// masks, score changes, captured operands, groups, sizes around the tiles, strides; every graph strict, so that nothing
// falls to loops.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
#include "attention_operands.hpp"
#include <cstring>
#include <numbers>
#include <omp.h>
using namespace heed_tests;

namespace {
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

// Every kind of sink at once, with values that a whole batch shares: its items are parts of one, run through in order.
constexpr auto vs = input<"vs">(h, m, e);
constexpr auto keep_shared = causal(n, m) && n - m < 70;
constexpr auto p_shared = weights(mask(dot<d>(qr, k) * 0.25 + slope * (m - n) + gate - gate_m + bias, keep_shared));
constexpr auto ds_shared = where(keep_shared, p_shared*(dot<e>(gr, vs) - dot<e>(gr, dot<m>(p_shared, vs))), 0.);
constexpr auto dq_shared = dot<m>(ds_shared, k) * 0.25;
constexpr auto dk_shared = dot<n, r>(ds_shared, qr) * 0.25;
constexpr auto dv_shared = dot<b, n, r>(p_shared, gr);
constexpr auto dslope_shared = sum<b, n, r, m>(ds_shared * (m - n));
constexpr auto dgate_shared = sum<r, m>(ds_shared);
constexpr auto dgate_m_shared = sum<n, r>(-ds_shared);

// T5: a table read at a bucket of the distance, exact for near keys, by the logarithm for far ones, both directions; of
// each head, of all heads together, of each query head of a group; and a table along the keys' segments, read at an
// operand.
constexpr axis<"buckets"> buckets;
constexpr auto t5_table = input<"t5_table">(h, buckets);
constexpr auto t5_far = 8 + cast<std::int32_t>(log(max(abs(n - m), 1) / 8.) / (4 * std::numbers::ln2) * 8);
constexpr auto t5_bucket = where(m > n, 16, 0) + where(abs(n - m) < 8, abs(n - m), min(t5_far, 15));
constexpr auto o_t5 = dot<m>(weights(s + t5_table.at(t5_bucket)), v);
constexpr auto grad_t5 = gradient<o_t5>(wrt(q, k, v, t5_table));
constexpr auto common_table = input<"common_table">(buckets);
constexpr auto o_common =
    dot<m>(weights(mask(s + 0.5 * common_table.at(n - m), n - m < 50 && causal(n, m))), v);  // beyond the table: its
                                                                                             // last entry
constexpr auto grad_common = gradient<o_common>(wrt(k, common_table));
constexpr auto group_table = input<"group_table">(h, r, buckets);
constexpr auto o_group = dot<m>(weights(mask(dot<d>(qr, k) * 0.25 + group_table.at(t5_bucket), causal(n, m))), v);
constexpr auto grad_group = gradient<o_group>(wrt(qr, v, group_table));
constexpr auto segment = input<"segment", std::int32_t>(b, m);
constexpr auto o_segment = dot<m>(weights(s + t5_table.at(segment) - common_table.at(t5_bucket)), v);
constexpr auto grad_segment = gradient<o_segment>(wrt(t5_table, common_table));

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
  tensor<float> Q = filled<float>(1, 1, {B, H, N, D}), K = filled<float>(2, 1, {B, H, M, D}),
                V = filled<float>(3, 1, {B, H, M, E});
  tensor<float> G = filled<float>(4, 1, {B, H, N, E});
  double unit() const {
    return double(std::numeric_limits<float>::epsilon()) * (4 + std::sqrt(double(D)) + std::sqrt(double(E)));
  }
  std::vector<std::vector<extent_t>> shapes() const { return {{B, H, N, D}, {B, H, M, D}, {B, H, M, E}}; }
};
// Queries, keys, widths of both: what is long is narrow and what is wide is short, for the oracle takes all of it.
constexpr std::array<extent_t, 4> sizes_around_the_tiles[] = {
    {1, 1, 1, 1},     {47, 47, 8, 8},  {48, 48, 16, 17}, {49, 50, 31, 5}, {97, 62, 3, 4}, {33, 34, 64, 64},
    {13, 49, 96, 33}, {13, 200, 4, 3}, {200, 13, 3, 7},  {5, 0, 4, 4},    {0, 5, 4, 4}};
constexpr std::array<extent_t, 4> sizes_of_many_tiles[] = {{97, 193, 3, 4}, {130, 130, 5, 2}};
}  // namespace

namespace {
void check_masks(std::span<const std::array<extent_t, 4>> sizes) {
  for (const auto& [N, M, D, E] : sizes) {
    const problem p{.B = 2, .H = 2, .N = N, .M = M, .D = D, .E = E};
    tensor<std::int32_t> docs(2, std::max(N, M));
    for (std::size_t i = 0; i < docs.size(); ++i) docs[i] = std::int32_t(i % std::size_t(std::max(N, M))) / 11;
    const std::string at = " at " + std::to_string(N) + " x " + std::to_string(M);
    check<results(dq_full, dk_full, dv_full)>("full" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G);
    check<results(dq_causal, dk_causal, dv_causal)>("causal" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V,
                                                    g = p.G);
    check<results(dq_window, dk_window, dv_window)>("window" + at, p.shapes(), p.unit(), q = p.Q, k = p.K, v = p.V,
                                                    g = p.G);
    check<results(dq_documents, dk_documents, dv_documents)>("documents" + at, p.shapes(), p.unit(), q = p.Q, k = p.K,
                                                             v = p.V, g = p.G, doc = docs);
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(masks_at_sizes_around_the_tiles) { check_masks(sizes_around_the_tiles); }
BOOST_AUTO_TEST_CASE(masks_over_many_tiles) { check_masks(sizes_of_many_tiles); }
BOOST_AUTO_TEST_CASE(captured_operands_and_score_changes) {
  for (const auto& [N, M, D, E] : sizes_around_the_tiles) {
    const problem p{.B = 2, .H = 3, .N = N, .M = M, .D = D, .E = E};
    const tensor<float> slopes = filled<float>(4, 0.1, {3}), B = filled<float>(5, 1, {3, N, M}),
                        Gn = filled<float>(7, 1, {2, 3, N}), Gm = filled<float>(8, 1, {2, 3, M});
    const std::string at = " at " + std::to_string(N) + " x " + std::to_string(M);
    const auto shapes = p.shapes();
    const double far = 1 + double(M) / 10;
    check<results(dq_alibi, dk_alibi, dslope)>("alibi" + at, {shapes[0], shapes[1], {3}}, p.unit() * far, q = p.Q,
                                               k = p.K, v = p.V, g = p.G, slope = slopes);
    check<results(dq_gated, dgate, dgate_m)>("gated" + at, {shapes[0], {2, 3, N}, {2, 3, M}}, p.unit(), q = p.Q,
                                             k = p.K, v = p.V, g = p.G, gate = Gn, gate_m = Gm);
    check<results(dq_capped, dk_capped, dv_capped)>("capped" + at, shapes, p.unit(), q = p.Q, k = p.K, v = p.V,
                                                    g = p.G);
    check<results(dbias, dq_biased, dk_biased, dv_biased)>("biased" + at, {{3, N, M}, shapes[0], shapes[1], shapes[2]},
                                                           p.unit(), q = p.Q, k = p.K, v = p.V, g = p.G, bias = B);
    check<results(dbias_each, dv_biased)>("pairs" + at, {{2, 3, N, M}, shapes[2]}, p.unit(), q = p.Q, k = p.K, v = p.V,
                                          g = p.G, bias = B);
  }
}
BOOST_AUTO_TEST_CASE(groups_of_query_heads) {
  for (const extent_t R : {1, 3, 8})
    for (const extent_t N : {1, 7, 50}) {
      const problem p{.B = 2, .H = 2, .N = N, .M = N, .D = 16, .E = 24};
      const tensor<float> Q = filled<float>(8, 1, {2, 2, N, R, 16}), G = filled<float>(9, 1, {2, 2, N, R, 24});
      check<results(dq_grouped, dk_grouped, dv_grouped)>("grouped", {{2, 2, N, R, 16}, p.shapes()[1], p.shapes()[2]},
                                                         p.unit(), qr = Q, k = p.K, v = p.V, gr = G);
    }
}
BOOST_AUTO_TEST_CASE(rows_with_nothing_left_and_excluded_nan) {
  problem p{.B = 1, .H = 1, .N = 60, .M = 60, .D = 8, .E = 8};
  for (extent_t i = 0; i < 8; ++i) p.K(0, 0, 59, i) = p.V(0, 0, 59, i) = NAN;  // key 59 is seen by nobody
  tensor<float> Q(1, 1, 60, 8), K(1, 1, 60, 8), V(1, 1, 60, 8);
  fuse<results(dq_never, dk_never, dv_never), strict>(q = p.Q, k = p.K, v = p.V, g = p.G, into(Q, K, V));
  for (extent_t i = 0; i < 8; ++i) BOOST_TEST((Q(0, 0, 0, i) == 0.f && K(0, 0, 59, i) == 0.f && V(0, 0, 59, i) == 0.f));
  for (const tensor<float>* t : {&Q, &K, &V})
    for (const float x : *t) BOOST_TEST(std::isfinite(x));
}
// Scores of 10^8 are known to within 8, their log-sum-exp as well: a weight recomputed from both may be off, but is a
// weight.
BOOST_AUTO_TEST_CASE(weights_of_large_scores_are_at_most_1) {
  problem p{.B = 1, .H = 2, .N = 60, .M = 60, .D = 8, .E = 3};
  for (tensor<float>* t : {&p.Q, &p.K})
    for (float& x : *t) x *= 1e4f;
  std::fill(p.G.begin(), p.G.end(), 1.f);
  tensor<float> Q(1, 2, 60, 8), K(1, 2, 60, 8), V(1, 2, 60, 3);
  fuse<results(dq_full, dk_full, dv_full), strict>(q = p.Q, k = p.K, v = p.V, g = p.G, into(Q, K, V));
  for (const float x : V) BOOST_TEST((x >= 0 && x <= 60));  // the sum of a key's weights
  BOOST_TEST(largest(V) >= 1);
}
BOOST_AUTO_TEST_CASE(values_shared_by_a_batch) {
  for (const auto& [B, R, N, M] :
       {std::array<extent_t, 4>{3, 2, 50, 70}, {2, 1, 1, 1}, {1, 3, 33, 5}, {3, 2, 0, 4}, {3, 2, 4, 0}, {0, 2, 5, 5}}) {
    const problem p{.B = B, .H = 2, .N = N, .M = M, .D = 16, .E = 9};
    const tensor<float> Q = filled<float>(8, 1, {B, 2, N, R, 16}), G = filled<float>(9, 1, {B, 2, N, R, 9}),
                        V = filled<float>(3, 1, {2, M, 9});
    const tensor<float> slopes = filled<float>(4, 0.1, {2}), Gn = filled<float>(7, 1, {B, 2, N}),
                        Gm = filled<float>(8, 1, {B, 2, M}), bias_nm = filled<float>(5, 1, {2, N, M});
    const std::string name =
        std::to_string(B) + " x " + std::to_string(R) + " x " + std::to_string(N) + " x " + std::to_string(M);
    check<results(dq_shared, dk_shared, dv_shared, dslope_shared, dgate_shared, dgate_m_shared)>(
        name, {{B, 2, N, R, 16}, {B, 2, M, 16}, {2, M, 9}, {2}, {B, 2, N}, {B, 2, M}}, 8 * p.unit(), qr = Q, k = p.K,
        vs = V, gr = G, slope = slopes, gate = Gn, gate_m = Gm, bias = bias_nm);
  }
}
BOOST_AUTO_TEST_CASE(tables_read_at_a_computed_index) {
  for (const auto& [N, M, D, E] : sizes_around_the_tiles) {
    const problem p{.B = 2, .H = 3, .N = N, .M = M, .D = D, .E = E};
    const std::string at = " at " + std::to_string(N) + " x " + std::to_string(M);
    const auto shapes = p.shapes();
    const double unit = 2 * p.unit();  // two ways to round a bucket of far keys
    const tensor<float> T = filled<float>(11, 1, {3, 32}), C = filled<float>(12, 1, {20}),
                        Qr = filled<float>(13, 1, {2, 3, N, 2, D}), Gr = filled<float>(14, 1, {2, 3, N, 2, E});
    const tensor<float> own = filled<float>(15, 1, {3, 2, 32}), wide = filled<float>(12, 1, {32});
    tensor<std::int32_t> segments(2, M);
    for (std::size_t i = 0; i < segments.size(); ++i) segments[i] = std::int32_t(i * 7 % 32);
    check<grad_t5>("t5" + at, {shapes[0], shapes[1], shapes[2], {3, 32}}, unit, q = p.Q, k = p.K, v = p.V, t5_table = T,
                   cotangent<o_t5> = p.G);
    check<grad_common>("common" + at, {shapes[1], {20}}, unit, q = p.Q, k = p.K, v = p.V, common_table = C,
                       cotangent<o_common> = p.G);
    check<grad_group>("group" + at, {{2, 3, N, 2, D}, shapes[2], {3, 2, 32}}, unit, qr = Qr, k = p.K, v = p.V,
                      group_table = own, cotangent<o_group> = Gr);
    check<grad_segment>("segment" + at, {{3, 32}, {32}}, unit, q = p.Q, k = p.K, v = p.V, t5_table = T,
                        segment = segments, common_table = wide, cotangent<o_segment> = p.G);
  }
}
BOOST_AUTO_TEST_CASE(a_table_with_strides_and_one_without_entries) {
  const problem p{.B = 2, .H = 3, .N = 30, .M = 40, .D = 8, .E = 8};
  const tensor<float> T = filled<float>(11, 1, {3, 32});
  tensor<float> backwards(32, 3), got(32, 3), dQ(2, 3, 30, 8), dK(2, 3, 40, 8), dV(2, 3, 40, 8);
  tensor<double> want_q(2, 3, 30, 8), want_k(2, 3, 40, 8), want_v(2, 3, 40, 8), want(3, 32);
  for (extent_t i = 0; i < 3; ++i)
    for (extent_t j = 0; j < 32; ++j) backwards(31 - j, i) = T(i, j);
  const auto seen = [](tensor<float>& t) { return view(t.data() + 31 * 3, {3, 32}, {1, -3}); };
  fuse<grad_t5, strict>(q = p.Q, k = p.K, v = p.V, t5_table = seen(backwards), cotangent<o_t5> = p.G,
                        into(dQ, dK, dV, seen(got)));
  reference<grad_t5>(q = p.Q, k = p.K, v = p.V, t5_table = T, cotangent<o_t5> = p.G,
                     into(want_q, want_k, want_v, want));
  for (extent_t i = 0; i < 3; ++i)
    for (extent_t j = 0; j < 32; ++j) BOOST_TEST(std::fabs(double(got(31 - j, i)) - want(i, j)) < 1e-5);
  BOOST_TEST(largest(want) > 0.1);
  tensor<float> empty(3, 0), nothing(3, 0);
  fuse<grad_t5, strict>(q = p.Q, k = p.K, v = p.V, t5_table = empty, cotangent<o_t5> = p.G, into(dQ, dK, dV, nothing));
  for (const tensor<float>* t : {&dQ, &dK, &dV}) BOOST_TEST((largest(*t) > 0 && std::isfinite(largest(*t))));
}
// One head and more threads than heads: blocks of a head are shared out, and what they add to each other's sums comes
// in their order.
namespace {
template <result_list R, class... Bind>
void check_bits(const std::string& name, const std::vector<std::vector<extent_t>>& shapes, Bind&&... bind) {
  const int before = omp_get_max_threads();
  std::vector<tensor<float>> one, many;
  for (const auto& x : shapes)
    one.emplace_back(std::span<const extent_t>(x)), many.emplace_back(std::span<const extent_t>(x));
  const auto run_with = [&](int threads, std::vector<tensor<float>>& to) {
    omp_set_num_threads(threads);
    for (tensor<float>& t : to) std::fill(t.begin(), t.end(), 7.f);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      fuse<R, strict>(bind..., into(to[I]...));
    }(std::make_index_sequence<std::size_t(R.count)>{});
  };
  run_with(1, one);
  for (const tensor<float>& t : one)
    BOOST_TEST(std::count_if(t.begin(), t.end(), [](float x) { return x != 0 && x != 7; }) > 0);
  for (const int threads : {2, 3, 5, 8, 16})
    for (int again = 0; again < 2; ++again) {
      run_with(threads, many);
      for (std::size_t i = 0; i < one.size(); ++i)
        BOOST_TEST(std::memcmp(one[i].data(), many[i].data(), one[i].size() * sizeof(float)) == 0,
                   name + ", result " + std::to_string(i) + " differs with " + std::to_string(threads) + " threads");
    }
  omp_set_num_threads(before);
}
}  // namespace
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  for (const auto& [B, H, N, M] :
       {std::array<extent_t, 4>{1, 1, 501, 433}, {1, 1, 48, 1000}, {1, 3, 259, 250}, {2, 3, 100, 100}}) {
    const problem p{.B = B, .H = H, .N = N, .M = M, .D = 24, .E = 17};
    tensor<std::int32_t> docs(B, std::max(N, M));
    for (std::size_t i = 0; i < docs.size(); ++i) docs[i] = std::int32_t(i / 61);
    const tensor<float> slopes = filled<float>(4, 0.1, {H}), bias_nm = filled<float>(5, 1, {H, N, M}),
                        Gn = filled<float>(7, 1, {B, H, N}), Gm = filled<float>(8, 1, {B, H, M});
    const std::string at = " of " + std::to_string(B * H) + " x " + std::to_string(N) + " x " + std::to_string(M);
    const auto shapes = p.shapes();
    check_bits<results(dq_full, dk_full, dv_full)>("full" + at, shapes, q = p.Q, k = p.K, v = p.V, g = p.G);
    check_bits<results(dq_causal, dk_causal, dv_causal)>("causal" + at, shapes, q = p.Q, k = p.K, v = p.V, g = p.G);
    check_bits<results(dq_documents, dk_documents, dv_documents)>("documents" + at, shapes, q = p.Q, k = p.K, v = p.V,
                                                                  g = p.G, doc = docs);
    check_bits<results(dq_alibi, dk_alibi, dslope)>("alibi" + at, {shapes[0], shapes[1], {H}}, q = p.Q, k = p.K,
                                                    v = p.V, g = p.G, slope = slopes);
    check_bits<results(dq_gated, dgate, dgate_m)>("gated" + at, {shapes[0], {B, H, N}, {B, H, M}}, q = p.Q, k = p.K,
                                                  v = p.V, g = p.G, gate = Gn, gate_m = Gm);
    check_bits<results(dbias, dq_biased, dk_biased, dv_biased)>("biased" + at,
                                                                {{H, N, M}, shapes[0], shapes[1], shapes[2]}, q = p.Q,
                                                                k = p.K, v = p.V, g = p.G, bias = bias_nm);
  }
  const problem p{.B = 2, .H = 1, .N = 203, .M = 190, .D = 16, .E = 9};
  const tensor<float> T = filled<float>(11, 1, {1, 32}), C = filled<float>(12, 1, {20}),
                      own = filled<float>(15, 1, {1, 2, 32}), Qr = filled<float>(13, 1, {2, 1, 203, 2, 16}),
                      Gr = filled<float>(14, 1, {2, 1, 203, 2, 9});
  check_bits<grad_t5>("t5", {p.shapes()[0], p.shapes()[1], p.shapes()[2], {1, 32}}, q = p.Q, k = p.K, v = p.V,
                      t5_table = T, cotangent<o_t5> = p.G);
  check_bits<grad_common>("common table", {p.shapes()[1], {20}}, q = p.Q, k = p.K, v = p.V, common_table = C,
                          cotangent<o_common> = p.G);
  check_bits<grad_group>("tables of a group", {{2, 1, 203, 2, 16}, p.shapes()[2], {1, 2, 32}}, qr = Qr, k = p.K,
                         v = p.V, group_table = own, cotangent<o_group> = Gr);
  for (const auto& [B, H, R, N] : {std::array<extent_t, 4>{1, 1, 3, 131}, {3, 1, 2, 131}, {4, 2, 3, 67}}) {  // parts of
                                                                                                             // one item
    const tensor<float> Q = filled<float>(8, 1, {B, H, N, R, 16}), G = filled<float>(9, 1, {B, H, N, R, 9}),
                        K = filled<float>(2, 1, {B, H, N, 16}), V = filled<float>(3, 1, {H, N, 9});
    const tensor<float> slopes = filled<float>(4, 0.1, {H}), Gn = filled<float>(7, 1, {B, H, N}),
                        Gm = filled<float>(8, 1, {B, H, N}), bias_nm = filled<float>(5, 1, {H, N, N});
    check_bits<results(dq_shared, dk_shared, dv_shared, dslope_shared, dgate_shared, dgate_m_shared)>(
        "shared by " + std::to_string(B), {{B, H, N, R, 16}, {B, H, N, 16}, {H, N, 9}, {H}, {B, H, N}, {B, H, N}},
        qr = Q, k = K, vs = V, gr = G, slope = slopes, gate = Gn, gate_m = Gm, bias = bias_nm);
  }
}
BOOST_AUTO_TEST_CASE(strides_of_every_kind) {
  const problem p{.B = 2, .H = 2, .N = 33, .M = 45, .D = 16, .E = 10};
  tensor<double> want_q(2, 2, 33, 16), want_k(2, 2, 45, 16), want_v(2, 2, 45, 10);
  reference<results(dq_causal, dk_causal, dv_causal)>(q = p.Q, k = p.K, v = p.V, g = p.G, into(want_q, want_k, want_v));
  tensor<float> Qt(2, 33, 2, 16), Kt(16, 45, 2, 2), Vp(2, 2, 45, 13), dQ(2, 33, 2, 16), dK(16, 45, 2, 2),
      dV(2, 2, 45, 13);  // heads inside, transposed, backwards
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t j = 0; j < 2; ++j) {
      for (extent_t x = 0; x < 33; ++x)
        for (extent_t c = 0; c < 16; ++c) Qt(i, x, j, c) = p.Q(i, j, x, c);
      for (extent_t x = 0; x < 45; ++x)
        for (extent_t c = 0; c < 16; ++c) Kt(c, x, i, j) = p.K(i, j, x, c);
      for (extent_t x = 0; x < 45; ++x)
        for (extent_t c = 0; c < 10; ++c) Vp(i, j, 44 - x, c) = p.V(i, j, x, c);
    }
  const auto rows = [](tensor<float>& t) { return view(t.data(), {2, 2, 33, 16}, {33 * 32, 16, 32, 1}); };
  const auto keys = [](tensor<float>& t) { return view(t.data(), {2, 2, 45, 16}, {2, 1, 4, 180}); };
  const auto values = [](tensor<float>& t) {
    return view(t.data() + 44 * 13, {2, 2, 45, 10}, {2 * 45 * 13, 45 * 13, -13, 1});
  };
  fuse<results(dq_causal, dk_causal, dv_causal), strict>(q = rows(Qt), k = keys(Kt), v = values(Vp), g = p.G,
                                                         into(rows(dQ), keys(dK), values(dV)));
  double worst = 0;
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t j = 0; j < 2; ++j)
      for (extent_t x = 0; x < 45; ++x)
        for (extent_t c = 0; c < 16; ++c) {
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
  const tensor<double> Q = filled<double>(1, 1, {60, 20}), K = filled<double>(2, 1, {70, 20}),
                       V = filled<double>(3, 1, {70, 9}), G = filled<double>(4, 1, {60, 9});
  tensor<double> got[3] = {tensor<double>(60, 20), tensor<double>(70, 20), tensor<double>(70, 9)},
                 want[3] = {got[0], got[1], got[2]};
  fuse<results(dq, dk, dv), strict>(qd = Q, kd = K, vd = V, gd = G, into(got[0], got[1], got[2]));
  reference<results(dq, dk, dv)>(qd = Q, kd = K, vd = V, gd = G, into(want[0], want[1], want[2]));
  for (int i = 0; i < 3; ++i) BOOST_TEST(worst_units(got[i], want[i], 2.2e-16 * 20) <= 32);
}
