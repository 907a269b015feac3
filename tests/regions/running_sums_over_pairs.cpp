// Running sums over pairs of positions, which nothing stores, against direct loops in double: along the keys from
// either end and along the queries, two that go opposite ways, of whole numbers; the same bits for any number of
// threads. Stick-breaking is one loop nest (running_sums_in_regions.cpp has more of those), the others run in loops.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
#include <cstring>
#include <functional>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 6> d;
constexpr axis<"e", 3> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto s = scaled_dot<d>(q, k);
constexpr auto past = mask(s, m < n);
// Tan et al. 2025: each key takes its share of what the keys behind it have left.
constexpr auto broken = dot<m>(exp(past - running_sum<m>(softplus(past), from_the_end)), v);
constexpr auto grad_broken = gradient<broken>(wrt(q, k, v));
// Golovneva et al. 2024: positions are counted, by gates or by what is above 0.
constexpr auto counted = dot<m>(softmax<m>(past + tanh(running_sum<m>(sigmoid(past), from_the_end))), v);
constexpr auto whole = dot<m>(softmax<m>(past - 0.125 * running_sum<m>(where(s > 0, 1, 0))), v);
// Leviathan et al. 2025: what queries before have turned away from counts less.
constexpr auto selective = dot<m>(softmax<m>(past - running_sum<n>(relu(past))), v);
constexpr auto from_behind = dot<m>(softmax<m>(past - running_sum<n>(relu(s), from_the_end)), v);
constexpr auto of_keys = sum<n>(tanh(running_sum<n>(s) + running_sum<m>(s, from_the_end)));
constexpr auto grad_selective = gradient<selective>(wrt(q, k, v));

struct problem {
  static constexpr extent_t H = 2, N = 19, M = 21;
  tensor<float> Q = filled<float>(1, 1, {H, N, 6}), K = filled<float>(2, 1, {H, M, 6}),
                V = filled<float>(3, 1, {H, M, 3}), dO = filled<float>(4, 1, {H, N, 3});
  tensor<double> S{H, N, M};
  problem() {
    for (extent_t i = 0; i < H; ++i)
      for (extent_t r = 0; r < N; ++r)
        for (extent_t c = 0; c < M; ++c)
          for (int x = 0; x < 6; ++x) S(i, r, c) += double(Q(i, r, x)) * double(K(i, c, x)) / std::sqrt(6.);
  }
  // Weights of the keys before a query: those that f gives, or their softmax.
  using pair_value = std::function<double(extent_t, extent_t, extent_t)>;
  tensor<double> weighed(bool normalised, const pair_value& f) const {
    tensor<double> o(H, N, 3);
    for (extent_t i = 0; i < H; ++i)
      for (extent_t r = 0; r < N; ++r) {
        double all = 0;
        for (extent_t c = 0; c < std::min(r, M); ++c) {
          const double w = normalised ? std::exp(f(i, r, c)) : f(i, r, c);
          all += w;
          for (int x = 0; x < 3; ++x) o(i, r, x) += w * double(V(i, c, x));
        }
        for (int x = 0; x < 3 && normalised && all > 0; ++x) o(i, r, x) /= all;
      }
    return o;
  }
};
double gate(double x) { return 1 / (1 + std::exp(-x)); }
}  // namespace

BOOST_AUTO_TEST_CASE(against_loops) {
  const problem p;
  const tensor<double>& S = p.S;
  tensor<float> O(2, 19, 3);
  fuse<broken>(q = p.Q, k = p.K, v = p.V, into(O));
  expect_close("stick-breaking", O, p.weighed(false, [&](extent_t i, extent_t r, extent_t c) {
    double left = 1;
    for (extent_t x = c + 1; x < r; ++x) left *= 1 - gate(S(i, r, x));
    return gate(S(i, r, c)) * left;
  }));
  fuse<counted>(q = p.Q, k = p.K, v = p.V, into(O));
  expect_close("counted by gates", O, p.weighed(true, [&](extent_t i, extent_t r, extent_t c) {
    double position = 0;
    for (extent_t x = c; x < r; ++x) position += gate(S(i, r, x));
    return S(i, r, c) + std::tanh(position);
  }));
  fuse<whole>(q = p.Q, k = p.K, v = p.V, into(O));
  expect_close("counted", O, p.weighed(true, [&](extent_t i, extent_t r, extent_t c) {
    double position = 0;
    for (extent_t x = 0; x <= c; ++x) position += S(i, r, x) > 0;
    return S(i, r, c) - 0.125 * position;
  }));
  fuse<selective>(q = p.Q, k = p.K, v = p.V, into(O));
  expect_close("selective", O, p.weighed(true, [&](extent_t i, extent_t r, extent_t c) {
    double less = 0;
    for (extent_t x = c + 1; x <= r; ++x) less += std::max(0., S(i, x, c));
    return S(i, r, c) - less;
  }));
  fuse<from_behind>(q = p.Q, k = p.K, v = p.V, into(O));
  expect_close("from behind", O, p.weighed(true, [&](extent_t i, extent_t r, extent_t c) {
    double less = 0;
    for (extent_t x = r; x < p.N; ++x) less += std::max(0., S(i, x, c));
    return S(i, r, c) - less;
  }));
  tensor<float> C(2, 21);
  fuse<of_keys>(q = p.Q, k = p.K, into(C));
  tensor<double> columns(2, 21);
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t c = 0; c < p.M; ++c)
      for (extent_t r = 0; r < p.N; ++r) {
        double t = 0;
        for (extent_t x = 0; x <= r; ++x) t += S(i, x, c);
        for (extent_t x = c; x < p.M; ++x) t += S(i, r, x);
        columns(i, c) += std::tanh(t);
      }
  expect_close("sums over queries", C, columns);
}

// Of stick-breaking by differences of its formula; all of selective attention by the oracle, whose rule of running sums
// tests/gradient holds against differences.
BOOST_AUTO_TEST_CASE(gradients) {
  const problem p;
  tensor<float> dQ(2, 19, 6), dK(2, 21, 6), dV(2, 21, 3);
  tensor<double> rQ(2, 19, 6), rK(2, 21, 6), rV(2, 21, 3);
  fuse<grad_broken>(q = p.Q, k = p.K, v = p.V, cotangent<broken> = p.dO, into(dQ, dK, dV));
  const auto loss = [&](double step, extent_t i, extent_t row, extent_t column, int x) {
    double total = 0;
    for (extent_t r = 0; r < p.N; ++r) {
      double left = 1;
      for (extent_t c = std::min(r, p.M) - 1; c >= 0; --c) {
        double score = p.S(i, r, c);
        if (r == row) score += step * double(p.K(i, c, x)) / std::sqrt(6.);
        if (c == column) score += step * double(p.Q(i, r, x)) / std::sqrt(6.);
        for (int y = 0; y < 3; ++y) total += gate(score) * left * double(p.V(i, c, y)) * double(p.dO(i, r, y));
        left *= 1 - gate(score);
      }
    }
    return total;
  };
  for (extent_t i = 0; i < 2; ++i)
    for (int x = 0; x < 6; ++x) {
      for (extent_t r = 0; r < p.N; ++r) rQ(i, r, x) = (loss(1e-4, i, r, -1, x) - loss(-1e-4, i, r, -1, x)) / 2e-4;
      for (extent_t c = 0; c < p.M; ++c) rK(i, c, x) = (loss(1e-4, i, -1, c, x) - loss(-1e-4, i, -1, c, x)) / 2e-4;
    }
  expect_close("dq", dQ, rQ), expect_close("dk", dK, rK);
  fuse<grad_selective>(q = p.Q, k = p.K, v = p.V, cotangent<selective> = p.dO, into(dQ, dK, dV));
  reference<grad_selective>(q = p.Q, k = p.K, v = p.V, cotangent<selective> = p.dO, into(rQ, rK, rV));
  expect_close("dq of selective", dQ, rQ), expect_close("dk of selective", dK, rK), expect_close("dv", dV, rV);
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const problem p;
  const int threads = omp_get_max_threads();
  const auto results_with = [&](int count) {
    omp_set_num_threads(count);
    std::vector<tensor<float>> r;
    r.emplace_back(2, 19, 3), r.emplace_back(2, 19, 3), r.emplace_back(2, 21), r.emplace_back(2, 21, 6);
    tensor<float> dQ(2, 19, 6), dV(2, 21, 3);
    fuse<broken>(q = p.Q, k = p.K, v = p.V, into(r[0]));
    fuse<from_behind>(q = p.Q, k = p.K, v = p.V, into(r[1]));
    fuse<of_keys>(q = p.Q, k = p.K, into(r[2]));
    fuse<grad_selective>(q = p.Q, k = p.K, v = p.V, cotangent<selective> = p.dO, into(dQ, r[3], dV));
    return r;
  };
  const auto one = results_with(1);
  for (const int count : {2, 3, 7}) {
    const auto many = results_with(count);
    for (std::size_t i = 0; i < one.size(); ++i)
      BOOST_TEST(std::memcmp(one[i].data(), many[i].data(), one[i].size() * sizeof(float)) == 0, i << " of " << count);
  }
  omp_set_num_threads(threads);
}
