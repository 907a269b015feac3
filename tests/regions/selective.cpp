// Selective attention (Leviathan et al. 2024): what earlier queries have selected, by the scores of the first head, is
// subtracted from the scores of all heads. A loop, which says why, stores nothing over pairs and gives the same bits
// for any number of threads: against its formula and finite differences of it in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h", 3> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr axis<"e", 3> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto first = scaled_dot<d>(gather<h>(q, 0), gather<h>(k, 0));
constexpr auto selected = where(m < n && m > 0, max(first, 0), 0);  // neither itself nor what begins the text
constexpr auto before = running_sum<n>(selected) - selected;        // by the queries before this one
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) - before, m <= n)), v);
constexpr auto backward = gradient<out>(wrt(q, k, v));

struct problem {
  extent_t N;
  tensor<float> Q = filled<float>(1, 1, {3, N, 4}), K = filled<float>(2, 1, {3, N, 4}),
                V = filled<float>(3, 1, {3, N, 3}), C = filled<float>(4, 1, {3, N, 3});
  tensor<float> O{3, N, 3}, dQ{3, N, 4}, dK{3, N, 4}, dV{3, N, 3};
  std::vector<double> of_q{Q.begin(), Q.end()}, of_k{K.begin(), K.end()}, of_v{V.begin(), V.end()};

  double score(extent_t a, extent_t r, extent_t c) const {
    double sum = 0;
    for (extent_t x = 0; x < 4; ++x)
      sum += of_q[std::size_t((a * N + r) * 4 + x)] * of_k[std::size_t((a * N + c) * 4 + x)];
    return sum / 2;
  }
  std::vector<double> result() const {
    std::vector<double> r(O.size()), taken(std::size_t(N * N), 0);
    for (extent_t row = 1; row < N; ++row)
      for (extent_t c = 0; c < N; ++c) {
        const bool selects = c > 0 && c < row - 1;
        taken[std::size_t(row * N + c)] =
            taken[std::size_t((row - 1) * N + c)] + (selects ? std::max(score(0, row - 1, c), 0.) : 0);
      }
    for (extent_t a = 0; a < 3; ++a)
      for (extent_t row = 0; row < N; ++row) {
        double all = 0;
        double* const to = &r[std::size_t((a * N + row) * 3)];
        for (extent_t c = 0; c <= row; ++c) {
          const double w = std::exp(score(a, row, c) - taken[std::size_t(row * N + c)]);
          all += w;
          for (int x = 0; x < 3; ++x) to[x] += w * of_v[std::size_t((a * N + c) * 3 + x)];
        }
        for (int x = 0; x < 3; ++x) to[x] /= all;
      }
    return r;
  }
  double loss() const {
    const std::vector<double> r = result();
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * double(C[i]);
    return sum;
  }
  tensor<double> slopes(std::vector<double>& of) {
    tensor<double> r(extent_t(of.size()));
    for (std::size_t i = 0; i < of.size(); ++i) {
      const double kept = of[i];
      const auto moved = [&](double by) {
        of[i] = kept + by;
        return loss();
      };
      r[i] = (8 * (moved(1e-5) - moved(-1e-5)) - moved(2e-5) + moved(-2e-5)) / 12e-5;
      of[i] = kept;
    }
    return r;
  }
  void run() {
    fuse<out>(q = Q, k = K, v = V, into(O));
    fuse<backward>(q = Q, k = K, v = V, cotangent<out> = C, into(dQ, dK, dV));
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(what_earlier_queries_have_selected) {
  problem p{11};
  p.run();
  const std::vector<double> wanted = p.result();
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::fabs(wanted[i] - double(p.O[i])));
  BOOST_TEST(worst < 1e-5);
  expect_close("dq", p.dQ, p.slopes(p.of_q)), expect_close("dk", p.dK, p.slopes(p.of_k));
  expect_close("dv", p.dV, p.slopes(p.of_v));
}
BOOST_AUTO_TEST_CASE(a_loop_that_says_why) {
  const std::string why = "loop (not fused: a running sum over pairs of positions, along the rows)";
  for (const std::string& regions : {explain<out>(), explain<backward>()}) {
    BOOST_TEST(regions.find(why) != std::string::npos, regions);
    BOOST_TEST(regions.find("between regions: nothing is stored") != std::string::npos, regions);
  }
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  problem one{23}, three{23};
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1), one.run();
  omp_set_num_threads(3), three.run();
  omp_set_num_threads(threads);
  const auto same = [](const tensor<float>& a, const tensor<float>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  };
  BOOST_TEST((same(one.O, three.O) && same(one.dQ, three.dQ) && same(one.dK, three.dK) && same(one.dV, three.dV)));
}
