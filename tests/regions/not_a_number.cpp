// NaN where it must be seen and nowhere else: in maxima, beside weights that are 0, and behind masks. And scores of
// nothing.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <heed/heed.hpp>
using namespace heed;

namespace {

constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);

constexpr auto x = input<"x">(n, m);
constexpr auto y = input<"y", double>(n, m);
constexpr auto largest_score = max<m>(dot<d>(q, k));
constexpr auto smallest_score = min<m>(dot<d>(q, k));
constexpr auto largest_along = max<m>(x);
constexpr auto smallest_along = min<m>(x);
constexpr auto largest_across = max<n>(y);
constexpr auto largest_seen = max<m>(mask(x, m <= n));
constexpr auto larger_input = max(x, input<"z">(m));
constexpr auto smaller_input = min(input<"z">(m), x);
constexpr auto positive = max(x, 0);
constexpr auto positive_score = max(0, dot<d>(q, k));

// Few keys, so that weights could be stored; what is made of the weighted values is a reduction over a contraction.
constexpr axis<"five", 5> five;
constexpr auto few_keys = rename<m, five>(k);
constexpr auto few_values = rename<m, five>(v);
constexpr auto attended = attention<d, five>(q, few_keys, few_values, input<"keep", bool>(five));
constexpr auto largest_attended = max<e>(attended);
constexpr auto logsumexp_of_attended = logsumexp<e>(attended);
constexpr auto attended_twice = dot<e>(softmax<e>(attended), input<"u">(e));

// Scores that no score region takes, with a mask over pairs.
constexpr axis<"t"> t;
constexpr auto keep = input<"keep", bool>(n, m);
constexpr auto stored_weights = softmax<m>(mask(x, keep));
constexpr auto of_stored_weights = dot<m>(stored_weights, v);
constexpr auto masked_weights = mask(stored_weights, keep);
constexpr auto back_of_stored_weights = gradient<of_stored_weights>(wrt(x, v));
constexpr auto two_products = softmax<m>(mask(dot<d>(q, k) + sum<d>(q * 2 * tanh(k)), keep));
constexpr auto of_two_products = dot<m>(two_products, v);
constexpr auto without_stored_pairs = dot<m>(softmax<m>(mask(dot<d>(q, k) + sum<d>(q * 2 * tanh(k)), m < n)), v);
constexpr auto of_two_axes = dot<t, m>(softmax<t, m>(mask(input<"both">(n, t, m), keep)), input<"w">(t, m));

// Multiples of weights and products with them.
constexpr auto weights_to_mix = softmax<m>(mask(dot<d>(q, k), m <= n));
constexpr auto doubled = dot<m>(2 * weights_to_mix, v);
constexpr auto squared = dot<m>(weights_to_mix * weights_to_mix, v);
constexpr auto gated = dot<m>(v, weights_to_mix* input<"gate">(n, m));

bool alike(float a, float b) { return a == b || (a != a && b != b); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_maximum_over_nan_is_nan) {
  for (int at = 0; at < 21; ++at) {  // every lane, every place in a group, the last incomplete ones
    tensor<float> X(21, 21), top(21), low(21), seen(21);
    tensor<double> Y(21, 21), across(21), r(21);
    for (int i = 0; i < 21; ++i)
      for (int j = 0; j < 21; ++j) X(i, j) = float((i * 5 + j * 3) % 11), Y(j, i) = double(X(i, j));
    X(4, at) = NAN, Y(at, 4) = NAN;
    fuse<results(largest_along, smallest_along, largest_seen)>(x = X, into(top, low, seen));
    fuse<largest_across>(y = Y, into(across));
    for (int i = 0; i < 21; ++i) {
      BOOST_TEST((std::isnan(top[i]) && std::isnan(low[i]) && std::isnan(across[i])) == (i == 4));
      BOOST_TEST(std::isnan(seen[i]) == (i == 4 && at <= 4));
    }
    reference<largest_across>(y = Y, into(r));
    for (int i = 0; i < 21; ++i) BOOST_TEST(std::isnan(r[i]) == (i == 4));

    tensor<float> Q(3, 1), K(21, 1), T(3), L(3);
    for (int j = 0; j < 21; ++j) K[j] = float(j % 7);
    K[at] = NAN, Q[0] = 1, Q[1] = -1, Q[2] = 1;
    fuse<results(largest_score, smallest_score)>(q = Q, k = K, into(T, L));
    for (int i = 0; i < 3; ++i) BOOST_TEST((std::isnan(T[i]) && std::isnan(L[i])));
  }
}

BOOST_AUTO_TEST_CASE(the_larger_of_two_is_nan_where_either_is) {
  tensor<float> X(2, 19), Z(19), A(2, 19), B(19, 2), C(2, 19), Q(2, 1), K(19, 1), P(2, 19);
  tensor<double> R(2, 19);
  for (int j = 0; j < 19; ++j)
    X(0, j) = float(j - 9), X(1, j) = NAN, Z[j] = j % 5 ? 1 : NAN, K[j] = j % 5 ? float(j - 9) : NAN;
  Q[0] = Q[1] = 1;
  fuse<results(larger_input, smaller_input, positive)>(x = X, input<"z">(m) = Z, into(A, B, C));
  fuse<positive_score>(q = Q, k = K, into(P));
  reference<positive>(x = X, into(R));
  for (int j = 0; j < 19; ++j) {
    BOOST_TEST(alike(A(0, j), j % 5 ? std::max(X(0, j), 1.f) : NAN));
    BOOST_TEST(alike(B(j, 0), j % 5 ? std::min(X(0, j), 1.f) : NAN));
    BOOST_TEST(alike(P(0, j), j % 5 ? std::max(K[j], 0.f) : NAN));
    BOOST_TEST(alike(C(0, j), std::max(X(0, j), 0.f)));
    BOOST_TEST((std::isnan(A(1, j)) && std::isnan(B(j, 1)) && std::isnan(C(1, j)) && std::isnan(R(1, j))));
  }
}

namespace {
constexpr auto soft = input<"soft">(b, n, m);  // 0 is seen, with a weight of 0
constexpr auto queries = input<"queries">(b, n, d);
constexpr auto weighed = dot<m>(softmax<m>(mask(dot<d>(queries, k) + log(soft), m <= n)), v);
constexpr auto weighed_back = gradient<weighed>(wrt(soft, v));
}  // namespace

// A weight of 0 times NaN is NaN in every row that sees the key, whether its tile holds excluded pairs or none; rows
// that do not see it are not touched. Three items share their keys, so that alone and together blocks of rows are
// filled differently.
BOOST_AUTO_TEST_CASE(a_weight_of_zero_is_seen) {
  tensor<float> Q(3, 30, 1), K(30, 1), V(30, 1), S(3, 30, 30), O(3, 30, 1), one(1, 30, 1), dO(3, 30, 1), dS(3, 30, 30),
      dV(30, 1), dS1(1, 30, 30), dV1(30, 1);
  tensor<double> R(3, 30, 1);
  std::fill(S.begin(), S.end(), 1.f), std::fill(dO.begin(), dO.end(), 1.f), std::fill(V.begin(), V.end(), 2.f);
  for (int i = 0; i < 90; ++i) S[std::size_t(i * 30 + 2)] = 0;
  V[2] = NAN;
  fuse<weighed>(queries = Q, k = K, v = V, soft = S, into(O));
  fuse<weighed>(queries = view(Q.data(), {1, 30, 1}), k = K, v = V, soft = view(S.data(), {1, 30, 30}), into(one));
  reference<weighed>(queries = Q, k = K, v = V, soft = S, into(R));
  for (int i = 0; i < 30; ++i) {
    BOOST_TEST(alike(O[std::size_t(i)], i < 2 ? 2.f : NAN));
    BOOST_TEST(alike(one[std::size_t(i)], i < 2 ? 2.f : NAN));
    BOOST_TEST(alike(float(R[std::size_t(i)]), i < 2 ? 2.f : NAN));
  }
  V[2] = 2;
  fuse<weighed_back>(queries = Q, k = K, v = V, soft = S, cotangent<weighed> = dO, into(dS, dV));
  fuse<weighed_back>(queries = view(Q.data(), {1, 30, 1}), k = K, v = V, soft = view(S.data(), {1, 30, 30}),
                     cotangent<weighed> = view(dO.data(), {1, 30, 1}), into(dS1, dV1));
  for (int i = 0; i < 30; ++i)
    for (int j = 0; j < 30; ++j) {
      BOOST_TEST(alike(dS(0, i, j), dS1(0, i, j)));
      if (j > i) BOOST_TEST((dS(0, i, j) == 0 && !std::signbit(dS(0, i, j))));  // excluded: 0, without a sign
      else BOOST_TEST(std::isnan(dS(0, i, j)) == (j == 2));  // the derivative of log at 0 times a weight of 0
    }
}

BOOST_AUTO_TEST_CASE(what_is_made_of_weighted_values_sees_no_excluded_value) {
  tensor<float> Q(3, 2), K(5, 2), V(5, 2), U(2), top(3), sum_of_exponentials(3), twice(3);
  tensor<bool> keep(5);
  for (int j = 0; j < 5; ++j) keep[j] = j == 2, K(j, 0) = K(j, 1) = V(j, 0) = V(j, 1) = keep[j] ? 1 : NAN;
  V(2, 0) = 1, V(2, 1) = 3, U[0] = 10, U[1] = 20;
  const auto check = [&] {
    for (int i = 0; i < 3; ++i) {
      BOOST_TEST(top[i] == 3);
      BOOST_TEST(std::abs(sum_of_exponentials[i] - std::log(std::exp(1.) + std::exp(3.))) < 1e-6);
      BOOST_TEST(std::abs(twice[i] - (10 + 20 * std::exp(2.)) / (1 + std::exp(2.))) < 1e-5);
    }
  };
  fuse<largest_attended>(q = Q, k = K, v = V, input<"keep", bool>(five) = keep, into(top));
  fuse<logsumexp_of_attended>(q = Q, k = K, v = V, input<"keep", bool>(five) = keep, into(sum_of_exponentials));
  fuse<attended_twice>(q = Q, k = K, v = V, input<"keep", bool>(five) = keep, input<"u">(e) = U, into(twice));
  check();
  fuse<results(largest_attended, logsumexp_of_attended, attended_twice)>(
      q = Q, k = K, v = V, input<"keep", bool>(five) = keep, input<"u">(e) = U, into(top, sum_of_exponentials, twice));
  check();
}

BOOST_AUTO_TEST_CASE(what_vanishes_with_excluded_weights_takes_no_part_in_a_product) {
  tensor<float> Q(3, 2), K(3, 2), V(3, 1), gate(3, 3), twice(3, 1), square(3, 1), gates(1, 3);
  tensor<double> r_twice(3, 1), r_square(3, 1), r_gates(1, 3);
  V[0] = 2, V[1] = 4, V[2] = NAN;  // query i sees keys 0 .. i, with equal weights
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) gate(i, j) = j > i ? NAN : float(1 + j);
  const auto what = [&](const auto& call, auto& a, auto& b, auto& c) {
    call(q = Q, k = K, v = V, input<"gate">(n, m) = gate, into(a, b, c));
    const double wanted[3][3] = {{4, 6, NAN}, {2, 1.5, NAN}, {2, 5, NAN}};
    for (int i = 0; i < 3; ++i) {
      BOOST_TEST(alike(float(a[std::size_t(i)]), float(wanted[0][i])));
      BOOST_TEST(alike(float(b[std::size_t(i)]), float(wanted[1][i])));
      BOOST_TEST(alike(float(c[std::size_t(i)]), float(wanted[2][i])));
    }
  };
  what(fuse<results(doubled, squared, gated)>, twice, square, gates);
  what(reference<results(doubled, squared, gated)>, r_twice, r_square, r_gates);
}

BOOST_AUTO_TEST_CASE(scores_over_a_width_of_nothing_are_zero) {
  static constexpr auto out = attention<d, m>(q, k, v);
  static constexpr auto back = gradient<out>(wrt(v));
  tensor<float> Q(2, 0), K(4, 0), V(4, 1), O(2, 1), dO(2, 1), dV(4, 1);
  tensor<double> R(2, 1);
  for (int j = 0; j < 4; ++j) V[std::size_t(j)] = float(j);
  dO[0] = 1, dO[1] = 3;
  fuse<out>(q = Q, k = K, v = V, into(O));
  reference<out>(q = Q, k = K, v = V, into(R));
  fuse<back>(q = Q, k = K, v = V, cotangent<out> = dO, into(dV));
  for (int i = 0; i < 2; ++i) BOOST_TEST((O[std::size_t(i)] == 1.5f && R[std::size_t(i)] == 1.5));
  for (int j = 0; j < 4; ++j) BOOST_TEST(dV[std::size_t(j)] == 1);
}

BOOST_AUTO_TEST_CASE(values_behind_a_mask_of_any_score_stay_there) {
  // The query i sees the keys before it: their scores are equal, their values 1 and 3, and 10 more in the second
  // column.
  tensor<float> X(3, 3), Q(3, 1), K(3, 1), V(3, 2), W(3, 3), O(3, 2), G(3, 2), dX(3, 3), dV(3, 2);
  tensor<bool> seen(3, 3);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) seen(i, j) = j < i, X(i, j) = j < i ? 0.5f : NAN;
  for (int j = 0; j < 3; ++j)
    Q[j] = 0, K[j] = j < 2 ? 1 : NAN, V(j, 0) = j < 2 ? float(1 + 2 * j) : NAN,
    V(j, 1) = j < 2 ? float(11 + 2 * j) : INFINITY;
  const float want[3][2] = {{0, 0}, {1, 11}, {2, 12}};
  const auto check = [&] {
    for (int i = 0; i < 3; ++i)
      for (int c = 0; c < 2; ++c) BOOST_TEST(std::abs(O(i, c) - want[i][c]) < 1e-6);
    for (int i = 0; i < 6; ++i) O[i] = NAN;
  };
  fuse<of_stored_weights>(x = X, keep = seen, v = V, into(O)), check();
  fuse<results(of_stored_weights, stored_weights)>(x = X, keep = seen, v = V, into(O, W)), check();
  BOOST_TEST((W(0, 2) == 0 && W(1, 0) == 1 && W(1, 2) == 0 && W(2, 1) == 0.5f));
  fuse<results(masked_weights, of_stored_weights)>(x = X, keep = seen, v = V, into(W, O)), check();
  BOOST_TEST((W(0, 2) == -INFINITY && W(1, 0) == 1));
  fuse<results(of_two_products, two_products)>(q = Q, k = K, keep = seen, v = V, into(O, W)), check();
  fuse<of_two_products>(q = Q, k = K, keep = seen, v = V, into(O)), check();
  fuse<without_stored_pairs>(q = Q, k = K, v = V, into(O)), check();

  // With a cotangent of 1 and 0 the values get the sums of their weights, scores their weight times how far their value
  // lies from the mean.
  for (int i = 0; i < 3; ++i) G(i, 0) = 1, G(i, 1) = 0;
  for (int j = 0; j < 2; ++j) V(j, 1) = 0;
  fuse<back_of_stored_weights>(x = X, keep = seen, v = V, cotangent<of_stored_weights> = G, into(dX, dV));
  const float of_scores[3][3] = {{0, 0, 0}, {0, 0, 0}, {-0.5f, 0.5f, 0}}, of_values[3] = {1.5f, 0.5f, 0};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) BOOST_TEST(std::abs(dX(i, j) - of_scores[i][j]) < 1e-6);
    BOOST_TEST((std::abs(dV(i, 0) - of_values[i]) < 1e-6 && dV(i, 1) == 0));
  }

  tensor<float> S(3, 2, 3), U(2, 3), R(3);
  for (int i = 0; i < 3; ++i)
    for (int a = 0; a < 2; ++a)
      for (int j = 0; j < 3; ++j) S(i, a, j) = j < i ? 0.5f : NAN, U(a, j) = j < 2 ? float(a + 2 * j) : NAN;
  fuse<of_two_axes>(input<"both">(n, t, m) = S, keep = seen, input<"w">(t, m) = U, into(R));
  BOOST_TEST((R[0] == 0 && std::abs(R[1] - 0.5f) < 1e-6 && std::abs(R[2] - 1.5f) < 1e-6));
}
