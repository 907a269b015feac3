// What a row of scores knows after several passes, fused: attention by entmax and by the k largest scores, against
// plain loops in double that sort, and gradients against the oracle; rows of memory at hard cases; scores that loops
// compute.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include "row_statistics.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 20> d;
constexpr axis<"e", 16> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto score = mask(0.3 * dot<d>(q, k), m <= n + 1);  // no power of two: it rounds
constexpr auto sparse = dot<m>(entmax15<m>(score), v);
constexpr auto top_five = dot<m>(top_k_softmax<m>(score, 5), v);

constexpr extent_t H = 2, E = 16, D = 20;
struct operands {
  extent_t N, M;
  tensor<float> Q = filled<float>(1, 1.5, {H, N, D}), K = filled<float>(2, 1, {H, M, D}),
                V = filled<float>(3, 1, {H, M, E}), G = filled<float>(4, 1, {H, N, E});
  tensor<float> O{H, N, E}, dQ{H, N, D}, dK{H, M, D}, dV{H, M, E};
  tensor<double> wO{H, N, E}, wQ{H, N, D}, wK{H, M, D}, wV{H, M, E};
};
std::vector<double> scores_of(const operands& x, extent_t a, extent_t i) {
  std::vector<double> s;
  for (extent_t j = 0; j < x.M && j <= i + 1; ++j) {
    double one = 0;
    for (extent_t l = 0; l < D; ++l) one += 0.3 * double(x.Q(a, i, l)) * double(x.K(a, j, l));
    s.push_back(one);
  }
  return s;
}
std::vector<double> softmax_of_largest(std::vector<double> s, std::size_t count) {
  const double smallest = kth_largest_of(s, count);
  double total = 0;
  for (double& x : s) x = x >= smallest ? std::exp(x) : 0, total += x;
  for (double& x : s) x /= total;
  return s;
}
template <const auto& Out, class Weights> void check_values(const char* name, const Weights& weights) {
  for (const extent_t N : {33, 1, 0})
    for (const extent_t M : {150, 1, 0}) {
      operands x{N, M};
      fuse<Out, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
      for (extent_t a = 0; a < H; ++a)
        for (extent_t i = 0; i < N; ++i) {
          const std::vector<double> w = weights(scores_of(x, a, i));
          for (extent_t l = 0; l < E; ++l)
            for (extent_t j = 0; j < extent_t(w.size()); ++j) x.wO(a, i, l) += w[j] * double(x.V(a, j, l));
        }
      BOOST_TEST(off(x.O, x.wO) < 1e-5, name << ", " << N << " queries and " << M << " keys: " << off(x.O, x.wO));
    }
}
template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v));
template <const auto& Out> void check_gradients(const char* name) {
  operands x{33, 33};
  fuse<gradients<Out>, strict>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.dQ, x.dK, x.dV));
  reference<gradients<Out>>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.wQ, x.wK, x.wV));
  BOOST_TEST(off(x.dQ, x.wQ) < 2e-5, name << off(x.dQ, x.wQ));
  BOOST_TEST(off(x.dK, x.wK) < 2e-5, name << off(x.dK, x.wK));
  BOOST_TEST(off(x.dV, x.wV) < 2e-5, name << off(x.dV, x.wV));
}
}  // namespace

BOOST_AUTO_TEST_CASE(attention_by_entmax) {
  check_values<sparse>("entmax15", [](const std::vector<double>& s) { return entmax_of(s, 1.5); });
  check_gradients<sparse>("entmax15 ");
}
// The k-th itself is among them: the region that compares sees its bits.
BOOST_AUTO_TEST_CASE(attention_by_the_largest_scores) {
  check_values<top_five>("top 5", [](const std::vector<double>& s) { return softmax_of_largest(s, 5); });
  check_gradients<top_five>("top 5 ");
}
// What a mask excludes has no part in it, NaN and infinity included.
BOOST_AUTO_TEST_CASE(excluded_is_absent) {
  operands x{4, 70}, y{4, 70};
  for (extent_t a = 0; a < H; ++a)
    for (extent_t j = 6; j < 70; ++j) {
      x.K(a, j, 3) = j % 2 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
      x.V(a, j, 3) = std::numeric_limits<float>::quiet_NaN();
    }
  fuse<sparse, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
  fuse<sparse, strict>(q = y.Q, k = y.K, v = y.V, into(y.O));
  BOOST_TEST(std::equal(x.O.begin(), x.O.end(), y.O.begin()));
  fuse<top_five, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
  fuse<top_five, strict>(q = y.Q, k = y.K, v = y.V, into(y.O));
  BOOST_TEST(std::equal(x.O.begin(), x.O.end(), y.O.begin()));
}

namespace {
constexpr auto s = input<"s">(n, m);
constexpr auto length = input<"length", std::int32_t>(n);
constexpr auto row = mask(s, m < length);
constexpr auto nearest = sparsemax<m>(row);
constexpr auto middle = entmax15<m>(row);
constexpr auto soft = entmax<m>(1.25, row);
constexpr auto third = kth_largest<m>(row, 3);
constexpr auto ranks = results(nearest, middle, soft, third);
constexpr auto down = kth_largest<n>(input<"wide", double>(n, m), 7);
constexpr auto whole = kth_largest<m>(input<"whole", std::int32_t>(n, m), 2);
constexpr auto others = results(down, whole);
// A sum over pairs that is no contraction is a loop's.
constexpr auto q2 = input<"q2">(n, d);
constexpr auto k2 = input<"k2">(m, d);
constexpr auto additive = sum<d>(tanh(q2 + k2));
constexpr auto fourth = kth_largest<m>(additive, 4);
constexpr auto total = sum<m>(entmax15<m>(additive) * additive);
constexpr auto looped = results(fourth, total);

// Scores that are hard to weigh, a row each: equal ones, one that stands out, huge ones, close ones, far ones, one key.
std::vector<std::vector<double>> hard_rows(extent_t keys) {
  std::vector<std::vector<double>> r;
  const tensor<float> drawn = filled<float>(8, 1, {keys});
  const auto row = [&](auto f) {
    r.emplace_back();
    for (extent_t j = 0; j < keys; ++j) r.back().push_back(double(float(f(double(j), double(drawn[j])))));
  };
  row([](double, double) { return 2.; });
  row([](double j, double) { return j == 5 ? 4. : 3.5; });
  row([](double j, double) { return j == 5 ? 0. : -0.999; });
  for (const double spread : {1e-3, 0.1, 1., 3., 30., 1e4, 1e30}) row([&](double, double x) { return spread * x; });
  row([](double j, double) { return 1 / (1 + j); });
  row([](double j, double) { return -std::sqrt(j) / 50; });
  row([](double j, double) { return -std::exp2(-j); });
  row([](double, double x) { return x > 0.3 ? x : -INFINITY; });
  row([](double, double) { return -INFINITY; });
  return r;
}
}  // namespace

BOOST_AUTO_TEST_CASE(rows_of_memory) {
  for (const extent_t keys : {8192, 37, 1}) {
    const auto rows = hard_rows(keys);
    const extent_t count = extent_t(rows.size());
    tensor<float> S(count, keys), P(count, keys), Q(count, keys), R(count, keys), T(count);
    std::vector<std::int32_t> lengths(rows.size(), std::int32_t(keys));
    lengths[3] = 0, lengths[4] = std::int32_t(std::min<extent_t>(2, keys));
    for (extent_t i = 0; i < count; ++i)
      for (extent_t j = 0; j < keys; ++j) S(i, j) = float(rows[i][j]);
    fuse<ranks, strict>(s = S, length = lengths, into(P, Q, R, T));
    for (extent_t i = 0; i < count; ++i) {
      const std::vector<double> present(rows[i].begin(), rows[i].begin() + lengths[i]);
      BOOST_TEST(double(T[i]) == kth_largest_of(present, 3), "row " << i << " of " << keys);
      double scale = 1;  // of the rounding of the threshold
      for (const double x : present)
        if (x != -INFINITY) scale = std::max(scale, std::fabs(x));
      const auto check = [&](const tensor<float>& got, double alpha) {
        std::vector<double> wanted = entmax_of(present, alpha);
        wanted.resize(keys);
        double worst = 0;
        for (extent_t j = 0; j < keys; ++j) {
          const double off = std::fabs(double(got(i, j)) - wanted[j]);
          worst = off <= worst ? worst : off;
        }
        BOOST_TEST((scale > 1e6 || worst < 4e-7 * scale),
                   alpha << ", row " << i << " of " << keys << " keys: off by " << worst);
      };
      check(P, 2), check(Q, 1.5), check(R, 1.25);
    }
  }
}
BOOST_AUTO_TEST_CASE(other_elements_and_axes) {
  tensor<double> wide(9, 21), tops(21);
  tensor<std::int32_t> numbers(9, 21), seconds(9);
  const tensor<float> drawn = filled<float>(3, 1, {9, 21});
  for (extent_t i = 0; i < 9; ++i)
    for (extent_t j = 0; j < 21; ++j)
      wide(i, j) = 1 + 1e-12 * double(drawn(i, j)), numbers(i, j) = std::int32_t(1e6f * drawn(i, j));
  fuse<others, strict>(heed::input<"wide", double>(n, m) = wide, heed::input<"whole", std::int32_t>(n, m) = numbers,
                       into(tops, seconds));
  for (extent_t j = 0; j < 21; ++j) {
    std::vector<double> column;
    for (extent_t i = 0; i < 9; ++i) column.push_back(wide(i, j));
    BOOST_TEST(tops[j] == kth_largest_of(column, 7));
  }
  for (extent_t i = 0; i < 9; ++i) {
    std::vector<double> one;
    for (extent_t j = 0; j < 21; ++j) one.push_back(numbers(i, j));
    BOOST_TEST(double(seconds[i]) == kth_largest_of(one, 2));
  }
}
BOOST_AUTO_TEST_CASE(scores_of_loops) {
  const tensor<float> Q = filled<float>(1, 1, {6, D}), K = filled<float>(2, 1, {19, D});
  tensor<float> got(6), sums(6);
  tensor<double> wanted(6), wanted_sums(6);
  fuse<looped>(q2 = Q, k2 = K, into(got, sums));
  reference<looped>(q2 = Q, k2 = K, into(wanted, wanted_sums));
  BOOST_TEST(off(got, wanted) < 1e-6);
  BOOST_TEST(off(sums, wanted_sums) < 1e-5);
  BOOST_TEST(explain<looped>().find("loop (not fused") != std::string::npos);
}
