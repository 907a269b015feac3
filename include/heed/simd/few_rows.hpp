// Few rows would leave most lanes of a tile empty, so depth and width lie in the lanes for them.
#pragma once
#include "tile.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

inline constexpr int few_rows = 2;

// to[i][r] = sum over d of q[r][d] * x[i * x_stride + d], for i < group, r < rows. q: [rows][depth]; to:
// [group][native_lanes<T>]. lines.along(d, i): what else is done on the way; of one type for all regions, so that they
// share this function.
template <class T, class Lines>
HEED_NOINLINE inline void contract_few(const T* __restrict q, index rows, const T* __restrict x, index x_stride,
                                       index depth, T* __restrict to, const Lines& lines) {
  constexpr int lanes = native_lanes<T>;
  for (index r = 0; r < rows; ++r, q += depth) {
    pack<T> acc[group];
    HEED_UNROLL for (int i = 0; i < group; ++i)
      acc[i] = T(0);
    index d = 0;
    for (; d + lanes <= depth; d += lanes) {
      const pack<T> own = pack<T>::load(q + d);
      HEED_UNROLL for (int i = 0; i < group; ++i) {
        acc[i] = fma(own, pack<T>::load(x + i * x_stride + d), acc[i]);
        if (r == 0) lines.along(d, i);
      }
    }
    if (d < depth) {
      const pack<T> own = pack<T>::load_partial(q + d, depth - d);
      HEED_UNROLL for (int i = 0; i < group; ++i)
        acc[i] = fma(own, pack<T>::load_partial(x + i * x_stride + d, depth - d), acc[i]);
    }
    // mutants: few_rows_confused
    HEED_UNROLL for (int i = 0; i < group; ++i)
      to[i * lanes + r] = sum(acc[i]);
  }
}

// t[c][r] += sum over j of x[j * stride + c] * p[j][r], for c < width, r < rows. p: [count][block_rows<T>]; t:
// [width][block_rows<T>]; sums: room for width, rounded up to whole packs.
template <class T>
HEED_NOINLINE inline void accumulate_few(const T* __restrict p, const T* __restrict x, index stride, T* __restrict t,
                                         index width, index count, index rows, T* __restrict sums) {
  constexpr int lanes = native_lanes<T>;
  const index whole = width / lanes * lanes;
  for (index r = 0; r < rows; ++r) {
    for (index c = 0; c < width; c += lanes) pack<T>(T(0)).store(sums + c);
    const auto add = [&]<int Keys>(index j) HEED_INLINED {
      const T* const v = x + j * stride;
      pack<T> w[Keys];
      HEED_UNROLL for (int i = 0; i < Keys; ++i)
        w[i] = p[(j + i) * block_rows<T> + r];
      for (index c = 0; c < whole; c += lanes) {
        pack<T> acc = pack<T>::load(sums + c);
        HEED_UNROLL for (int i = 0; i < Keys; ++i)
          acc = fma(w[i], pack<T>::load(v + i * stride + c), acc);
        acc.store(sums + c);
      }
      if (whole == width) return;
      pack<T> acc = pack<T>::load(sums + whole);
      HEED_UNROLL for (int i = 0; i < Keys; ++i)
        acc = fma(w[i], pack<T>::load_partial(v + i * stride + whole, width - whole), acc);
      acc.store(sums + whole);
    };
    index j = 0;
    for (; j + 4 <= count; j += 4) add.template operator()<4>(j);
    for (; j < count; ++j) add.template operator()<1>(j);
    for (index c = 0; c < width; ++c) t[c * block_rows<T> + r] += sums[c];
  }
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
