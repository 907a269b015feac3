// The k-th largest of a row where k is known at run time: one number, one for each head, one for each query, computed
// or in memory, 0 and more than there are among them. In kernels over pairs, forward and backward, and in rows, beside
// plain loops in double.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include "planned.hpp"
#include "row_statistics.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto one = input<"one", std::int32_t>();
constexpr auto each = input<"each", std::int64_t>(h);
constexpr auto score = mask(scaled_dot<d>(q, k), m <= n);

struct one_for_all {
  static constexpr auto rank() { return one; }
  static extent_t of(extent_t, extent_t) { return 7; }
};
struct of_heads {
  static constexpr auto rank() { return each; }
  static extent_t of(extent_t i, extent_t) { return 5 * i; }
};
struct of_queries {  // a third of what it sees, and what its head adds
  static constexpr auto rank() { return floor_divide(n, 3) + each; }
  static extent_t of(extent_t i, extent_t row) { return row / 3 + 5 * i; }
};
template <class Case> inline constexpr auto out = dot<m>(top_k_softmax<m>(score, Case::rank()), v);
template <class Case> inline constexpr auto gradients = gradient<out<Case>>(wrt(q, k, v));
template <class Case> inline constexpr auto found = kth_largest<m>(score, Case::rank());

template <class Case, class Call> void check(const Call& call) {
  const extent_t N = 75;
  const tensor<float> Q = filled<float>(1, 2, {2, N, 8}), K = filled<float>(2, 2, {2, N, 8}),
                      V = filled<float>(3, 1, {2, N, 5}), C = filled<float>(4, 1, {2, N, 5});
  tensor<float> O(2, N, 5), F(2, N), dQ(2, N, 8), dK(2, N, 8), dV(2, N, 5);
  tensor<double> wO(2, N, 5), wQ(2, N, 8), wK(2, N, 8), wV(2, N, 5);
  call([&](const auto&... told) {
    fuse<out<Case>, strict>(q = Q, k = K, v = V, told..., into(O));
    fuse<found<Case>, strict>(q = Q, k = K, told..., into(F));
    fuse<gradients<Case>, strict>(q = Q, k = K, v = V, told..., cotangent<out<Case>> = C, into(dQ, dK, dV));
  });
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t row = 0; row < N; ++row) {
      std::vector<double> s(std::size_t(row + 1), 0.), w(s), worth(s);
      for (extent_t key = 0; key <= row; ++key)
        for (int x = 0; x < 8; ++x) s[std::size_t(key)] += double(Q(i, row, x)) * double(K(i, key, x)) / std::sqrt(8.);
      const double least = kth_largest_of(s, double(Case::of(i, row)));
      BOOST_TEST((F(i, row) == float(least) || std::fabs(double(F(i, row)) - least) < 1e-5));
      double all = 0, mean = 0;
      for (std::size_t key = 0; key < s.size(); ++key) {
        all += w[key] = s[key] >= least ? std::exp(s[key]) : 0;
        for (int x = 0; x < 5; ++x) worth[key] += double(C(i, row, x)) * double(V(i, extent_t(key), x));
      }
      for (std::size_t key = 0; key < s.size(); ++key) mean += (w[key] = all > 0 ? w[key] / all : 0) * worth[key];
      for (std::size_t at = 0; at < s.size(); ++at) {
        const extent_t key = extent_t(at);
        const double reached = w[at] * (worth[at] - mean) / std::sqrt(8.);
        for (int x = 0; x < 5; ++x)
          wO(i, row, x) += w[at] * double(V(i, key, x)), wV(i, key, x) += w[at] * double(C(i, row, x));
        for (int x = 0; x < 8; ++x)
          wQ(i, row, x) += reached * double(K(i, key, x)), wK(i, key, x) += reached * double(Q(i, row, x));
      }
    }
  expect_close("out", O, wO, 4e-6), expect_close("dq", dQ, wQ, 4e-6), expect_close("dk", dK, wK, 4e-6);
  expect_close("dv", dV, wV, 4e-6);
}

// In rows: lanes along what is searched, and across.
constexpr auto x = input<"x">(n, m);
constexpr auto count = input<"count", std::int32_t>(n);
constexpr auto in_rows_of = kth_largest<m>(x, count);
constexpr auto columns = input<"columns", std::int32_t>(m);
constexpr auto across = kth_largest<n>(x, columns - 1);
constexpr auto of_what_is_counted = kth_largest<m>(x, cast<std::int32_t>(sum<m>(where(x > 0, 1, 0))));  // the smallest

// In loops.
constexpr axis<"w", 17> w;
constexpr auto wide = sum<w>(tanh(input<"left">(n, w) + input<"right">(m, w)));
constexpr auto in_loops = kth_largest<m>(wide, count + 1);
constexpr auto of_index = kth_largest<m>(score, n);  // of all but one of what a query sees
}  // namespace

BOOST_AUTO_TEST_CASE(over_pairs) {
  const std::int64_t of_each[] = {0, 5};
  check<one_for_all>([](const auto& with) { with(one = 7); });
  check<of_heads>([&](const auto& with) { with(each = of_each); });
  check<of_queries>([&](const auto& with) { with(each = of_each); });
}
BOOST_AUTO_TEST_CASE(plans) {
  const std::map<std::string, extent_t> extents = {{"h", 2}, {"n", 4}, {"m", 5}};
  const auto over_pairs = planned(found<of_queries>), with_values = planned(out<of_queries>), rows = planned(across);
  BOOST_TEST(difference(*over_pairs, result_list(found<of_queries>), extents) == "");
  BOOST_TEST(difference(*with_values, result_list(out<of_queries>), extents) == "");
  BOOST_TEST(difference(*rows, result_list(across), extents) == "");
}
BOOST_AUTO_TEST_CASE(an_index_and_loops) {
  const extent_t N = 29, M = 23;
  const auto Q = filled<float>(1, 2, {1, N, 8}), K = filled<float>(2, 2, {1, M, 8}), L = filled<float>(3, 1, {N, 17}),
             R = filled<float>(4, 1, {M, 17});
  std::vector<std::int32_t> ranks(static_cast<std::size_t>(N));
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = std::int32_t(i % 9) - 1;
  tensor<float> A(1, N), B(N);
  fuse<of_index, strict>(q = Q, k = K, into(A));
  fuse<in_loops>(input<"left">(n, w) = L, input<"right">(m, w) = R, count = ranks, into(B));
  for (extent_t i = 0; i < N; ++i) {
    std::vector<double> s, t;
    for (extent_t j = 0; j < M; ++j) {
      double dot = 0, sum = 0;
      for (int c = 0; c < 8; ++c) dot += double(Q(0, i, c)) * double(K(0, j, c)) / std::sqrt(8.);
      for (int c = 0; c < 17; ++c) sum += std::tanh(double(L(i, c)) + double(R(j, c)));
      if (j <= i) s.push_back(dot);
      t.push_back(sum);
    }
    const double want = kth_largest_of(s, double(i)), other = kth_largest_of(t, double(ranks[std::size_t(i)] + 1));
    BOOST_TEST((A(0, i) == float(want) || std::fabs(double(A(0, i)) - want) < 1e-5));
    BOOST_TEST((B[std::size_t(i)] == float(other) || std::fabs(double(B[std::size_t(i)]) - other) < 1e-5));
  }
  BOOST_TEST(kinds(*planned(in_loops)).find('l') != std::string::npos);
}
BOOST_AUTO_TEST_CASE(in_rows) {
  const extent_t N = 21, M = 37;
  const auto X = filled<float>(1, 3, {N, M});
  std::vector<std::int32_t> ranks(static_cast<std::size_t>(N)), others(static_cast<std::size_t>(M));
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = std::int32_t(2 * i);  // 0, and more than M
  for (std::size_t i = 0; i < others.size(); ++i) others[i] = std::int32_t(i % 25);
  tensor<float> A(N), B(M), C(N);
  fuse<in_rows_of, strict>(x = X, count = ranks, into(A));
  fuse<across, strict>(x = X, columns = others, into(B));
  fuse<of_what_is_counted, strict>(x = X, into(C));
  tensor<double> oracle(N);
  reference<in_rows_of>(x = X, count = ranks, into(oracle));
  for (extent_t i = 0; i < N; ++i) {
    std::vector<double> row;
    double least = INFINITY;
    for (extent_t j = 0; j < M; ++j) {
      row.push_back(double(X(i, j)));
      if (row.back() > 0) least = std::min(least, row.back());
    }
    BOOST_TEST(double(A[std::size_t(i)]) == kth_largest_of(row, double(ranks[std::size_t(i)])));
    BOOST_TEST(double(oracle[std::size_t(i)]) == kth_largest_of(row, double(ranks[std::size_t(i)])));
    BOOST_TEST(double(C[std::size_t(i)]) == least);
  }
  for (extent_t j = 0; j < M; ++j) {
    std::vector<double> column;
    for (extent_t i = 0; i < N; ++i) column.push_back(double(X(i, j)));
    BOOST_TEST(double(B[std::size_t(j)]) == kth_largest_of(column, double(others[std::size_t(j)] - 1)));
  }
}
