// Contextual positions (Golovneva et al. 2024) on the way back: keys are counted by gates, from the last on, and the
// table of a query is read between two entries at what has been counted. One loop nest gives what reaches queries,
// keys, values and the table of each query. Against the gradient by hand in double, under several masks and none, for
// queries that share keys, extents that fill nothing; for what nobody sees; the same bits for any number of threads.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"r", 2> r;  // heads of a group share keys
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"p"> p;
constexpr axis<"d", 8> d;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, r, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto table = input<"table">(p, d);

struct earlier {
  static constexpr auto seen(const auto& s) { return mask(s, m <= n + 3); }
  static bool sees(extent_t i, extent_t j) { return j <= i + 3; }
};
struct near {
  static constexpr auto seen(const auto& s) { return mask(s, m <= n && n - m < 40); }
  static bool sees(extent_t i, extent_t j) { return j <= i && i - j < 40; }
};
struct everything {
  static constexpr auto seen(const auto& s) { return s; }
  static bool sees(extent_t, extent_t) { return true; }
};
template <class Mask> inline constexpr auto s = Mask::seen(scaled_dot<d>(q, k));
template <class Mask>
inline constexpr auto position = min(running_sum<m>(sigmoid(s<Mask>), from_the_end), size<p> - 1);
template <class Mask> inline constexpr auto below = cast<std::int32_t>(floor(position<Mask>));
template <class Mask> inline constexpr auto part = position<Mask> - below<Mask>;
constexpr auto at = dot<d>(q, table);
template <class Mask>
inline constexpr auto score =
    s<Mask> + (1 - part<Mask>)*gather<p>(at, below<Mask>) + part<Mask> * gather<p>(at, below<Mask> + 1);
template <class Mask> inline constexpr auto out = dot<m>(softmax<m>(score<Mask>), v);
template <class Mask> inline constexpr auto gradients = gradient<out<Mask>>(wrt(q, k, v, table));

struct problem {
  extent_t H, N, M, P;
  tensor<float> Q = filled<float>(1, 1, {H, 2, N, 8}), K = filled<float>(2, 1, {H, M, 8}),
                V = filled<float>(3, 1, {H, M, 5}), A = filled<float>(4, 1, {P, 8}),
                C = filled<float>(5, 1, {H, 2, N, 5});
  tensor<float> O{H, 2, N, 5}, dQ{H, 2, N, 8}, dK{H, M, 8}, dV{H, M, 5}, dA{P, 8};
  tensor<double> wO{H, 2, N, 5}, wQ{H, 2, N, 8}, wK{H, M, 8}, wV{H, M, 5}, wA{P, 8};

  template <class Mask> void run() {
    fuse<out<Mask>, strict>(q = Q, k = K, v = V, table = A, into(O));
    fuse<gradients<Mask>, strict>(q = Q, k = K, v = V, table = A, cotangent<out<Mask>> = C, into(dQ, dK, dV, dA));
  }
  // What is known of a pair by hand.
  struct pair {
    extent_t key, low, high;
    double gate, counted, part, weight, worth;
  };
  template <class Mask> void row_by_hand(extent_t i, extent_t g, extent_t row) {
    const auto query = [&](int x) { return double(Q(i, g, row, x)); };
    std::vector<double> places(std::size_t(P), 0.), reached(std::size_t(P), 0.);
    for (std::size_t at = 0; at < places.size(); ++at)
      for (int x = 0; x < 8; ++x) places[at] += query(x) * double(A(extent_t(at), x));
    std::vector<pair> pairs;
    double counted = 0, top = -INFINITY, all = 0, mean = 0, so_far = 0;
    for (extent_t c = M - 1; c >= 0; --c) {
      if (!Mask::sees(row, c)) continue;
      double z = 0, worth = 0;
      for (int x = 0; x < 8; ++x) z += query(x) * double(K(i, c, x)) / std::sqrt(8.);
      for (int x = 0; x < 5; ++x) worth += double(C(i, g, row, x)) * double(V(i, c, x));
      const double gate = 1 / (1 + std::exp(-z)), place = std::min(counted += gate, double(P - 1));
      const extent_t low = extent_t(place), high = std::min(low + 1, P - 1);
      const double share = place - double(low);
      z += (1 - share) * places[std::size_t(low)] + share * places[std::size_t(high)];
      pairs.push_back({c, low, high, gate, counted, share, z, worth}), top = std::max(top, z);
    }
    for (pair& x : pairs) all += x.weight = std::exp(x.weight - top);
    for (pair& x : pairs) mean += (x.weight /= all) * x.worth;
    for (auto x = pairs.rbegin(); x != pairs.rend(); ++x) {  // from the first key on
      const double of_score = x->weight * (x->worth - mean);
      reached[std::size_t(x->low)] += of_score * (1 - x->part);
      reached[std::size_t(x->high)] += of_score * x->part;
      if (x->counted < double(P - 1)) so_far += of_score * (places[std::size_t(x->high)] - places[std::size_t(x->low)]);
      const double of_product = (of_score + so_far * x->gate * (1 - x->gate)) / std::sqrt(8.);
      for (int y = 0; y < 8; ++y) {
        wQ(i, g, row, y) += of_product * double(K(i, x->key, y));
        wK(i, x->key, y) += of_product * query(y);
      }
      for (int y = 0; y < 5; ++y) {
        wO(i, g, row, y) += x->weight * double(V(i, x->key, y));
        wV(i, x->key, y) += x->weight * double(C(i, g, row, y));
      }
    }
    for (std::size_t at = 0; at < places.size(); ++at)
      for (int y = 0; y < 8; ++y) {
        wQ(i, g, row, y) += reached[at] * double(A(extent_t(at), y));
        wA(extent_t(at), y) += reached[at] * query(y);
      }
  }
  // Positions of up to 64 are rounded to float, 2e-6, by another rounding with each compiler and direction, and what
  // lies between two entries to as much.
  template <class Mask> void check(double bound = 1e-5) {
    run<Mask>();
    for (extent_t i = 0; i < H; ++i)
      for (extent_t g = 0; g < 2; ++g)
        for (extent_t row = 0; row < N; ++row) row_by_hand<Mask>(i, g, row);
    BOOST_TEST_CONTEXT(H << " x " << N << " queries, " << M << " keys, " << P << " entries") {
      expect_close("out", O, wO, bound), expect_close("dq", dQ, wQ, bound), expect_close("dk", dK, wK, bound);
      expect_close("dv", dV, wV, bound), expect_close("dtable", dA, wA, bound);
    }
  }
};
bool same(const tensor<float>& a, const tensor<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}
bool same(const problem& a, const problem& b) {
  return same(a.O, b.O) && same(a.dQ, b.dQ) && same(a.dK, b.dK) && same(a.dV, b.dV) && same(a.dA, b.dA);
}
}  // namespace

BOOST_AUTO_TEST_CASE(of_what_came_earlier) {
  for (const auto& [H, N, M, P] : {std::array<extent_t, 4>{2, 131, 131, 40},
                                   {1, 24, 40, 64},
                                   {1, 50, 13, 3},
                                   {2, 2, 1, 1},
                                   {1, 1, 1, 5},
                                   {1, 0, 3, 5},
                                   {1, 3, 0, 5},
                                   {0, 3, 3, 5}})
    problem{H, N, M, P}.check<earlier>();
}
BOOST_AUTO_TEST_CASE(in_a_window) { problem{2, 107, 110, 12}.check<near>(); }
BOOST_AUTO_TEST_CASE(of_everything) { problem{1, 61, 203, 30}.check<everything>(); }

// Hundreds of keys of full gates lie behind the last entry, where sums no longer matter; few gates are open near the
// end, where what is left of a total must not show how large it was. (Positions are rounded to float, of which a score
// takes several.)
BOOST_AUTO_TEST_CASE(far_behind_the_table) {
  problem x{1, 300, 300, 16};
  for (float& y : x.Q) y = std::fabs(y) + 0.5f;
  for (extent_t c = 0; c < 300; ++c)
    for (int y = 0; y < 8; ++y) x.K(0, c, y) = c < 250 ? 0.5f : -0.43f;
  x.check<earlier>(4e-5);
}
// What nobody sees may hold anything; what one query sees is NaN for that query and its keys alone.
BOOST_AUTO_TEST_CASE(not_a_number) {
  problem x{1, 61, 74, 9}, odd = x;
  x.run<earlier>();
  for (extent_t c = 64; c < 74; ++c)
    for (int y = 0; y < 8; ++y) odd.K(0, c, y) = c % 2 ? NAN : INFINITY, odd.V(0, c, y % 5) = NAN;
  odd.run<earlier>();
  BOOST_TEST(same(x, odd));
  odd.Q(0, 1, 30, 2) = NAN;
  odd.run<earlier>();
  for (extent_t row = 0; row < 61; ++row)
    for (extent_t g = 0; g < 2; ++g) {
      const bool bad = g == 1 && row == 30;
      BOOST_TEST(std::isnan(odd.O(0, g, row, 0)) == bad);
      BOOST_TEST((bad ? std::isnan(odd.dQ(0, g, row, 0)) : odd.dQ(0, g, row, 0) == x.dQ(0, g, row, 0)));
    }
  for (extent_t c = 0; c < 74; ++c) BOOST_TEST(std::isnan(odd.dK(0, c, 0)) == (c <= 33));
}
BOOST_AUTO_TEST_CASE(threads) {
  const int before = omp_get_max_threads();
  problem one{2, 131, 131, 40};
  omp_set_num_threads(1);
  one.run<earlier>();
  for (const int count : {2, 3}) {
    problem many{2, 131, 131, 40};
    omp_set_num_threads(count);
    many.run<earlier>();
    BOOST_TEST(same(one, many));
  }
  omp_set_num_threads(before);
}
