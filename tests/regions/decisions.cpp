// What decides (comparisons, indices) is computed one way in every region, forward and backward, and in the oracle: as
// declared, in the width of its element. Expected values by plain C++ in that width.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include <boost/test/unit_test.hpp>
#include <heed/heed.hpp>
#include <cmath>
#include <vector>
using namespace heed;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 1> d;
constexpr axis<"bins", 16> bins;

// A table read at a bin of a number: the row region reads, the scatter region gives back.
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y", double>(n);
constexpr auto table = input<"table">(bins);
constexpr auto wide_table = input<"wide_table", double>(bins);
constexpr auto entry = table.at(cast<std::int32_t>(x * 10 + 0.3 * x));
constexpr auto read_back = gradient<entry>(wrt(table));
constexpr auto wide_read = wide_table.at(cast<std::int32_t>(y * 10));
constexpr auto wide_read_back = gradient<wide_read>(wrt(wide_table));

// Buckets of T5, and a bias read at them in a score region.
constexpr auto bucket = min(
    where(n - m < 4, max(n - m, 0), 4 + cast<std::int32_t>(log(max(n - m, 1) / 4) / 0.69314718055994530942 * 2)), 15);
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
constexpr auto biased = dot<m>(softmax<m>(mask(dot<d>(q, k) + table.at(bucket), m <= n)), v);
constexpr auto biased_back = gradient<biased>(wrt(table));
constexpr auto buckets = sum<d>(bucket + 0 * d);

// One threshold in a score region, in a loop, in a row region.
constexpr axis<"u"> u;
constexpr auto q_units = input<"q_units">(n, u);
constexpr auto k_units = input<"k_units">(m, u);
constexpr auto of_no_product = sum<u>(tanh(q_units * k_units));
constexpr auto gate = input<"gate">(m);
constexpr auto open_gate = gate * 0.7 + 0.03 <= 0.1;
constexpr auto by_score = logsumexp<m>(mask(dot<d>(q, k), open_gate));
constexpr auto by_loop = logsumexp<m>(mask(dot<d>(q, k) + of_no_product, open_gate));
constexpr auto by_row = sum<m>(mask(1 + 0 * gate, open_gate));

// A double graph has double everywhere, where no operand is read as well.
constexpr auto scaled = y / sum<m>(exp(-0.1 * m));
constexpr auto below = where(0.1 * n <= y, 1, 0);
constexpr auto open_result = exp(0.1 * n);  // a float, though a double is made of it too
constexpr auto of_both = open_result * y;
constexpr auto both = results(open_result, of_both);

int only_entry(const std::vector<float>& g) {
  int at = -1, count = 0;
  for (int i = 0; i < int(g.size()); ++i)
    if (g[std::size_t(i)] != 0) at = i, ++count;
  return count == 1 ? at : -1;
}
}  // namespace

BOOST_AUTO_TEST_CASE(forward_and_backward_read_one_entry) {
  std::vector<float> X(1), T(16), Y(1), C(1, 1.f), dT(16);
  std::vector<double> W(16), Z(1), dW(16), one(1, 1.), R(1), RT(16);
  for (int i = 0; i < 16; ++i) T[std::size_t(i)] = float(i), W[std::size_t(i)] = i;
  for (int i = 0; i < 140; ++i) {
    const float f = float(i) / 100;
    X[0] = f;
    volatile float tenfold = f * 10.f, rest = 0.3f * f;  // the compiler does not contract what it must store
    const int want = int(tenfold + rest);
    fuse<entry>(x = X, table = T, into(Y));
    reference<entry>(x = X, table = T, into(R));
    fuse<read_back>(x = X, table = T, cotangent<entry> = C, into(dT));
    reference<read_back>(x = X, table = T, cotangent<entry> = C, into(RT));
    BOOST_TEST_REQUIRE((Y[0] == want && R[0] == want && only_entry(dT) == want && RT[std::size_t(want)] == 1),
                       "x = " << f << ": " << Y[0] << " " << R[0] << " " << only_entry(dT) << ", not " << want);
    const std::vector<double> D{double(i) / 100};
    fuse<wide_read>(y = D, wide_table = W, into(Z));
    fuse<wide_read_back>(y = D, wide_table = W, cotangent<wide_read> = one, into(dW));
    BOOST_TEST_REQUIRE((Z[0] == int(D[0] * 10) && dW[std::size_t(D[0] * 10)] == 1), "y = " << D[0]);
  }
}
BOOST_AUTO_TEST_CASE(buckets_at_their_edges) {  // 4 * 2^(j / 2): an edge where j is even
  constexpr int positions = 300;
  const auto of = [](int distance) {
    int edges = 0;  // 2^edges <= (distance / 4)^2, in whole numbers
    while (distance >= 4 && (std::int64_t(16) << (edges + 1)) <= std::int64_t(distance) * distance) ++edges;
    return std::min(distance < 4 ? std::max(distance, 0) : 4 + edges, 15);
  };
  tensor<std::int32_t> B(positions, positions);
  tensor<double> RB(positions, positions);
  fuse<buckets>(with(n, positions), with(m, positions), with(d, 1), into(B));
  reference<buckets>(with(n, positions), with(m, positions), with(d, 1), into(RB));
  for (int i = 0; i < positions; ++i)
    for (int j = 0; j < positions; ++j)
      BOOST_TEST_REQUIRE((B(i, j) == of(i - j) && RB(i, j) == of(i - j)),
                         "distance " << i - j << ": " << B(i, j) << ", not " << of(i - j));

  // In attention: a row's weights are known, so are its sums; the gradient of the table goes where the forward read.
  tensor<float> Q(positions, 1), K(positions, 1), V(positions, 1), T(16), O(positions, 1), C(positions, 1), dT(16);
  for (int i = 0; i < 16; ++i) T(i) = float(i % 5) / 4;
  for (int i = 0; i < positions; ++i) V(i, 0) = float(i % 7), C(i, 0) = i == 299 ? 1 : 0;
  fuse<biased, strict>(q = Q, k = K, v = V, table = T, into(O));
  fuse<biased_back, strict>(q = Q, k = K, v = V, table = T, cotangent<biased> = C, into(dT));
  double total = 0, value = 0, slope[16] = {};
  for (int j = 0; j < positions; ++j)
    total += std::exp(double(T(of(299 - j)))), value += std::exp(double(T(of(299 - j)))) * V(j, 0);
  value /= total;
  for (int j = 0; j < positions; ++j)
    slope[of(299 - j)] += std::exp(double(T(of(299 - j)))) / total * (V(j, 0) - value);
  BOOST_TEST(std::abs(O(299, 0) - value) < 1e-5);
  for (int i = 0; i < 16; ++i)
    BOOST_TEST(std::abs(dT(i) - slope[i]) < 1e-5, "bucket " << i << ": " << dT(i) << ", not " << slope[i]);
}
BOOST_AUTO_TEST_CASE(a_constant_takes_the_width_of_what_it_meets) {
  std::vector<float> G;
  int open = 0;
  for (int i = 0; i < 40; ++i) {
    G.push_back(0.1f + float(i - 20) * 1e-8f);  // neighbours of 0.1f
    volatile float product = G.back() * 0.7f;
    open += product + 0.03f <= 0.1f;
  }
  const int keys = int(G.size());
  tensor<float> Q(1, 1), K(keys, 1), L(1), LL(1);
  tensor<double> R(1);
  float count;
  fuse<by_score, strict>(q = Q, k = K, gate = G, into(L));
  fuse<by_loop>(q = Q, k = K, q_units = Q, k_units = K, gate = G, into(LL));
  fuse<by_row>(gate = G, into(count));
  reference<by_score>(q = Q, k = K, gate = G, into(R));
  BOOST_TEST((open > 0 && open < keys));
  BOOST_TEST((std::lround(std::exp(L(0))) == open && std::lround(std::exp(LL(0))) == open && count == float(open) &&
              std::lround(std::exp(R(0))) == open),
             std::exp(L(0)) << " " << std::exp(LL(0)) << " " << count << " " << std::exp(R(0)) << ", not " << open);
}
BOOST_AUTO_TEST_CASE(a_double_graph_is_double_throughout) {
  std::vector<double> Y(7, 1.), Z(7), O(7);
  std::vector<std::int64_t> B(7);
  fuse<scaled>(y = Y, with(m, 7), into(Z));
  double total = 0;
  for (int i = 0; i < 7; ++i) total += std::exp(-0.1 * i);
  for (int i = 0; i < 7; ++i) BOOST_TEST(std::abs(Z[std::size_t(i)] * total - 1) < 1e-14);
  for (int i = 0; i < 7; ++i) Y[std::size_t(i)] = 0.1 * i;
  fuse<below>(y = Y, into(B));
  for (int i = 0; i < 7; ++i) BOOST_TEST(B[std::size_t(i)] == 1);
  Y.assign(7, 2.);
  std::vector<float> E(7);
  fuse<both>(y = Y, into(E, O));
  for (int i = 0; i < 7; ++i)
    BOOST_TEST((std::abs(O[std::size_t(i)] / std::exp(0.1 * i) - 2) < 1e-14 &&
                std::abs(E[std::size_t(i)] / std::exp(0.1f * float(i)) - 1) < 1e-6f));
}

// Scores of few keys are stored, and so is their maximum: its gradient compares both, whichever region made them.
namespace {
constexpr axis<"few", 4> few;
constexpr axis<"c"> c;
constexpr auto from = input<"from">(n, c);
constexpr auto to = input<"to">(few, c);
constexpr auto softened = softplus(mask(scaled_dot<c>(from, to), few <= n));
constexpr auto highest = max<few>(softened);
constexpr auto highest_back = gradient<highest>(wrt(to));
constexpr auto plainly = max<few>(softplus(mask(dot<c>(from, to), few <= n)));
constexpr auto plainly_back = gradient<plainly>(wrt(to));
}  // namespace

BOOST_AUTO_TEST_CASE(a_maximum_of_stored_scores_is_one_of_them) {
  constexpr int rows = 200, width = 3;
  tensor<float> F(rows, width), T(4, width), G(rows), scaled_got(4, width), got(4, width);
  const auto drawn = [](int i) { return std::sin(float(7 * i + 1)); };
  for (int i = 0; i < rows * width; ++i) F[std::size_t(i)] = drawn(i);
  for (int i = 0; i < 4 * width; ++i) T[std::size_t(i)] = drawn(i + 1000);
  for (int i = 0; i < rows; ++i) G[std::size_t(i)] = drawn(i + 2000);
  fuse<highest_back, strict>(from = F, to = T, cotangent<highest> = G, into(scaled_got));
  fuse<plainly_back, strict>(from = F, to = T, cotangent<plainly> = G, into(got));
  for (const double scale : {1., 1 / std::sqrt(3.)}) {
    double want[4][width]{};
    for (int i = 0; i < rows; ++i) {
      int at = 0;
      double top = -INFINITY;
      for (int j = 0; j < 4 && j <= i; ++j) {
        double s = 0;
        for (int a = 0; a < width; ++a) s += double(F(i, a)) * double(T(j, a));
        if (s > top) top = s, at = j;
      }
      for (int a = 0; a < width; ++a)
        want[at][a] += double(G[i]) * scale / (1 + std::exp(-top * scale)) * double(F(i, a));
    }
    for (int j = 0; j < 4; ++j)
      for (int a = 0; a < width; ++a)
        BOOST_TEST(std::fabs(double((scale == 1 ? got : scaled_got)(j, a)) - want[j][a]) < 1e-4);
  }
}
