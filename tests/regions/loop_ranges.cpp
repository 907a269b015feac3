// Loop regions compute nothing where a mask leaves nothing: of a causal mask half of the pairs, of a window what lies
// in it, of two documents each its own, in sums over keys and over queries. What they remember of a row grows with the
// stretch that is asked for; what costs is taken once for a sum of elements that lie side by side. Counted by a
// primitive, and beside plain loops in double; NaN behind a mask, in front of one, operands in any order, the same bits
// for any number of threads.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <atomic>
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
std::atomic<long> terms;
struct bent {  // tanh, counted
  static constexpr auto name = "bent";
  static auto value(const auto& x) {
    terms += std::remove_cvref_t<decltype(x)>::lanes;
    using std::tanh;
    return tanh(x);
  }
  static constexpr auto derivative(const auto& x) { return 1 - tanh(x) * tanh(x); }
};
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"z"> z;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto w = input<"w">(d);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto weighed(const auto& score, const auto& keep) { return dot<m>(softmax<m>(mask(score, keep)), v); }
constexpr auto counted = weighed(sum<d>(primitive<bent>(q + k) * w), m <= n);
constexpr auto bending = sum<d>(primitive<bent>(q + k) * w);
constexpr auto counted_again = weighed(bending - running_sum<n>(where(m < n, max(bending, 0), 0)), m <= n);
constexpr auto counted_by_w = gradient<counted>(wrt(w));
constexpr auto additive = sum<d>(tanh(q + k) * w);
constexpr auto window = m <= n && n - m < 13;
constexpr auto near = weighed(additive, window);
constexpr auto together = weighed(additive, doc.at(n) == doc.at(m) && m != n);
constexpr auto selective = weighed(additive - running_sum<n>(where(m < n, max(additive, 0), 0)), window);
constexpr auto behind = weighed(additive - running_sum<m>(mask(tanh(additive), m <= n)), m <= n);
constexpr auto farthest = weighed(-max<d>(abs(q - k)), window);
constexpr auto most = max<m>(mask(additive, m <= n));
constexpr auto best = max<m>(mask(sum<d>(abs(q * k)), n - m < 13));  // keys behind the query too
template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v, w));

struct problem {
  extent_t H, N, D, E;
  tensor<float> Q = filled<float>(1, 1, {H, N, D}), K = filled<float>(2, 1, {H, N, D}),
                V = filled<float>(3, 1, {H, N, E}), W = filled<float>(4, 1, {D}), G = filled<float>(5, 1, {H, N, E});
  tensor<std::int32_t> documents{N};
  explicit problem(extent_t H_, extent_t N_, extent_t D_, extent_t E_) : H(H_), N(N_), D(D_), E(E_) {
    for (extent_t i = 0; i < N; ++i) documents(i) = std::int32_t(i < 9 ? 0 : i < 40 ? 1 : i < 41 ? 2 : 3);
  }
  double score(extent_t a, extent_t i, extent_t j) const {
    double s = 0;
    for (extent_t c = 0; c < D; ++c) s += std::tanh(double(Q(a, i, c)) + double(K(a, j, c))) * double(W(c));
    return s;
  }
};

// Scores of a query and a key, what the mask leaves, and results and gradients of additive attention in double.
template <class Keep> struct by_hand {
  tensor<double> O, dQ, dK, dV, dW;
  by_hand(const problem& p, const Keep& keep)
      : O(p.H, p.N, p.E),
        dQ(p.H, p.N, p.D),
        dK(p.H, p.N, p.D),
        dV(p.H, p.N, p.E),
        dW(p.D) {
    std::vector<double> weight(std::size_t(p.N)), slope(weight);
    for (extent_t a = 0; a < p.H; ++a)
      for (extent_t i = 0; i < p.N; ++i) {
        double total = 0, mean = 0;
        for (extent_t j = 0; j < p.N; ++j)
          total += weight[std::size_t(j)] = keep(i, j) ? std::exp(p.score(a, i, j)) : 0;
        for (extent_t j = 0; j < p.N; ++j) {
          double& one = weight[std::size_t(j)];
          double& s = slope[std::size_t(j)];
          one = total > 0 ? one / total : 0, s = 0;
          for (extent_t c = 0; c < p.E; ++c) {
            O(a, i, c) += one * double(p.V(a, j, c)), dV(a, j, c) += one * double(p.G(a, i, c));
            s += double(p.G(a, i, c)) * double(p.V(a, j, c));
          }
          mean += one * s;
        }
        for (extent_t j = 0; j < p.N; ++j) {
          const double ds = weight[std::size_t(j)] * (slope[std::size_t(j)] - mean);
          for (extent_t c = 0; c < p.D; ++c) {
            const double t = std::tanh(double(p.Q(a, i, c)) + double(p.K(a, j, c)));
            dW(c) += ds * t;
            dQ(a, i, c) += ds * (1 - t * t) * double(p.W(c)), dK(a, j, c) += ds * (1 - t * t) * double(p.W(c));
          }
        }
      }
  }
};
template <const auto& Out, bool Documents = false, class Keep>
void check(const char* name, const problem& p, const Keep& keep) {
  const by_hand<Keep> wanted(p, keep);
  tensor<float> O(p.H, p.N, p.E), dQ(p.H, p.N, p.D), dK(p.H, p.N, p.D), dV(p.H, p.N, p.E), dW(p.D);
  BOOST_TEST_CONTEXT(name << " of " << p.N << " positions") {
    if constexpr (Documents) {
      fuse<Out>(q = p.Q, k = p.K, v = p.V, w = p.W, doc = p.documents, into(O));
      fuse<gradients<Out>>(q = p.Q, k = p.K, v = p.V, w = p.W, doc = p.documents, cotangent<Out> = p.G,
                           into(dQ, dK, dV, dW));
    } else {
      fuse<Out>(q = p.Q, k = p.K, v = p.V, w = p.W, into(O));
      fuse<gradients<Out>>(q = p.Q, k = p.K, v = p.V, w = p.W, cotangent<Out> = p.G, into(dQ, dK, dV, dW));
    }
    expect_close("out", O, wanted.O, 1e-6), expect_close("grad(q)", dQ, wanted.dQ, 1e-6);
    expect_close("grad(k)", dK, wanted.dK, 1e-6), expect_close("grad(v)", dV, wanted.dV, 1e-6);
    expect_close("grad(w)", dW, wanted.dW, 1e-6);
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(half_of_the_pairs_are_taken_and_each_once) {
  const problem p(1, 64, 16, 8);
  tensor<float> O(1, 64, 8), dW(16);
  const long all = 64 * 64 * 16;
  omp_set_num_threads(1);
  terms = 0;
  fuse<counted>(q = p.Q, k = p.K, v = p.V, w = p.W, into(O));
  BOOST_TEST(terms.load() >= all / 2);
  BOOST_TEST(terms.load() <= all * 0.6, terms.load() << " of " << all);
  terms = 0;
  fuse<counted_by_w>(q = p.Q, k = p.K, v = p.V, w = p.W, cotangent<counted> = p.G, into(dW));
  BOOST_TEST(terms.load() <= 2 * all * 0.6, terms.load() << " of " << all << ", for a score and a gradient");
  omp_set_num_threads(2);
}

// What queries before have added up belongs to the thread that has met them.
BOOST_AUTO_TEST_CASE(threads_do_not_repeat_the_running_sums_of_others) {
  const problem p(4, 64, 16, 8);
  tensor<float> O(4, 64, 8);
  const long all = 4 * 64 * 64 * 16;
  for (const int threads : {1, 2}) {
    omp_set_num_threads(threads);
    terms = 0;
    fuse<counted_again>(q = p.Q, k = p.K, v = p.V, w = p.W, into(O));
    BOOST_TEST(terms.load() <= all * 0.6, terms.load() << " of " << all << " with " << threads << " threads");
  }
}

BOOST_AUTO_TEST_CASE(values_and_gradients_are_those_of_plain_loops) {
  for (const problem& p : {problem(2, 53, 5, 6), problem(1, 1, 1, 1), problem(1, 71, 16, 3)}) {
    check<near>("a window", p, [](extent_t i, extent_t j) { return j <= i && i - j < 13; });
    check<together, true>("documents", p,
                          [&](extent_t i, extent_t j) { return p.documents(i) == p.documents(j) && i != j; });
  }
}

// Stretches that move on below a running sum, which adds up what other queries see.
BOOST_AUTO_TEST_CASE(running_sums_add_up_what_is_left_of_each_row) {
  const problem p(2, 45, 5, 6);
  tensor<float> S(2, 45, 6), B(2, 45, 6);
  fuse<selective>(q = p.Q, k = p.K, v = p.V, w = p.W, into(S));
  fuse<behind>(q = p.Q, k = p.K, v = p.V, w = p.W, into(B));
  tensor<double> wS(2, 45, 6), wB(2, 45, 6);
  for (extent_t a = 0; a < 2; ++a) {
    std::vector<double> sum(45);
    for (extent_t i = 0; i < 45; ++i) {
      double weights[2][45] = {}, total[2] = {}, passed = 0;
      for (extent_t j = 0; j <= i; ++j) {
        const double s = p.score(a, i, j);
        if (j < i) sum[std::size_t(j)] += std::max(s, 0.0);
        passed += std::tanh(s);
        if (i - j < 13) total[0] += weights[0][j] = std::exp(s - sum[std::size_t(j)]);
        total[1] += weights[1][j] = std::exp(s - passed);
      }
      for (extent_t j = 0; j <= i; ++j)
        for (extent_t c = 0; c < 6; ++c) {
          wS(a, i, c) += weights[0][j] / total[0] * double(p.V(a, j, c));
          wB(a, i, c) += weights[1][j] / total[1] * double(p.V(a, j, c));
        }
    }
  }
  expect_close("selective", S, wS, 1e-6), expect_close("behind", B, wB, 1e-6);
}

// Behind a mask NaN is nothing; in front of it the largest of a row is NaN, as a distance is.
BOOST_AUTO_TEST_CASE(not_a_number_is_the_largest_where_it_is_seen) {
  problem p(1, 40, 37, 6);
  tensor<float> M(1, 40), B(1, 40), F(1, 40, 6);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  p.K(0, 30, 3) = nan;
  fuse<most>(q = p.Q, k = p.K, w = p.W, into(M));
  fuse<best>(q = p.Q, k = p.K, into(B));
  fuse<farthest>(q = p.Q, k = p.K, v = p.V, into(F));
  for (extent_t i = 0; i < 40; ++i) {
    double wanted = -std::numeric_limits<double>::infinity(), largest = wanted;
    for (extent_t j = 0; j < 40; ++j) {
      double s = 0;
      for (extent_t c = 0; c < 37; ++c) s += std::abs(double(p.Q(0, i, c)) * double(p.K(0, j, c)));
      if (j <= i && j != 30) wanted = std::max(wanted, p.score(0, i, j));
      if (i - j < 13 && j != 30) largest = std::max(largest, s);
    }
    BOOST_TEST(std::isnan(M(0, i)) == (i >= 30), "row " << i);
    BOOST_TEST(std::isnan(B(0, i)) == (i < 43), "row " << i);
    BOOST_TEST(std::isnan(F(0, i, 0)) == (i >= 30 && i < 43), "row " << i);
    if (i < 30) BOOST_TEST(std::abs(double(M(0, i)) - wanted) < 1e-5, "row " << i << ": " << M(0, i));
  }
  p.K(0, 30, 3) = -std::numeric_limits<float>::infinity();
  fuse<best>(q = p.Q, k = p.K, into(B));
  for (const float x : B) BOOST_TEST((std::isinf(x) && x > 0));
}

// The depth of an operand outermost in memory, and one of elements that lie apart.
BOOST_AUTO_TEST_CASE(operands_lie_in_any_order) {
  constexpr extent_t N = 37, D = 21;
  const problem p(1, N, D, 6);
  std::vector<float> across(std::size_t(N * D)), apart(std::size_t(2 * N * D));
  for (extent_t j = 0; j < N; ++j)
    for (extent_t c = 0; c < D; ++c)
      across[std::size_t(c * N + j)] = p.K(0, j, c), apart[std::size_t(2 * (j * D + c))] = p.K(0, j, c);
  tensor<float> wanted(1, N, 6), got(1, N, 6), far(1, N, 6), far_wanted(1, N, 6);
  fuse<near>(q = p.Q, k = p.K, v = p.V, w = p.W, into(wanted));
  fuse<farthest>(q = p.Q, k = p.K, v = p.V, into(far_wanted));
  for (const auto& [data, row, unit] :
       {std::tuple(across.data(), extent_t(1), N), std::tuple(apart.data(), extent_t(2 * D), extent_t(2))}) {
    const auto keys = view(static_cast<const float*>(data), {1, N, D}, {N * D, row, unit});
    fuse<near>(q = p.Q, k = keys, v = p.V, w = p.W, into(got));
    fuse<farthest>(q = p.Q, k = keys, v = p.V, into(far));
    for (std::size_t i = 0; i < got.size(); ++i)
      BOOST_TEST((std::abs(got[i] - wanted[i]) < 1e-6f && std::abs(far[i] - far_wanted[i]) < 1e-6f), "element " << i);
  }
}

BOOST_AUTO_TEST_CASE(bits_are_the_same_for_any_number_of_threads) {
  const problem p(1, 45, 9, 30);
  std::vector<tensor<float>> first;
  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    std::vector<tensor<float>> got;
    for (const extent_t width : {30, 30, 9, 9, 30}) got.emplace_back(1, 45, width);
    got.emplace_back(9);
    fuse<near>(q = p.Q, k = p.K, v = p.V, w = p.W, into(got[0]));
    fuse<selective>(q = p.Q, k = p.K, v = p.V, w = p.W, into(got[1]));
    fuse<gradients<near>>(q = p.Q, k = p.K, v = p.V, w = p.W, cotangent<near> = p.G,
                          into(got[2], got[3], got[4], got[5]));
    if (first.empty()) first = got;
    for (std::size_t i = 0; i < got.size(); ++i)
      BOOST_TEST(std::memcmp(got[i].data(), first[i].data(), got[i].size() * sizeof(float)) == 0,
                 "result " << i << " with " << threads << " threads");
  }
  omp_set_num_threads(2);
}
