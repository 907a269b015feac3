// Draws through every kind of region: the documented function of seed and indices, whatever the tiles, the threads, the
// precision and the direction; that they look like chance; and dropout behind a softmax and without one, forward and
// backward, against plain loops in double.
// labels: meaning
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c"> c;
constexpr axis<"d", 20> d;
constexpr axis<"e", 12> e;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto start = input<"start", std::int32_t>();
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto past = mask(scaled_dot<d>(q, k), m <= n);
constexpr auto dropped = dot<m>(dropout(0.3, softmax<m>(past), seed), v);
constexpr auto gradients = gradient<dropped>(wrt(q, k, v));
constexpr auto rare = dot<m>(dropout(0.25, sigmoid(past), 11), v);
constexpr auto from_rare = gradient<rare>(wrt(q, k, v));

// As the paper has it.
std::uint32_t philox(std::uint32_t key, std::uint32_t i, std::uint32_t j, std::uint32_t use) {
  std::uint32_t x[4] = {i, j, use, 0}, k[2] = {key, 0};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t(0xD2511F53) * x[0], second = std::uint64_t(0xCD9E8D57) * x[2];
    const std::uint32_t y[4] = {std::uint32_t(second >> 32) ^ x[1] ^ k[0], std::uint32_t(second),
                                std::uint32_t(first >> 32) ^ x[3] ^ k[1], std::uint32_t(first)};
    std::copy(y, y + 4, x), k[0] += 0x9E3779B9, k[1] += 0xBB67AE85;
  }
  return x[0];
}
using words = std::vector<extent_t>;
double drawn(std::uint32_t key, words index) {
  while (index.size() > 2) {
    const bool odd = index.size() % 2;
    key = philox(key, std::uint32_t(index[0]), odd ? 0 : std::uint32_t(index[1]), 1);
    index.erase(index.begin(), index.begin() + (odd ? 1 : 2));
  }
  index.resize(2);
  return philox(key, std::uint32_t(index[0]), std::uint32_t(index[1]), 0) / 256 / 0x1p24;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_function_of_seed_and_indices) {
  static constexpr auto none = random_uniform(seed);
  static constexpr auto one = random_uniform(seed, m);
  static constexpr auto two = random_uniform(seed, n, m);
  static constexpr auto three = random_uniform(seed, h, n, m);
  static constexpr auto four = random_uniform(5, b, h, n - 7, m);
  static constexpr auto five = random_uniform(seed, b, h, n, m, c);
  static constexpr auto swapped = random_uniform(seed, m, n);
  tensor<float> none_of{std::span<const extent_t>()}, N1(9), N2(7, 9), N3(3, 7, 9), N4(2, 3, 7, 9), N5(2, 3, 7, 9, 5),
      S(9, 7);
  const std::int64_t s = -12345;
  fuse<none>(seed = s, into(none_of));
  fuse<one>(seed = s, with(m, 9), into(N1));
  fuse<two>(seed = s, with(n, 7), with(m, 9), into(N2));
  fuse<three>(seed = s, with(h, 3), with(n, 7), with(m, 9), into(N3));
  fuse<four>(with(b, 2), with(h, 3), with(n, 7), with(m, 9), into(N4));
  fuse<five>(seed = s, with(b, 2), with(h, 3), with(n, 7), with(m, 9), with(c, 5), into(N5));
  fuse<swapped>(seed = s, with(n, 7), with(m, 9), into(S));
  const auto key = std::uint32_t(s);
  BOOST_TEST(double(none_of[0]) == drawn(key, {}));
  for (extent_t j = 0; j < 9; ++j) {
    BOOST_TEST(double(N1(j)) == drawn(key, {j}));
    for (extent_t i = 0; i < 7; ++i) {
      BOOST_TEST(double(N2(i, j)) == drawn(key, {i, j}));
      BOOST_TEST(double(S(j, i)) == drawn(key, {j, i}));
      for (extent_t a = 0; a < 3; ++a) {
        BOOST_TEST(double(N3(a, i, j)) == drawn(key, {a, i, j}));
        for (extent_t z = 0; z < 2; ++z) {
          BOOST_TEST(double(N4(z, a, i, j)) == drawn(5, {z, a, i - 7, j}));
          for (extent_t y = 0; y < 5; ++y) BOOST_TEST(double(N5(z, a, i, j, y)) == drawn(key, {z, a, i, j, y}));
        }
      }
    }
  }
}

// In float, in double, along rows, in masks, and as the oracle has it.
BOOST_AUTO_TEST_CASE(in_every_region) {
  static constexpr auto x = input<"x">(n, c);
  static constexpr auto wide = input<"wide", double>(n, c);
  static constexpr auto w = input<"w">(m, c);
  static constexpr auto row = x * random_uniform(seed, n, c) / sum<c>(random_uniform(seed, c, n));
  static constexpr auto in_double = wide + random_uniform(seed, n, c);
  static constexpr auto product = dot<c>(x, w) * random_uniform(seed, n, m);
  static constexpr auto loop = sum<c>(abs(x - w) * random_uniform(seed, n, m, c));
  static constexpr auto sparse =
      dot<m>(softmax<m>(mask(past, random_uniform(seed, h, n, m) < 0.4 && random_uniform(3, m) >= 0.1)), v);
  const tensor<float> X = filled<float>(1, 1, {23, 21}), W = filled<float>(2, 1, {17, 21});
  const tensor<double> D = filled<double>(1, 1, {23, 21});
  const std::int64_t s = 77;
  tensor<float> R(23, 21), P(23, 17), L(23, 17);
  tensor<double> wR(23, 21), wP(23, 17), wL(23, 17), wide_of(23, 21);
  fuse<row, strict>(seed = s, x = X, into(R)), reference<row>(seed = s, x = X, into(wR));
  fuse<product, strict>(seed = s, x = X, w = W, into(P)), reference<product>(seed = s, x = X, w = W, into(wP));
  fuse<loop>(seed = s, x = X, w = W, into(L)), reference<loop>(seed = s, x = X, w = W, into(wL));
  fuse<in_double>(seed = s, wide = D, into(wide_of));
  BOOST_TEST(off(R, wR) < 1e-5);
  BOOST_TEST(off(P, wP) < 1e-5);
  BOOST_TEST(off(L, wL) < 1e-5);
  for (extent_t i = 0; i < 23; ++i)
    for (extent_t j = 0; j < 21; ++j) BOOST_TEST(wide_of(i, j) == D(i, j) + drawn(77, {i, j}));
  const tensor<float> Q = filled<float>(1, 1, {2, 45, 20}), K = filled<float>(2, 1, {2, 45, 20}),
                      V = filled<float>(3, 1, {2, 45, 12});
  tensor<float> O(2, 45, 12);
  tensor<double> wO(2, 45, 12);
  fuse<sparse, strict>(seed = s, q = Q, k = K, v = V, into(O)),
      reference<sparse>(seed = s, q = Q, k = K, v = V, into(wO));
  BOOST_TEST(off(O, wO) < 1e-5);
}

// A piece of the queries with the same indices meets the same draws.
BOOST_AUTO_TEST_CASE(pieces_draw_what_the_whole_draws) {
  static constexpr auto piece = random_uniform(seed, h, n + start, m);
  tensor<float> whole(2, 40, 30), part(2, 8, 30);
  fuse<piece>(seed = std::int64_t(4), start = 0, with(h, 2), with(n, 40), with(m, 30), into(whole));
  fuse<piece>(seed = std::int64_t(4), start = 21, with(h, 2), with(n, 8), with(m, 30), into(part));
  for (extent_t a = 0; a < 2; ++a)
    for (extent_t i = 0; i < 8; ++i)
      for (extent_t j = 0; j < 30; ++j) BOOST_TEST(part(a, i, j) == whole(a, i + 21, j));
}

// Of a fixed seed: mean, variance, how even 256 cells are filled, and that neighbours in either direction, other seeds
// and other heads have nothing to do with each other. The bounds are five standard deviations.
BOOST_AUTO_TEST_CASE(look_like_chance) {
  constexpr extent_t N = 512, M = 512;
  static constexpr auto u = random_uniform(seed, h, n, m);
  tensor<float> U(2, N, M), other(2, N, M);
  fuse<u>(seed = std::int64_t(1), with(h, 2), with(n, N), with(m, M), into(U));
  fuse<u>(seed = std::int64_t(2), with(h, 2), with(n, N), with(m, M), into(other));
  const double count = double(N * M);
  double mean = 0, square = 0, beside = 0, below = 0, seeds = 0, heads = 0;
  std::vector<double> cells(256);
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < M; ++j) {
      const double x = U(0, i, j);
      BOOST_REQUIRE((x >= 0 && x < 1));
      const double y = x - 0.5;
      mean += y, square += y * y, ++cells[std::size_t(x * 256)];
      beside += y * (double(U(0, i, (j + 1) % M)) - 0.5), below += y * (double(U(0, (i + 1) % N, j)) - 0.5);
      seeds += y * (double(other(0, i, j)) - 0.5), heads += y * (double(U(1, i, j)) - 0.5);
    }
  BOOST_TEST(std::fabs(mean / count) < 5 / std::sqrt(12 * count));
  BOOST_TEST(std::fabs(square / count - 1. / 12) < 5 / std::sqrt(180 * count));
  for (const double covariance : {beside, below, seeds, heads})
    BOOST_TEST(std::fabs(covariance) < 5 * std::sqrt(count) / 12);
  double chi_square = 0;
  for (const double cell : cells) chi_square += (cell - count / 256) * (cell - count / 256) / (count / 256);
  BOOST_TEST(std::fabs(chi_square - 255) < 5 * std::sqrt(2 * 255.));
}

namespace {
struct operands {
  extent_t H, N;
  tensor<float> Q = filled<float>(1, 1, {H, N, 20}), K = filled<float>(2, 1, {H, N, 20}),
                V = filled<float>(3, 1, {H, N, 12}), G = filled<float>(4, 1, {H, N, 12});
  tensor<float> O{H, N, 12}, dQ{H, N, 20}, dK{H, N, 20}, dV{H, N, 12};
  tensor<double> wO{H, N, 12}, wQ{H, N, 20}, wK{H, N, 20}, wV{H, N, 12};
};
// Plain loops in double: the weights of a softmax (or sigmoids of scores), of which some are left out.
void by_loops(operands& x, std::uint32_t key, double p, bool softmax) {
  for (tensor<double>* const t : {&x.wO, &x.wQ, &x.wK, &x.wV}) std::fill(t->begin(), t->end(), 0);
  const double scale = 1 / std::sqrt(20.);
  for (extent_t a = 0; a < x.H; ++a)
    for (extent_t i = 0; i < x.N; ++i) {
      std::vector<double> weight(std::size_t(i + 1)), reached(weight.size()), kept(weight.size());
      double total = 0, delta = 0;
      for (extent_t j = 0; j <= i; ++j) {
        double score = 0;
        for (extent_t l = 0; l < 20; ++l) score += double(x.Q(a, i, l)) * double(x.K(a, j, l)) * scale;
        weight[j] = softmax ? std::exp(score) : 1 / (1 + std::exp(-score)), total += weight[j];
      }
      for (extent_t j = 0; j <= i; ++j) {
        if (softmax) weight[j] /= total;
        kept[j] = drawn(key, {a, i, j}) >= p ? 1 / (1 - p) : 0;
        for (extent_t l = 0; l < 12; ++l) {
          x.wO(a, i, l) += weight[j] * kept[j] * double(x.V(a, j, l));
          x.wV(a, j, l) += weight[j] * kept[j] * double(x.G(a, i, l));
          reached[j] += kept[j] * double(x.V(a, j, l)) * double(x.G(a, i, l));
        }
        delta += weight[j] * reached[j];
      }
      for (extent_t j = 0; j <= i; ++j) {
        const double slope = softmax ? weight[j] * (reached[j] - delta) : reached[j] * weight[j] * (1 - weight[j]);
        for (extent_t l = 0; l < 20; ++l) {
          x.wQ(a, i, l) += slope * scale * double(x.K(a, j, l));
          x.wK(a, j, l) += slope * scale * double(x.Q(a, i, l));
        }
      }
    }
}
void compare(const char* what, const operands& x) {
  BOOST_TEST_CONTEXT(what << " of " << x.N) {
    BOOST_TEST(off(x.O, x.wO) < 1e-5);
    BOOST_TEST(off(x.dQ, x.wQ) < 1e-5);
    BOOST_TEST(off(x.dK, x.wK) < 1e-5);
    BOOST_TEST(off(x.dV, x.wV) < 1e-5);
  }
}
void run(operands& x, std::int64_t s) {
  fuse<dropped, strict>(q = x.Q, k = x.K, v = x.V, seed = s, into(x.O));
  fuse<gradients, strict>(q = x.Q, k = x.K, v = x.V, seed = s, cotangent<dropped> = x.G, into(x.dQ, x.dK, x.dV));
}
}  // namespace

BOOST_AUTO_TEST_CASE(dropout_behind_a_softmax_and_without_one) {
  for (const extent_t N : {61, 32, 1, 0}) {
    operands x{2, N};
    run(x, 42);
    by_loops(x, 42, 0.3, true);
    compare("softmax", x);
    fuse<rare, strict>(q = x.Q, k = x.K, v = x.V, into(x.O));
    fuse<from_rare, strict>(q = x.Q, k = x.K, v = x.V, cotangent<rare> = x.G, into(x.dQ, x.dK, x.dV));
    by_loops(x, 11, 0.25, false);
    compare("sigmoid", x);
  }
}
BOOST_AUTO_TEST_CASE(dropout_on_threads) {
  operands one{3, 57};
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  run(one, 9);
  for (const int t : {2, 5}) {
    operands x{3, 57};
    omp_set_num_threads(t);
    run(x, 9);
    for (const auto& [a, z] :
         {std::pair(&x.O, &one.O), std::pair(&x.dQ, &one.dQ), std::pair(&x.dK, &one.dK), std::pair(&x.dV, &one.dV)})
      BOOST_TEST(std::equal(a->begin(), a->end(), z->begin()), t << " threads");
  }
  omp_set_num_threads(threads);
}
// Nothing left out, everything, and a share that a call brings.
BOOST_AUTO_TEST_CASE(shares) {
  static constexpr auto x = input<"x">(n, c);
  static constexpr auto share = input<"share">();
  static constexpr auto none = dropout(0, x, seed);
  static constexpr auto all = dropout(1, x, seed);
  static constexpr auto some = dropout(share, x, seed);
  static constexpr auto from_all = gradient<all>(wrt(x));
  static constexpr auto from_some = gradient<some>(wrt(x));
  const tensor<float> X = filled<float>(1, 1, {200, 50});
  tensor<float> A(200, 50), B(200, 50), S(200, 50), dA(200, 50), dS(200, 50);
  const std::int64_t s = 3;
  fuse<none>(x = X, seed = s, into(A));
  BOOST_TEST(std::equal(A.begin(), A.end(), X.begin()));
  fuse<all>(x = X, seed = s, into(B)), fuse<from_all>(x = X, seed = s, cotangent<all> = X, into(dA));
  for (std::size_t i = 0; i < B.size(); ++i) BOOST_REQUIRE((B[i] == 0 && dA[i] == 0));
  fuse<some>(x = X, seed = s, share = 0.9f, into(S));
  fuse<from_some>(x = X, seed = s, share = 0.9f, cotangent<some> = X, into(dS));
  std::size_t left = 0;
  for (std::size_t i = 0; i < S.size(); ++i) {
    left += S[i] != 0;
    BOOST_REQUIRE((S[i] == 0 || std::fabs(S[i] / X[i] - 10) < 1e-4f));
    BOOST_REQUIRE(S[i] == dS[i]);
  }
  BOOST_TEST(std::fabs(double(left) - 1000) < 5 * std::sqrt(900.));
}
