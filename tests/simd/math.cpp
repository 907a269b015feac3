// Elementary functions: the largest error over about a million sampled arguments each, against the bound given here
// (the one the docstring states), and the special values. Float against double; double against long double.
#include "functions_of_float.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <tuple>

namespace simd = heed::internal::simd;

namespace {

using floats = simd::pack<float>;
using doubles = simd::pack<double>;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

double error_in_ulp(double got, long double expected) {
  if (std::isnan(got) || std::isnan(expected)) return std::isnan(got) && std::isnan(expected) ? 0 : inf;
  if (got == double(expected)) return 0;  // half an ULP at most
  const long double top = 0x1p1024L, e = std::fabs(expected) > top ? std::copysign(top, expected) : expected;
  const long double g = std::isinf(got) ? std::copysign(top, (long double)(got)) : (long double)(got);
  const int exponent = std::min(1023, std::max(-1022, e == 0 ? -1022 : std::ilogb(e)));
  return double(std::fabs(g - e) / std::ldexp(1.0L, exponent - 52));
}

// `count` points of [first, last], evenly spread, and as many spread evenly over their exponents.
template <class F>
void check(const char* name, double first, double last, double bound, doubles (*apply)(doubles), F expected,
           int count = 400000) {
  double worst = 0, at = 0;
  auto visit = [&](double x) {
    doubles p = x;
    const double error = error_in_ulp(apply(p)[0], expected((long double)(x)));
    if (!(error <= worst)) worst = error, at = x;
  };
  for (int i = 0; i <= count; ++i) {
    visit(first + (last - first) * i / count);
    const double size = std::ldexp(1 + (i * 0.6180339887 - std::floor(i * 0.6180339887)), -1074 + int(i % 2098));
    if (size >= first && size <= last) visit(size);
    if (-size >= first && -size <= last) visit(-size);
  }
  std::printf("%-12s double, largest error %.3f ULP at %a (bound %.2f)\n", name, worst, at, bound);
  BOOST_TEST_CONTEXT(name) BOOST_TEST(worst <= bound);
}

// f(x) of a pack and of a scalar, where both must be exactly y.
#define CHECK_VALUE(f, x, y)                                                                                    \
  do {                                                                                                          \
    const double want = double(y);                                                                              \
    for (double got : {double(f(floats(float(x)))[0]), double(f(doubles(double(x)))[0]), double(f(float(x))),   \
                       double(f(double(x)))})                                                                   \
      BOOST_TEST((std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want)), \
                 #f "(" << double(x) << ") is " << got << ", not " << want);                                    \
  } while (false)

}  // namespace

BOOST_AUTO_TEST_CASE(sampled_floats_stay_within_the_stated_bounds) {
  using namespace functions_of_float;
  constexpr std::uint32_t stride = 4099;  // 1 047 808 floats of all signs and exponents, NaN and denormals among them
  for (const function& f : all()) {
    double worst = 0;
    float at = 0;
    std::uint64_t visited = 0;
    for (std::uint64_t bits = 0; bits < (std::uint64_t(1) << 32); bits += stride, ++visited) {
      const std::uint32_t word = std::uint32_t(bits);
      float x;
      __builtin_memcpy(&x, &word, 4);
      if (x < f.first || x > f.last) continue;
      const double error = functions_of_float::error_in_ulp(f.apply(x)[int(visited) % floats::lanes], f.expected(x));
      if (!(error <= worst)) worst = error, at = x;
    }
    std::printf("%-12s float, largest error %.3f ULP at %a (bound %.2f)\n", f.name, worst, double(at), f.bound);
    BOOST_TEST_CONTEXT(f.name) BOOST_TEST(worst <= f.bound);
    BOOST_TEST(visited > 1000000u);
  }
}

BOOST_AUTO_TEST_CASE(sampled_doubles_stay_within_the_stated_bounds) {
  using real = long double;
  check(
      "exp2_weight", -1100, 1023, 1.5, [](doubles x) { return simd::exp2_weight(x); },
      [](real x) { return x <= -1021.5L ? real(0) : std::exp2(x); });
  check("exp2", -1100, 1030, 1.5, [](doubles x) { return simd::exp2(x); }, [](real x) { return std::exp2(x); });
  check("exp", -760, 715, 1.5, [](doubles x) { return simd::exp(x); }, [](real x) { return std::exp(x); });
  check("log2", 0, 1e308, 2.5, [](doubles x) { return simd::log2(x); }, [](real x) { return std::log2(x); });
  check("log2", 0.25, 4, 2.5, [](doubles x) { return simd::log2(x); }, [](real x) { return std::log2(x); });
  check("log", 0, 1e308, 1.5, [](doubles x) { return simd::log(x); }, [](real x) { return std::log(x); });
  check("log", 0.25, 4, 1.5, [](doubles x) { return simd::log(x); }, [](real x) { return std::log(x); });
  check("tanh", -25, 25, 3.5, [](doubles x) { return simd::tanh(x); }, [](real x) { return std::tanh(x); });
  check("tanh", -1, 1, 3.5, [](doubles x) { return simd::tanh(x); }, [](real x) { return std::tanh(x); });
  check("erf", -7, 7, 1.5, [](doubles x) { return simd::erf(x); }, [](real x) { return std::erf(x); });
  check(
      "sigmoid", -760, 760, 3.0, [](doubles x) { return simd::sigmoid(x); },
      [](real x) { return 1 / (1 + std::exp(-x)); });
  check(
      "sigmoid", -10, 10, 3.0, [](doubles x) { return simd::sigmoid(x); },
      [](real x) { return 1 / (1 + std::exp(-x)); });
  check(
      "softplus", -760, 760, 2.1, [](doubles x) { return simd::softplus(x); },
      [](real x) { return std::max(x, real(0)) + std::log1p(std::exp(-std::fabs(x))); });
  check(
      "softplus", -10, 10, 2.1, [](doubles x) { return simd::softplus(x); },
      [](real x) { return std::max(x, real(0)) + std::log1p(std::exp(-std::fabs(x))); });
  for (const double last : {4.0, 1e4, 0x1.1p20, 1e300}) {
    check("sin", -last, last, 1.1, [](doubles x) { return simd::sin(x); }, [](real x) { return std::sin(x); });
    check("cos", -last, last, 1.1, [](doubles x) { return simd::cos(x); }, [](real x) { return std::cos(x); });
  }
  check("rsqrt", 0, 1e308, 1.5, [](doubles x) { return simd::rsqrt(x); }, [](real x) { return 1 / std::sqrt(x); });
}

BOOST_AUTO_TEST_CASE(weights_are_never_denormal) {
  const auto check_weights = [](auto pack_of, auto smallest, int first) {
    using P = decltype(pack_of);
    using T = typename P::element;
    for (int i = 0; i <= 64 * 1024; ++i) {
      const T x = T(first) + T(i) / 1024;
      const T in_pack = simd::exp2_weight(P(x))[0], alone = simd::exp2_weight(x);
      BOOST_TEST_REQUIRE((in_pack == 0 || in_pack >= smallest), "2^" << x << " is " << in_pack);
      BOOST_TEST_REQUIRE((in_pack == 0) == (alone == 0), "2^" << x << " is " << in_pack << " and " << alone);
      const T earlier = simd::exp2_weight<24>(P(x))[0];
      BOOST_TEST_REQUIRE(earlier == (x <= T(first) + T(26.5) ? T(0) : in_pack), "2^" << x << " is " << earlier);
    }
  };
  check_weights(floats(0.f), std::numeric_limits<float>::min(), -128);
  check_weights(doubles(0.), std::numeric_limits<double>::min(), -1024);
}

BOOST_AUTO_TEST_CASE(special_values) {
  for (double x : {not_a_number, -not_a_number}) {
    CHECK_VALUE(simd::exp2_weight, x, not_a_number);
    CHECK_VALUE(simd::exp2, x, not_a_number);
    CHECK_VALUE(simd::exp, x, not_a_number);
    CHECK_VALUE(simd::log2, x, not_a_number);
    CHECK_VALUE(simd::log, x, not_a_number);
    CHECK_VALUE(simd::tanh, x, not_a_number);
    CHECK_VALUE(simd::erf, x, not_a_number);
    CHECK_VALUE(simd::sigmoid, x, not_a_number);
    CHECK_VALUE(simd::rsqrt, x, not_a_number);
    CHECK_VALUE(simd::softplus, x, not_a_number);
    CHECK_VALUE(simd::sin, x, not_a_number);
    CHECK_VALUE(simd::cos, x, not_a_number);
    CHECK_VALUE(simd::sign, x, not_a_number);
    CHECK_VALUE(simd::floor, x, not_a_number);
    CHECK_VALUE(simd::round, x, not_a_number);
  }
  for (double x : {inf, -inf}) {
    CHECK_VALUE(simd::sin, x, not_a_number);
    CHECK_VALUE(simd::cos, x, not_a_number);
    CHECK_VALUE(simd::floor, x, x);
    CHECK_VALUE(simd::round, x, x);
    CHECK_VALUE(simd::sign, x, x > 0 ? 1 : -1);
  }
  CHECK_VALUE(simd::softplus, -inf, 0.0);
  CHECK_VALUE(simd::softplus, inf, inf);
  CHECK_VALUE(simd::softplus, 0x1p90, 0x1p90);
  CHECK_VALUE(simd::exp2_weight, -inf, 0.0);
  CHECK_VALUE(simd::exp2_weight, -1023, 0.0);
  CHECK_VALUE(simd::exp2_weight, -5000, 0.0);
  CHECK_VALUE(simd::exp2_weight, 0, 1);
  CHECK_VALUE(simd::exp2_weight, -3, 0.125);
  CHECK_VALUE(simd::exp2, -inf, 0.0);
  CHECK_VALUE(simd::exp2, inf, inf);
  CHECK_VALUE(simd::exp2, 5000, inf);
  CHECK_VALUE(simd::exp2, -5000, 0.0);
  CHECK_VALUE(simd::exp2, 0, 1);
  CHECK_VALUE(simd::exp2, 10, 1024);
  CHECK_VALUE(simd::exp, -inf, 0.0);
  CHECK_VALUE(simd::exp, inf, inf);
  CHECK_VALUE(simd::exp, -0.0, 1);
  for (auto zero : {0.0, -0.0}) {
    CHECK_VALUE(simd::log, zero, -inf);
    CHECK_VALUE(simd::log2, zero, -inf);
    CHECK_VALUE(simd::tanh, zero, zero);
    CHECK_VALUE(simd::erf, zero, zero);
    CHECK_VALUE(simd::sigmoid, zero, 0.5);
    CHECK_VALUE(simd::sin, zero, zero);
    CHECK_VALUE(simd::cos, zero, 1);
    CHECK_VALUE(simd::sign, zero, zero);
    CHECK_VALUE(simd::floor, zero, zero);
    CHECK_VALUE(simd::round, zero, zero);
  }
  CHECK_VALUE(simd::log, -1, not_a_number);
  CHECK_VALUE(simd::log, -inf, not_a_number);
  CHECK_VALUE(simd::log, inf, inf);
  CHECK_VALUE(simd::log, 1, 0.0);
  CHECK_VALUE(simd::log2, -1e-30, not_a_number);
  CHECK_VALUE(simd::log2, inf, inf);
  for (int n = -140; n <= 127; ++n) CHECK_VALUE(simd::log2, std::ldexp(1.0, n), n);  // denormal floats too
  CHECK_VALUE(simd::tanh, inf, 1);
  CHECK_VALUE(simd::tanh, -inf, -1);
  CHECK_VALUE(simd::erf, inf, 1);
  CHECK_VALUE(simd::erf, -inf, -1);
  CHECK_VALUE(simd::sigmoid, inf, 1);
  CHECK_VALUE(simd::sigmoid, -inf, 0.0);
  CHECK_VALUE(simd::rsqrt, 0, inf);
  CHECK_VALUE(simd::rsqrt, inf, 0.0);
  CHECK_VALUE(simd::rsqrt, -1, not_a_number);
  CHECK_VALUE(simd::rsqrt, 4, 0.5);
}

BOOST_AUTO_TEST_CASE(what_rounds_nothing_is_exact) {
  for (int exponent = -30; exponent <= 60; ++exponent)
    for (int k = 0; k < 400; ++k)
      for (const double side : {1.0, -1.0}) {
        const double x = double(float(side * std::ldexp(k < 200 ? double(k) / 2 : 1 + k * 0.0137, exponent)));
        CHECK_VALUE(simd::floor, x, std::floor(x));
        CHECK_VALUE(simd::round, x, std::nearbyint(x));
        CHECK_VALUE(simd::sign, x, x > 0 ? 1 : x < 0 ? -1 : x);
      }
  for (const std::int32_t x : {-7, -1, 0, 1, 5}) {
    using whole = simd::pack<std::int32_t>;
    BOOST_TEST(simd::sign(whole(x))[0] == (x > 0) - (x < 0));
    BOOST_TEST(simd::floor(whole(x))[0] == x);
    BOOST_TEST(simd::round(whole(x))[0] == x);
    BOOST_TEST(simd::clamp(whole(x), -1, whole(4))[0] == std::min(4, std::max(-1, x)));
    BOOST_TEST(simd::sign(x) == (x > 0) - (x < 0));
    BOOST_TEST(simd::clamp(x, -1, 4) == std::min(4, std::max(-1, x)));
  }
  BOOST_TEST(simd::clamp(floats(3), -1.f, floats(2))[0] == 2);
  BOOST_TEST(simd::clamp(doubles(3), 4.0, 2.0)[0] == 2);  // an empty range: its end
  BOOST_TEST(std::isnan(simd::clamp(floats(NAN), 0.f, 1.f)[0]));
  BOOST_TEST(std::isnan(simd::clamp(floats(1), floats(NAN), 1.f)[0]));
  BOOST_TEST(std::isnan(simd::clamp(floats(1), 0.f, floats(NAN))[0]));
}

// Each lane by itself: what the standard library computes of one does not change its neighbours.
BOOST_AUTO_TEST_CASE(angles_far_away_go_lane_by_lane) {
  floats x;
  for (int i = 0; i < floats::lanes; ++i) x.x[i] = i % 2 ? 3e38f / float(i) : 0.7f * float(i);
  for (int i = 0; i < floats::lanes; ++i) {
    const double sine = std::sin(double(x[i])), cosine = std::cos(double(x[i]));
    BOOST_TEST(functions_of_float::error_in_ulp(simd::sin(x)[i], sine) <= 1.6);
    BOOST_TEST(functions_of_float::error_in_ulp(simd::cos(x)[i], cosine) <= 1.6);
    BOOST_TEST(simd::sin(x)[i] == simd::sin(floats(x[i]))[0]);
  }
  for (int k = 1; k < 200000; k += 7) {  // as near to multiples of pi / 2 as numbers lie
    const double at = k * 1.5707963267948966;
    BOOST_REQUIRE(error_in_ulp(simd::sin(doubles(at))[0], std::sin((long double)(at))) <= 1.1);
    BOOST_REQUIRE(error_in_ulp(simd::cos(doubles(at))[0], std::cos((long double)(at))) <= 1.1);
    const float near = float(at);
    BOOST_REQUIRE(functions_of_float::error_in_ulp(simd::sin(floats(near))[0], std::sin(double(near))) <= 1.6);
    BOOST_REQUIRE(functions_of_float::error_in_ulp(simd::cos(floats(near))[0], std::cos(double(near))) <= 1.6);
  }
}

BOOST_AUTO_TEST_CASE(a_nan_with_any_payload_stays_nan) {
  for (std::uint32_t payload = 1; payload < 0x800000; payload = payload * 2 + 1)
    for (std::uint32_t sign : {0u, 0x80000000u}) {
      const std::uint32_t bits = sign | 0x7f800000u | payload;
      float x;
      __builtin_memcpy(&x, &bits, 4);
      for (const auto& f : functions_of_float::all()) BOOST_TEST(std::isnan(f.apply(x)[0]), f.name);
    }
}

BOOST_AUTO_TEST_CASE(odd_functions_are_odd_bit_by_bit) {
  for (int i = 0; i < 100000; ++i) {
    const float x = std::ldexp(1 + float(i) / 100000, i % 150 - 140);
    BOOST_REQUIRE(simd::tanh(floats(x))[0] == -simd::tanh(floats(-x))[0]);
    BOOST_REQUIRE(simd::erf(floats(x))[0] == -simd::erf(floats(-x))[0]);
    BOOST_REQUIRE(simd::tanh(doubles(x))[0] == -simd::tanh(doubles(-x))[0]);
    BOOST_REQUIRE(simd::sin(floats(x))[0] == -simd::sin(floats(-x))[0]);
    BOOST_REQUIRE(simd::sin(doubles(x))[0] == -simd::sin(doubles(-x))[0]);
  }
}

using packs = std::tuple<floats, doubles>;

BOOST_AUTO_TEST_CASE_TEMPLATE(power_by_multiplication_is_exact_where_the_products_are, P, packs) {
  using T = typename P::element;
  for (int x = -5; x <= 5; ++x)
    for (int c = 0; c <= 8; ++c) {
      BOOST_TEST(simd::power(P(T(x)), c)[0] == T(std::pow(double(x), c)));
      if (x) BOOST_TEST(simd::power(P(T(x)), -c)[0] == T(1) / T(std::pow(double(x), c)));
    }
  BOOST_TEST(simd::power(P(T(9)), 0.5)[0] == T(3));
  BOOST_TEST(simd::power(P(T(4)), -0.5)[0] == T(0.5));
  BOOST_TEST(std::isnan(simd::power(P(T(-2)), 0.3)[0]));
  BOOST_TEST(std::isnan(simd::power(P(T(not_a_number)), 0.3)[0]));
  BOOST_TEST(simd::power(P(T(0)), 0.3)[0] == T(0));
  BOOST_TEST(std::isinf(simd::power(P(T(0)), -0.3)[0]));
  BOOST_TEST(std::isinf(simd::power(P(T(inf)), 0.3)[0]));
  BOOST_TEST(simd::power(T(2), 3.0) == T(8));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(power_by_logarithm_stays_within_its_bound, P, packs) {
  using T = typename P::element;
  double worst = 0;
  for (double c : {0.3, -0.3, 1.5, 2.25, -3.7, 1.0 / 3, 10.1})
    for (int i = 0; i < 20000; ++i) {
      const T x = T(std::ldexp(1 + i / 20000.0, i % 60 - 30));
      const double got = double(simd::power(P(x), c)[0]);
      if (!(std::fabs(got) < double(std::numeric_limits<T>::max()) && got > double(std::numeric_limits<T>::min())))
        continue;
      const long double expected = std::pow((long double)(x), (long double)(T(c)));
      const double error =
          sizeof(T) == 4 ? functions_of_float::error_in_ulp(float(got), double(expected)) : error_in_ulp(got, expected);
      worst = std::max(worst, error / (3 + 2 * std::fabs(double(T(c)) * std::log2(double(x)))));
    }
  std::printf("power %zu bytes: largest error %.3f of the bound\n", sizeof(T), worst);
  BOOST_TEST(worst <= 1);
  BOOST_TEST(worst > 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(power_of_two_values_is_that_of_the_standard_library, P, packs) {
  using T = typename P::element;
  const double special[] = {not_a_number, inf, -inf, 0.0, -0.0, 1, -1,   2,    -2, 3,
                            -3,           0.5, -0.5, 2.5, -2.5, 7, 1e30, -1e30};
  for (const double x : special)
    for (const double y : special) {
      const double got = double(simd::pow(P(T(x)), P(T(y)))[0]), want = double(std::pow(T(x), T(y)));
      BOOST_TEST((std::isnan(want) ? std::isnan(got) : got == want && std::signbit(got) == std::signbit(want)),
                 x << " to the power " << y << " is " << got << ", not " << want);
    }
  double worst = 0;
  for (int i = 0; i < 400000; ++i) {
    const double part = i * 0.6180339887 - std::floor(i * 0.6180339887);
    const T x = T(std::ldexp(1 + part, i % 90 - 45)), y = T((i * 0.7548776662 - std::floor(i * 0.7548776662)) * 6 - 3);
    const long double want = std::pow((long double)(x), (long double)(y));
    const T got = simd::pow(P(x), y)[i % P::lanes];
    worst = std::max(worst, sizeof(T) == 4 ? functions_of_float::error_in_ulp(float(got), double(want))
                                           : error_in_ulp(double(got), want));
  }
  std::printf("pow %zu bytes: largest error %.3f ULP\n", sizeof(T), worst);
  BOOST_TEST(worst <= (sizeof(T) == 4 ? 0.51 : 1.1));
  BOOST_TEST(simd::pow(T(3), T(4)) == T(81));
}
