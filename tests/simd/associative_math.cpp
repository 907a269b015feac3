// A compiler that may reassociate, and says so by no macro, keeps the accuracy of the functions: what rounds to
// integers, what is split into a high and a low part, and what is scaled in two steps are computed in the order in
// which they are written.
// options: -O2 -fassociative-math -fno-signed-zeros -fno-trapping-math
#define BOOST_TEST_MODULE associative_math
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <heed/simd/math.hpp>
#include <heed/simd/tile.hpp>
using namespace heed;
using namespace heed::internal;

namespace {

// The largest relative error of `on_packs` on [from, to], in units of the element.
template <class T, class OnPacks, class Exact>
double worst(T from, T to, const OnPacks& on_packs, const Exact& exact) {
  constexpr int lanes = simd::native_lanes<T>, steps = 4000;
  double most = 0;
  for (int i = 0; i < steps; ++i) {
    const T x = from + (to - from) * T(i) / T(steps);
    const simd::pack<T> r = on_packs(simd::pack<T>(x));
    const double right = exact(double(x));
    for (int k = 0; k < lanes; ++k)
      most = std::max(
          most, std::abs(double(r[k]) - right) / std::max(std::abs(right), double(std::numeric_limits<T>::min())));
  }
  return most / double(std::numeric_limits<T>::epsilon());
}

template <class T>
void functions_are_accurate() {
  const bool narrow = sizeof(T) == 4;
  BOOST_TEST(worst<T>(
                 narrow ? -80 : -700, narrow ? 80 : 700, [](auto x) { return simd::exp(x); },
                 [](double x) { return std::exp(x); }) < 2);
  BOOST_TEST(worst<T>(
                 narrow ? -120 : -1000, narrow ? 120 : 1000, [](auto x) { return simd::exp2(x); },
                 [](double x) { return std::exp2(x); }) < 2);
  BOOST_TEST(worst<T>(
                 narrow ? -120 : -1000, 0, [](auto x) { return simd::exp2_weight(x); },
                 [](double x) { return std::exp2(x); }) < 3);
  BOOST_TEST(worst<T>(T(0.01), 1000, [](auto x) { return simd::log(x); }, [](double x) { return std::log(x); }) < 4);
  BOOST_TEST(worst<T>(T(1.5), 1e30f, [](auto x) { return simd::log2(x); }, [](double x) { return std::log2(x); }) < 4);
  BOOST_TEST(worst<T>(-9, 9, [](auto x) { return simd::tanh(x); }, [](double x) { return std::tanh(x); }) < 5);
  BOOST_TEST(
      worst<T>(-30, 30, [](auto x) { return simd::sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }) < 4);
  BOOST_TEST(worst<T>(-5, 5, [](auto x) { return simd::erf(x); }, [](double x) { return std::erf(x); }) < 5);
  BOOST_TEST(worst<T>(
                 -30, 30, [](auto x) { return simd::softplus(x); }, [](double x) { return std::log1p(std::exp(x)); }) <
             4);
  BOOST_TEST(worst<T>(-3e4f, 3e4f, [](auto x) { return simd::sin(x); }, [](double x) { return std::sin(x); }) < 3);
  BOOST_TEST(worst<T>(-3e4f, 3e4f, [](auto x) { return simd::cos(x); }, [](double x) { return std::cos(x); }) < 3);
  BOOST_TEST(worst<T>(-99, 99, [](auto x) { return simd::round(x); }, [](double x) { return std::nearbyint(x); }) == 0);
  BOOST_TEST(worst<T>(-99, 99, [](auto x) { return simd::floor(x); }, [](double x) { return std::floor(x); }) == 0);
  BOOST_TEST(worst<T>(
                 T(0.1), 9, [](auto x) { return simd::pow(x, T(1.75)); }, [](double x) { return std::pow(x, 1.75); }) <
             2);
}

}  // namespace

BOOST_AUTO_TEST_CASE(in_float) { functions_are_accurate<float>(); }
BOOST_AUTO_TEST_CASE(in_double) { functions_are_accurate<double>(); }

BOOST_AUTO_TEST_CASE(the_ends_of_the_range) {
  using P = simd::pack<float>;
  BOOST_TEST(simd::exp2(P(-149.f))[0] == 0x1p-149f);
  BOOST_TEST(simd::exp2(P(127.f))[0] == 0x1p127f);
  BOOST_TEST(simd::exp2(P(128.f))[0] == std::numeric_limits<float>::infinity());
  BOOST_TEST(simd::exp2(P(-1000.f))[0] == 0);
}
BOOST_AUTO_TEST_CASE(sums_keep_their_order) {
  volatile float large = 0x1p24f, small = 1;
  using P = simd::pack<float>;
  const P a = float(large), b = float(small);
  BOOST_TEST(((a + b) + b)[0] == 0x1p24f);  // 2^24 + 1 rounds back, twice
  BOOST_TEST((a + (b + b))[0] == 0x1p24f + 2);
  BOOST_TEST(((a + b) - a)[0] == 0);
}
