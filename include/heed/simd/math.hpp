// Elementary functions of packs and scalars: exp2, exp, log2, log, tanh, erf, sigmoid, rsqrt, power, and exp2_weight,
// the cheap exponential of softmax kernels. Every docstring states element types, the largest error in units in the
// last place (ULP: of the exact result's binade; of 2^-149 or 2^-1074 for denormal results) and the special values.
// For float the error is the largest over every argument that exists, with FMA instructions / without; for double the
// largest of about a million samples. The tests enforce bounds just above. The range is everything unless stated,
// denormal arguments and results included. Scalars go to the standard library.
//
// The sources of the approximations: polynomials are minimax fits (linear programming, with the coefficients rounded
// to float one after another), erf is a rational minimax fit, log in double uses the coefficients of FreeBSD's msun
// e_log.c.
#pragma once

#include "pack.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// What the functions need to know about an element type. `shifted` is 1.5 * 2^digits plus the exponent bias: adding it
// to x rounds x to an integer n, and the low bits of the sum are then n + bias, the exponent field of 2^n.
template <class T>
struct real_format;
template <>
struct real_format<float> {
  using integer = std::int32_t;
  using unsigned_integer = std::uint32_t;
  static constexpr int fraction = 23, bias = 127;
  static constexpr float shifted = 0x1.8p23f + 127;
  static constexpr float log2_e = 0x1.715476p0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr integer sqrt_half = 0x3f3504f3, integer_one = 0x4b000000;  // 2^23 as bits
  static constexpr float two_fraction = 0x1p23f;
};
template <>
struct real_format<double> {
  using integer = std::int64_t;
  using unsigned_integer = std::uint64_t;
  static constexpr int fraction = 52, bias = 1023;
  static constexpr double shifted = 0x1.8p52 + 1023;
  static constexpr double log2_e = 0x1.71547652b82fep0, ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b3ap-40;
  static constexpr integer sqrt_half = 0x3fe6a09e667f3bcd, integer_one = 0x4330000000000000;
  static constexpr double two_fraction = 0x1p52;
};

// ---- building blocks, for T in float, double

// c[0] + c[1] x + c[2] x^2 + ... by Horner's rule
template <class T, int N, class... C>
HEED_INLINE pack<T, N> polynomial(pack<T, N> x, C... coefficients) {
  const T c[] = {T(coefficients)...};
  pack<T, N> r = c[sizeof...(C) - 1];
  HEED_UNROLL for (int i = int(sizeof...(C)) - 2; i >= 0; --i)
    r = fma(r, x, c[i]);
  return r;
}
// 2^n for a sum n + shifted. -bias gives 0.
template <class T, int N>
HEED_INLINE pack<T, N> power_of_two(pack<T, N> sum) {
  using integers = typename vector_of<typename real_format<T>::unsigned_integer, N>::type;
  return (typename pack<T, N>::vector)((integers)sum.x << real_format<T>::fraction);
}
// x * 2^n, for integers n as far as twice the exponent range, in two steps, so that results may be denormal or overflow
template <class T, int N>
HEED_INLINE pack<T, N> scale_by_power(pack<T, N> x, pack<T, N> n) {
  const T shifted = real_format<T>::shifted;
  const pack<T, N> half = settled(fma(n, T(0.5), shifted));
  return settled(x * power_of_two(half)) * power_of_two(n - (half - shifted) + shifted);
}
// The sign of `sign` joined to a value that is not negative.
template <class T, int N>
HEED_INLINE pack<T, N> with_sign_of(pack<T, N> value, pack<T, N> sign) {
  using integers = typename pack<T, N>::mask::vector;
  const integers bit = (integers)pack<T, N>(T(-0.0)).x;
  return (typename pack<T, N>::vector)((integers)value.x | ((integers)sign.x & bit));
}
// e^r - 1 for |r| <= 0.35, relative error a little above one rounding
template <class T, int N>
HEED_INLINE pack<T, N> small_expm1(pack<T, N> r) {
  if constexpr (sizeof(T) == 4) {
    return fma(r * r, polynomial(r, 0x1.fffffcp-2, 0x1.555492p-3, 0x1.5558b6p-5, 0x1.1239aep-7, 0x1.6a48380p-10), r);
  } else {
    return fma(r * r,
               polynomial(r, 0.5, 0x1.5555555555557p-3, 0x1.555555555554ep-5, 0x1.11111111100ebp-7,
                          0x1.6c16c16c1a064p-10, 0x1.a01a01abe0fd8p-13, 0x1.a01a019068edep-16, 0x1.71de0245063d8p-19,
                          0x1.27e510c7c1e9dp-22, 0x1.af4dc582ef119p-26, 0x1.1f1a185575f83p-29),
               r);
  }
}
// e^x = 2^n (1 + f): f, and n as the sum n + shifted. x between the logarithms of the largest and smallest number.
template <class T, int N>
struct reduced_exponential {
  pack<T, N> f, sum;
};
template <class T, int N>
HEED_INLINE reduced_exponential<T, N> reduce_exponential(pack<T, N> x) {
  using format = real_format<T>;
  const pack<T, N> sum = settled(fma(x, format::log2_e, format::shifted)), n = sum - format::shifted;
  return {small_expm1(fnma(n, format::ln2_low, settled(fnma(n, format::ln2_high, x)))), sum};
}
// x = 2^n m with sqrt(1/2) <= m < sqrt(2): n and log(m), for 0 < x < infinity; denormal x too
template <class T, int N>
struct reduced_logarithm {
  pack<T, N> n, log_m;
};
template <class T, int N>
HEED_INLINE reduced_logarithm<T, N> reduce_logarithm(pack<T, N> x) {
  using format = real_format<T>;
  using P = pack<T, N>;
  using integers = typename vector_of<typename format::unsigned_integer, N>::type;
  const typename P::mask denormal = x < std::numeric_limits<T>::min();
  const integers bits = (integers)select(denormal, x * format::two_fraction, x).x;
  const integers field =
      (bits - format::sqrt_half + ((integers{} + format::bias) << format::fraction)) >> format::fraction;
  const P biased = (typename P::vector)(field | format::integer_one);  // 2^fraction + n + bias, as a real number
  const P n = biased - select(denormal, format::two_fraction + format::bias + format::fraction,
                              format::two_fraction + format::bias);
  const P m = (typename P::vector)(bits - ((field - format::bias) << format::fraction));
  const P f = m - T(1);
  if constexpr (sizeof(T) == 4) {
    const P f2 = f * f;
    const P p = polynomial(f, 0x1.555554p-2, -0x1.000226p-2, 0x1.99a01cp-3, -0x1.54728ap-3, 0x1.22d92ep-3,
                           -0x1.0d8242p-3, 0x1.055ec4p-3, -0x1.38c9d4p-4);
    return {n, fma(f2, fma(p, f, T(-0.5)), f)};
  } else {
    const P s = f / (f + T(2)), z = s * s, half = T(0.5) * f * f;
    const P r = z * polynomial(z, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                               2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                               1.479819860511658591e-01);
    return {n, f - (half - s * (half + r))};
  }
}
// The logarithm's special values around a result for ordinary arguments.
template <class T, int N>
HEED_INLINE pack<T, N> with_logarithm_limits(pack<T, N> x, pack<T, N> ordinary) {
  const T infinity = std::numeric_limits<T>::infinity();
  const pack<T, N> outside = select(x == T(0), -infinity, std::numeric_limits<T>::quiet_NaN());
  return select(x > T(0), select(x < infinity, ordinary, x), outside);
}

// ---- the functions

// 2^x for softmax weights, float and double: the exponential, the subtraction before it, the sum and the store after
// it together take 8 to 8.5 FMA slots per vector of floats on Zen 4. For x <= 127 (1023); larger x and +infinity are
// not allowed. Error: float 1.95 / 2.17 ULP (2.2e-7 relative), double 1.03. Exactly 0 for x <= -126.5 (-1022.5) and
// for -infinity; above, results below the smallest normal number are kept. NaN stays NaN, whatever its payload: the
// power is multiplied, not added to the exponent bits, which costs nothing beside the other FMAs.
template <class T, int N>
HEED_INLINE pack<T, N> exp2_weight(pack<T, N> x) {
  using format = real_format<T>;
  x = max(T(-format::bias), x);
  const pack<T, N> sum = x + format::shifted, r = x - (sum - format::shifted);
  if constexpr (sizeof(T) == 4) {
    return polynomial(r, 1, 0x1.62e42ap-1, 0x1.ebf9c2p-3, 0x1.c6b6d8p-5, 0x1.3ce8aep-7, 0x1.5bda58p-10) *
           power_of_two(sum);
  } else {
    const T ln2 = 0x1.62e42fefa39efp-1;
    return (T(1) + small_expm1(r * ln2)) * power_of_two(sum);
  }
}
template <std::floating_point T>
HEED_INLINE T exp2_weight(T x) {
  return x <= -real_format<T>::bias ? T(0) : std::exp2(x);
}

// 2^x, float and double. Error: float 0.88 / 1.08 ULP, double 1.02. Infinity above the largest exponent, 0 far below
// the smallest, NaN for NaN; integers x are exact.
template <class T, int N>
HEED_INLINE pack<T, N> exp2(pack<T, N> x) {
  using format = real_format<T>;
  x = min(T(format::bias + 2), max(T(-format::bias - format::fraction - 1), x));
  const pack<T, N> n = (x + format::shifted) - format::shifted, r = x - n;
  if constexpr (sizeof(T) == 4) {
    return scale_by_power(
        polynomial(r, 1, 0x1.62e430p-1, 0x1.ebfbdcp-3, 0x1.c6af7ap-5, 0x1.3b2dd0p-7, 0x1.5f0952p-10, 0x1.417d74p-13),
        n);
  } else {
    const T ln2 = 0x1.62e42fefa39efp-1;
    return scale_by_power(T(1) + small_expm1(r * ln2), n);
  }
}
template <std::floating_point T>
HEED_INLINE T exp2(T x) {
  return std::exp2(x);
}

// e^x, float and double. Error: float 1.02 / 0.99 ULP, double 0.97. Infinity above the largest number's logarithm, 0
// far below the smallest one's, NaN for NaN.
template <class T, int N>
HEED_INLINE pack<T, N> exp(pack<T, N> x) {
  x = min(sizeof(T) == 4 ? T(89) : T(710), max(sizeof(T) == 4 ? T(-104) : T(-746), x));
  const auto e = reduce_exponential(x);
  return scale_by_power(T(1) + e.f, e.sum - real_format<T>::shifted);
}
template <std::floating_point T>
HEED_INLINE T exp(T x) {
  return std::exp(x);
}

// Natural logarithm, float and double. Error: float 0.94 / 0.93 ULP, double 1.12. -infinity for 0 of either sign, NaN
// below 0, infinity for infinity, NaN for NaN.
template <class T, int N>
HEED_INLINE pack<T, N> log(pack<T, N> x) {
  using format = real_format<T>;
  const auto l = reduce_logarithm(x);
  return with_logarithm_limits(x, fma(l.n, format::ln2_high, settled(fma(l.n, format::ln2_low, l.log_m))));
}
template <std::floating_point T>
HEED_INLINE T log(T x) {
  return std::log(x);
}

// Logarithm to base 2, float and double. Error: float 1.70 / 1.87 ULP, double 1.5. Special values as log; powers of two
// are exact.
template <class T, int N>
HEED_INLINE pack<T, N> log2(pack<T, N> x) {
  const auto l = reduce_logarithm(x);
  return with_logarithm_limits(x, fma(l.log_m, real_format<T>::log2_e, l.n));
}
template <std::floating_point T>
HEED_INLINE T log2(T x) {
  return std::log2(x);
}

// Hyperbolic tangent, float and double. Error, relative down to denormals: float 3.78 / 3.79 ULP, double 2.5. Odd bit
// by bit; 1 for infinity, NaN for NaN. It is (e^2|x| - 1) / (e^2|x| + 1) with the numerator from expm1, so that
// nothing cancels near 0; the division runs beside the FMAs: 14 to 15 slots in all.
template <class T, int N>
HEED_INLINE pack<T, N> tanh(pack<T, N> x) {
  using format = real_format<T>;
  pack<T, N> sum, f;
  if constexpr (sizeof(T) == 4) {  // base 2: the rounding of the product stays below an ULP of the result
    const pack<T, N> y = min(T(30), abs(x) * (2 * format::log2_e));
    sum = y + format::shifted;
    const pack<T, N> r = y - (sum - format::shifted);
    f = r * polynomial(r, 0x1.62e430p-1, 0x1.ebfbdep-3, 0x1.c6afa4p-5, 0x1.3b2c3ep-7, 0x1.5ef136p-10, 0x1.4295f2p-13);
  } else {
    const auto e = reduce_exponential(min(T(40), abs(x) + abs(x)));
    sum = e.sum, f = e.f;
  }
  const pack<T, N> scale = power_of_two(sum), expm1 = fma(scale, f, scale - T(1));
  return with_sign_of(expm1 / (expm1 + T(2)), x);
}
template <std::floating_point T>
HEED_INLINE T tanh(T x) {
  return std::tanh(x);
}

// Error function, float; double goes lane by lane to the standard library. Error: float 3.11 / 3.23 ULP, double 0.91.
// 1 for infinity, NaN for NaN, odd bit by bit. 16 slots.
template <class T, int N>
HEED_INLINE pack<T, N> erf(pack<T, N> x) {
  if constexpr (sizeof(T) == 4) {
    // x / 4 + x P(x^2) / Q(x^2) on |x| <= 3.92, where erf rounds to 1. The exact quarter carries most of the result
    // where x is large, and with it the rounding of P and Q counts less.
    x = min(T(3.92f), max(T(-3.92f), x));
    const pack<T, N> s = x * x;
    const pack<T, N> p =
        polynomial(s, 0x1.7eb1b2p0, 0x1.c42aa8p-4, 0x1.51afc8p-5, 0x1.45323ep-15, -0x1.452062p-17, -0x1.aacdfap-17);
    const pack<T, N> q =
        polynomial(s, 0x1.b3aea2p0, 0x1.b577fap-1, 0x1.8daebap-3, 0x1.a15602p-6, 0x1.0347c2p-9, 0x1.0ff4d6p-14);
    return min(T(1), max(T(-1), fma(x, T(0.25), x * p / q)));
  } else {
    pack<T, N> r;
    for (int i = 0; i < N; ++i) r.x[i] = std::erf(x.x[i]);
    return r;
  }
}
template <std::floating_point T>
HEED_INLINE T erf(T x) {
  return std::erf(x);
}

// 1 / (1 + e^-x), float and double. Error: float 2.41 / 2.41 ULP, double 2.3. 0 and 1 for -infinity and infinity, NaN
// for NaN.
template <class T, int N>
HEED_INLINE pack<T, N> sigmoid(pack<T, N> x) {
  const pack<T, N> e = exp(-abs(x));
  return select(x < T(0), e, T(1)) / (T(1) + e);
}
template <std::floating_point T>
HEED_INLINE T sigmoid(T x) {
  const T e = std::exp(-abs(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}

// 1 / sqrt(x), float and double, by the correctly rounded sqrt and division. Error: 1.49 ULP. Infinity for 0
// (-infinity for -0), 0 for infinity, NaN below 0 and for NaN.
template <class T, int N>
HEED_INLINE pack<T, N> rsqrt(pack<T, N> x) {
  return T(1) / sqrt(x);
}
template <std::floating_point T>
HEED_INLINE T rsqrt(T x) {
  return T(1) / std::sqrt(x);
}

// x^c for a constant c, float and double. An integer c below 2^30 in size is repeated multiplication: exact where the
// products are, else within |c| ULP; negative ones are 1 / x^|c| (0 where that overflows). c = 0.5 and -0.5 are sqrt
// and rsqrt. Any other c is exp2(c log2 x), c rounded to the element type: within 3 + 2 |c log2 x| ULP (sampled: 0.6
// of that), NaN below 0.
template <class T, int N>
HEED_INLINE pack<T, N> power(pack<T, N> x, double c) {
  using P = pack<T, N>;
  const double size = c < 0 ? -c : c;
  if (size < 0x1p30 && size == double(std::int64_t(size))) {
    P r = T(1), square = x;
    for (std::int64_t n = std::int64_t(size); n > 0; n >>= 1) {
      if (n & 1) r = r * square;
      if (n > 1) square = square * square;
    }
    return c < 0 ? P(T(1)) / r : r;
  }
  if (c == 0.5) return sqrt(x);
  if (c == -0.5) return rsqrt(x);
  return exp2(P(T(c)) * log2(x));
}
template <std::floating_point T>
HEED_INLINE T power(T x, double c) {
  return std::pow(x, T(c));
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
