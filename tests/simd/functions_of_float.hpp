// The one-argument functions of heed/simd/math.hpp for float: what each must equal (in double), how far it may be off in
// ULP, and where it is defined. Shared by the sampled test and by the one over every float.
#pragma once

#include <heed/simd/math.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace functions_of_float {

using floats = heed::simd::pack<float>;

struct function {
  const char* name;
  floats (*apply)(floats);
  double (*expected)(double);
  double bound;              // ULP, as the docstring states
  float first, last;         // arguments outside are not allowed (NaN always is)
};

inline const std::vector<function>& all() {
  namespace simd = heed::simd;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  static const std::vector<function> list = {
      {"exp2_weight", [](floats x) { return simd::exp2_weight(x); },
       [](double x) { return x <= -126.5 ? 0 : std::exp2(x); }, 2.4, -infinity, 127},
      {"exp2", [](floats x) { return simd::exp2(x); }, [](double x) { return std::exp2(x); }, 1.2, -infinity, infinity},
      {"exp", [](floats x) { return simd::exp(x); }, [](double x) { return std::exp(x); }, 1.1, -infinity, infinity},
      {"log2", [](floats x) { return simd::log2(x); }, [](double x) { return std::log2(x); }, 2.0, -infinity, infinity},
      {"log", [](floats x) { return simd::log(x); }, [](double x) { return std::log(x); }, 1.0, -infinity, infinity},
      {"tanh", [](floats x) { return simd::tanh(x); }, [](double x) { return std::tanh(x); }, 4.0, -infinity, infinity},
      {"erf", [](floats x) { return simd::erf(x); }, [](double x) { return std::erf(x); }, 4.0, -infinity, infinity},
      {"sigmoid", [](floats x) { return simd::sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }, 3.0, -infinity, infinity},
      {"rsqrt", [](floats x) { return simd::rsqrt(x); }, [](double x) { return 1 / std::sqrt(x); }, 1.5, -infinity, infinity},
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
