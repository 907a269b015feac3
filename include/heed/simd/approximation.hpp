// What elementary functions are made of: polynomials, powers of two, exponentials and logarithms reduced to a short
// interval, for packs of float and double. The sources of the approximations: polynomials are minimax fits (linear
// programming, with the coefficients rounded to float one after another), log in double uses the coefficients of
// FreeBSD's msun e_log.c.
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
// x * 2^n, for integers n as far as twice the exponent range and x from 0.5 to 2, so that results may be denormal or
// overflow: by one instruction of AVX-512, else in two steps. What rounds to 0 is kept from the instruction, for
// results that underflow take some processors many times as long.
template <class T, int N>
HEED_INLINE pack<T, N> scale_by_power(pack<T, N> x, pack<T, N> n) {
  using format = real_format<T>;
#ifdef __AVX512F__
  if constexpr (sizeof(x.x) == 64) {
    // By their own names g++ 12 crashes on some programs with this instruction and with comparisons into a mask.
    const pack<T, N> lowest = T(-format::bias - format::fraction), y = select(n < lowest, pack<T, N>(T(0)), x);
    pack<T, N> r;
    if constexpr (sizeof(T) == 4) asm("vscalefps %2, %1, %0" : "=v"(r.x) : "v"(y.x), "v"(n.x));
    else asm("vscalefpd %2, %1, %0" : "=v"(r.x) : "v"(y.x), "v"(n.x));
    return r;
  } else
#endif
  {
    const T shifted = format::shifted;
    const pack<T, N> half = settled(fma(n, T(0.5), shifted));
    return settled(x * power_of_two(half)) * power_of_two(n - (half - shifted) + shifted);
  }
}
// The sign of `sign` joined to a value that is not negative.
template <class T, int N>
HEED_INLINE pack<T, N> with_sign_of(pack<T, N> value, pack<T, N> sign) {
  using integers = typename pack<T, N>::mask::vector;
  const integers bit = (integers)pack<T, N>(T(-0.0)).x;
  return (typename pack<T, N>::vector)((integers)value.x | ((integers)sign.x & bit));
}
// -|x|: the sign bit set
template <class T, int N>
HEED_INLINE pack<T, N> minus_abs(pack<T, N> x) {
  using integers = typename pack<T, N>::mask::vector;
  return (typename pack<T, N>::vector)((integers)x.x | (integers)pack<T, N>(T(-0.0)).x);
}
// e^r - 1 for |r| <= 0.35, relative error a little above one rounding. Floats: odd and even powers side by side, a step
// less to wait for.
template <class T, int N>
HEED_INLINE pack<T, N> small_expm1(pack<T, N> r) {
  if constexpr (sizeof(T) == 4) {
    const pack<T, N> r2 = r * r, low = polynomial(r, 0x1.fffffcp-2, 0x1.555492p-3);
    const pack<T, N> high = fma(r2, T(0x1.6a48380p-10), polynomial(r, 0x1.5558b6p-5, 0x1.1239aep-7));
    return fma(r2, fma(r2, high, low), r);
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
// The bits of x, moved so that sqrt(1/2) is where the exponent changes, hold n; the rest is m. For floats log(m) is a
// polynomial in m - 1, for doubles the series of the inverse hyperbolic tangent of (m - 1) / (m + 1).
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

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
