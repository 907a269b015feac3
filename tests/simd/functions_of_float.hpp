// The one-argument functions of heed/simd/math.hpp for float: what each must equal (in double), how far it may be off
// in ULP, and where it is defined. Shared by the sampled test and by the one over every float.
#pragma once

#include <heed/simd/math.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace functions_of_float {

using floats = heed::internal::simd::pack<float>;

struct function {
  const char* name;
  floats (*apply)(floats);
  double (*expected)(double);
  double bound;                              // ULP, as the docstring states
  float first = -INFINITY, last = INFINITY;  // arguments outside are not allowed (NaN always is)
};

// The functions in double. Most floats are tiny or huge: there the limits are used, which are right to 2^-58 and spare
// the test over every float most of its time.
inline double limited(double x, double at_minus_infinity, double near_0, double at_infinity, double (*f)(double)) {
  if (x < -800) return at_minus_infinity;
  if (x > 800) return at_infinity;
  return std::fabs(x) < 0x1p-30 ? near_0 : f(x);
}
inline double exp2(double x) { return limited(x, 0, 1 + x * 0.69314718055994531, INFINITY, std::exp2); }
inline double exp(double x) { return limited(x, 0, 1 + x, INFINITY, std::exp); }
inline double tanh(double x) { return limited(x, -1, x, 1, std::tanh); }
inline double erf(double x) { return limited(x, -1, x * 1.1283791670955126, 1, std::erf); }
inline double sigmoid(double x) {
  return limited(x, 0, 0.5 + x / 4, 1, [](double y) { return 1 / (1 + std::exp(-y)); });
}
inline double softplus(double x) {
  return x > 800 ? x : limited(x, 0, 0.69314718055994531 + x / 2, x, [](double y) {
    return (y > 0 ? y : 0) + std::log1p(std::exp(-std::fabs(y)));
  });
}
inline double sin(double x) { return std::fabs(x) < 0x1p-30 ? x : std::sin(x); }
inline double cos(double x) { return std::fabs(x) < 0x1p-30 ? 1 : std::cos(x); }
inline double positive(double x, double (*f)(double)) {
  return x < 0 ? std::numeric_limits<double>::quiet_NaN() : f(x);
}

inline const std::vector<function>& all() {
  namespace simd = heed::internal::simd;
  static const std::vector<function> list = {
      {"exp2_weight", [](floats x) { return simd::exp2_weight(x); }, [](double x) { return x <= -125.5 ? 0 : exp2(x); },
       2.2, -INFINITY, 127},
      {"exp2", [](floats x) { return simd::exp2(x); }, exp2, 1.1},
      {"exp", [](floats x) { return simd::exp(x); }, exp, 1.1},
      {"log2", [](floats x) { return simd::log2(x); }, [](double x) { return positive(x, std::log2); }, 1.9},
      {"log", [](floats x) { return simd::log(x); }, [](double x) { return positive(x, std::log); }, 1.0},
      {"tanh", [](floats x) { return simd::tanh(x); }, tanh, 3.8},
      {"erf", [](floats x) { return simd::erf(x); }, erf, 3.4},
      {"sigmoid", [](floats x) { return simd::sigmoid(x); }, sigmoid, 2.5},
      {"softplus", [](floats x) { return simd::softplus(x); }, softplus, 2.15},
      // beyond, the standard library's, which takes its time
      {"sin", [](floats x) { return simd::sin(x); }, sin, 1.6, -0x1p17f, 0x1p17f},
      {"cos", [](floats x) { return simd::cos(x); }, cos, 1.6, -0x1p17f, 0x1p17f},
      {"rsqrt", [](floats x) { return simd::rsqrt(x); },
       [](double x) { return positive(x, [](double y) { return 1 / std::sqrt(y); }); }, 1.5},
  };
  return list;
}

// |got - expected| in units in the last place of the expected value's binade (2^-149 for denormals); overflow counts as
// 2^128. NaN for NaN is 0, NaN for anything else and anything else for NaN is infinite.
inline double error_in_ulp(float got, double expected) {
  if (std::isnan(expected) || std::isnan(got))
    return std::isnan(expected) && std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  if (got == float(expected)) return 0;  // half an ULP at most
  constexpr double top = 0x1p128;
  const double g = std::isinf(got) ? std::copysign(top, got) : double(got);
  const double e = std::fabs(expected) > top ? std::copysign(top, expected) : expected;
  std::int64_t bits;
  const double size = std::fabs(e);
  __builtin_memcpy(&bits, &size, 8);
  const int exponent = int(bits >> 52) - 1023;
  const std::int64_t unit = std::int64_t((exponent < -126 ? -126 : exponent > 127 ? 127 : exponent) - 23 + 1023) << 52;
  double ulp;
  __builtin_memcpy(&ulp, &unit, 8);
  return std::fabs(g - e) / ulp;
}

}  // namespace functions_of_float
