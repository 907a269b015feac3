// One pointwise operation on plain numbers, chosen at run time: what it means, in double. Functions are those of
// simd/math.hpp of single numbers, which the standard library computes. The oracle's, and nobody else's: kernels know
// their operations while compiling.
#pragma once
#include "../../simd/quotient.hpp"
#include "../../simd/random.hpp"
#include "functions.hpp"
#include <cmath>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Truth values are 0 and 1. Not of a user's primitive, which has its entry; a cast is one to whole numbers.
inline double number_of(op code, double a, double b, double c, double value) {
  switch (code) {
#define HEED_FUNCTION(NAME, OPERANDS, ...) \
  case op::NAME: return simd::NAME(HEED_OPERANDS_##OPERANDS);
    HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
    case op::negate: return -a;
    case op::power: return std::pow(a, value);
    case op::add: return a + b;
    case op::subtract: return a - b;
    case op::multiply: return a * b;
    case op::divide: return a / b;
    case op::floor_divide: return double(simd::floor_divide(std::int64_t(a), std::int64_t(b)));
    case op::remainder: return double(simd::remainder(std::int64_t(a), std::int64_t(b)));
    case op::random_uniform: return simd::random_uniform(std::int64_t(a), std::int64_t(b), std::int64_t(c));
    case op::random_key: return double(simd::random_key(std::int64_t(a), std::int64_t(b), std::int64_t(c)));
    case op::minimum: return a < b || a != a ? a : b;
    case op::maximum: return a > b || a != a ? a : b;
    case op::less: return a < b;
    case op::less_equal: return a <= b;
    case op::equal: return a == b;
    case op::both: return a != 0 && b != 0;
    case op::either: return a != 0 || b != 0;
    case op::invert: return a == 0;
    case op::where: return a != 0 ? b : c;
    case op::cast: return std::trunc(a);
    default: return NAN;
  }
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
