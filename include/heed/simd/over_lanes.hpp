// What the lanes of a pack or a mask are together: sum, max, min, any and all, of a number too. In a fixed order, so
// that a sum is the same bits wherever it is taken.
#pragma once
#include "pack.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// Lane i with lane i + N/2, then i + N/4, ... 1.
template <class T, int N, class Combine>
HEED_INLINE T fold(pack<T, N> a, Combine combine) {
  if constexpr (N == 1) return a.x[0];
  else if constexpr (N == 2) return combine(pack<T, 1>(T(a.x[0])), pack<T, 1>(T(a.x[1]))).x[0];
  else {
    return [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
      using half = pack<T, N / 2>;
      return fold<T, N / 2>(combine(half(__builtin_shufflevector(a.x, a.x, I...)),
                                    half(__builtin_shufflevector(a.x, a.x, (I + N / 2)...))),
                            combine);
    }(std::make_integer_sequence<int, N / 2>{});
  }
}
template <class T, int N>
HEED_INLINE T sum(pack<T, N> a) {
  return fold(a, [](auto u, auto v) HEED_INLINED { return u + v; });
}
// NaN: as max(a, b) above, so a NaN may be lost; test with any(x != x) where it matters.
template <class T, int N>
HEED_INLINE T max(pack<T, N> a) {
  return fold(a, [](auto u, auto v) HEED_INLINED { return decltype(u)(u.x > v.x ? u.x : v.x); });
}
template <class T, int N>
HEED_INLINE T min(pack<T, N> a) {
  return fold(a, [](auto u, auto v) HEED_INLINED { return decltype(u)(u.x < v.x ? u.x : v.x); });
}
template <Scalar T>
HEED_INLINE constexpr T sum(T a) {
  return a;
}
template <Scalar T>
HEED_INLINE constexpr T max(T a) {
  return a;
}
template <Scalar T>
HEED_INLINE constexpr T min(T a) {
  return a;
}

template <int Size, int N>
HEED_INLINE bool any(mask<Size, N> m) {
  if constexpr (N * Size % 8 == 0) {
    using words = typename vector_of<std::int64_t, N * Size / 8>::type;
    return fold(pack<std::int64_t, N * Size / 8>((words)m.x),
                [](auto u, auto v) HEED_INLINED { return decltype(u)(u.x | v.x); }) != 0;
  } else {
    bool r = false;
    for (int i = 0; i < N; ++i) r = r || m[i];
    return r;
  }
}
template <int Size, int N>
HEED_INLINE bool all(mask<Size, N> m) {
  return !any(!m);
}
HEED_INLINE constexpr bool any(bool m) { return m; }
HEED_INLINE constexpr bool all(bool m) { return m; }

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
