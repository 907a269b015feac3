// Softmaxes that are written out with their maximum: they are the nodes of a softmax, and no others are; their values
// and gradients come out of the regions of attention and equal plain loops in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
#include <functional>
using namespace heed;
using heed_tests::filled;

namespace {
constexpr axis<"h", 2> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr axis<"e", 3> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto bare = scaled_dot<d>(q, k);
constexpr auto keep = m <= n + 1 && n != 2;  // query 2 has nothing left
constexpr auto s = mask(bare, keep);

constexpr auto raised = exp(s - max<m>(s));
constexpr auto outside = mask(exp(bare - max<m>(s)), keep);
constexpr auto between = exp(mask(bare - max<m>(s), keep));
constexpr auto weights = raised / sum<m>(raised);
constexpr auto attended = dot<m>(raised, v) / sum<m>(raised);
constexpr auto shifted = s - max<m>(s);

template <class A, class B> constexpr bool same(const A& a, const B& b) { return a.top().hash == b.top().hash; }
constexpr auto weighted = dot<m>(softmax<m>(s), v);
static_assert(same(dot<m>(weights, v), weighted));
static_assert(same(attended, weighted));
static_assert(same(dot<m>(v, raised) / sum<m>(raised), dot<m>(v, softmax<m>(s))));
static_assert(same(dot<m>(outside, v) / sum<m>(outside), weighted));
static_assert(same(dot<m>(outside / sum<m>(outside), v), weighted));
static_assert(same(dot<m>(between / sum<m>(between), v), weighted));
static_assert(same(weights, mask(softmax<m>(s), keep)));
static_assert(same(sum<m>(raised * v) / sum<m>(raised), sum<m>(weights* v)));
static_assert(same(dot<m>(raised * n, v) / sum<m>(raised), dot<m>(weights* n, v)));
static_assert(same(max<m>(s) + log(sum<m>(raised)), logsumexp<m>(s)));
static_assert(same(log(sum<m>(raised)) + max<m>(s), logsumexp<m>(s)));
static_assert(same(s - (max<m>(s) + log(sum<m>(raised))), s - logsumexp<m>(s)));
static_assert(same(shifted - log(sum<m>(exp(shifted))), s - logsumexp<m>(s)));

// What is none stays what it is.
template <class A> constexpr bool is_quotient(const A& a) { return a.top().code == internal::op::divide; }
template <class A> constexpr bool divided(const A& exponentials) {
  return is_quotient(exponentials / sum<m>(exponentials));
}
static_assert(divided(exp(s - max<m>(bare))));                          // more than the scores that are left
static_assert(divided(exp(bare - max<m>(s))));                          // fewer than those that are summed
static_assert(divided(exp(s - max<h>(s))));                             // not one for each row
static_assert(divided(exp(s - max<m>(2 * s))));                         // of other scores
static_assert(divided(exp(s - min<m>(s))));                             // may overflow
static_assert(is_quotient(raised / sum<n>(raised)));                    // another sum
static_assert(is_quotient(raised / sum<m>(exp(bare - max<m>(bare)))));  // the sum of others
static_assert(is_quotient(sum<n>(raised) / sum<m>(raised)));            // a sum of weights of different rows
static_assert(is_quotient((raised + 1) / sum<m>(raised)));              // not linear
static_assert(is_quotient(tanh(dot<m>(raised, v)) / sum<m>(raised)));

constexpr auto lse = max<m>(s) + log(sum<m>(raised));
constexpr auto both = results(attended, lse);
constexpr auto backward = gradient<both>(wrt(q, k, v));
constexpr auto step = differentiable<attended, strict>(wrt(q, k, v));

constexpr extent_t N = 5, M = 7;
// The sum of attended times its cotangent, and of lse times its own, by the book; a row with nothing left has no part.
double objective(const tensor<double>& Q, const tensor<double>& K, const tensor<double>& V, const tensor<float>& G,
                 const tensor<float>& L) {
  double total = 0;
  for (extent_t a = 0; a < 2; ++a)
    for (extent_t i = 0; i < N; ++i) {
      if (i == 2) continue;
      double sum = 0, values[3] = {};
      for (extent_t j = 0; j < M && j <= i + 1; ++j) {
        double score = 0;
        for (extent_t c = 0; c < 4; ++c) score += Q(a, i, c) * K(a, j, c) / 2;
        sum += std::exp(score);
        for (extent_t c = 0; c < 3; ++c) values[c] += std::exp(score) * V(a, j, c);
      }
      for (extent_t c = 0; c < 3; ++c) total += values[c] / sum * double(G(a, i, c));
      total += std::log(sum) * double(L(a, i));
    }
  return total;
}
}  // namespace

BOOST_AUTO_TEST_CASE(gradients_equal_central_differences) {
  const auto Q = filled<float>(1, 1, {2, N, 4}), K = filled<float>(2, 1, {2, M, 4}), V = filled<float>(3, 1, {2, M, 3});
  const auto G = filled<float>(4, 1, {2, N, 3}), L = filled<float>(5, 1, {2, N});
  tensor<float> O(2, N, 3), S(2, N), dQ(2, N, 4), dK(2, M, 4), dV(2, M, 3), dQ2(2, N, 4), dK2(2, M, 4), dV2(2, M, 3);
  fuse<both, strict>(q = Q, k = K, v = V, into(O, S));
  fuse<backward, strict>(q = Q, k = K, v = V, cotangent<both, 0> = G, cotangent<both, 1> = L, into(dQ, dK, dV));

  tensor<double> x[] = {tensor<double>(2, N, 4), tensor<double>(2, M, 4), tensor<double>(2, M, 3)};
  const tensor<float>* const from[] = {&Q, &K, &V};
  const tensor<float>* const got[] = {&dQ, &dK, &dV};
  for (int t = 0; t < 3; ++t) std::copy(from[t]->begin(), from[t]->end(), x[t].begin());
  double value = 0;
  for (std::size_t i = 0; i < O.size(); ++i)
    if (i / 3 % N != 2) value += double(O[i]) * double(G[i]);
  for (std::size_t i = 0; i < S.size(); ++i)
    if (i % N != 2) value += double(S[i]) * double(L[i]);
  BOOST_TEST(std::abs(value - objective(x[0], x[1], x[2], G, L)) < 1e-5);
  for (int t = 0; t < 3; ++t)
    for (std::size_t i = 0; i < x[t].size(); ++i) {
      const double there = x[t][i], step_size = 1e-5;
      x[t][i] = there + step_size;
      const double up = objective(x[0], x[1], x[2], G, L);
      x[t][i] = there - step_size;
      const double down = objective(x[0], x[1], x[2], G, L);
      x[t][i] = there;
      BOOST_TEST(std::abs((up - down) / (2 * step_size) - double((*got[t])[i])) < 1e-5);
    }
  for (extent_t c = 0; c < 3; ++c) BOOST_TEST(O(0, 2, c) == 0);
  BOOST_TEST(S(1, 2) == -INFINITY);

  auto saved = step.saved();
  step.forward(saved, q = Q, k = K, v = V, into(O));
  step.backward(saved, q = Q, k = K, v = V, cotangent<attended> = G, into(dQ, dK, dV));
  const tensor<float> nothing(2, N);
  fuse<backward, strict>(q = Q, k = K, v = V, cotangent<both, 0> = G, cotangent<both, 1> = nothing,
                         into(dQ2, dK2, dV2));
  for (std::size_t i = 0; i < dK.size(); ++i) BOOST_TEST(std::abs(dK[i] - dK2[i]) < 1e-6f);
}
