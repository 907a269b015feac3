// Elementary functions of packs and scalars: exp2, exp, log2, log, tanh, erf, sigmoid, softplus, sin, cos, rsqrt,
// power, pow, what rounds nothing (sign, floor, round, clamp), and exp2_weight, the cheap exponential of softmax
// kernels. Every docstring states element types, the largest error in units in the last place (ULP: of the exact
// result's binade; of 2^-149 or 2^-1074 for denormal results) and the special values. For float the error is the
// largest over every argument that exists, with FMA instructions / without; for double the largest of about a million
// samples. The tests enforce bounds just above. The range is everything unless stated, denormal arguments and results
// included. Scalars go to the standard library.
//
// The sources of the approximations: as in approximation.hpp; erf is a rational minimax fit, sin and cos in double use
// the coefficients of FreeBSD's msun k_sin.c and k_cos.c.
#pragma once

#include "approximation.hpp"
#include "over_lanes.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// 2^x for softmax weights, float and double: the exponential, the subtraction before it, the sum and the store after
// it together take 8 to 8.5 FMA slots per vector of floats on Zen 4. For x <= 127 (1023); larger x and +infinity are
// not allowed. Error: float 1.95 / 2.17 ULP (2.2e-7 relative), double 1.03. Exactly 0 for x <= -125.5 (-1021.5) and
// for -infinity, and never denormal: Intel's processors take some 150 cycles for a product with a denormal weight,
// which let attention whose far scores fall slowly take twice its time. So twice the power is taken times half of it,
// whose exponent field is 0 where the smallest normal numbers begin. Octaves: so many powers of two earlier weights are
// 0, where they are multiplied by what may be small itself. NaN stays NaN, whatever its payload: the power is
// multiplied, not added to the exponent bits, which costs nothing beside the other FMAs.
template <int Octaves = 0, class T, int N>
HEED_INLINE pack<T, N> exp2_weight(pack<T, N> x) {
  using format = real_format<T>;
  constexpr int lower = Octaves + 1;
  constexpr T lowered = format::shifted - lower, scale = T(std::uint64_t{1} << lower);
  x = max(T(lower - format::bias), x);
  const pack<T, N> sum = x + lowered, r = x - (sum - lowered);
  if constexpr (sizeof(T) == 4) {
    return polynomial(r, scale, 0x1.62e42ap-1 * scale, 0x1.ebf9c2p-3 * scale, 0x1.c6b6d8p-5 * scale,
                      0x1.3ce8aep-7 * scale, 0x1.5bda58p-10 * scale) *
           power_of_two(sum);
  } else {
    const T ln2 = 0x1.62e42fefa39efp-1;
    return fma(small_expm1(r * ln2), scale, pack<T, N>(scale)) * power_of_two(sum);
  }
}
template <std::floating_point T>
HEED_INLINE T exp2_weight(T x) {
  return x <= T(1.5) - real_format<T>::bias ? T(0) : std::exp2(x);
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

// e^x, float and double. Error: float 1.04 / 1.00 ULP, double 0.97. Infinity above the largest number's logarithm, 0
// far below the smallest one's, NaN for NaN. At the lower bound of x both halves of the power are 0, so that what is
// far below is a product of zeros, and none that underflows, which takes processors many times as long.
template <class T, int N>
HEED_INLINE pack<T, N> exp(pack<T, N> x) {
  x = min(sizeof(T) == 4 ? T(89) : T(710), max(sizeof(T) == 4 ? T(-176) : T(-1418), x));
  const auto e = reduce_exponential(x);
  return scale_by_power(T(1) + e.f, e.sum - real_format<T>::shifted);
}
template <std::floating_point T>
HEED_INLINE T exp(T x) {
  return std::exp(x);
}
// The same of -|x|, which has no upper bound to look at.
template <class T, int N>
HEED_INLINE pack<T, N> exp_minus_abs(pack<T, N> x) {
  const auto e = reduce_exponential(max(sizeof(T) == 4 ? T(-176) : T(-1418), minus_abs(x)));
  return scale_by_power(T(1) + e.f, e.sum - real_format<T>::shifted);
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

// Hyperbolic tangent, float and double. Error, relative down to denormals: float 3.21 / 3.74 ULP, double 2.5. Odd bit
// by bit; 1 for infinity, NaN for NaN. Float: x / 8 + x P(x^2) / Q(x^2) on |x| <= 9.02, where it rounds to 1. The exact
// eighth carries most of the result where x is large, and with it the rounding of P and Q counts less; both run side by
// side, so that what waits for it waits for four multiplications and a division. Double: (e^2|x| - 1) / (e^2|x| + 1)
// with the numerator from expm1, so that nothing cancels near 0.
template <class T, int N>
HEED_INLINE pack<T, N> tanh(pack<T, N> x) {
  if constexpr (sizeof(T) == 4) {
    x = min(T(9.02f), max(T(-9.02f), x));
    const pack<T, N> s = x * x;
    const pack<T, N> p = polynomial(s, 0x1.abc54p+0, 0x1.27099cp-3, 0x1.069a34p-11, -0x1.47fa52p-15, -0x1.58ba48p-23);
    const pack<T, N> q = polynomial(s, 0x1.e8e16ep+0, 0x1.c8c6d4p-1, 0x1.94fb4ap-5, 0x1.495e46p-11, 0x1.8fb358p-20);
    return min(T(1), max(T(-1), fma(x, T(0.125), x * p / q)));
  } else {
    const auto e = reduce_exponential(min(T(40), abs(x) + abs(x)));
    const pack<T, N> scale = power_of_two(e.sum), expm1 = fma(scale, e.f, scale - T(1));
    return with_sign_of(expm1 / (expm1 + T(2)), x);
  }
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
  const pack<T, N> e = exp_minus_abs(x);
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

// log(1 + e^x) without overflow, float and double. Error: float 1.85 / 1.92 ULP, double 1.9. 0 for -infinity, infinity
// for infinity, NaN for NaN. It is max(x, 0) + log(1 + u), u = e^-|x|. Float: log(1 + u) is u + u R(u - 1/2) with a
// polynomial R. Double: what 1 + u loses of u is added to its logarithm.
template <class T, int N>
HEED_INLINE pack<T, N> softplus(pack<T, N> x) {
  using format = real_format<T>;
  const pack<T, N> u = exp_minus_abs(x);
  if constexpr (sizeof(T) == 4) {
    const pack<T, N> r =
        polynomial(u - T(0.5), -0x1.833704p-3, -0x1.2773a6p-2, 0x1.0f9520p-3, -0x1.154038p-4, 0x1.2c2f0cp-5,
                   -0x1.50e874p-6, 0x1.797332p-7, -0x1.bcbc78p-8, 0x1.60760ep-8, -0x1.a13f3cp-9);
    return max(T(0), x) + fma(u, r, u);
  } else {
    const pack<T, N> all = T(1) + u, lost = (u - (all - T(1))) / all;
    const auto l = reduce_logarithm(all);
    const pack<T, N> rest = fma(l.n, format::ln2_high, settled(fma(l.n, format::ln2_low, l.log_m + lost)));
    return max(T(0), x) + rest;
  }
}
template <std::floating_point T>
HEED_INLINE T softplus(T x) {
  return (x > T(0) ? x : T(0)) + std::log1p(std::exp(-abs(x)));
}

// ---- angles

// A pack of floats through a function of packs of doubles, by halves: doubles are twice as wide.
template <int N, class F, class... P>
HEED_INLINE pack<float, N> in_double(const F& f, P... x) {
  if constexpr (N == 1) return convert<float>(f(convert<double>(x)...));
  else
    return [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED -> pack<float, N> {
      using half = pack<float, N / 2>;
      const half low = convert<float>(f(convert<double>(half(__builtin_shufflevector(x.x, x.x, I...)))...));
      const half high = convert<float>(f(convert<double>(half(__builtin_shufflevector(x.x, x.x, (I + N / 2)...)))...));
      return typename pack<float, N>::vector(__builtin_shufflevector(low.x, high.x, I..., (I + N / 2)...));
    }(std::make_integer_sequence<int, N / 2>{});
}

// |x| = n pi/2 + r with |r| a little above pi/4 at most: r as the sum of two, n in the low bits of an integer. What is
// `far` is not reduced: |x| above 2^17 (float), 2^20 (double), and a double within 2^-25 of a multiple of pi/2, where
// three parts of pi/2 do not have enough digits. (All floats that are not far keep their accuracy.)
template <class T, int N>
struct reduced_angle {
  pack<T, N> high, low;
  typename pack<T, N>::mask::vector n;
  typename pack<T, N>::mask far;
};
// pi/2 in parts: two of 33 bits, whose products with n < 2^20 are exact, and the rest.
inline constexpr double half_pi_1 = 0x1.921fb544p0, half_pi_2 = 0x1.0b4611a6p-34, half_pi_3 = 0x1.3198a2e037073p-69;
template <class T, int N>
HEED_INLINE reduced_angle<T, N> reduce_angle(pack<T, N> x) {
  using P = pack<T, N>;
  using integers = typename P::mask::vector;
  const P size = abs(x);
  if constexpr (sizeof(T) == 4) {
    const T shifted = 0x1.8p23f;
    const P sum = settled(fma(size, 0x1.45f306p-1f, shifted)), n = sum - shifted;
    const P r = in_double<N>(
        [](auto a, auto k) HEED_INLINED { return fnma(k, half_pi_2 + half_pi_3, settled(fnma(k, half_pi_1, a))); },
        size, n);
    return {r, T(0), (integers)sum.x, size > T(0x1p17f)};
  } else {
    const T shifted = 0x1.8p52;
    const P sum = settled(fma(size, 0x1.45f306dc9c883p-1, shifted)), n = sum - shifted;
    const P first = settled(fnma(n, half_pi_1, size)), second = settled(fnma(n, half_pi_2, first));
    const P rest = settled(fnma(n, half_pi_3, settled(fnma(n, half_pi_2, first - second))));
    const P high = second + rest;
    return {high, (second - high) + rest, (integers)sum.x, size > T(0x1p20) || (abs(high) < T(0x1p-25) && n != T(0))};
  }
}
// sin(r) and cos(r) of a reduced angle, and which of the two is meant: sin where a quarter turn has been taken an even
// number of times.
template <class T, int N>
HEED_INLINE pack<T, N> of_quarter(const reduced_angle<T, N>& r, typename pack<T, N>::mask sine) {
  using P = pack<T, N>;
  const P x = r.high, y = r.low, z = x * x;
  if constexpr (sizeof(T) == 4) {
    const P s = fma(x * z, polynomial(z, -0x1.555544p-3, 0x1.1106c2p-7, -0x1.9919cep-13), x);
    const P c = fma(z * z, polynomial(z, 0x1.55554ap-5, -0x1.6c0c0ep-10, 0x1.99db8ap-16), fma(z, T(-0.5), T(1)));
    return select(sine, s, c);
  } else {
    const P cube = z * x, half = T(0.5) * z, one = T(1) - half;
    const P s5 = polynomial(z, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                            -2.50507602534068634195e-08, 1.58969099521155010221e-10);
    const P s = x - ((z * (T(0.5) * y - cube * s5) - y) - cube * T(-1.66666666666666324348e-01));
    const P c4 = polynomial(z, 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                            -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11);
    const P c = one + (((T(1) - one) - half) + (z * (z * c4) - x * y));
    return select(sine, s, c);
  }
}
// Some lanes by the standard library, one by one: f(x), in double.
template <class T>
HEED_NOINLINE void far_angles(T* to, const T* x, const bool* far, int lanes, double (*f)(double)) {
  for (int i = 0; i < lanes; ++i)
    if (far[i]) to[i] = T(f(double(x[i])));
}
template <class T, int N>
HEED_INLINE pack<T, N> with_far_angles(pack<T, N> ordinary, pack<T, N> x, typename pack<T, N>::mask far,
                                       double (*f)(double)) {
  if (!any(far)) return ordinary;
  T in[N], out[N];
  bool is_far[N];
  x.store(in), ordinary.store(out);
  for (int i = 0; i < N; ++i) is_far[i] = far[i];
  far_angles(out, in, is_far, N, f);
  return pack<T, N>::load(out);
}
// The sign bit of each lane where bit 1 of n is set.
template <class T, int N>
HEED_INLINE typename pack<T, N>::mask::vector half_turn(typename pack<T, N>::mask::vector n) {
  return (n >> 1) << (sizeof(T) * 8 - 1);
}

// sin(x), float and double. Error: float 1.57 / 1.57 ULP, double 0.8. NaN for infinity and for NaN, odd bit by bit.
// Beyond |x| of 2^17 (float), 2^20 (double) each lane goes to the standard library, with the same accuracy.
template <class T, int N>
HEED_INLINE pack<T, N> sin(pack<T, N> x) {
  using integers = typename pack<T, N>::mask::vector;
  const auto r = reduce_angle(x);
  const pack<T, N> size = of_quarter(r, typename pack<T, N>::mask((r.n & 1) == 0));
  const integers negative = (integers)(x.x) & (integers)pack<T, N>(T(-0.0)).x;
  const pack<T, N> y = (typename pack<T, N>::vector)((integers)size.x ^ half_turn<T, N>(r.n) ^ negative);
  return with_far_angles(y, x, r.far, [](double a) { return std::sin(a); });
}
template <std::floating_point T>
HEED_INLINE T sin(T x) {
  return std::sin(x);
}

// cos(x), float and double. Error and special values as sin.
template <class T, int N>
HEED_INLINE pack<T, N> cos(pack<T, N> x) {
  using integers = typename pack<T, N>::mask::vector;
  const auto r = reduce_angle(x);
  const integers n = r.n + 1;
  const pack<T, N> size = of_quarter(r, typename pack<T, N>::mask((n & 1) == 0));
  const pack<T, N> y = (typename pack<T, N>::vector)((integers)size.x ^ half_turn<T, N>(n));
  return with_far_angles(y, x, r.far, [](double a) { return std::cos(a); });
}
template <std::floating_point T>
HEED_INLINE T cos(T x) {
  return std::cos(x);
}

// ---- what rounds nothing: exact, of float and double; of whole numbers, whole numbers

// 1, 0 or -1; NaN for NaN, and a 0 keeps its sign.
template <class T, int N>
HEED_INLINE pack<T, N> sign(pack<T, N> x) {
  return select(x > T(0), T(1), select(x < T(0), pack<T, N>(T(-1)), x));
}
template <Scalar T>
HEED_INLINE constexpr T sign(T x) {
  return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;
}

// The nearest integer, the even one of two; large numbers, infinity and NaN are their own. The sum with 2^23 (2^52) has
// no bits left for a fraction.
template <class T, int N>
HEED_INLINE pack<T, N> round(pack<T, N> x) {
  if constexpr (std::is_floating_point_v<T>) {
    const T whole = real_format<T>::two_fraction;
    const pack<T, N> size = abs(x), rounded = settled(settled(size + whole) - whole);
    return select(size < whole, with_sign_of(rounded, x), x);
  } else return x;
}
template <Scalar T>
HEED_INLINE T round(T x) {
  if constexpr (std::is_floating_point_v<T>) return std::nearbyint(x);
  else return x;
}

// The largest integer that is not above x.
template <class T, int N>
HEED_INLINE pack<T, N> floor(pack<T, N> x) {
  const pack<T, N> nearest = round(x);
  return select(nearest > x, nearest - T(1), nearest);
}
template <Scalar T>
HEED_INLINE T floor(T x) {
  if constexpr (std::is_floating_point_v<T>) return std::floor(x);
  else return x;
}

// x from low to high; high where low is above it. NaN where one of them is.
template <class A, class B, class C>
HEED_INLINE constexpr auto clamp(A x, B low, C high) {
  return minimum(maximum(x, low), high);
}

// ---- x^y, as std::pow

// Of doubles, for results that are rounded to float: exp2(y log2 |x|), and where that is not it.
template <int N>
HEED_INLINE pack<double, N> pow_for_float(pack<double, N> x, pack<double, N> y) {
  using P = pack<double, N>;
  const double infinity = std::numeric_limits<double>::infinity();
  const P size = abs(x), half = y * 0.5;
  const auto whole = floor(y) == y, odd = whole && floor(half) != half;
  P r = exp2(y * log2(size));
  r = select(odd, with_sign_of(r, x), r);
  r = select(x < 0.0 && x > -infinity && !whole, std::numeric_limits<double>::quiet_NaN(), r);
  return select(y == 0.0 || x == 1.0 || (size == 1.0 && abs(y) == infinity), 1.0, r);
}
// x^y, float, computed in double, and double, which goes lane by lane to the standard library. Error: float 0.51 / 0.51
// ULP, double 1.0. Special values as std::pow: a negative x needs a whole y; x^0 and 1^y are 1 even of NaN.
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto pow(A x, B y) {
  using P = pack_among<A, B>;
  using T = typename P::element;
  const P base = P(x), exponent = P(y);
  if constexpr (sizeof(T) == 4)
    return in_double<P::lanes>([](auto a, auto b) HEED_INLINED { return pow_for_float(a, b); }, base, exponent);
  else {
    P r;
    for (int i = 0; i < P::lanes; ++i) r.x[i] = std::pow(base.x[i], exponent.x[i]);
    return r;
  }
}
template <std::floating_point A, std::floating_point B>
HEED_INLINE auto pow(A x, B y) {
  return std::pow(x, y);
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
