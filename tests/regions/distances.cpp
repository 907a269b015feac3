// Scores with a table that is read at the distance of query and key (Shaw et al. 2018, Huang et al. 2018, Dai et al.
// 2019), one loop nest forward and one backward: the values of plain loops in double for tables shared and of each
// head, clamped, too short, from either side, behind an offset, with masks and groups of heads; buckets, two tables and
// no softmax against the oracle; the same bits from any number of threads.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <omp.h>
#include <set>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"g"> g;
constexpr axis<"h"> h;  // query heads of a group share keys
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 12> d;
constexpr axis<"e", 9> e;
constexpr axis<"t"> t;
constexpr auto q = input<"q">(b, g, h, n, d);
constexpr auto k = input<"k">(b, g, m, d);
constexpr auto v = input<"v">(b, g, m, e);
constexpr auto start = input<"start", std::int32_t>(b);

// Of each: the entry and the mask, as expressions and for the loops; how a table lies in memory.
struct clamped {  // Shaw et al. 2018
  static constexpr auto table = input<"table">(t, d);
  static constexpr auto at = clamp(m - n - start, -16, 16) + 16;
  static constexpr auto seen(const auto& s) { return s; }
  static extent_t entry(extent_t first, extent_t i, extent_t j) {
    return std::clamp<extent_t>(j - i - first, -16, 16) + 16;
  }
  static bool sees(extent_t, extent_t, extent_t) { return true; }
  template <class T> static tensor<T> entries(extent_t count) { return tensor<T>{count, 12}; }
  static extent_t offset(extent_t, extent_t, extent_t at, extent_t c) { return at * 12 + c; }
};
struct behind_a_cache {
  static constexpr auto table = input<"table">(d, g, t);
  static constexpr auto at = 3 + start + n - m;
  static constexpr auto seen(const auto& s) { return mask(s, m <= n + start && n + start - m < 40); }
  static extent_t entry(extent_t first, extent_t i, extent_t j) { return 3 + first + i - j; }
  static bool sees(extent_t first, extent_t i, extent_t j) { return j <= i + first && i + first - j < 40; }
  template <class T> static tensor<T> entries(extent_t count) { return tensor<T>{12, 2, count}; }
  static extent_t offset(extent_t count, extent_t group, extent_t at, extent_t c) {
    return (c * 2 + group) * count + at;
  }
};
template <class Score>
inline constexpr auto out =
    dot<m>(softmax<m>(Score::seen((dot<d>(q, k) + 0.5 * dot<d>(q, gather<t>(Score::table, Score::at))) / 2)), v);
template <class Score> inline constexpr auto gradients = gradient<out<Score>>(wrt(q, k, v, Score::table));

template <class Score> struct operands {
  extent_t B = 2, G = 2, H, N, M, T;
  tensor<float> Q = filled<float>(1, 1, {B, G, H, N, 12}), K = filled<float>(2, 1, {B, G, M, 12}),
                V = filled<float>(3, 1, {B, G, M, 9}), C = filled<float>(4, 1, {B, G, H, N, 9}),
                R = Score::template entries<float>(T);
  tensor<std::int32_t> S{B};
  tensor<float> O{B, G, H, N, 9}, dQ{B, G, H, N, 12}, dK{B, G, M, 12}, dV{B, G, M, 9},
      dR = Score::template entries<float>(T);
  tensor<double> wO{B, G, H, N, 9}, wQ{B, G, H, N, 12}, wK{B, G, M, 12}, wV{B, G, M, 9},
      wR = Score::template entries<double>(T);

  operands(extent_t heads, extent_t rows, extent_t keys, extent_t entries) : H(heads), N(rows), M(keys), T(entries) {
    const tensor<float> drawn = filled<float>(5, 1, {extent_t(R.size())});
    std::copy(drawn.begin(), drawn.end(), R.begin());
    S[1] = 5;
  }
  void run() {
    fuse<out<Score>, strict>(q = Q, k = K, v = V, Score::table = R, start = S, into(O));
    fuse<gradients<Score>, strict>(q = Q, k = K, v = V, Score::table = R, start = S, cotangent<out<Score>> = C,
                                   into(dQ, dK, dV, dR));
  }
  // A row of plain loops in double.
  void row_by_loops(extent_t s, extent_t a, extent_t x, extent_t i) {
    std::vector<double> weight, worth;
    std::vector<extent_t> keys, entries;
    double top = -INFINITY, total = 0, mean = 0;
    for (extent_t j = 0; j < M; ++j) {
      if (!Score::sees(S[std::size_t(s)], i, j)) continue;
      keys.push_back(j);
      entries.push_back(std::clamp<extent_t>(Score::entry(S[std::size_t(s)], i, j), 0, T - 1));
      double z = 0, y = 0;
      for (extent_t c = 0; c < 12; ++c)
        z += double(Q(s, a, x, i, c)) * (double(K(s, a, j, c)) + 0.5 * double(at(R, a, entries.back(), c))) / 2;
      for (extent_t c = 0; c < 9; ++c) y += double(C(s, a, x, i, c)) * double(V(s, a, j, c));
      weight.push_back(z), worth.push_back(y), top = std::max(top, z);
    }
    for (double& w : weight) total += w = std::exp(w - top);
    for (std::size_t p = 0; p < keys.size(); ++p) mean += (weight[p] /= total) * worth[p];
    for (std::size_t p = 0; p < keys.size(); ++p) {
      const extent_t j = keys[p];
      const double ds = weight[p] * (worth[p] - mean) / 2;
      for (extent_t c = 0; c < 9; ++c) {
        wO(s, a, x, i, c) += weight[p] * double(V(s, a, j, c));
        wV(s, a, j, c) += weight[p] * double(C(s, a, x, i, c));
      }
      for (extent_t c = 0; c < 12; ++c) {
        wQ(s, a, x, i, c) += ds * (double(K(s, a, j, c)) + 0.5 * double(at(R, a, entries[p], c)));
        wK(s, a, j, c) += ds * double(Q(s, a, x, i, c));
        at(wR, a, entries[p], c) += 0.5 * ds * double(Q(s, a, x, i, c));
      }
    }
  }
  template <class E> E& at(tensor<E>& of, extent_t group, extent_t entry, extent_t c) const {
    return of[std::size_t(Score::offset(T, group, entry, c))];
  }
  void check() {
    run();
    for (extent_t s = 0; s < B; ++s)
      for (extent_t a = 0; a < G; ++a)
        for (extent_t x = 0; x < H; ++x)
          for (extent_t i = 0; i < N && M > 0; ++i) row_by_loops(s, a, x, i);
    BOOST_TEST_CONTEXT(H << " heads, " << N << " queries, " << M << " keys, " << T << " entries") {
      expect_close("values", O, wO), expect_close("grad(q)", dQ, wQ), expect_close("grad(k)", dK, wK);
      expect_close("grad(v)", dV, wV), expect_close("grad(table)", dR, wR);
    }
  }
};
template <class Score> void check() {
  operands<Score>(1, 70, 131, 150).check();
  operands<Score>(3, 61, 29, 33).check();
  for (const auto& [N, M] : {std::pair<extent_t, extent_t>{1, 1}, {3, 8}, {24, 24}, {25, 47}, {49, 1}, {0, 9}, {9, 0}})
    for (const auto& [H, T] : {std::pair<extent_t, extent_t>{1, 33}, {3, 20}, {2, 1}})
      operands<Score>(H, N, M, T).check();
}
}  // namespace

// Blocks of rows and groups of keys of all instruction sets, for float and double: 6 rows are no whole groups.
BOOST_AUTO_TEST_CASE(a_ring_holds_what_a_group_of_keys_meets) {
  for (const auto& [rows, group] : {std::pair<int, int>{6, 4}, {12, 4}, {24, 4}, {24, 8}, {48, 8}}) {
    std::set<int> met;  // by number, from one that none has on
    for (int row = 0; row < rows; ++row)
      for (int key = 0; key < group; ++key) met.insert((key - row + rows * group) / group);
    BOOST_TEST(int(met.size()) <= heed::internal::run::places_of_lines(rows, group));
  }
}
BOOST_AUTO_TEST_CASE(clamped_distances) { check<clamped>(); }
BOOST_AUTO_TEST_CASE(tables_of_groups_behind_an_offset) { check<behind_a_cache>(); }

// What no row sees takes no part, whatever it is: entries of distances to keys behind a mask, and rows that are not
// numbers where entries are added up that they do not read.
BOOST_AUTO_TEST_CASE(not_a_number_behind_a_mask) {
  operands<behind_a_cache> x(2, 61, 70, 150), y(2, 61, 70, 150);
  for (extent_t at : {0, 1, 2, 43, 149})
    for (extent_t c = 0; c < 12; ++c) y.at(y.R, 1, at, c) = std::numeric_limits<float>::quiet_NaN();
  x.run(), y.run();
  BOOST_TEST(std::equal(x.O.begin(), x.O.end(), y.O.begin()));
  for (const auto& [one, two] : {std::pair(&x.dQ, &y.dQ), std::pair(&x.dK, &y.dK), std::pair(&x.dR, &y.dR)})
    for (std::size_t i = 0; i < one->size(); ++i) BOOST_TEST(std::abs((*one)[i] - (*two)[i]) < 1e-5);
  y.R = x.R;
  y.Q(1, 1, 0, 0, 3) = std::numeric_limits<float>::infinity();  // sees keys up to 5: distances 0 to 5
  y.run();
  for (extent_t at = 0; at < 150; ++at)
    for (extent_t c = 0; c < 12; ++c)
      if (at < 3 || at > 8) BOOST_TEST(std::abs(y.at(y.dR, 1, at, c) - x.at(x.dR, 1, at, c)) < 1e-5);
  BOOST_TEST(std::isnan(y.at(y.dR, 1, 3, 3)));
}
BOOST_AUTO_TEST_CASE(threads) {
  const int before = omp_get_max_threads();
  operands<clamped> one(2, 90, 150, 33);
  operands<behind_a_cache> two(2, 90, 150, 60);
  omp_set_num_threads(1);
  one.run(), two.run();
  for (const int count : {2, 5}) {
    operands<clamped> x(2, 90, 150, 33);
    operands<behind_a_cache> y(2, 90, 150, 60);
    omp_set_num_threads(count);
    x.run(), y.run();
    const auto same = [&](const auto& a, const auto& b) { BOOST_TEST(std::equal(a.begin(), a.end(), b.begin())); };
    same(x.O, one.O), same(x.dQ, one.dQ), same(x.dK, one.dK), same(x.dV, one.dV), same(x.dR, one.dR);
    same(y.O, two.O), same(y.dQ, two.dQ), same(y.dK, two.dK), same(y.dV, two.dV), same(y.dR, two.dR);
  }
  omp_set_num_threads(before);
}

// Against the oracle.
namespace {
constexpr axis<"far"> far;
constexpr auto queries = input<"queries", double>(h, n, d);
constexpr auto keys = input<"keys", double>(h, m, d);
constexpr auto values = input<"values", double>(h, m, e);
constexpr auto u = input<"u", double>(h, d);
constexpr auto w = input<"w", double>(h, d);
constexpr auto rel = input<"rel", double>(h, d, far);
constexpr auto buckets = input<"buckets", double>(t, d);
// Dai et al. 2019: a bias for content and one for position, a table of each head.
constexpr auto transformer_xl = dot<m>(
    softmax<m>(mask((dot<d>(queries + u, keys) + dot<d>(queries + w, rel.at(n - m + 2))) / 3, m <= n + 2)), values);
// Two tables, read from either side, and a weight without a softmax.
constexpr auto near = gather<t>(buckets, where(n < m, 0, min(cast<std::int32_t>(log(1.0 + max(n - m, 0)) * 2), 6)));
constexpr auto pointed = gather<t>(buckets, clamp(m - n, 0, 5) + 1);
constexpr auto rectified = dot<m>(
    relu(mask(dot<d>(queries, keys) / 4 + dot<d>(queries, near) * dot<d>(queries, pointed) / 9, m < n + 9)), values);
// Shaw et al. 2018, with vectors for values as well.
constexpr auto vectors = input<"vectors", double>(t, e);
constexpr auto weights = softmax<m>(mask((dot<d>(queries, keys) + dot<d>(queries, pointed)) / 3, m < n + 9));
constexpr auto both_vectors = dot<m>(weights, values) + dot<m>(weights, gather<t>(vectors, clamp(m - n, 0, 5) + 1));
constexpr auto of_both = gradient<both_vectors>(wrt(queries, keys, values, buckets, vectors));
constexpr auto of_xl = gradient<transformer_xl>(wrt(queries, keys, values, u, w, rel));
constexpr auto of_rectified = gradient<rectified>(wrt(queries, keys, values, buckets));
}  // namespace

BOOST_AUTO_TEST_CASE(tables_of_heads_and_biases) {
  const auto Q = filled<double>(1, 1, {2, 37, 12}), K = filled<double>(2, 1, {2, 41, 12}),
             V = filled<double>(3, 1, {2, 41, 9}), U = filled<double>(4, 1, {2, 12}), W = filled<double>(5, 1, {2, 12}),
             R = filled<double>(6, 1, {2, 12, 39}), C = filled<double>(7, 1, {2, 37, 9});
  against_oracle<transformer_xl, double>("values", {{2, 37, 9}}, queries = Q, keys = K, values = V, u = U, w = W,
                                         rel = R);
  against_oracle<of_xl, double>("gradients", {{2, 37, 12}, {2, 41, 12}, {2, 41, 9}, {2, 12}, {2, 12}, {2, 12, 39}},
                                queries = Q, keys = K, values = V, u = U, w = W, rel = R,
                                cotangent<transformer_xl> = C);
}
BOOST_AUTO_TEST_CASE(two_tables_without_a_softmax) {
  const auto Q = filled<double>(1, 1, {2, 37, 12}), K = filled<double>(2, 1, {2, 41, 12}),
             V = filled<double>(3, 1, {2, 41, 9}), C = filled<double>(7, 1, {2, 37, 9});
  const auto B = filled<double>(6, 1, {7, 12});
  against_oracle<rectified, double>("values", {{2, 37, 9}}, queries = Q, keys = K, values = V, buckets = B);
  against_oracle<of_rectified, double>("gradients", {{2, 37, 12}, {2, 41, 12}, {2, 41, 9}, {7, 12}}, queries = Q,
                                       keys = K, values = V, buckets = B, cotangent<rectified> = C);
}
BOOST_AUTO_TEST_CASE(vectors_for_values) {
  const auto Q = filled<double>(1, 1, {2, 37, 12}), K = filled<double>(2, 1, {2, 41, 12}),
             V = filled<double>(3, 1, {2, 41, 9}), C = filled<double>(7, 1, {2, 37, 9});
  const auto B = filled<double>(6, 1, {7, 12}), A = filled<double>(8, 1, {7, 9});
  against_oracle<both_vectors, double>("values", {{2, 37, 9}}, queries = Q, keys = K, values = V, buckets = B,
                                       vectors = A);
  against_oracle<of_both, double>("gradients", {{2, 37, 12}, {2, 41, 12}, {2, 41, 9}, {7, 12}, {7, 9}}, queries = Q,
                                  keys = K, values = V, buckets = B, vectors = A, cotangent<both_vectors> = C);
}
