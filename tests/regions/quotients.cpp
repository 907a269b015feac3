// A division is one: what it gives is the quotient rounded once, as a result, below a cast to a whole number, in a
// comparison and in the mask of a score. Whole quotients round down. All expected values by plain C++.
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
constexpr axis<"w"> w;
constexpr axis<"d", 1> d;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y", double>(n);
constexpr auto divisor = input<"divisor">();
constexpr auto width = input<"width", std::int32_t>();
constexpr auto quotient0 = x / 3;
constexpr auto quotient1 = x / 49;
constexpr auto quotient2 = x / divisor;
constexpr auto quotient3 = x / 1e-39;
constexpr auto quotient4 = cast<std::int32_t>(x / 41);
constexpr auto quotient5 = x / 41 == 1;
constexpr auto quotient6 = mean<d>(x / 7 + 0 * d);
constexpr auto quotients = results(quotient0, quotient1, quotient2, quotient3, quotient4, quotient5, quotient6);
constexpr auto double_quotient0 = y / 49;
constexpr auto double_quotient1 = cast<std::int32_t>(y / 41);
constexpr auto double_quotients = results(double_quotient0, double_quotient1);
constexpr auto index0 = cast<std::int32_t>(n / 41);
constexpr auto index1 = cast<std::int32_t>(n / width);
constexpr auto index2 = cast<std::int32_t>(n / size<w>);
constexpr auto index3 = cast<std::int32_t>(n / 5.0 / 7);
constexpr auto indices = results(index0, index1, index2, index3);

constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr axis<"u"> u;
constexpr auto q_units = input<"q_units">(n, u);
constexpr auto k_units = input<"k_units">(m, u);
constexpr auto of_no_product = sum<u>(tanh(q_units * k_units));
constexpr auto same_block = cast<std::int32_t>(n / 41) == cast<std::int32_t>(m / 41);
constexpr auto seen = logsumexp<m>(mask(dot<d>(q, k), same_block));
constexpr auto seen_by_loops = logsumexp<m>(mask(dot<d>(q, k) + of_no_product, same_block));
constexpr auto first = input<"first", std::int32_t>();
constexpr auto area = cast<std::int64_t>(n + first) * (n + first);
constexpr auto far = 3000 * (n + first) > 100000000;
constexpr auto ahead = logsumexp<m>(mask(dot<d>(q, k), (n + first) * (m + first) > first * (first + 2)));
constexpr auto tempered = softmax<m>(dot<d>(q, k) / divisor);

constexpr auto a = input<"a", std::int32_t>(n);
constexpr auto b = input<"b", std::int32_t>(m);
constexpr auto whole0 = floor_divide(a, b);
constexpr auto whole1 = a % b;
constexpr auto whole2 = floor_divide(a, 7);
constexpr auto whole3 = a % -7;
constexpr auto whole4 = floor_divide(a, 8);
constexpr auto whole5 = a % 8;
constexpr auto whole6 = a % (1 << 30);
constexpr auto whole = results(whole0, whole1, whole2, whole3, whole4, whole5, whole6);
constexpr auto in_mask =
    logsumexp<m>(mask(dot<d>(q, k), floor_divide(n, 5) == floor_divide(m, 5) || (n - m) % 7 == 3 || (n - m) % 8 == 6));
constexpr auto table = input<"table">(w);
constexpr auto sum_of_entries = sum<n>(table.at((n - 10) % 4));
constexpr auto readers = gradient<sum_of_entries>(wrt(table));
}  // namespace

BOOST_AUTO_TEST_CASE(a_quotient_is_rounded_once) {
  std::vector<float> X(200), third(200), by49(200), by(200), subnormal(200), seventh(200);
  std::vector<std::int32_t> floored(200);
  tensor<bool> one(200);
  for (int i = 0; i < 200; ++i) X[std::size_t(i)] = float(i);
  fuse<quotients>(x = X, divisor = 41.f, with(d, 1), into(third, by49, by, subnormal, floored, one, seventh));
  std::vector<double> Y(X.begin(), X.end()), by49_double(200);
  std::vector<std::int32_t> floored_double(200);
  fuse<double_quotients>(y = Y, into(by49_double, floored_double));
  for (int i = 0; i < 200; ++i) {
    const std::size_t s = std::size_t(i);
    BOOST_TEST_REQUIRE((third[s] == X[s] / 3 && by49[s] == X[s] / 49 && by[s] == X[s] / 41 && seventh[s] == X[s] / 7),
                       "at " << i);
    BOOST_TEST_REQUIRE((subnormal[s] == X[s] / 1e-39f), "at " << i);
    BOOST_TEST_REQUIRE(
        (floored[s] == i / 41 && one(i) == (i == 41) && floored_double[s] == i / 41 && by49_double[s] == Y[s] / 49),
        "at " << i);
  }
  fuse<quotients>(x = X, divisor = 1e-39f, with(d, 1), into(third, by49, by, subnormal, floored, one, seventh));
  BOOST_TEST((by[0] == 0 && by[1] == 1 / 1e-39f));
}
BOOST_AUTO_TEST_CASE(a_mean_of_equal_numbers_is_that_number) {
  static constexpr axis<"c", 49> c;
  static constexpr auto rows = input<"rows">(n, c);
  static constexpr auto average = mean<c>(rows);
  tensor<float> R(3, 49), A(3);
  for (int i = 0; i < 49; ++i) R(0, i) = 1, R(1, i) = 3;
  fuse<average>(rows = R, into(A));
  BOOST_TEST((A(0) == 1 && A(1) == 3 && A(2) == 0));
}
BOOST_AUTO_TEST_CASE(an_index_by_division) {
  std::vector<std::int32_t> by41(500), by_width(500), by_size(500), twice(500);
  fuse<indices>(with(n, 500), with(w, 41), width = 41, into(by41, by_width, by_size, twice));
  for (int i = 0; i < 500; ++i) {
    const std::size_t s = std::size_t(i);
    BOOST_TEST_REQUIRE((by41[s] == i / 41 && by_width[s] == i / 41 && by_size[s] == i / 41), "at " << i);
    BOOST_TEST_REQUIRE(twice[s] == int(float(i) / 5.f / 7.f), "at " << i);
  }
}
BOOST_AUTO_TEST_CASE(blocks_of_41_in_masks) {
  tensor<float> Q(90, 1), K(90, 1), L(90), LL(90);
  tensor<double> R(90);
  fuse<seen, strict>(q = Q, k = K, into(L));
  fuse<seen_by_loops>(q = Q, k = K, q_units = Q, k_units = K, into(LL));
  reference<seen>(q = Q, k = K, into(R));
  for (int i = 0; i < 90; ++i) {
    const double want = std::log(i < 82 ? 41 : 8);
    BOOST_TEST_REQUIRE((std::abs(L(i) - want) < 1e-5 && std::abs(LL(i) - want) < 1e-5 && std::abs(R(i) - want) < 1e-5),
                       "row " << i);
  }
}
BOOST_AUTO_TEST_CASE(a_subnormal_temperature) {
  tensor<float> Q(2, 1), K(3, 1), P(2, 3);
  Q(1, 0) = 1, K(1, 0) = 1e-39f;
  fuse<tempered>(q = Q, k = K, divisor = 1e-39f, into(P));
  const double e = std::exp(1.);
  for (int i = 0; i < 3; ++i)
    BOOST_TEST((std::abs(P(0, i) - 1. / 3) < 1e-6 && std::abs(P(1, i) - (i == 1 ? e : 1) / (e + 2)) < 1e-6));
}
BOOST_AUTO_TEST_CASE(whole_quotients_round_down) {
  const std::int32_t A[] = {0, 1, -1, 6, 7, -7, -8, 41, 82, -41, 2147483647, -2147483647 - 1},
                     B[] = {0, 1, 2, -2, 3, -3, 41, -41, 2147483647, -2147483647 - 1};
  tensor<std::int32_t> Q(12, 10), R(12, 10), Q7(12), R7(12), Q8(12), R8(12), R30(12);
  tensor<double> rQ(12, 10), rR(12, 10), rQ7(12), rR7(12), rQ8(12), rR8(12), rR30(12);
  fuse<whole>(a = A, b = B, into(Q, R, Q7, R7, Q8, R8, R30));
  reference<whole>(a = A, b = B, into(rQ, rR, rQ7, rR7, rQ8, rR8, rR30));
  const auto down = [](std::int64_t p, std::int64_t s) {
    return s ? std::int64_t(std::floor((long double)p / (long double)s)) : 0;
  };
  for (int i = 0; i < 12; ++i) {
    for (int j = 0; j < 10; ++j) {
      const std::int64_t quotient = down(A[i], B[j]), rest = B[j] ? A[i] - quotient * B[j] : 0;
      BOOST_TEST_REQUIRE((Q(i, j) == quotient && R(i, j) == rest), A[i] << " by " << B[j]);
      BOOST_TEST_REQUIRE((rQ(i, j) == double(quotient) && rR(i, j) == double(rest)), A[i] << " by " << B[j]);
    }
    BOOST_TEST_REQUIRE((Q7(i) == down(A[i], 7) && R7(i) == A[i] + 7 * down(A[i], -7)), A[i]);
    BOOST_TEST_REQUIRE((Q8(i) == down(A[i], 8) && R8(i) == A[i] - 8 * down(A[i], 8)), A[i]);
    BOOST_TEST_REQUIRE(R30(i) == A[i] - (std::int64_t(1) << 30) * down(A[i], 1 << 30), A[i]);
  }
}
BOOST_AUTO_TEST_CASE(whole_quotients_in_masks_and_indices) {
  tensor<float> Q(300, 1), K(300, 1), L(300);
  fuse<in_mask, strict>(q = Q, k = K, into(L));
  for (int i = 0; i < 300; ++i) {
    int keys = 0;
    for (int j = 0; j < 300; ++j) keys += i / 5 == j / 5 || ((i - j) % 7 + 7) % 7 == 3 || ((i - j) % 8 + 8) % 8 == 6;
    BOOST_TEST_REQUIRE(std::abs(L(i) - std::log(keys)) < 1e-5, "row " << i);
  }
  const float T[] = {1, 10, 100, 1000};
  float S, dT[4];
  fuse<sum_of_entries>(table = T, with(n, 11), into(S));  // -10 % 4 is 2: entries 2 3 0 1 2 3 0 1 2 3 0
  BOOST_TEST(S == 3 * 1 + 2 * 10 + 3 * 100 + 3 * 1000);
  fuse<readers>(table = T, with(n, 11), into(dT));
  BOOST_TEST((dT[0] == 3 && dT[1] == 2 && dT[2] == 3 && dT[3] == 3));
}
BOOST_AUTO_TEST_CASE(products_beyond_32_bits) {
  constexpr std::int64_t from = 46340;  // whose square is just below 2^31
  tensor<float> Q(5, 1), K(6, 1), L(5);
  tensor<double> rL(5), rA(5);
  tensor<std::int64_t> A(5);
  tensor<bool> F(800000 - from);
  fuse<results(area, ahead)>(q = Q, k = K, first = std::int32_t(from), into(A, L));
  reference<results(area, ahead)>(q = Q, k = K, first = std::int32_t(from), into(rA, rL));
  for (int i = 0; i < 5; ++i) {
    int keys = 0;
    for (int j = 0; j < 6; ++j) keys += (from + i) * (from + j) > from * (from + 2);
    BOOST_TEST((A[i] == (from + i) * (from + i) && rA[i] == double((from + i) * (from + i))), "row " << i);
    BOOST_TEST((std::abs(L(i) - std::log(keys)) < 1e-6 && std::abs(rL(i) - std::log(keys)) < 1e-12), "row " << i);
  }
  fuse<far>(first = std::int32_t(from), into(F));
  for (std::int64_t i = 0; i < 800000 - from; ++i)
    BOOST_TEST_REQUIRE(F[std::size_t(i)] == (3000 * (i + from) > 100000000), "row " << i);
}
