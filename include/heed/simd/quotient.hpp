// The quotient of whole numbers, rounded down, and what is left, which has the sign of the divisor: of packs and of
// numbers. By 0 both are 0.
#pragma once
#include "pack.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

template <Scalar A, Scalar B>
HEED_INLINE constexpr auto floor_divide(A a, B b) {
  using R = std::common_type_t<A, B>;
  static_assert(std::is_integral_v<R>);
  if (b == 0) return R(0);
  if (b == -1) return R(0 - std::make_unsigned_t<R>(a));  // the lowest number stays itself
  const R q = R(a) / R(b), rest = R(a) % R(b);
  return R(rest != 0 && (rest < 0) != (b < 0) ? q - 1 : q);
}
template <Scalar A, Scalar B>
HEED_INLINE constexpr auto remainder(A a, B b) {
  using R = std::common_type_t<A, B>;
  static_assert(std::is_integral_v<R>);
  if (b == 0 || b == -1) return R(0);
  const R rest = R(a) % R(b);
  return R(rest != 0 && (rest < 0) != (b < 0) ? rest + R(b) : rest);
}
// No processor divides packs of integers. Those of 32 bits divide as doubles, whose rounded quotient is whole only
// where the exact one is; wider ones go lane by lane.
template <class T, int N>
struct whole_quotient {
  pack<T, N> quotient, rest;
};
// Quotient and rest, rounded down; both 0 where b is. The quotient towards 0 comes first, and is one too large where
// the rest and the divisor have different signs.
template <class T, int N>
HEED_INLINE whole_quotient<T, N> divided_down(pack<T, N> a, pack<T, N> b) {
  if constexpr (sizeof(T) == 4) {
    const pack<T, N> zero(T(0)), divisor = select(b == zero, T(1), b);
    pack<T, N> toward_zero;
    if constexpr (N == 1) toward_zero = convert<T>(convert<double>(a) / convert<double>(divisor));
    else
      [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {  // by halves: doubles are twice as wide
        const auto half = [](pack<T, N / 2> p, pack<T, N / 2> s)
                              HEED_INLINED { return convert<T>(convert<double>(p) / convert<double>(s)); };
        const auto low =
            half(__builtin_shufflevector(a.x, a.x, I...), __builtin_shufflevector(divisor.x, divisor.x, I...));
        const auto high = half(__builtin_shufflevector(a.x, a.x, (I + N / 2)...),
                               __builtin_shufflevector(divisor.x, divisor.x, (I + N / 2)...));
        toward_zero = __builtin_shufflevector(low.x, high.x, I..., (I + N / 2)...);
      }(std::make_integer_sequence<int, N / 2>{});
    const pack<T, N> rest = a - toward_zero * divisor;
    const pack<T, N> down(typename pack<T, N>::vector((rest.x != 0) & ((rest.x ^ divisor.x) < 0)));  // -1 where
                                                                                                     // rounding went up
    return {select(b == zero, zero, toward_zero + down),
            select(b == zero, zero, rest - pack<T, N>(down.x * divisor.x))};
  } else {
    whole_quotient<T, N> r;
    for (int i = 0; i < N; ++i) r.quotient.x[i] = floor_divide(a.x[i], b.x[i]), r.rest.x[i] = remainder(a.x[i], b.x[i]);
    return r;
  }
}
// By 2^Shift nothing is divided: the sign moves in, and what is left are the low bits of either sign.
template <int Shift, class T, int N>
HEED_INLINE pack<T, N> floor_divide_by_power(pack<T, N> a) {
  return typename pack<T, N>::vector(a.x >> Shift);
}
template <int Shift, class T, int N>
HEED_INLINE pack<T, N> remainder_by_power(pack<T, N> a) {
  return typename pack<T, N>::vector(a.x & ((T(1) << Shift) - 1));
}
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto floor_divide(A a, B b) {
  using P = pack_among<A, B>;
  return divided_down(P(a), P(b)).quotient;
}
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto remainder(A a, B b) {
  using P = pack_among<A, B>;
  return divided_down(P(a), P(b)).rest;
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
