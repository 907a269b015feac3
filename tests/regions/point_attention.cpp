// Invariant point attention (Jumper et al. 2021, algorithm 22): scores of queries and keys, of a bias that is projected
// from pairs and of distances between points in space, summed over points and coordinates; values, points and pairs are
// read by the same weights. Against its formula and finite differences of it in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h", 2> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c", 3> c;
constexpr axis<"d", 4> d;
constexpr axis<"p", 2> p;
constexpr axis<"x", 3> x;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
constexpr auto q_points = input<"q_points">(h, n, p, x);
constexpr auto k_points = input<"k_points">(h, m, p, x);
constexpr auto v_points = input<"v_points">(h, m, p, x);
constexpr auto spread = input<"spread">(h);
constexpr auto z = input<"z">(n, m, c);
constexpr auto w = input<"w">(h, c);
constexpr auto far = sum<p, x>(pow(q_points - k_points, 2));
constexpr auto weights = softmax<m>(scaled_dot<d>(q, k) + project<c>(z, w) - softplus(spread) * far / 2);
constexpr auto values = dot<m>(weights, v);
constexpr auto points = dot<m>(weights, v_points);
constexpr auto pairs = dot<m>(weights, z);
constexpr auto out = results(values, points, pairs);
constexpr auto backward =
    gradient<results(values, points, pairs)>(wrt(q, k, v, q_points, k_points, v_points, spread, z, w));
// The mean of sizes instead of a sum of squares, and no softmax.
constexpr auto near = mean<p, x>(abs(q_points - k_points) / 3);
constexpr auto warmth = dot<m>(exp(-near), v);
constexpr auto of_warmth = gradient<warmth>(wrt(q_points, k_points, v));

constexpr int H = 2, N = 9, M = 11;
enum operand { Q, K, V, QP, KP, VP, Spread, Z, W, operands };

struct problem {
  tensor<float> of[operands] = {
      filled<float>(1, 1, {H, N, 4}),    filled<float>(2, 1, {H, M, 4}),    filled<float>(3, 1, {H, M, 4}),
      filled<float>(4, 1, {H, N, 2, 3}), filled<float>(5, 1, {H, M, 2, 3}), filled<float>(6, 1, {H, M, 2, 3}),
      filled<float>(7, 1, {H}),          filled<float>(8, 1, {N, M, 3}),    filled<float>(9, 1, {H, 3})};
  tensor<float> cotangents[3] = {filled<float>(10, 1, {H, N, 4}), filled<float>(11, 1, {H, N, 2, 3}),
                                 filled<float>(12, 1, {H, N, 3})};
  std::vector<double> at[operands];
  problem() {
    for (int i = 0; i < operands; ++i) at[i].assign(of[i].begin(), of[i].end());
  }
  double get(operand i, int index) const { return at[i][std::size_t(index)]; }
  double score(int a, int r, int l) const {
    double s = 0, square = 0;
    for (int y = 0; y < 4; ++y) s += get(Q, (a * N + r) * 4 + y) * get(K, (a * M + l) * 4 + y) / 2;
    for (int y = 0; y < 3; ++y) s += get(W, a * 3 + y) * get(Z, (r * M + l) * 3 + y);
    for (int y = 0; y < 6; ++y) square += std::pow(get(QP, (a * N + r) * 6 + y) - get(KP, (a * M + l) * 6 + y), 2);
    return s - std::log1p(std::exp(get(Spread, a))) * square / 2;
  }
  // Values, points and pairs, one behind the other.
  std::array<std::vector<double>, 3> result() const {
    std::array<std::vector<double>, 3> r{std::vector<double>(H * N * 4), std::vector<double>(H * N * 6),
                                         std::vector<double>(H * N * 3)};
    for (int a = 0; a < H; ++a)
      for (int row = 0; row < N; ++row) {
        double all = 0;
        const int at_row = a * N + row;
        for (int l = 0; l < M; ++l) all += std::exp(score(a, row, l));
        for (int l = 0; l < M; ++l) {
          const double weight = std::exp(score(a, row, l)) / all;
          for (int y = 0; y < 4; ++y) r[0][std::size_t(at_row * 4 + y)] += weight * get(V, (a * M + l) * 4 + y);
          for (int y = 0; y < 6; ++y) r[1][std::size_t(at_row * 6 + y)] += weight * get(VP, (a * M + l) * 6 + y);
          for (int y = 0; y < 3; ++y) r[2][std::size_t(at_row * 3 + y)] += weight * get(Z, (row * M + l) * 3 + y);
        }
      }
    return r;
  }
  double loss() const {
    const auto r = result();
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t y = 0; y < r[i].size(); ++y) sum += r[i][y] * double(cotangents[i][y]);
    return sum;
  }
  tensor<double> slopes(int i) {
    tensor<double> r(extent_t(at[i].size()));
    for (std::size_t y = 0; y < at[i].size(); ++y) {
      const double kept = at[i][y];
      const auto moved = [&](double by) {
        at[i][y] = kept + by;
        return loss();
      };
      r[y] = (8 * (moved(1e-4) - moved(-1e-4)) - moved(2e-4) + moved(-2e-4)) / 12e-4;
      at[i][y] = kept;
    }
    return r;
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(invariant_point_attention) {
  problem p;
  const auto call = [&](const auto& fused, const auto&... more) {
    fused(q = p.of[Q], k = p.of[K], v = p.of[V], q_points = p.of[QP], k_points = p.of[KP], v_points = p.of[VP],
          spread = p.of[Spread], z = p.of[Z], w = p.of[W], more...);
  };
  tensor<float> O[3] = {p.cotangents[0], p.cotangents[1], p.cotangents[2]}, g[operands];
  for (int i = 0; i < operands; ++i) g[i] = p.of[i];
  call(fuse<out, strict>, into(O[0], O[1], O[2]));
  call(fuse<backward, strict>, cotangent<results(values, points, pairs), 0> = p.cotangents[0],
       cotangent<results(values, points, pairs), 1> = p.cotangents[1], cotangent<out, 2> = p.cotangents[2],
       into(g[Q], g[K], g[V], g[QP], g[KP], g[VP], g[Spread], g[Z], g[W]));
  const auto wanted = p.result();
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t y = 0; y < wanted[i].size(); ++y) BOOST_TEST(std::fabs(wanted[i][y] - double(O[i][y])) < 1e-5);
  for (int i = 0; i < operands; ++i) expect_close(("gradient " + std::to_string(i)).c_str(), g[i], p.slopes(i));
}
BOOST_AUTO_TEST_CASE(mean_distance_without_a_softmax) {
  problem p;
  tensor<float> O(H, N, 4), dQ(p.of[QP]), dK(p.of[KP]), dV(p.of[V]);
  const auto& C = p.cotangents[0];
  fuse<warmth, strict>(q_points = p.of[QP], k_points = p.of[KP], v = p.of[V], into(O));
  fuse<of_warmth, strict>(q_points = p.of[QP], k_points = p.of[KP], v = p.of[V], cotangent<warmth> = C,
                          into(dQ, dK, dV));
  tensor<double> o(H, N, 4), dq(H, N, 2, 3), dk(H, M, 2, 3), dv(H, M, 4);
  for (int a = 0; a < H; ++a)
    for (int r = 0; r < N; ++r)
      for (int l = 0; l < M; ++l) {
        double far = 0, worth = 0;
        const auto between = [&](int y) { return p.get(QP, (a * N + r) * 6 + y) - p.get(KP, (a * M + l) * 6 + y); };
        for (int y = 0; y < 6; ++y) far += std::fabs(between(y)) / 18;
        const double weight = std::exp(-far);
        for (int y = 0; y < 4; ++y) {
          o(a, r, y) += weight * p.get(V, (a * M + l) * 4 + y), dv(a, l, y) += weight * double(C(a, r, y));
          worth += double(C(a, r, y)) * p.get(V, (a * M + l) * 4 + y);
        }
        for (int y = 0; y < 6; ++y) {
          const double slope = -weight * worth * (between(y) > 0 ? 1 : -1) / 18;
          dq[std::size_t((a * N + r) * 6 + y)] += slope, dk[std::size_t((a * M + l) * 6 + y)] -= slope;
        }
      }
  expect_close("out", O, o), expect_close("dq", dQ, dq), expect_close("dk", dK, dk), expect_close("dv", dV, dv);
}
