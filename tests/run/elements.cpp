// options: -O0 -DHEED_UNOPTIMISED
// Operands and results of every element type: double, int32, int64 and bool beside float, against plain loops.
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"w"> w;
constexpr auto a = input<"a", std::int32_t>(n, m);
constexpr auto b = input<"b", std::int32_t>(m);
constexpr auto l = input<"l", std::int64_t>(n);
constexpr auto keep = input<"keep", bool>(n, m);
constexpr auto flag = input<"flag", bool>(m);
constexpr auto x = input<"x">(n, m);
constexpr auto y = input<"y", double>(n, m);

constexpr auto whole_arithmetic = a * 3 - b + n;
constexpr auto whole_minimum = min(max(a, b), 4);
constexpr auto wide = l * 2 + cast<std::int64_t>(n);
constexpr auto narrowed = cast<std::int32_t>(y);
constexpr auto whole_sum = sum<m>(a);
constexpr auto whole_max = max<m>(a);
constexpr auto compared = a < b;
constexpr auto logic = (keep && flag) || !(a == b);
constexpr auto passed = keep;
constexpr auto chosen = where(keep, a, b);
constexpr auto counted = sum<m>(where(keep && flag, 1, 0));
constexpr auto quotient = a / b;
constexpr auto in_double = exp(y) * cast<double>(x);
constexpr auto to_float = cast<float>(y);
constexpr auto looked_up = gather<w>(input<"t", std::int32_t>(w), a);
constexpr auto flags_looked_up = gather<w>(input<"f", bool>(w), a);
constexpr auto wide_looked_up = gather<w>(input<"u", std::int64_t>(w), l);
constexpr auto transposed = arrange<m, n>(a);

constexpr auto q = input<"q", double>(n, d);
constexpr auto k = input<"k", double>(m, d);
constexpr auto v = input<"v", double>(m, e);
constexpr auto score = mask(dot<d>(q, k), keep);
constexpr auto out = dot<m>(softmax<m>(score), v);
constexpr auto lse = logsumexp<m>(score);

// Odd extents, so that packs have tails.
constexpr extent_t N = 13, M = 37;
template <class T> tensor<T> some(unsigned seed, int low, int high, std::initializer_list<extent_t> extents) {
  tensor<T> t{std::span(extents.begin(), extents.size())};
  std::mt19937 random(seed);
  for (T& z : t) z = T(low + int(random() % unsigned(high - low + 1)));
  return t;
}
const tensor<std::int32_t> A = some<std::int32_t>(1, -9, 9, {N, M}), B = some<std::int32_t>(2, -3, 3, {M}),
                           I = some<std::int32_t>(3, 0, 4, {N, M});
const tensor<std::int64_t> L = some<std::int64_t>(4, -1000000, 1000000, {N});
const tensor<bool> Keep = some<bool>(5, 0, 1, {N, M}), Flag = some<bool>(6, 0, 1, {M});
const tensor<float> X = filled<float>(7, 1, {N, M});
const tensor<double> Y = filled<double>(8, 3, {N, M});

// Every element of a result over (n, m) against f(i, j), exactly.
template <class T, class F> bool all_equal(const tensor<T>& got, const F& f) {
  bool differ = false;
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < M; ++j) {
      if (got(i, j) != T(f(i, j))) return false;
      differ = differ || got(i, j) != got(0, 0);
    }
  return differ;
}
template <class T, class F> bool rows_equal(const tensor<T>& got, const F& f) {
  bool differ = false;
  for (extent_t i = 0; i < N; ++i) {
    if (got(i) != T(f(i))) return false;
    differ = differ || got(i) != got(0);
  }
  return differ;
}
}  // namespace

BOOST_AUTO_TEST_CASE(whole_numbers) {
  tensor<std::int32_t> r(N, M), s(N);
  fuse<whole_arithmetic>(a = A, b = B, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return A(i, j) * 3 - B(j) + i; }));
  fuse<whole_minimum>(a = A, b = B, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return std::min(std::max(A(i, j), B(j)), 4); }));
  fuse<narrowed>(y = Y, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return std::int32_t(Y(i, j)); }));
  fuse<chosen>(keep = Keep, a = A, b = B, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return Keep(i, j) ? A(i, j) : B(j); }));
  fuse<looked_up>(a = I, input<"t", std::int32_t>(w) = std::array<std::int32_t, 5>{5, -4, 3, -2, 1}, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return std::array{5, -4, 3, -2, 1}[std::size_t(I(i, j))]; }));
  fuse<whole_sum>(a = A, into(s));
  BOOST_TEST(rows_equal(s, [](extent_t i) {
    std::int32_t t = 0;
    for (extent_t j = 0; j < M; ++j) t += A(i, j);
    return t;
  }));
  fuse<whole_max>(a = A, into(s));
  BOOST_TEST(s(0) == *std::max_element(&A(0, 0), &A(0, 0) + M));
  tensor<std::int32_t> turned(M, N);
  fuse<transposed>(a = A, into(turned));
  BOOST_TEST((turned(36, 12) == A(12, 36) && turned(1, 0) == A(0, 1)));
}
BOOST_AUTO_TEST_CASE(whole_numbers_of_64_bits) {
  tensor<std::int64_t> r(N), c(N);
  fuse<wide>(l = L, into(r));
  BOOST_TEST(rows_equal(r, [](extent_t i) { return L(i) * 2 + i; }));
  fuse<counted>(keep = Keep, flag = Flag, into(c));
  BOOST_TEST(rows_equal(c, [](extent_t i) {
    std::int64_t t = 0;
    for (extent_t j = 0; j < M; ++j) t += Keep(i, j) && Flag(j);
    return t;
  }));
  const tensor<std::int64_t> index = some<std::int64_t>(9, 0, 2, {N});
  const std::int64_t table[] = {7, -8, 9};
  fuse<wide_looked_up>(l = index, input<"u", std::int64_t>(w) = table, into(r));
  BOOST_TEST(rows_equal(r, [&](extent_t i) { return table[index(i)]; }));
}
BOOST_AUTO_TEST_CASE(booleans) {
  tensor<bool> r(N, M);
  fuse<compared>(a = A, b = B, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return A(i, j) < B(j); }));
  fuse<logic>(keep = Keep, flag = Flag, a = A, b = B, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return (Keep(i, j) && Flag(j)) || A(i, j) != B(j); }));
  fuse<passed>(keep = Keep, into(r));
  BOOST_TEST(all_equal(r, [](extent_t i, extent_t j) { return Keep(i, j); }));
  const bool table[] = {true, false, false, true, true};
  fuse<flags_looked_up>(a = I, input<"f", bool>(w) = table, into(r));
  BOOST_TEST(all_equal(r, [&](extent_t i, extent_t j) { return table[I(i, j)]; }));
  bool strided[2 * M * N];
  std::fill(std::begin(strided), std::end(strided), true);
  fuse<compared>(a = A, b = B, into(view(strided + 2 * M * N - 1, {N, M}, {-2 * M, -2})));
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < M; ++j) {
      if (strided[2 * M * N - 1 - 2 * (i * M + j)] != (A(i, j) < B(j)))
        BOOST_TEST(false, "row " << i << ", column " << j);
      if (!strided[2 * M * N - 2 - 2 * (i * M + j)]) BOOST_TEST(false, "between the elements was written");
    }
}
BOOST_AUTO_TEST_CASE(real_numbers_of_both_widths) {
  tensor<float> f(N, M);
  fuse<quotient>(a = A, b = some<std::int32_t>(2, 1, 3, {M}), into(f));
  const tensor<std::int32_t> P = some<std::int32_t>(2, 1, 3, {M});
  BOOST_TEST(all_equal(f, [&](extent_t i, extent_t j) { return float(A(i, j)) / float(P(j)); }));
  fuse<to_float>(y = Y, into(f));
  BOOST_TEST(all_equal(f, [](extent_t i, extent_t j) { return float(Y(i, j)); }));
  tensor<double> r(N, M);
  fuse<in_double>(y = Y, x = X, into(r));
  double worst = 0;
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < M; ++j) {
      const double want = std::exp(Y(i, j)) * double(X(i, j));
      worst = std::max(worst, std::fabs(r(i, j) - want) / (std::fabs(want) + 1e-300));
    }
  BOOST_TEST(worst < 1e-15);
}
BOOST_AUTO_TEST_CASE(attention_in_double_under_a_boolean_mask) {
  const tensor<double> Q = filled<double>(1, 1, {N, 9}), K = filled<double>(2, 1, {M, 9}),
                       V = filled<double>(3, 1, {M, 11});
  tensor<double> O(N, 11), S(N), want(N, 11), want_lse(N);
  fuse<results(out, lse), strict>(q = Q, k = K, v = V, keep = Keep, into(O, S));
  reference<results(out, lse)>(q = Q, k = K, v = V, keep = Keep, into(want, want_lse));
  BOOST_TEST(!mostly_zero(want));
  const double unit = std::numeric_limits<double>::epsilon() * largest(V) * (1 + largest(Q) * largest(K) * 9);
  BOOST_TEST(worst_units(O, want, unit) <= 16);
  BOOST_TEST(worst_units(S, want_lse, unit) <= 16);
}
// Equal terms, added one by one in double, all round alike: of some thousand the sum is off by many units. What a
// kernel in double is held against is not.
BOOST_AUTO_TEST_CASE(the_oracle_of_doubles_adds_up_in_more_than_double) {
  static constexpr auto total = sum<n, m>(y);
  static constexpr auto up_to = running_sum<m>(y);
  static constexpr auto evidence = logsumexp<m>(y);
  constexpr extent_t rows = 1, columns = 3000;
  tensor<double> terms(rows, columns), sums(rows, columns), one(rows);
  for (double& v : terms) v = 0.1;
  double all = 0, plain = 0;
  for (const double v : terms) plain += v;
  const double exact = 0.1 * double(columns), unit = std::numeric_limits<double>::epsilon() * exact / 2;
  BOOST_TEST(std::fabs(plain - exact) > 4 * unit);
  reference<results(total, up_to, evidence)>(y = terms, into(all, sums, one));
  BOOST_TEST(std::fabs(all - exact) <= unit);
  BOOST_TEST(std::fabs(sums(0, columns - 1) - exact) <= unit);
  BOOST_TEST(std::fabs(one[0] - (0.1 + std::log(3000.))) <= 16 * std::numeric_limits<double>::epsilon());
}
