// What a mask excludes sends exactly 0 back, whatever is stored there: through every operation, in `fuse` and in
// `reference`. NaN lies in everything that is excluded; the values are worked out by hand.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <heed/heed.hpp>
#include <limits>
#include <vector>
using namespace heed;

namespace {
constexpr double missing = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"w", 2> w;
constexpr axis<"o", 2> o;
constexpr auto x = input<"x">(n);
constexpr auto keep = input<"keep", bool>(n);
constexpr auto also = input<"also", bool>(n);
constexpr auto b = input<"b">();

void equal(const auto& got, const auto& exact, std::initializer_list<double> wanted) {
  BOOST_TEST(got.size() == wanted.size());
  std::size_t i = 0;
  for (const double v : wanted) {
    BOOST_TEST(std::abs(got[i] - v) <= 1e-5 * (1 + std::abs(v)));
    BOOST_TEST(std::abs(exact[i] - v) <= 1e-5 * (1 + std::abs(v)));
    ++i;
  }
}
// The results of a list of gradients one behind the other, by both ways; `call` binds the operands.
#define BOTH(R, SIZE, WANTED, ...)          \
  {                                         \
    std::vector<float> got(SIZE);           \
    std::vector<double> exact(SIZE);        \
    fuse<R>(__VA_ARGS__, into(got));        \
    reference<R>(__VA_ARGS__, into(exact)); \
    equal(got, exact, WANTED);              \
  }
#define LIST(...) \
  std::initializer_list<double> { __VA_ARGS__ }

// A masked value that is used twice, once more through another mask.
constexpr auto kept = mask(x, keep);
constexpr auto twice = sum<n>(kept * kept) + sum<n>(abs(mask(kept, also)) + 2 * max(mask(kept, also), 0.5));
constexpr auto grad_twice = gradient<twice>(wrt(x));
// Values that are present, broadcast into absent ones.
constexpr auto sums = sum<n>(kept + b) * 1.5 + mean<n>((kept + b) * 3) + max<n>(kept * b);
constexpr auto grad_sums = gradient<sums>(wrt(b));
// Pointwise functions whose slope is NaN or a choice.
constexpr auto chosen = mask(relu(b * x) + abs(b * x) + max(b * x, -1) + min(b * x, 100) + where(x < 100, b* x, 0) +
                                 where(b * x < 100, 0, b) + sqrt(x) * 0 + exp(b * log(x)),
                             keep);
constexpr auto total = sum<n>(chosen);
constexpr auto grad_chosen = gradient<total>(wrt(b));
constexpr auto power_0 = sum<n>(pow(x, 0));
constexpr auto grad_power_0 = gradient<power_0>(wrt(x));
}  // namespace

BOOST_AUTO_TEST_CASE(masked_value_used_twice) {
  const std::vector<float> X{1, 3, float(missing), float(missing)};
  const bool K[] = {true, true, false, false}, A[] = {true, false, true, false};
  BOTH(grad_twice, 4, LIST(2 + 1 + 2, 6, 0, 0), x = X, keep = K, also = A);
}
BOOST_AUTO_TEST_CASE(present_values_broadcast_into_absent_ones) {
  const std::vector<float> X{1, 3, float(missing), float(infinite)};
  const bool K[] = {true, true, false, false};
  float got;
  double exact;
  fuse<grad_sums>(x = X, keep = K, b = 2.f, into(got));
  reference<grad_sums>(x = X, keep = K, b = 2.f, into(exact));
  BOOST_TEST(got == 3 + 3 + 3);
  BOOST_TEST(exact == 9);
}
BOOST_AUTO_TEST_CASE(choices_and_slopes_that_are_not_numbers) {
  const bool K[] = {true, true, false, false, false};
  for (const float poison : {float(missing), float(infinite), -1.f}) {
    const std::vector<float> X{1, 2, poison, -1, 0};
    float got;
    double exact;
    fuse<grad_chosen>(x = X, keep = K, b = 2.f, into(got));
    reference<grad_chosen>(x = X, keep = K, b = 2.f, into(exact));
    const double wanted = 5 * 3 + 4 * std::log(2.);  // five times x, and x^2 log(x)
    BOOST_TEST(std::abs(got - wanted) < 1e-4);
    BOOST_TEST(std::abs(exact - wanted) < 1e-9);
  }
}
BOOST_AUTO_TEST_CASE(power_of_zero) {
  const std::vector<float> X{0, 2};
  BOTH(grad_power_0, 2, LIST(0, 0), x = X);
}

// Padded rows below projections and attention, and rows that are left out of the loss: with NaN in both, every gradient
// is that of the same call with zeros there.
namespace {
constexpr axis<"c", 3> c;
constexpr auto rows = input<"rows">(n, c);
constexpr auto padded = input<"padded">(m, c);
constexpr auto wq = input<"wq">(w, c);
constexpr auto wk = input<"wk">(w, c);
constexpr auto wv = input<"wv">(o, c);
constexpr auto target = input<"target", std::int32_t>(n);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto attended =
    attention<w, m>(project<c>(rows, wq), project<c>(padded, wk), project<c>(padded, wv), padding(m, length));
constexpr auto loss = mean<n>(mask(cross_entropy<o>(layer_norm<o>(attended) + attended, target), keep));
constexpr auto grads = gradient<loss>(wrt(wq, wk, wv, rows, padded));
// Weights of a softmax that no score region computes.
constexpr auto bias = input<"bias">(n, m);
constexpr auto smooth = dot<m>(softmax<m>(mask(bias, m < length)), padded);
constexpr auto smooth_loss = sum<n, c>(mask(smooth * smooth, keep));
constexpr auto smooth_step = results(smooth_loss, gradient<smooth_loss>(wrt(bias, padded)));
}  // namespace

BOOST_AUTO_TEST_CASE(rows_that_are_padding_or_left_out_of_the_loss) {
  const bool K[] = {true, false, true};
  const std::int32_t T[] = {0, 1, 1};
  float WQ[2][3] = {{1, 2, -1}, {0, 1, 1}}, WK[2][3] = {{1, 0, 1}, {-1, 1, 0}}, WV[2][3] = {{1, 1, 2}, {2, -1, 1}};
  std::vector<double> of[2][2];
  for (int dirty : {0, 1}) {
    const float p = dirty ? float(missing) : 0;
    float R[3][3] = {{.5f, 0, 1}, {p, p, p}, {-1, .25f, 1}}, P[4][3] = {{1, 0, .5f}, {0, 1, 1}, {p, p, p}, {p, p, p}};
    float B[3][4] = {{1, 2, p, p}, {p, p, p, p}, {0, 1, p, p}}, G[5][12] = {}, L;
    double E[5][12] = {}, EL;
    const auto as = [](auto* from, extent_t a, extent_t d) { return view(from, {a, d}); };
    fuse<grads, strict>(rows = R, padded = P, wq = WQ, wk = WK, wv = WV, target = T, length = 2, keep = K,
                        into(as(G[0], 2, 3), as(G[1], 2, 3), as(G[2], 2, 3), as(G[3], 3, 3), as(G[4], 4, 3)));
    reference<grads>(rows = R, padded = P, wq = WQ, wk = WK, wv = WV, target = T, length = 2, keep = K,
                     into(as(E[0], 2, 3), as(E[1], 2, 3), as(E[2], 2, 3), as(E[3], 3, 3), as(E[4], 4, 3)));
    for (int i = 0; i < 60; ++i) of[dirty][0].push_back(G[i / 12][i % 12]), of[dirty][1].push_back(E[i / 12][i % 12]);
    for (int i = 0; i < 3; ++i) BOOST_TEST((G[3][3 + i] == 0 && E[3][3 + i] == 0));
    for (int i = 6; i < 12; ++i) BOOST_TEST((G[4][i] == 0 && E[4][i] == 0));
    BOOST_TEST((G[0][0] != 0 && G[1][0] != 0 && G[2][0] != 0));
    fuse<smooth_step>(bias = B, padded = P, length = 2, keep = K, into(L, as(G[0], 3, 4), as(G[1], 4, 3)));
    reference<smooth_step>(bias = B, padded = P, length = 2, keep = K, into(EL, as(E[0], 3, 4), as(E[1], 4, 3)));
    for (int i = 0; i < 24; ++i) of[dirty][0].push_back(G[i / 12][i % 12]), of[dirty][1].push_back(E[i / 12][i % 12]);
    of[dirty][0].push_back(L), of[dirty][1].push_back(EL);
  }
  for (std::size_t i = 0; i < of[0][0].size(); ++i) {
    BOOST_TEST(of[1][0][i] == of[0][0][i]);
    BOOST_TEST(of[1][1][i] == of[0][1][i]);
    BOOST_TEST(std::abs(of[1][0][i] - of[1][1][i]) <= 1e-5 * (1 + std::abs(of[1][1][i])));
  }
}

// The target of a cross entropy that the mask excludes is impossible: +inf, in a mean too. A row of which nothing is
// left has no loss.
namespace {
constexpr auto logits = input<"logits">(n, w);
constexpr auto allowed = input<"allowed", bool>(n, w);
constexpr auto each = cross_entropy<w>(mask(logits, allowed), target);
constexpr auto average = mean<n>(each);
constexpr auto losses = results(each, average, gradient<each>(wrt(logits)));
}  // namespace

BOOST_AUTO_TEST_CASE(excluded_target) {
  const float Z[3][2] = {{1, float(missing)}, {1, 1}, {float(missing), float(missing)}}, dL[] = {1, 2, 3};
  const bool A[3][2] = {{true, false}, {true, true}, {false, false}};
  for (const std::int32_t first : {0, 1}) {  // the second class of the first row is excluded
    const std::int32_t T[] = {first, 0, 0};
    float L[3], M, dZ[3][2];
    double EL[3], EM, dE[3][2];
    fuse<losses>(logits = Z, allowed = A, target = T, cotangent<each> = dL, into(L, M, dZ));
    reference<losses>(logits = Z, allowed = A, target = T, cotangent<each> = dL, into(EL, EM, dE));
    BOOST_TEST((first ? L[0] == infinite && EL[0] == infinite : L[0] == 0 && EL[0] == 0));
    BOOST_TEST((first ? M == infinite && EM == infinite
                      : std::abs(M - std::log(2.) / 2) < 1e-6 && std::abs(EM - std::log(2.) / 2) < 1e-9));
    BOOST_TEST((L[2] == -infinite && EL[2] == -infinite));                // absent
    const double wanted[3][2] = {{first ? 1. : 0., 0}, {-1, 1}, {0, 0}};  // softmax - [target]
    for (int i = 0; i < 6; ++i) {
      BOOST_TEST(std::abs(dZ[i / 2][i % 2] - wanted[i / 2][i % 2]) < 1e-6);
      BOOST_TEST(std::abs(dE[i / 2][i % 2] - wanted[i / 2][i % 2]) < 1e-9);
    }
  }
}
