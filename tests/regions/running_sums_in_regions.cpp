// Running sums over pairs of positions in one loop nest, under a softmax forward, without one backward too, against
// plain loops in double: blocks of rows and batches of keys that are not full, heads that share keys, windows,
// sums that go both ways and are made of one another, what is excluded, NaN and infinity, empty extents, the same bits
// for any number of threads.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"r", 2> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, r, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto s = scaled_dot<d>(q, k);
constexpr auto past = mask(s, m < n);
// Tan et al. 2024, along with the visit from the last key; its gradient has sums that go both ways.
constexpr auto broken = dot<m>(exp(past - running_sum<m>(softplus(past), from_the_end)), v);
constexpr auto grad_broken = gradient<broken>(wrt(q, k, v));
// From the start, where the gradient can only be visited from the end; a window, and a sum made of a sum.
constexpr auto near = m <= n && n - m < 40;
constexpr auto close = mask(s, near);
constexpr auto gates = mask(running_sum<m>(sigmoid(close)), near);
constexpr auto nested = dot<m>(tanh(close) * exp(running_sum<m>(-0.01 * gates)), v);
constexpr auto grad_nested = gradient<nested>(wrt(q, k, v));
// Sums over queries of sums along keys, some of them of what is not finite.
constexpr auto fading = exp(-running_sum<m>(sigmoid(past)));
constexpr auto of_keys = sum<n>(tanh(running_sum<m>(past, from_the_end)) + mask(fading, m < n));
// Sums of positive numbers that go both ways: whichever way a region is visited, one goes against it.
constexpr auto grown = exp(past);
constexpr auto both_ways = dot<m>(running_sum<m>(grown) * running_sum<m>(grown, from_the_end), v);
// Under a softmax, from the last key on: positions that gates count, of each query a table between whose entries it is
// interpolated (Golovneva et al. 2024).
namespace contextual {
constexpr axis<"p", 12> p;
constexpr axis<"w", 128> w;
constexpr axis<"u", 128> u;
constexpr auto q = input<"q">(h, n, w);
constexpr auto k = input<"k">(h, m, w);
constexpr auto v = input<"v">(h, m, u);
constexpr auto at = input<"at">(p, w);
constexpr auto s = dot<w>(q, k) / 8;
constexpr auto past = mask(s, m <= n + size<m> - size<n>);
constexpr auto position = min(running_sum<m>(sigmoid(past), from_the_end), size<p> - 1);
constexpr auto low = cast<std::int32_t>(floor(position));
constexpr auto part = position - low;
constexpr auto table = dot<w>(q, at) / 8;
constexpr auto bias = (1 - part) * gather<p>(table, low) + part * gather<p>(table, low + 1);
constexpr auto out = dot<m>(softmax<m>(past + bias), v);
constexpr auto lse = logsumexp<m>(past + bias);
}  // namespace contextual
// Made of queries or keys alone, they are stored and read.
constexpr auto gate = input<"gate">(h, n);
constexpr auto key_gate = input<"key_gate">(h, m);
constexpr auto gated = dot<m>(sigmoid(past + running_sum<n>(gate) - running_sum<m>(key_gate)), v);

struct problem {
  extent_t H, N, M;
  tensor<float> Q = filled<float>(1, 1, {H, 2, N, 8}), K = filled<float>(2, 1, {H, M, 8}),
                V = filled<float>(3, 1, {H, M, 5}), dO = filled<float>(4, 1, {H, 2, N, 5});
  tensor<float> O{H, 2, N, 5}, dQ{H, 2, N, 8}, dK{H, M, 8}, dV{H, M, 5};
  tensor<double> rO{H, 2, N, 5}, rQ{H, 2, N, 8}, rK{H, M, 8}, rV{H, M, 5};

  // Stick-breaking with its gradient as its paper has them: each key takes its share of what those behind it leave.
  void by_hand() {
    for (tensor<double>* x : {&rO, &rQ, &rK, &rV})
      for (double& y : *x) y = 0;
    std::vector<double> share(M + 0ul), weight(M + 0ul);
    for (extent_t i = 0; i < H; ++i)
      for (extent_t g = 0; g < 2; ++g)
        for (extent_t row = 0; row < N; ++row) {
          const extent_t end = std::min(row, M);
          double left = 1, so_far = 0;
          for (extent_t c = end - 1; c >= 0; --c) {
            double score = 0;
            for (int x = 0; x < 8; ++x) score += double(Q(i, g, row, x)) * double(K(i, c, x)) / std::sqrt(8.);
            share[c + 0ul] = 1 / (1 + std::exp(-score));
            weight[c + 0ul] = share[c + 0ul] * left, left /= 1 + std::exp(score);
          }
          for (extent_t c = 0; c < end; ++c) {
            const double w = weight[c + 0ul];
            double reached = 0;
            for (int x = 0; x < 5; ++x) {
              reached += w * double(dO(i, g, row, x)) * double(V(i, c, x));
              rO(i, g, row, x) += w * double(V(i, c, x)), rV(i, c, x) += w * double(dO(i, g, row, x));
            }
            so_far += reached;
            const double of_score = (reached - share[c + 0ul] * so_far) / std::sqrt(8.);
            for (int x = 0; x < 8; ++x)
              rQ(i, g, row, x) += of_score * double(K(i, c, x)), rK(i, c, x) += of_score * double(Q(i, g, row, x));
          }
        }
  }
  void run_broken() {
    fuse<broken, strict>(q = Q, k = K, v = V, into(O));
    fuse<grad_broken, strict>(q = Q, k = K, v = V, cotangent<broken> = dO, into(dQ, dK, dV));
  }
};
bool same(const tensor<float>& a, const tensor<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
}  // namespace

BOOST_AUTO_TEST_CASE(stick_breaking) {
  for (const auto& [H, N, M] : {std::array<extent_t, 3>{2, 131, 131},
                                {1, 24, 40},
                                {1, 50, 13},
                                {2, 2, 1},
                                {1, 1, 1},
                                {1, 0, 3},
                                {1, 3, 0},
                                {0, 3, 3}}) {
    problem p{H, N, M};
    p.run_broken(), p.by_hand();
    expect_close("out", p.O, p.rO, 2e-6), expect_close("dq", p.dQ, p.rQ, 2e-6);
    expect_close("dk", p.dK, p.rK, 2e-6), expect_close("dv", p.dV, p.rV, 2e-6);
  }
}

// The sums of far keys reach hundreds, of which a unit in the last place is 2e-5: what is left of them must not show
// it.
BOOST_AUTO_TEST_CASE(what_is_left_of_large_sums) {
  problem p{1, 300, 300};
  for (float& x : p.Q) x = std::fabs(x) + 0.5f;
  for (extent_t c = 0; c < 300; ++c)
    for (int x = 0; x < 8; ++x) p.K(0, c, x) = c < 250 ? 3 : -2;  // near keys leave nearly all
  p.run_broken(), p.by_hand();
  expect_close("out", p.O, p.rO, 2e-6), expect_close("dq", p.dQ, p.rQ, 2e-6);
  expect_close("dk", p.dK, p.rK, 2e-6), expect_close("dv", p.dV, p.rV, 2e-6);
}

// Near an end there is little left of a large sum, and it is as exact as if nothing had been there before.
BOOST_AUTO_TEST_CASE(little_left_of_large_sums) {
  problem p{1, 1001, 1000};
  constexpr int ends = 5;
  for (float& x : p.Q) x = 0;
  for (float& x : p.K) x = 0;
  for (float& x : p.V) x = 0;
  for (extent_t row = 0; row < 1001; ++row) p.Q(0, 0, row, 0) = 8;
  for (extent_t c = 0; c < 1000; ++c) p.K(0, c, 0) = c < ends || c >= 1000 - ends ? -3 : 0.01f * float(c % 7);
  for (const extent_t first : {0, 1000 - ends}) {
    for (int x = 0; x < ends; ++x) p.V(0, first == 0 ? 1000 - ends + x : x, x) = 0, p.V(0, first + x, x) = 1;
    fuse<both_ways, strict>(q = p.Q, k = p.K, v = p.V, into(p.O));
    double all = 0;
    for (extent_t c = 0; c < 1000; ++c) all += std::exp(8 * double(p.K(0, c, 0)) / std::sqrt(8.));
    const double one = std::exp(-24 / std::sqrt(8.));
    for (int x = 0; x < ends; ++x) {
      const double near_end = one * (first == 0 ? x + 1 : ends - x), wanted = near_end * (all - near_end + one);
      BOOST_TEST(std::fabs(p.O(0, 0, 1000, x) - wanted) < 1e-6 * wanted, p.O(0, 0, 1000, x)
                                                                             << " instead of " << wanted);
    }
  }
}

BOOST_AUTO_TEST_CASE(sums_of_sums) {
  problem p{2, 107, 103};
  fuse<nested, strict>(q = p.Q, k = p.K, v = p.V, into(p.O));
  reference<nested>(q = p.Q, k = p.K, v = p.V, into(p.rO));
  expect_close("out", p.O, p.rO, 2e-6);
  fuse<grad_nested, strict>(q = p.Q, k = p.K, v = p.V, cotangent<nested> = p.dO, into(p.dQ, p.dK, p.dV));
  reference<grad_nested>(q = p.Q, k = p.K, v = p.V, cotangent<nested> = p.dO, into(p.rQ, p.rK, p.rV));
  expect_close("dq", p.dQ, p.rQ, 4e-6), expect_close("dk", p.dK, p.rK, 4e-6), expect_close("dv", p.dV, p.rV, 4e-6);
}

// Keys in several chunks, of which some rows see little.
BOOST_AUTO_TEST_CASE(contextual_positions) {
  for (const auto& [N, M] : {std::array<extent_t, 2>{57, 430}, {90, 57}, {1, 1}, {3, 0}}) {
    tensor<float> Q = filled<float>(1, 1, {2, N, 128}), K = filled<float>(2, 1, {2, M, 128}),
                  V = filled<float>(3, 1, {2, M, 128}), A = filled<float>(4, 1, {12, 128}), O(2, N, 128), L(2, N);
    tensor<double> wanted(2, N, 128), sums(2, N);
    for (extent_t i = 0; i < 2; ++i)
      for (extent_t row = 0; row < N; ++row) {
        double counted = 0, all = 0, places[12]{};
        for (int x = 0; x < 128; ++x)
          for (int y = 0; y < 12; ++y) places[y] += double(Q(i, row, x)) * double(A(y, x)) / 8;
        for (extent_t c = std::min(M, row + M - N + 1) - 1; c >= 0; --c) {
          double score = 0;
          for (int x = 0; x < 128; ++x) score += double(Q(i, row, x)) * double(K(i, c, x)) / 8;
          counted += 1 / (1 + std::exp(-score));
          const double place = std::min(counted, 11.);
          const int below = int(place);
          const double weight =
              std::exp(score + (1 - place + below) * places[below] + (place - below) * places[std::min(below + 1, 11)]);
          all += weight;
          for (int x = 0; x < 128; ++x) wanted(i, row, x) += weight * double(V(i, c, x));
        }
        sums(i, row) = std::log(all);
        for (int x = 0; x < 128 && all > 0; ++x) wanted(i, row, x) /= all;
      }
    fuse<results(contextual::out, contextual::lse), strict>(contextual::q = Q, contextual::k = K, contextual::v = V,
                                                            contextual::at = A, into(O, L));
    expect_close("out", O, wanted, 4e-6);
    for (std::size_t i = 0; i < L.size(); ++i)
      BOOST_TEST((L[i] == sums[i] || std::fabs(L[i] - sums[i]) < 2e-5), L[i] << " instead of " << sums[i]);
  }
}

BOOST_AUTO_TEST_CASE(sums_of_queries_or_keys_alone) {
  problem p{2, 40, 50};
  const tensor<float> G = filled<float>(5, 1, {2, 40}), B = filled<float>(6, 1, {2, 50});
  fuse<gated, strict>(q = p.Q, k = p.K, v = p.V, gate = G, key_gate = B, into(p.O));
  reference<gated>(q = p.Q, k = p.K, v = p.V, gate = G, key_gate = B, into(p.rO));
  expect_close("out", p.O, p.rO, 2e-6);
}

// What nobody sees may hold anything; what one query sees is NaN for that query alone.
BOOST_AUTO_TEST_CASE(excluded_pairs_count_nothing) {
  problem p{1, 61, 70}, odd = p;
  p.run_broken();
  for (extent_t c = 60; c < 70; ++c)
    for (int x = 0; x < 8; ++x) odd.K(0, c, x) = c % 2 ? NAN : INFINITY, odd.V(0, c, x % 5) = NAN;
  odd.run_broken();
  BOOST_TEST((same(p.O, odd.O) && same(p.dQ, odd.dQ) && same(p.dK, odd.dK) && same(p.dV, odd.dV)));
  odd.Q(0, 1, 30, 2) = NAN;
  odd.run_broken();
  for (extent_t row = 0; row < 61; ++row)
    for (extent_t g = 0; g < 2; ++g) {
      const bool bad = g == 1 && row == 30;
      BOOST_TEST(std::isnan(odd.O(0, g, row, 0)) == bad);
      BOOST_TEST((bad ? std::isnan(odd.dQ(0, g, row, 0)) : odd.dQ(0, g, row, 0) == p.dQ(0, g, row, 0)));
    }
  for (extent_t c = 0; c < 70; ++c) BOOST_TEST(std::isnan(odd.dK(0, c, 0)) == (c < 30));
}

// Infinity reaches the keys on its side of a sum, and no others.
BOOST_AUTO_TEST_CASE(sums_of_what_is_not_finite) {
  problem p{1, 90, 90};
  for (float& x : p.Q) x = std::fabs(x) + 0.1f;
  const auto check = [&](const char* what) {
    tensor<float> got(1, 2, 90);
    tensor<double> wanted(1, 2, 90);
    fuse<of_keys, strict>(q = p.Q, k = p.K, into(got));
    reference<of_keys>(q = p.Q, k = p.K, into(wanted));
    for (std::size_t i = 0; i < got.size(); ++i)
      BOOST_TEST((std::isnan(wanted[i]) ? std::isnan(got[i]) : std::fabs(got[i] - wanted[i]) < 1e-4),
                 what << " at " << i % 90 << ": " << got[i] << " instead of " << wanted[i]);
  };
  check("finite");
  for (int x = 0; x < 8; ++x) p.K(0, 40, x) = INFINITY;
  check("infinity");
  for (int x = 0; x < 8; ++x) p.K(0, 60, x) = -INFINITY;
  check("both");
  for (int x = 0; x < 8; ++x) p.K(0, 20, x) = NAN;
  check("NaN");
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const int threads = omp_get_max_threads();
  problem one{2, 131, 131};
  omp_set_num_threads(1);
  one.run_broken();
  for (const int count : {2, 3}) {
    problem many{2, 131, 131};
    omp_set_num_threads(count);
    many.run_broken();
    BOOST_TEST((same(one.O, many.O) && same(one.dQ, many.dQ) && same(one.dK, many.dK) && same(one.dV, many.dV)));
  }
  omp_set_num_threads(threads);
}
