// Fourteen gradients of one attention: more than one region over its pairs writes, so that there are two, found without
// being asked for; against finite differences of the formula in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"t", 9> t;
constexpr axis<"d", 6> d;
constexpr axis<"f", 3> f;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto slope = input<"slope">(h);
constexpr auto temperature = input<"temperature">(h);
constexpr auto table = input<"table">(h, t);
constexpr auto of_rows = input<"of_rows">(h, n);
constexpr auto of_keys = input<"of_keys">(h, m);
constexpr auto q2 = input<"q2">(h, n, f);
constexpr auto k2 = input<"k2">(h, m, f);
constexpr auto relative = input<"relative">(t, d);
constexpr auto sink = input<"sink">(h);
constexpr auto gate = input<"gate">(h, n, e);
constexpr auto bucket = clamp(n - m, 0, 8);
constexpr auto score = temperature * scaled_dot<d>(q, k) + of_rows * dot<f>(q2, k2) + bias + slope * (m - n) +
                       table.at(bucket) + tanh(of_keys) + dot<d>(q, gather<t>(relative, bucket));
constexpr auto out = sigmoid(gate) * sink_attention<m>(mask(score, m <= n + 2), v, sink);
constexpr auto backward =
    gradient<out>(wrt(q, k, v, bias, slope, temperature, table, of_rows, of_keys, q2, k2, relative, sink, gate));

constexpr int H = 2, N = 10, M = 13;
enum operand { Q, K, V, Bias, Slope, Temperature, Table, Rows, Keys, Q2, K2, Relative, Sink, Gate, operands };

struct problem {
  tensor<float> of[operands] = {
      filled<float>(1, 1, {H, N, 6}),  filled<float>(2, 1, {H, M, 6}),  filled<float>(3, 1, {H, M, 5}),
      filled<float>(4, 1, {H, N, M}),  filled<float>(5, 0.2, {H}),      filled<float>(6, 1, {H}),
      filled<float>(7, 1, {H, 9}),     filled<float>(8, 1, {H, N}),     filled<float>(9, 1, {H, M}),
      filled<float>(10, 1, {H, N, 3}), filled<float>(11, 1, {H, M, 3}), filled<float>(12, 0.5, {9, 6}),
      filled<float>(13, 1, {H}),       filled<float>(14, 1, {H, N, 5})};
  tensor<float> cotangent = filled<float>(15, 1, {H, N, 5});
  std::vector<double> x[operands];

  problem() {
    for (int i = 0; i < operands; ++i) x[i].assign(of[i].begin(), of[i].end());
  }
  double at(operand i, int index) const { return x[i][std::size_t(index)]; }
  double score_of(int a, int r, int c) const {
    const int distance = std::clamp(r - c, 0, 8);
    double first = 0, second = 0, third = 0;
    for (int y = 0; y < 6; ++y) {
      first += at(Q, (a * N + r) * 6 + y) * at(K, (a * M + c) * 6 + y);
      third += at(Q, (a * N + r) * 6 + y) * at(Relative, distance * 6 + y);
    }
    for (int y = 0; y < 3; ++y) second += at(Q2, (a * N + r) * 3 + y) * at(K2, (a * M + c) * 3 + y);
    return at(Temperature, a) * first / std::sqrt(6.) + at(Rows, a * N + r) * second + third +
           at(Bias, (a * N + r) * M + c) + at(Slope, a) * (c - r) + at(Table, a * 9 + distance) +
           std::tanh(at(Keys, a * M + c));
  }
  std::vector<double> result() const {
    std::vector<double> r;
    for (int a = 0; a < H; ++a)
      for (int row = 0; row < N; ++row) {
        double all = std::exp(at(Sink, a)), sum[5] = {};
        for (int c = 0; c < std::min(M, row + 3); ++c) {
          const double w = std::exp(score_of(a, row, c));
          all += w;
          for (int y = 0; y < 5; ++y) sum[y] += w * at(V, (a * M + c) * 5 + y);
        }
        for (int y = 0; y < 5; ++y) r.push_back(sum[y] / all / (1 + std::exp(-at(Gate, (a * N + row) * 5 + y))));
      }
    return r;
  }
  double loss() const {
    const std::vector<double> r = result();
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * double(cotangent[i]);
    return sum;
  }
  tensor<double> slopes(int i) {
    tensor<double> r(extent_t(x[i].size()));
    for (std::size_t y = 0; y < x[i].size(); ++y) {
      const double kept = x[i][y];
      const auto moved = [&](double by) {
        x[i][y] = kept + by;
        return loss();
      };
      r[y] = (8 * (moved(1e-4) - moved(-1e-4)) - moved(2e-4) + moved(-2e-4)) / 12e-4;
      x[i][y] = kept;
    }
    return r;
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(fourteen_gradients) {
  problem p;
  const auto call = [&](const auto& fused, const auto&... more) {
    fused(q = p.of[Q], k = p.of[K], v = p.of[V], bias = p.of[Bias], slope = p.of[Slope],
          temperature = p.of[Temperature], table = p.of[Table], of_rows = p.of[Rows], of_keys = p.of[Keys],
          q2 = p.of[Q2], k2 = p.of[K2], relative = p.of[Relative], sink = p.of[Sink], gate = p.of[Gate], more...);
  };
  tensor<float> O(H, N, 5);
  call(fuse<out, strict>, into(O));
  const std::vector<double> wanted = p.result();
  for (std::size_t i = 0; i < wanted.size(); ++i) BOOST_TEST(std::fabs(wanted[i] - double(O[i])) < 1e-5);
  tensor<float> g[operands];
  for (int i = 0; i < operands; ++i) g[i] = p.of[i];
  call(fuse<backward, strict>, cotangent<out> = p.cotangent,
       into(g[Q], g[K], g[V], g[Bias], g[Slope], g[Temperature], g[Table], g[Rows], g[Keys], g[Q2], g[K2], g[Relative],
            g[Sink], g[Gate]));
  for (int i = 0; i < operands; ++i) expect_close(("gradient " + std::to_string(i)).c_str(), g[i], p.slopes(i));
}
// One region writes eight values at most.
BOOST_AUTO_TEST_CASE(two_regions_over_the_pairs) {
  const std::string regions = explain<backward>();
  int found = 0;
  for (std::size_t i = 0; (i = regions.find(": score gradient", i)) != std::string::npos; ++i) ++found;
  BOOST_TEST(found == 2, regions);
}
