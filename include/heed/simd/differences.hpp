// Sums of weighted differences of rows and columns, which the gradients of distances are made of, in the tiles and
// orders of the sums of products (tile.hpp). Each difference is formed where it is needed, so that near neighbours far
// from 0 lose nothing to the sums of what they have in common.
#pragma once
#include "tile.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// weight * (other - own), or weight * the sign of that, added to a sum.
template <contraction_kind Slope, class P>
HEED_INLINE P with_difference(const P& weight, const P& other, const P& own, const P& sum) {
  // mutants: slope_of_absolute_difference
  if constexpr (Slope == contraction_kind::absolute_difference) return fma(weight, sign(other - own), sum);
  else return fma(weight, other - own, sum);
}

// t[c][rows] += sum over j of p[j][rows] * (x[j * stride + c] - own[c][rows]), for c < Columns, in order of j, for the
// first Packs packs of rows. p: [count][block_rows<T>]; t, own: [Columns][block_rows<T>]; count >= 1.
template <contraction_kind Slope, int Columns, int Packs, class T>
HEED_NOINLINE inline void accumulate_differences(const T* __restrict p, const T* __restrict x, index stride,
                                                 const T* __restrict own, T* __restrict t, index count) {
  if (count < 1) __builtin_unreachable();
  pack<T> acc[Columns][Packs];
  HEED_UNROLL for (int i = 0; i < Columns; ++i) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[i][v] = pack<T>::load(t + i * block_rows<T> + v * native_lanes<T>);
  HEED_KEEP_LOOP for (index j = 0; j < count; ++j) {
    pack<T> r[Packs];
    HEED_UNROLL for (int v = 0; v < Packs; ++v)
      r[v] = pack<T>::load(p + j * block_rows<T> + v * native_lanes<T>);
    HEED_UNROLL for (int i = 0; i < Columns; ++i) {
      const pack<T> b = x[j * stride + i];
      HEED_UNROLL for (int v = 0; v < Packs; ++v)
        acc[i][v] =
            with_difference<Slope>(r[v], b, pack<T>::load(own + i * block_rows<T> + v * native_lanes<T>), acc[i][v]);
    }
  }
  HEED_UNROLL for (int i = 0; i < Columns; ++i) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[i][v].store(t + i * block_rows<T> + v * native_lanes<T>);
}
template <contraction_kind Slope, int Packs, class T, int Columns = Packs == 1 ? 2 * group : group>
inline void accumulate_differences_packs(const T* p, const T* x, index stride, const T* own, T* t, index width,
                                         index count) {
  index c = 0;
  for (; c + Columns <= width; c += Columns)
    accumulate_differences<Slope, Columns, Packs>(p, x + c, stride, own + c * block_rows<T>, t + c * block_rows<T>,
                                                  count);
  if constexpr (Columns > 1)
    if (c < width)
      accumulate_differences_packs<Slope, Packs, T, Columns / 2>(p, x + c, stride, own + c * block_rows<T>,
                                                                 t + c * block_rows<T>, width - c, count);
}
// The same for any width and any count.
template <contraction_kind Slope, class T>
inline void accumulate_all_differences(const T* p, const T* x, index stride, const T* own, T* t, index width,
                                       index count, int packs) {
  if (count < 1) return;
  if (packs == vectors) accumulate_differences_packs<Slope, vectors>(p, x, stride, own, t, width, count);
  else if (packs == 2) accumulate_differences_packs<Slope, 2>(p, x, stride, own, t, width, count);
  else accumulate_differences_packs<Slope, 1>(p, x, stride, own, t, width, count);
}
// The slow twin for what is not finite leaves a row alone where its weight is excluded.
template <contraction_kind Slope, class T>
__attribute__((noinline, cold)) inline void accumulate_present_differences(const T* __restrict p, const T* __restrict x,
                                                                           index stride, const T* __restrict own,
                                                                           T* __restrict t, index width, index count,
                                                                           int packs) {
  for (index c = 0; c < width; ++c)
    for (int v = 0; v < packs * native_lanes<T>; v += native_lanes<T>) {
      pack<T> acc = pack<T>::load(t + c * block_rows<T> + v);
      for (index j = 0; j < count; ++j) {
        const pack<T> w = pack<T>::load(p + j * block_rows<T> + v);
        acc = select(
            is_excluded(w), acc,
            with_difference<Slope>(w, pack<T>(x[j * stride + c]), pack<T>::load(own + c * block_rows<T> + v), acc));
      }
      acc.store(t + c * block_rows<T> + v);
    }
}

// out[i][c] += sum over r of p[i][r] * (x[r][c] - own[i][c]), for i < Keys and Columns packs of columns, in order of
// r < rows; p: [Keys][block_rows<T>]; rows >= 1. Of own only the first `width` columns are there.
template <contraction_kind Slope, int Keys, int Columns, class T>
HEED_NOINLINE inline void outer_differences(const T* __restrict p, const T* __restrict x, index x_stride, const T* own,
                                            index own_stride, index width, T* __restrict out, index out_stride,
                                            index rows) {
  constexpr int lanes = native_lanes<T>;
  if (rows < 1) __builtin_unreachable();
  alignas(64) T less[Keys][Columns * lanes];
  for (int i = 0; i < Keys; ++i)
    for (int c = 0; c < Columns * lanes; c += lanes)
      pack<T>::load_partial(own + i * own_stride + c, width - c).store(&less[i][c]);
  pack<T> acc[Keys][Columns];
  HEED_UNROLL for (int i = 0; i < Keys; ++i) HEED_UNROLL
    for (int c = 0; c < Columns; ++c) acc[i][c] = pack<T>::load(out + i * out_stride + c * lanes);
  HEED_KEEP_LOOP for (index r = 0; r < rows; ++r, x += x_stride) {
    pack<T> b[Columns];
    HEED_UNROLL for (int c = 0; c < Columns; ++c)
      b[c] = pack<T>::load(x + c * lanes);
    HEED_UNROLL for (int i = 0; i < Keys; ++i) {
      const pack<T> a = p[i * block_rows<T> + r];
      HEED_UNROLL for (int c = 0; c < Columns; ++c)
        acc[i][c] = with_difference<Slope>(a, b[c], pack<T>::load(&less[i][c * lanes]), acc[i][c]);
    }
  }
  HEED_UNROLL for (int i = 0; i < Keys; ++i) HEED_UNROLL
    for (int c = 0; c < Columns; ++c) acc[i][c].store(out + i * out_stride + c * lanes);
}
template <contraction_kind Slope, int Columns, int Keys, class T>
inline void outer_differences_columns(const T* p, const T* x, index x_stride, const T* own, index own_stride,
                                      index width, T* out, index out_stride, index rows, index padded) {
  constexpr int step = Columns * native_lanes<T>;
  index c = 0;
  for (; c + step <= padded; c += step)
    outer_differences<Slope, Keys, Columns>(p, x + c, x_stride, own + c, own_stride, width - c, out + c, out_stride,
                                            rows);
  if constexpr (Columns > 1)
    if (c < padded)
      outer_differences_columns<Slope, Columns / 2, Keys>(p, x + c, x_stride, own + c, own_stride, width - c, out + c,
                                                          out_stride, rows, padded - c);
}
// The same for any number of keys; padded: the width as a multiple of the lanes.
template <contraction_kind Slope, class T>
inline void outer_all_differences(const T* p, const T* x, index x_stride, const T* own, index own_stride, index width,
                                  T* out, index out_stride, index rows, index padded, index keys) {
  constexpr int columns = register_count == 32 ? 4 : 2;
  if (rows < 1) return;
  const auto some = [&]<int Keys>(index j) {
    outer_differences_columns<Slope, columns, Keys>(p + j * block_rows<T>, x, x_stride, own + j * own_stride,
                                                    own_stride, width, out + j * out_stride, out_stride, rows, padded);
  };
  index j = 0;
  for (; j + 6 <= keys; j += 6) some.template operator()<6>(j);
  for (; j + 2 <= keys; j += 2) some.template operator()<2>(j);
  if (j < keys) some.template operator()<1>(j);
}
template <contraction_kind Slope, class T>
__attribute__((noinline, cold)) inline void outer_present_differences(const T* __restrict p, const T* __restrict x,
                                                                      index x_stride, const T* own, index own_stride,
                                                                      index width, T* __restrict out, index out_stride,
                                                                      index rows, index keys) {
  for (index j = 0; j < keys; ++j)
    for (index c = 0; c < width; c += native_lanes<T>) {
      const pack<T> less = pack<T>::load_partial(own + j * own_stride + c, width - c);
      pack<T> acc = pack<T>::load(out + j * out_stride + c);
      for (index r = 0; r < rows; ++r)
        if (const T a = p[j * block_rows<T> + r]; a != T(0) || !__builtin_signbit(a))
          acc = with_difference<Slope>(pack<T>(a), pack<T>::load(x + r * x_stride + c), less, acc);
      acc.store(out + j * out_stride + c);
    }
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
