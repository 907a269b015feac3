// Tiles along diagonals. Lines of rows in lanes, one a distance, become lines one a key and the other way round: of
// both, what a lane reads lies as many lines further as its row lies behind the first of its pack.
#pragma once
#include "tile.hpp"
#include <bit>

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

template <class T> inline constexpr int skew_steps = std::bit_width(unsigned(native_lanes<T>)) - 1;

// out[j][l] = lines[j + shift of lane l][l], for j < Count: a choice between two lines for each bit of the shift.
// far[s][rows] is all ones where bit s of the shift is set, of which the pack at `row` is meant; shifts are less than
// the lanes. line(i): the pack of line i < Count + lanes - 1. Lines that no lane asks for may hold anything.
template <int Count, class T, class Line>
HEED_INLINE void skew(const Line& line, const integer_of_size<sizeof(T)>* far, pack<T> (&out)[Count]) {
  using W = pack<integer_of_size<sizeof(T)>>;
  constexpr int lanes = native_lanes<T>, most = Count + lanes - 1;
  pack<T> p[most];
  HEED_UNROLL for (int i = 0; i < most; ++i)
    p[i] = line(i);
  HEED_UNROLL for (int s = 0; s < skew_steps<T>; ++s) {
    const auto further = W::load(far + s * block_rows<T>) != W(integer_of_size<sizeof(T)>(0));
    // mutants: skew_off_by_one
    const int step = 1 << s;
    HEED_UNROLL for (int i = 0; i < most; ++i)
      if (i + 2 * step <= most) p[i] = select(further, p[i + step], p[i]);
  }
  HEED_UNROLL for (int j = 0; j < Count; ++j)
    out[j] = p[j];
}

// A group of keys, the last first: to[group - 1 - j] are lines at + j of a ring of `mask` + 1 lines. lines, to: of
// block_rows<T>, at the pack that is meant; far: see skew.
template <class T>
HEED_NOINLINE inline void skewed_group(const T* lines, index at, index mask, const integer_of_size<sizeof(T)>* far,
                                       T* __restrict to) {
  pack<T> out[group];
  skew([&](int i) HEED_INLINED { return pack<T>::load(lines + ((at + i) & mask) * block_rows<T>); }, far, out);
  HEED_UNROLL for (int j = 0; j < group; ++j)
    out[j].store(to + (group - 1 - j) * block_rows<T>);
}

// The other way round, a group of distances: to[j] has of each row the pair of key `at` - j and of as many keys further
// as its row lies behind the first; what lies outside the `count` keys is excluded. p, to: of block_rows<T>.
template <class T>
HEED_NOINLINE inline void unskewed_group(const T* p, index at, index count, const integer_of_size<sizeof(T)>* far,
                                         T* __restrict to) {
  constexpr int lanes = native_lanes<T>;
  const index first = at - (group - 1);
  pack<T> out[group];
  if (first >= 0 && first + group + lanes - 1 <= count)
    skew([&](int i) HEED_INLINED { return pack<T>::load(p + (first + i) * block_rows<T>); }, far, out);
  else
    skew(
        [&](int i) HEED_INLINED {
          const index key = first + i;
          return key >= 0 && key < count ? pack<T>::load(p + key * block_rows<T>) : excluded<pack<T>>();
        },
        far, out);
  HEED_UNROLL for (int j = 0; j < group; ++j)
    out[group - 1 - j].store(to + j * block_rows<T>);
}
// The sum of `count` lines, into the first of them.
template <class T> HEED_NOINLINE inline void add_lines(T* lines, index count, int packs) {
  for (int v = 0; v < packs * native_lanes<T>; v += native_lanes<T>) {
    pack<T> sum = pack<T>::load(lines + v);
    for (index i = 1; i < count; ++i) sum = sum + pack<T>::load(lines + i * block_rows<T> + v);
    sum.store(lines + v);
  }
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
