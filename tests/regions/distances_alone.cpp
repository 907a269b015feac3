// Scores made of tables at the distance of query and key alone, without keys: weights that a query gives to places
// around it. One loop nest forward and one backward, with a softmax and without: the values of plain loops in double
// and differences of them, under masks, for one table and two, shared and of each head; the same bits for any number of
// threads.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <functional>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 5> d;
constexpr axis<"c", 3> c;
constexpr axis<"e", 3> e;
constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr auto q = input<"q">(b, h, n, d);
constexpr auto r = input<"r">(b, h, n, c);
constexpr auto fixed = input<"fixed">(h, n, c);  // places alone
constexpr auto v = input<"v">(b, m, e);          // heads share it
constexpr auto table = input<"table">(t, d);
constexpr auto other = input<"other">(h, c, u);  // of each head, its entries side by side
constexpr auto slope = input<"slope">(h);
constexpr auto near = dot<d>(q, gather<t>(table, n - m + 2));
constexpr auto entry = gather<u>(other, clamp(m - n, -4, 3) + 4);
constexpr auto far = dot<c>(r, entry);

// One table under a softmax; two, a slope and a softcap; a weight without a softmax.
constexpr auto seen = m <= n && n - m < 40;
constexpr auto local = dot<m>(softmax<m>(mask(0.5 * near, seen)), v);
constexpr auto capped = dot<m>(softmax<m>(2 * tanh((near + dot<c>(fixed, entry)) / 2) - slope * abs(n - m)), v);
constexpr auto gated = dot<m>(mask(sigmoid(near) * far, seen), v);
constexpr auto grad_local = gradient<local>(wrt(q, table, v));
constexpr auto grad_capped = gradient<capped>(wrt(q, table, fixed, other, slope, v));
constexpr auto grad_gated = gradient<gated>(wrt(q, table, r, other, v));
constexpr auto total = logsumexp<m>(mask(near, seen));
constexpr auto grad_total = gradient<total>(wrt(q, table));

struct problem {
  extent_t B = 2, H = 3, N, M, T = 45, U = 8;
  tensor<float> Q = filled<float>(1, 1, {B, H, N, 5}), R = filled<float>(2, 1, {B, H, N, 3}),
                F = filled<float>(8, 1, {H, N, 3}), V = filled<float>(3, 1, {B, M, 3}), A = filled<float>(4, 1, {T, 5}),
                O = filled<float>(5, 1, {H, 3, U}), S = filled<float>(6, 0.2, {H}),
                C = filled<float>(7, 1, {B, H, N, 3});
  problem(extent_t rows, extent_t keys) : N(rows), M(keys) {}
  double near_at(extent_t s, extent_t a, extent_t i, extent_t j) const {
    double z = 0;
    for (extent_t x = 0; x < 5; ++x)
      z += double(Q(s, a, i, x)) * double(A(std::clamp<extent_t>(i - j + 2, 0, T - 1), x));
    return z;
  }
  // of: the rows' own.
  double far_at(const float* of, extent_t a, extent_t i, extent_t j) const {
    double z = 0;
    for (extent_t x = 0; x < 3; ++x) z += double(of[x]) * double(O(a, x, std::clamp<extent_t>(j - i, -4, 3) + 4));
    return z;
  }
  static bool sees(extent_t i, extent_t j) { return j <= i && i - j < 40; }
  using weight = std::function<std::vector<double>(extent_t, extent_t, extent_t)>;
  std::vector<double> local_weights(extent_t s, extent_t a, extent_t i) const {
    std::vector<double> w(std::size_t(M), 0.);
    double all = 0;
    for (extent_t j = 0; j < M; ++j)
      if (sees(i, j)) all += w[std::size_t(j)] = std::exp(near_at(s, a, i, j) / 2);
    for (double& x : w) x = all > 0 ? x / all : 0;
    return w;
  }
  std::vector<double> capped_weights(extent_t s, extent_t a, extent_t i) const {
    std::vector<double> w(std::size_t(M), 0.);
    double all = 0;
    for (extent_t j = 0; j < M; ++j)
      all += w[std::size_t(j)] = std::exp(2 * std::tanh((near_at(s, a, i, j) + far_at(&F(a, i, 0), a, i, j)) / 2) -
                                          double(S[std::size_t(a)]) * double(std::abs(i - j)));
    for (double& x : w) x /= all;
    return w;
  }
  std::vector<double> gated_weights(extent_t s, extent_t a, extent_t i) const {
    std::vector<double> w(std::size_t(M), 0.);
    for (extent_t j = 0; j < M; ++j)
      if (sees(i, j)) w[std::size_t(j)] = far_at(&R(s, a, i, 0), a, i, j) / (1 + std::exp(-near_at(s, a, i, j)));
    return w;
  }
  tensor<double> weighed(const weight& of) const {
    tensor<double> o(B, H, N, 3);
    for (extent_t s = 0; s < B; ++s)
      for (extent_t a = 0; a < H; ++a)
        for (extent_t i = 0; i < N; ++i) {
          const std::vector<double> w = of(s, a, i);
          for (extent_t j = 0; j < M; ++j)
            for (extent_t x = 0; x < 3; ++x) o(s, a, i, x) += w[std::size_t(j)] * double(V(s, j, x));
        }
    return o;
  }
  weight locals() const {
    return [this](extent_t s, extent_t a, extent_t i) { return local_weights(s, a, i); };
  }
  weight cappeds() const {
    return [this](extent_t s, extent_t a, extent_t i) { return capped_weights(s, a, i); };
  }
  weight gateds() const {
    return [this](extent_t s, extent_t a, extent_t i) { return gated_weights(s, a, i); };
  }
  // Differences of the sum of values times C, by each element of an operand of this problem, every so many.
  void expect_gradient(const char* what, const tensor<float>& got, tensor<float>& of, const weight& weights,
                       std::size_t every) {
    const auto loss = [&] {
      const tensor<double> o = weighed(weights);
      double sum = 0;
      for (std::size_t i = 0; i < o.size(); ++i) sum += o[i] * double(C[i]);
      return sum;
    };
    for (std::size_t i = 0; i < of.size(); i += every) {
      const float before = of[i], step = 1.f / 256;  // of what it is multiplied with nothing is rounded away
      of[i] = before + step;
      const double above = of[i], high = loss();
      of[i] = before - step;
      const double below = of[i], low = loss();
      of[i] = before;
      const double wanted = (high - low) / (above - below);
      BOOST_TEST(std::abs(double(got[i]) - wanted) < 2e-3 * (1 + std::abs(wanted)),
                 what << " " << i << ": " << got[i] << " for " << wanted);
    }
  }
};
struct gradients {
  tensor<float> Q, A, R, F, O, S, V;
  explicit gradients(const problem& p)
      : Q{p.B, p.H, p.N, 5},
        A{p.T, 5},
        R{p.B, p.H, p.N, 3},
        F{p.H, p.N, 3},
        O{p.H, 3, p.U},
        S{p.H},
        V{p.B, p.M, 3} {}
};
gradients of_capped(const problem& p) {
  gradients g(p);
  fuse<grad_capped, strict>(q = p.Q, fixed = p.F, v = p.V, table = p.A, other = p.O, slope = p.S,
                            cotangent<capped> = p.C, into(g.Q, g.A, g.F, g.O, g.S, g.V));
  return g;
}
gradients of_local(const problem& p) {
  gradients g(p);
  fuse<grad_local, strict>(q = p.Q, v = p.V, table = p.A, cotangent<local> = p.C, into(g.Q, g.A, g.V));
  return g;
}
gradients of_gated(const problem& p) {
  gradients g(p);
  fuse<grad_gated, strict>(q = p.Q, r = p.R, v = p.V, table = p.A, other = p.O, cotangent<gated> = p.C,
                           into(g.Q, g.A, g.R, g.O, g.V));
  return g;
}
}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  for (const auto& [N, M] : {std::pair<extent_t, extent_t>{61, 70}, {3, 8}, {50, 29}, {1, 1}, {9, 0}, {0, 9}}) {
    const problem p(N, M);
    tensor<float> got(p.B, p.H, N, 3), sums(p.B, p.H, N);
    BOOST_TEST_CONTEXT(N << " queries, " << M << " keys") {
      fuse<local, strict>(q = p.Q, v = p.V, table = p.A, into(got));
      expect_close("local", got, p.weighed(p.locals()));
      fuse<gated, strict>(q = p.Q, r = p.R, v = p.V, table = p.A, other = p.O, into(got));
      expect_close("gated", got, p.weighed(p.gateds()));
      if (M == 0) continue;
      fuse<capped, strict>(q = p.Q, fixed = p.F, v = p.V, table = p.A, other = p.O, slope = p.S, into(got));
      expect_close("capped", got, p.weighed(p.cappeds()));
    }
  }
}
BOOST_AUTO_TEST_CASE(differences) {
  problem p(29, 37);
  const gradients one = of_local(p), two = of_capped(p), three = of_gated(p);
  p.expect_gradient("local q", one.Q, p.Q, p.locals(), 41), p.expect_gradient("local table", one.A, p.A, p.locals(), 7);
  p.expect_gradient("local v", one.V, p.V, p.locals(), 11);
  p.expect_gradient("capped q", two.Q, p.Q, p.cappeds(), 41);
  p.expect_gradient("capped table", two.A, p.A, p.cappeds(), 7);
  p.expect_gradient("fixed", two.F, p.F, p.cappeds(), 13), p.expect_gradient("other", two.O, p.O, p.cappeds(), 5);
  p.expect_gradient("slope", two.S, p.S, p.cappeds(), 1), p.expect_gradient("capped v", two.V, p.V, p.cappeds(), 11);
  p.expect_gradient("gated q", three.Q, p.Q, p.gateds(), 41);
  p.expect_gradient("gated table", three.A, p.A, p.gateds(), 7);
  p.expect_gradient("gated r", three.R, p.R, p.gateds(), 13);
  p.expect_gradient("gated other", three.O, p.O, p.gateds(), 5);
  p.expect_gradient("gated v", three.V, p.V, p.gateds(), 11);
}
BOOST_AUTO_TEST_CASE(sums_of_exponentials) {
  const problem p(37, 41);
  tensor<float> L(p.B, p.H, p.N), dL = filled<float>(9, 1, {p.B, p.H, p.N}), dQ(p.B, p.H, p.N, 5), dA(p.T, 5);
  tensor<double> wL(p.B, p.H, p.N), wQ(p.B, p.H, p.N, 5), wA(p.T, 5);
  fuse<total, strict>(q = p.Q, table = p.A, with(m, p.M), into(L));
  fuse<grad_total, strict>(q = p.Q, table = p.A, cotangent<total> = dL, with(m, p.M), into(dQ, dA));
  for (extent_t s = 0; s < p.B; ++s)
    for (extent_t a = 0; a < p.H; ++a)
      for (extent_t i = 0; i < p.N; ++i) {
        double all = 0;
        for (extent_t j = 0; j < p.M; ++j) all += p.sees(i, j) ? std::exp(p.near_at(s, a, i, j)) : 0;
        wL(s, a, i) = std::log(all);
        for (extent_t j = 0; j < p.M; ++j) {
          if (!p.sees(i, j)) continue;
          const extent_t at = std::clamp<extent_t>(i - j + 2, 0, p.T - 1);
          const double w = std::exp(p.near_at(s, a, i, j)) / all * double(dL(s, a, i));
          for (extent_t x = 0; x < 5; ++x) {
            wQ(s, a, i, x) += w * double(p.A(at, x));
            wA(at, x) += w * double(p.Q(s, a, i, x));
          }
        }
      }
  expect_close("sums", L, wL), expect_close("q", dQ, wQ), expect_close("table", dA, wA);
}
BOOST_AUTO_TEST_CASE(threads) {
  const problem p(90, 101);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  const gradients one = of_local(p), two = of_capped(p), three = of_gated(p);
  for (const int count : {2, 5}) {
    omp_set_num_threads(count);
    const gradients x = of_local(p), y = of_capped(p), z = of_gated(p);
    const auto same = [](const auto& a, const auto& b) { BOOST_TEST(std::equal(a.begin(), a.end(), b.begin())); };
    for (const auto& [a, b] : {std::pair(&x, &one), std::pair(&y, &two), std::pair(&z, &three)})
      same(a->Q, b->Q), same(a->A, b->A), same(a->R, b->R), same(a->F, b->F), same(a->O, b->O), same(a->S, b->S),
          same(a->V, b->V);
  }
  omp_set_num_threads(before);
}
