// Attention along the rows of two pictures (Wang et al. 2019, parallax attention): pixels of the right picture are
// warped to the left one, and a pixel is seen by what its row gives it; forward and backward, against the formula and
// finite differences of it in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"y"> y;
constexpr axis<"l"> l;
constexpr axis<"r"> r;
constexpr axis<"d", 5> d;
constexpr auto left = input<"left">(y, l, d);
constexpr auto right = input<"right">(y, r, d);
constexpr auto to_left = softmax<r>(dot<d>(left, right));
constexpr auto to_right = softmax<l>(dot<d>(left, right));
constexpr auto warped = dot<r>(to_left, right);
constexpr auto back = dot<l>(to_right, left);
constexpr auto seen = sum<l>(to_left);  // of a pixel of the right picture: near 0 where it is hidden
constexpr auto out = results(warped, back, seen);
constexpr auto backward = gradient<results(warped, back, seen)>(wrt(left, right));

constexpr int Y = 2, L = 9, R = 7;
struct problem {
  tensor<float> A = filled<float>(1, 1, {Y, L, 5}), B = filled<float>(2, 1, {Y, R, 5}),
                C = filled<float>(3, 1, {Y, L, 5}), D = filled<float>(4, 1, {Y, R, 5}), E = filled<float>(5, 1, {Y, R});
  std::vector<double> a{A.begin(), A.end()}, b{B.begin(), B.end()};

  double weight(int row, int i, int j) const {
    double s = 0;
    for (int x = 0; x < 5; ++x) s += a[std::size_t((row * L + i) * 5 + x)] * b[std::size_t((row * R + j) * 5 + x)];
    return std::exp(s);
  }
  std::array<std::vector<double>, 3> result() const {
    std::array<std::vector<double>, 3> o{std::vector<double>(Y * L * 5), std::vector<double>(Y * R * 5),
                                         std::vector<double>(Y * R)};
    for (int row = 0; row < Y; ++row) {
      double of_left[L] = {}, of_right[R] = {};
      for (int i = 0; i < L; ++i)
        for (int j = 0; j < R; ++j) of_left[i] += weight(row, i, j), of_right[j] += weight(row, i, j);
      for (int i = 0; i < L; ++i)
        for (int j = 0; j < R; ++j) {
          const double w = weight(row, i, j);
          for (int x = 0; x < 5; ++x) {
            o[0][std::size_t((row * L + i) * 5 + x)] += w / of_left[i] * b[std::size_t((row * R + j) * 5 + x)];
            o[1][std::size_t((row * R + j) * 5 + x)] += w / of_right[j] * a[std::size_t((row * L + i) * 5 + x)];
          }
          o[2][std::size_t(row * R + j)] += w / of_left[i];
        }
    }
    return o;
  }
  double loss() const {
    const auto o = result();
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t x = 0; x < o[i].size(); ++x) sum += o[i][x] * double((i == 0 ? C : i == 1 ? D : E)[x]);
    return sum;
  }
  tensor<double> slopes(std::vector<double>& of) {
    tensor<double> s(extent_t(of.size()));
    for (std::size_t i = 0; i < of.size(); ++i) {
      const double kept = of[i];
      const auto moved = [&](double by) {
        of[i] = kept + by;
        return loss();
      };
      s[i] = (8 * (moved(1e-4) - moved(-1e-4)) - moved(2e-4) + moved(-2e-4)) / 12e-4;
      of[i] = kept;
    }
    return s;
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(parallax_attention) {
  problem p;
  tensor<float> O(p.C), P(p.D), S(p.E), dA(p.A), dB(p.B);
  fuse<out, strict>(left = p.A, right = p.B, into(O, P, S));
  fuse<backward, strict>(left = p.A, right = p.B, cotangent<results(warped, back, seen), 0> = p.C,
                         cotangent<results(warped, back, seen), 1> = p.D,
                         cotangent<results(warped, back, seen), 2> = p.E, into(dA, dB));
  const auto wanted = p.result();
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t x = 0; x < wanted[i].size(); ++x)
      BOOST_TEST(std::fabs(wanted[i][x] - double((i == 0 ? O : i == 1 ? P : S)[x])) < 1e-5);
  expect_close("of the left", dA, p.slopes(p.a)), expect_close("of the right", dB, p.slopes(p.b));
}
