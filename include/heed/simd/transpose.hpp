// Transpose in registers: N packs of N lanes, for N a power of two. Elements travel through log2 N rounds of two-
// operand shuffles. Rounds inside 128 bits are unpacks, one instruction each on every x86; wider ones exchange halves.
#pragma once

#include "pack.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// Exchange the off-diagonal blocks of H x H: r[i] takes the left blocks of both rows, r[i + H] the right ones.
template <int H, class T, int N>
HEED_INLINE void exchange_blocks(pack<T, N> (&r)[N]) {
  [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
    HEED_UNROLL for (int i = 0; i < N; ++i) {
      if (i & H) continue;
      const auto a = r[i].x, b = r[i + H].x;
      r[i].x = __builtin_shufflevector(a, b, ((I & H) ? I - H + N : I)...);
      r[i + H].x = __builtin_shufflevector(a, b, ((I & H) ? I + N : I + H)...);
    }
  }(std::make_integer_sequence<int, N>{});
}

// Transpose every 4 x 4 block along the diagonal and beside it in place (floats: 4 lanes are 128 bits).
template <class T, int N>
HEED_INLINE void transpose_fours(pack<T, N> (&r)[N]) {
  [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
    HEED_UNROLL for (int i = 0; i < N; i += 4) {
      const auto a = r[i].x, b = r[i + 1].x, c = r[i + 2].x, d = r[i + 3].x;
      // a0 b0 a1 b1 and a2 b2 a3 b3 of every four lanes; the same of c and d; then pairs are joined
      const auto ab_low = __builtin_shufflevector(a, b, ((I & ~3) + (I & 3) / 2 + (I & 1) * N)...);
      const auto ab_high = __builtin_shufflevector(a, b, ((I & ~3) + 2 + (I & 3) / 2 + (I & 1) * N)...);
      const auto cd_low = __builtin_shufflevector(c, d, ((I & ~3) + (I & 3) / 2 + (I & 1) * N)...);
      const auto cd_high = __builtin_shufflevector(c, d, ((I & ~3) + 2 + (I & 3) / 2 + (I & 1) * N)...);
      r[i].x = __builtin_shufflevector(ab_low, cd_low, ((I & 2) ? I - 2 + N : I)...);
      r[i + 1].x = __builtin_shufflevector(ab_low, cd_low, ((I & 2) ? I + N : I + 2)...);
      r[i + 2].x = __builtin_shufflevector(ab_high, cd_high, ((I & 2) ? I - 2 + N : I)...);
      r[i + 3].x = __builtin_shufflevector(ab_high, cd_high, ((I & 2) ? I + N : I + 2)...);
    }
  }(std::make_integer_sequence<int, N>{});
}

// r[i][j] becomes r[j][i]. N in {2, 4, 8, 16}; any element type.
template <class T, int N>
HEED_INLINE void transpose(pack<T, N> (&r)[N]) {
  static_assert(N == 2 || N == 4 || N == 8 || N == 16, "heed: a transpose takes 2, 4, 8 or 16 packs of as many lanes");
  if constexpr (N >= 16) exchange_blocks<8>(r);
  if constexpr (N >= 8) exchange_blocks<4>(r);
  if constexpr (N >= 4 && sizeof(T) == 4) transpose_fours(r);
  else {
    if constexpr (N >= 4) exchange_blocks<2>(r);
    exchange_blocks<1>(r);
  }
}

// to[j * Stride + i] = from[offset[i] + j] for i, j < native lanes. Out of line, so that nothing around it takes its
// registers.
template <int Stride, class T>
HEED_NOINLINE inline void transpose_square(const T* __restrict from, const std::ptrdiff_t* __restrict offset,
                                           T* __restrict to) {
  constexpr int lanes = native_lanes<T>;
  pack<T, lanes> r[lanes];
  HEED_UNROLL for (int i = 0; i < lanes; ++i)
    r[i] = pack<T, lanes>::load(from + offset[i]);
  transpose(r);
  HEED_UNROLL for (int i = 0; i < lanes; ++i)
    r[i].store(to + i * Stride);
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
