// Conditions as they lie in memory, a byte each: columns of some rows as bits, which become lanes, and what holds in
// any or in all of some rows, a bit for each column. Any byte but 0 is true.
#pragma once
#include "pack.hpp"
#include <cstring>

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

inline constexpr int bytes_at_once = 16;
using byte_vector = typename vector_of<unsigned char, bytes_at_once>::type;

HEED_INLINE byte_vector load_bytes(const unsigned char* from) {
  byte_vector r;
  __builtin_memcpy(&r, from, sizeof r);
  return r;
}

// Bit i of to[j]: is from[offset[i] + j] true? For i < Rows, j < 16.
template <int Rows, class I>
HEED_NOINLINE inline void bits_of_rows(const unsigned char* __restrict from, const std::ptrdiff_t* __restrict offset,
                                       I* __restrict to) {
  static_assert(Rows <= 16);
  constexpr int halves = (Rows + 7) / 8, count = Rows < 8 ? Rows : 8;
  alignas(64) unsigned char zero[2][bytes_at_once] = {};
  HEED_UNROLL for (int half = 0; half < halves; ++half) {
    byte_vector sum{};
    HEED_UNROLL for (int i = 0; i < count; ++i) {
      const byte_vector bit = byte_vector{} + static_cast<unsigned char>(1 << i);
      sum |= byte_vector(load_bytes(from + offset[half * 8 + i]) == byte_vector{}) & bit;
    }
    __builtin_memcpy(zero[half], &sum, sizeof sum);
  }
  for (int j = 0; j < bytes_at_once; ++j) to[j] = I(~(zero[0][j] | zero[1][j] << 8) & ((1 << Rows) - 1));
}

// A bit for each lane.
template <class Mask>
HEED_INLINE Mask mask_of_bits(typename Mask::integer bits) {
  return [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
    constexpr typename Mask::vector own = {(typename Mask::integer(1) << I)...};
    const typename Mask::vector all = typename Mask::vector{} + bits;
    return Mask(typename Mask::vector((all & own) == own));
  }(std::make_integer_sequence<int, Mask::lanes>{});
}

// A bit for each of 64 columns: does it hold in any of some rows, in all of them?
struct column_bits {
  std::uint64_t any = 0, all = ~any;
};
// Of 8 bytes, each 0 or 255.
HEED_INLINE std::uint64_t bit_of_each_byte(const unsigned char* from) {
  std::uint64_t x;
  __builtin_memcpy(&x, from, sizeof x);
  return ((x & 0x0101010101010101u) * 0x0102040810204080u) >> 56;
}
// Of the columns 0 .. 63 of rows that begin at from + offset[0 .. count - 1].
HEED_NOINLINE inline column_bits bits_of_columns(const unsigned char* from, const std::ptrdiff_t* offset, int count) {
  constexpr int parts = 64 / bytes_at_once;
  byte_vector low[parts], high[parts];
  HEED_UNROLL for (int i = 0; i < parts; ++i)
    low[i] = high[i] = load_bytes(from + offset[0] + i * bytes_at_once);
  for (int r = 1; r < count; ++r) HEED_UNROLL
    for (int i = 0; i < parts; ++i) {
      const byte_vector x = load_bytes(from + offset[r] + i * bytes_at_once);
      low[i] = x < low[i] ? x : low[i], high[i] = high[i] < x ? x : high[i];
    }
  unsigned char any[64], all[64];
  HEED_UNROLL for (int i = 0; i < parts; ++i) {
    low[i] = byte_vector(low[i] != byte_vector{}), high[i] = byte_vector(high[i] != byte_vector{});
    __builtin_memcpy(all + i * bytes_at_once, &low[i], sizeof low[i]);
    __builtin_memcpy(any + i * bytes_at_once, &high[i], sizeof high[i]);
  }
  column_bits r{0, 0};
  for (int i = 0; i < 8; ++i)
    r.any |= bit_of_each_byte(any + 8 * i) << 8 * i, r.all |= bit_of_each_byte(all + 8 * i) << 8 * i;
  return r;
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
