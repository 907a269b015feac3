// Loop regions compute once what they ask for again: the scores of a query are summed once, not once more for every
// key, for the softmax's maximum and its sum, and for every element of the values; an exponential is taken once, not
// for every element of the values. Counted by a primitive. Values and gradients, sums into tables too, are those of
// plain loops in double.
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
#include <atomic>
using namespace heed_tests;

namespace {
std::atomic<long> terms;
struct noted {
  static constexpr auto name = "noted";
  static auto value(const auto& x) {
    terms += std::remove_cvref_t<decltype(x)>::lanes;
    return x;
  }
  static constexpr auto derivative(const auto&) { return 1; }
};
struct as_it_is {  // what is summed is no product of two
  static constexpr auto name = "as_it_is";
  static auto value(const auto& x) { return x; }
  static constexpr auto derivative(const auto&) { return 1; }
};
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto rel = input<"rel">(n, m, d);
constexpr auto out = dot<m>(softmax<m>(mask(sum<d>(primitive<noted>(q * k)) + dot<d>(q, rel), m <= n)), v);
constexpr auto back = gradient<out>(wrt(v));

// A score of a contraction, a sum that is none and a bias read at a computed index.
constexpr axis<"z"> z;
constexpr auto q2 = input<"q2">(h, n, d);
constexpr auto k2 = input<"k2">(h, m, d);
constexpr auto table = input<"table">(h, z);
constexpr auto distance = n - m + 3;
constexpr auto product = sum<d>(primitive<as_it_is>(q * k)) * dot<d>(q2, k2) + table.at(distance);
constexpr auto attended = dot<m>(softmax<m>(mask(product, m <= n)), v);
constexpr auto gradients = gradient<attended>(wrt(q, k2, v, table));
constexpr auto summed = dot<m>(exp(primitive<noted>(sum<d>(primitive<as_it_is>(q * k)) * dot<d>(q2, k2))), v);
constexpr auto shares = softmax<m>(sum<d>(primitive<as_it_is>(q * k)) * dot<d>(q2, k2));
constexpr auto slots = dot<m>(shares / sum<n>(shares), v);  // every key gives all of itself
constexpr auto largest = sum<n>(dot<m>(where(product == max<m>(product), 1, 0) * product, v));
}  // namespace

BOOST_AUTO_TEST_CASE(a_score_is_summed_once_for_all_that_ask) {
  constexpr extent_t H = 2, N = 23, M = 21, D = 5, E = 8;
  const tensor<float> Q = filled<float>(1, 1, {H, N, D}), K = filled<float>(2, 1, {H, M, D}),
                      V = filled<float>(3, 1, {H, M, E}), R = filled<float>(4, 1, {N, M, D});
  tensor<float> O(H, N, E), dV(H, M, E);
  terms = 0;
  fuse<out>(q = Q, k = K, v = V, rel = R, into(O));
  BOOST_TEST(terms.load() >= H * N * M * D);
  BOOST_TEST(terms.load() <= 3 * H * N * M * D, terms.load() << " terms of " << H * N * M * D);  // a query that two
                                                                                                 // threads share counts
                                                                                                 // twice
  fuse<back>(q = Q, k = K, v = V, rel = R, cotangent<out> = O, into(dV));
  tensor<double> wanted(H, M, E);
  double worst = 0, worst_back = 0;
  for (extent_t a = 0; a < H; ++a)
    for (extent_t i = 0; i < N; ++i) {
      double weight[M] = {}, total = 0;
      for (extent_t j = 0; j < std::min(M, i + 1); ++j) {
        double score = 0;
        for (extent_t c = 0; c < D; ++c) score += double(Q(a, i, c)) * (double(K(a, j, c)) + double(R(i, j, c)));
        total += weight[j] = std::exp(score);
      }
      for (extent_t c = 0; c < E; ++c) {
        double o = 0;
        for (extent_t j = 0; j < M; ++j)
          o += weight[j] / total * double(V(a, j, c)), wanted(a, j, c) += weight[j] / total * double(O(a, i, c));
        worst = std::max(worst, std::abs(o - double(O(a, i, c))));
      }
    }
  for (std::size_t i = 0; i < dV.size(); ++i) worst_back = std::max(worst_back, std::abs(wanted[i] - double(dV[i])));
  BOOST_TEST(worst < 1e-6);
  BOOST_TEST(worst_back < 4e-6);
}

BOOST_AUTO_TEST_CASE(an_exponential_is_taken_once_for_all_values) {
  constexpr extent_t H = 1, N = 16, M = 16, D = 3, E = 40;
  const auto Q = filled<float>(1, 0.5, {H, N, D}), K = filled<float>(2, 0.5, {H, M, D}),
             Q2 = filled<float>(3, 0.5, {H, N, D}), K2 = filled<float>(4, 0.5, {H, M, D}),
             V = filled<float>(5, 1, {H, M, E});
  tensor<float> O(H, N, E);
  terms = 0;
  fuse<summed>(q = Q, k = K, q2 = Q2, k2 = K2, v = V, into(O));
  BOOST_TEST(terms.load() >= N * M);
  BOOST_TEST(terms.load() <= 2 * N * M, terms.load() << " of " << N * M);  // a query that two threads share counts
                                                                           // twice
}

namespace {
struct sizes {
  extent_t H, N, M, D, E, Z;
};
void check_against_plain_loops(const sizes& s) {
  const auto [H, N, M, D, E, Z] = s;
  const auto Q = filled<float>(1, 0.7, {H, N, D}), K = filled<float>(2, 0.7, {H, M, D}),
             Q2 = filled<float>(3, 0.7, {H, N, D}), K2 = filled<float>(4, 0.7, {H, M, D});
  const auto V = filled<float>(5, 1, {H, M, E}), T = filled<float>(6, 1, {H, Z}), G = filled<float>(7, 1, {H, N, E});
  tensor<float> O(H, N, E), dQ(H, N, D), dK2(H, M, D), dV(H, M, E), dT(H, Z), S(H, N, E), L(H, E);
  fuse<attended>(q = Q, k = K, q2 = Q2, k2 = K2, v = V, table = T, into(O));
  fuse<gradients>(q = Q, k = K, q2 = Q2, k2 = K2, v = V, table = T, cotangent<attended> = G, into(dQ, dK2, dV, dT));
  fuse<slots>(q = Q, k = K, q2 = Q2, k2 = K2, v = V, into(S));
  fuse<largest>(q = Q, k = K, q2 = Q2, k2 = K2, v = V, table = T, into(L));
  tensor<double> wO(H, N, E), wdQ(H, N, D), wdK2(H, M, D), wdV(H, M, E), wdT(H, Z), wS(H, N, E), wL(H, E);
  std::vector<double> s1(std::size_t(N * M)), s2(s1), w(s1), full(s1);
  for (extent_t a = 0; a < H; ++a) {
    for (extent_t i = 0; i < N; ++i) {
      double total = 0, all = 0;
      extent_t best = 0;
      for (extent_t j = 0; j < M; ++j) {
        const std::size_t p = std::size_t(i * M + j);
        s1[p] = s2[p] = 0;
        for (extent_t c = 0; c < D; ++c)
          s1[p] += double(Q(a, i, c)) * double(K(a, j, c)), s2[p] += double(Q2(a, i, c)) * double(K2(a, j, c));
        const auto score = [&](extent_t b) {
          return s1[std::size_t(i * M + b)] * s2[std::size_t(i * M + b)] +
                 double(T(a, std::clamp<extent_t>(i - b + 3, 0, Z - 1)));
        };
        if (score(j) > score(best)) best = j;
        if (j == M - 1)
          for (extent_t c = 0; c < E; ++c) wL(a, c) += score(best) * double(V(a, best, c));
        total += w[p] = j <= i ? std::exp(score(j)) : 0;
        all += full[p] = std::exp(s1[p] * s2[p]);
      }
      double delta = 0;
      std::vector<double> slope(static_cast<std::size_t>(M));
      for (extent_t j = 0; j < M; ++j) {
        const std::size_t p = std::size_t(i * M + j);
        w[p] /= total, full[p] /= all;
        for (extent_t c = 0; c < E; ++c) {
          wO(a, i, c) += w[p] * double(V(a, j, c)), wdV(a, j, c) += w[p] * double(G(a, i, c));
          slope[std::size_t(j)] += double(V(a, j, c)) * double(G(a, i, c));
        }
        delta += w[p] * slope[std::size_t(j)];
      }
      for (extent_t j = 0; j < M; ++j) {
        const std::size_t p = std::size_t(i * M + j);
        const double ds = w[p] * (slope[std::size_t(j)] - delta);
        wdT(a, std::clamp<extent_t>(i - j + 3, 0, Z - 1)) += ds;
        for (extent_t c = 0; c < D; ++c)
          wdQ(a, i, c) += ds * s2[p] * double(K(a, j, c)), wdK2(a, j, c) += ds * s1[p] * double(Q2(a, i, c));
      }
    }
    for (extent_t j = 0; j < M; ++j) {
      double column = 0;
      for (extent_t i = 0; i < N; ++i) column += full[std::size_t(i * M + j)];
      for (extent_t i = 0; i < N; ++i)
        for (extent_t c = 0; c < E; ++c) wS(a, i, c) += full[std::size_t(i * M + j)] / column * double(V(a, j, c));
    }
  }
  const auto compare = [&](const char* name, const tensor<float>& got, const tensor<double>& want) {
    double worst = 0, size = 1;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(double(got[i]) - want[i])), size = std::max(size, std::abs(want[i]));
    BOOST_TEST(worst <= 4e-7 * size, name << " of " << N << " and " << M << " positions: " << worst << " of " << size);
  };
  compare("values", O, wO), compare("grad(q)", dQ, wdQ), compare("grad(k2)", dK2, wdK2), compare("grad(v)", dV, wdV),
      compare("grad(table)", dT, wdT);
  compare("slots", S, wS), compare("largest", L, wL);
}
}  // namespace
BOOST_AUTO_TEST_CASE(values_and_gradients_are_those_of_plain_loops) {
  for (const sizes& s : {sizes{2, 23, 21, 5, 8, 9},
                         {1, 1, 1, 1, 1, 1},
                         {3, 7, 40, 16, 3, 12},
                         {2, 33, 5, 2, 37, 4},
                         {1, 64, 64, 32, 64, 70}})
    check_against_plain_loops(s);
}
