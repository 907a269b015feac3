// Blocks of rows of which the first and the last pack see a group of keys and the one between them does not: whatever a
// kernel adds up, stores or looks up for such a group, forward and backward, against plain loops in double.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <functional>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 5> d;
constexpr axis<"e", 6> e;
constexpr axis<"t"> t;
constexpr axis<"y"> y;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto seen = input<"seen", bool>(n, m);
constexpr extent_t H = 2, N = 150, M = 83, D = 5, E = 6;

// Of three packs the one between sees nothing, or any of them; every third key nobody sees.
bool sees(extent_t i, extent_t j) {
  const extent_t pack = i / heed::internal::simd::native_lanes<float> % 3;
  return j % 3 != 0 && (j < 40 ? pack != 1 : pack != j / 10 % 4);
}
struct problem {
  tensor<float> Q = filled<float>(1, 1, {H, N, D}), K = filled<float>(2, 1, {H, M, D}),
                V = filled<float>(3, 1, {H, M, E}), G = filled<float>(4, 1, {H, N, E});
  tensor<bool> S{N, M};
  tensor<float> O{H, N, E}, dQ{H, N, D}, dK{H, M, D}, dV{H, M, E};
  tensor<double> wO{H, N, E}, wQ{H, N, D}, wK{H, M, D}, wV{H, M, E};
  problem() {
    for (extent_t i = 0; i < N; ++i)
      for (extent_t j = 0; j < M; ++j) S(i, j) = sees(i, j);
  }
  double product(extent_t a, extent_t i, extent_t j) const {
    double s = 0;
    for (extent_t c = 0; c < D; ++c) s += double(Q(a, i, c)) * double(K(a, j, c));
    return s;
  }
  // A row of a softmax over scores: its output, the gradient of its values, and in the scores' places their gradients.
  void softmax_by_hand(extent_t a, extent_t i, std::vector<double>& s) {
    double total = 0, mean = 0;
    std::vector<double> worth(s.size(), 0.);
    for (extent_t j = 0; j < M; ++j) {
      double& one = s[std::size_t(j)];
      one = sees(i, j) ? std::exp(one) : 0, total += one;
    }
    for (extent_t j = 0; j < M; ++j) {
      double& one = s[std::size_t(j)];
      one /= total;
      for (extent_t c = 0; c < E; ++c) {
        worth[std::size_t(j)] += double(G(a, i, c)) * double(V(a, j, c));
        wO(a, i, c) += one * double(V(a, j, c)), wV(a, j, c) += one * double(G(a, i, c));
      }
      mean += one * worth[std::size_t(j)];
    }
    for (std::size_t j = 0; j < s.size(); ++j) s[j] *= worth[j] - mean;
  }
  // Of every row: the scores, and what reaches them.
  void by_hand(const std::function<double(extent_t a, extent_t i, extent_t j)>& score,
               const std::function<void(extent_t a, extent_t i, const std::vector<double>& reached)>& give) {
    for (extent_t a = 0; a < H; ++a)
      for (extent_t i = 0; i < N; ++i) {
        std::vector<double> s(std::size_t(M), 0.);
        for (extent_t j = 0; j < M; ++j) s[std::size_t(j)] = score(a, i, j);
        softmax_by_hand(a, i, s);
        give(a, i, s);
      }
  }
  void compare() const {
    expect_close("out", O, wO), expect_close("q", dQ, wQ), expect_close("k", dK, wK), expect_close("v", dV, wV);
  }
};
}  // namespace

// Products into rows, columns, tables at distances, sums of rows, columns, entries and pairs.
namespace {
constexpr auto table = input<"table">(t, d);
constexpr auto bucket = input<"bucket">(y);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto gate = input<"gate">(h, m);
constexpr auto slope = input<"slope">(h, n);
constexpr auto shifted = dot<d>(q, gather<t>(table, clamp(n - m + 40, 0, 90)));
constexpr auto many = dot<d>(q, k) + shifted + bias + gate + slope * (n - m) / 100 + bucket.at(min(abs(n - m), 4));
constexpr auto many_out = dot<m>(softmax<m>(mask(many / 3, seen)), v);
constexpr auto many_gradients = gradient<many_out>(wrt(q, k, v, table, bucket, bias, gate, slope));
}  // namespace
BOOST_AUTO_TEST_CASE(all_that_a_gradient_adds_up) {
  problem p;
  const tensor<float> T = filled<float>(5, 1, {91, D}), Y = filled<float>(6, 1, {5}),
                      B = filled<float>(7, 1, {H, N, M}), A = filled<float>(8, 1, {H, M}),
                      L = filled<float>(9, 1, {H, N});
  tensor<float> dT(91, D), dY(5), dB(H, N, M), dA(H, M), dL(H, N);
  tensor<double> wT(91, D), wY(5), wB(H, N, M), wA(H, M), wL(H, N);
  const auto entry = [](extent_t i, extent_t j) { return std::clamp<extent_t>(i - j + 40, 0, 90); };
  const auto near = [](extent_t i, extent_t j) { return std::min<extent_t>(std::abs(i - j), 4); };
  p.by_hand(
      [&](extent_t a, extent_t i, extent_t j) {
        double s = p.product(a, i, j) + double(B(a, i, j)) + double(A(a, j)) + double(L(a, i)) * double(i - j) / 100 +
                   double(Y(near(i, j)));
        for (extent_t c = 0; c < D; ++c) s += double(p.Q(a, i, c)) * double(T(entry(i, j), c));
        return s / 3;
      },
      [&](extent_t a, extent_t i, const std::vector<double>& reached) {
        for (extent_t j = 0; j < M; ++j) {
          const double one = reached[std::size_t(j)] / 3;
          for (extent_t c = 0; c < D; ++c) {
            p.wQ(a, i, c) += one * (double(p.K(a, j, c)) + double(T(entry(i, j), c)));
            p.wK(a, j, c) += one * double(p.Q(a, i, c)), wT(entry(i, j), c) += one * double(p.Q(a, i, c));
          }
          wB(a, i, j) = one, wA(a, j) += one, wL(a, i) += one * double(i - j) / 100, wY(near(i, j)) += one;
        }
      });
  fuse<many_out, strict>(q = p.Q, k = p.K, v = p.V, table = T, bucket = Y, bias = B, gate = A, slope = L, seen = p.S,
                         into(p.O));
  fuse<many_gradients, strict>(q = p.Q, k = p.K, v = p.V, table = T, bucket = Y, bias = B, gate = A, slope = L,
                               seen = p.S, cotangent<many_out> = p.G, into(p.dQ, p.dK, p.dV, dT, dY, dB, dA, dL));
  p.compare();
  expect_close("table", dT, wT), expect_close("bucket", dY, wY), expect_close("bias", dB, wB);
  expect_close("gate", dA, wA), expect_close("slope", dL, wL);
}

namespace {
constexpr auto near_out = dot<m>(softmax<m>(mask(-sum<d>((q - k) * (q - k)) / 2, seen)), v);
constexpr auto near_gradients = gradient<near_out>(wrt(q, k, v));
}  // namespace
BOOST_AUTO_TEST_CASE(differences) {
  problem p;
  const auto apart = [&](extent_t a, extent_t i, extent_t j, extent_t c) {
    return double(p.Q(a, i, c)) - double(p.K(a, j, c));
  };
  p.by_hand(
      [&](extent_t a, extent_t i, extent_t j) {
        double s = 0;
        for (extent_t c = 0; c < D; ++c) s -= apart(a, i, j, c) * apart(a, i, j, c) / 2;
        return s;
      },
      [&](extent_t a, extent_t i, const std::vector<double>& reached) {
        for (extent_t j = 0; j < M; ++j)
          for (extent_t c = 0; c < D; ++c) {
            const double one = reached[std::size_t(j)] * apart(a, i, j, c);
            p.wQ(a, i, c) -= one, p.wK(a, j, c) += one;
          }
      });
  fuse<near_out, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, into(p.O));
  fuse<near_gradients, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, cotangent<near_out> = p.G,
                               into(p.dQ, p.dK, p.dV));
  p.compare();
}

// A score less how many keys from it on are chosen, and all that on the way back, where sums go both ways.
namespace {
constexpr auto product = mask(dot<d>(q, k) / 2, seen);
constexpr auto counted_out = dot<m>(softmax<m>(product - running_sum<m>(sigmoid(product), from_the_end)), v);
constexpr auto counted_gradients = gradient<counted_out>(wrt(q, k, v));
}  // namespace
BOOST_AUTO_TEST_CASE(running_sums) {
  problem p;
  const auto chosen = [&](extent_t a, extent_t i, extent_t j) { return 1 / (1 + std::exp(-p.product(a, i, j) / 2)); };
  p.by_hand(
      [&](extent_t a, extent_t i, extent_t j) {
        double s = p.product(a, i, j) / 2;
        for (extent_t x = j; x < M; ++x) s -= sees(i, x) ? chosen(a, i, x) : 0;
        return s;
      },
      [&](extent_t a, extent_t i, const std::vector<double>& reached) {
        double so_far = 0;
        for (extent_t j = 0; j < M; ++j) {
          if (!sees(i, j)) continue;
          so_far += reached[std::size_t(j)];
          const double one = (reached[std::size_t(j)] - chosen(a, i, j) * (1 - chosen(a, i, j)) * so_far) / 2;
          for (extent_t c = 0; c < D; ++c)
            p.wQ(a, i, c) += one * double(p.K(a, j, c)), p.wK(a, j, c) += one * double(p.Q(a, i, c));
        }
      });
  fuse<counted_out, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, into(p.O));
  fuse<counted_gradients, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, cotangent<counted_out> = p.G,
                                  into(p.dQ, p.dK, p.dV));
  p.compare();
}

namespace {
constexpr auto top_three = dot<m>(top_k_softmax<m>(product, 3), v);
}  // namespace
BOOST_AUTO_TEST_CASE(the_largest_of_a_row) {
  problem p;
  for (extent_t a = 0; a < H; ++a)
    for (extent_t i = 0; i < N; ++i) {
      std::vector<std::pair<double, extent_t>> s;
      for (extent_t j = 0; j < M; ++j)
        if (sees(i, j)) s.push_back({p.product(a, i, j) / 2, j});
      std::sort(s.rbegin(), s.rend());
      double total = 0;
      for (std::size_t x = 0; x < 3; ++x) total += std::exp(s[x].first);
      for (std::size_t x = 0; x < 3; ++x)
        for (extent_t c = 0; c < E; ++c) p.wO(a, i, c) += std::exp(s[x].first) / total * double(p.V(a, s[x].second, c));
    }
  fuse<top_three, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, into(p.O));
  expect_close("out", p.O, p.wO);
}
