// Few rows: they would leave most lanes empty, so depth and width lie there, and what is reduced across lanes is
// reduced for all keys of a group together. Keys and values are read once, so that what such a call takes is what
// memory takes: lines are asked for some groups before they are read.
#pragma once

#include "tile.hpp"
#include <algorithm>

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// They lie in one pack.
template <PackElement T> inline constexpr int few_rows = std::min(4, native_lanes<T>);
template <PackElement T>
constexpr index room_for_sums(index width) {  // whole packs
  return (width + native_lanes<T> - 1) / native_lanes<T> * native_lanes<T>;
}

// Sums across the lanes of several packs at once, as `sum` has them one by one: lane i with lane i + N/2, then i + N/4,
// ... 1. In every round two packs become one, half as many sums in each: 8 packs of 16 lanes take 15 shuffles and 8
// additions, one by one 80. Inside 128 bits the two alternate, which is one instruction.
template <class T, int N, int Count>
struct sums_of_packs {
  static constexpr int inside = 16 / int(sizeof(T));
  // Where a round that adds lanes `apart` reads lane i of its result: a lane of the first pack, or N + one of the
  // second.
  static constexpr int source(int i, int apart) {
    const int span = apart >= inside ? N : inside, start = i / span * span, half = span / 2;
    const int within = (i - start) % half;
    return (i - start < half ? 0 : N) + start + within / apart * 2 * apart + within % apart;
  }
  template <int Apart> static HEED_INLINE pack<T, N> round(pack<T, N> a, pack<T, N> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
      return pack<T, N>(__builtin_shufflevector(a.x, b.x, source(I, Apart)...)) +
             pack<T, N>(__builtin_shufflevector(a.x, b.x, (source(I, Apart) + Apart)...));
    }(std::make_integer_sequence<int, N>{});
  }
  template <int Apart> static HEED_INLINE pack<T, N> round(pack<T, N> a) {
    return [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
      return a + pack<T, N>(__builtin_shufflevector(a.x, a.x, (I ^ Apart)...));
    }(std::make_integer_sequence<int, N>{});
  }
  // All sums in one pack, that of pack i in lane_of(i).
  template <int Apart = N / 2, int Left = Count> static HEED_INLINE pack<T, N> take(pack<T, N> (&a)[Count]) {
    if constexpr (Apart == 0) return a[0];
    else if constexpr (Left == 1) {
      a[0] = round<Apart>(a[0]);
      return take<Apart / 2, 1>(a);
    } else {
      HEED_UNROLL for (int i = 0; i < Left / 2; ++i)
        a[i] = round<Apart>(a[i], a[i + Left / 2]);
      return take<Apart / 2, Left / 2>(a);
    }
  }
  // to[i] = the sum of pack i.
  static HEED_INLINE void store(pack<T, N> (&a)[Count], T* to) {
    if constexpr (Count > N) {
      HEED_UNROLL for (int i = 0; i < Count; ++i)
        to[i] = sum(a[i]);
    } else {
      const auto all = take(a).x;
      [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
        const pack<T, Count> sums(__builtin_shufflevector(all, all, lane_of(I)...));
        sums.store(to);
      }(std::make_integer_sequence<int, Count>{});
    }
  }
  static constexpr int lane_of(int wanted) {
    int owner[Count][N]{};
    for (int i = 0; i < Count; ++i)
      for (int l = 0; l < N; ++l) owner[i][l] = i;
    for (int apart = N / 2, left = Count; left > 1; apart /= 2, left /= 2)
      for (int i = 0; i < left / 2; ++i) {
        int next[N]{};
        for (int l = 0; l < N; ++l)
          next[l] = source(l, apart) < N ? owner[i][source(l, apart)] : owner[i + left / 2][source(l, apart) - N];
        for (int l = 0; l < N; ++l) owner[i][l] = next[l];
      }
    for (int l = 0; l < N; ++l)
      if (owner[0][l] == wanted) return l;
    return -1;
  }
};

// Memory that will be read, asked for some lines at a time: rows that lie one behind the other, or of rows that lie
// apart the first line of each.
template <class T>
struct lines_to_come {
  static constexpr index line = 64 / index(sizeof(T)), at_once = 8;
  const T* at = nullptr;
  index step = line, left = 0;

  lines_to_come() = default;
  lines_to_come(const T* first, index stride, index width, index rows)
      : at(first),
        step(stride == width ? line : stride),
        left(stride == width ? rows * width / line : rows) {}
  HEED_INLINE void ask() {
    if (left < at_once) return;
    HEED_UNROLL for (index i = 0; i < at_once; ++i) {
      asm volatile("");  // g++ takes what only prefetches for something that does nothing
      __builtin_prefetch(at + i * step);
    }
    at += at_once * step, left -= at_once;
  }
};

// acc[i] += the products of Packs packs of a row with those of key i, lane by lane; two keys at a time, so that memory
// is met in order. The row is in registers.
template <int Packs, class T>
HEED_INLINE void contract_packs(const T* own, const T* x, index x_stride, pack<T> (&acc)[group]) {
  using P = pack<T>;
  P q[Packs];
  HEED_UNROLL for (int v = 0; v < Packs; ++v)
    q[v] = P::load(own + v * P::lanes), hold(q[v]);
  HEED_UNROLL for (int i = 0; i < group; i += 2) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) HEED_UNROLL
      for (int k = i; k < i + 2; ++k) acc[k] = fma(q[v], P::load(x + k * x_stride + v * P::lanes), acc[k]);
}
template <class T>
HEED_NOINLINE inline void contract_row(const T* own, const T* x, index x_stride, index depth, T* to) {
  using P = pack<T>;
  constexpr int most = register_count == 32 ? 8 : 4;
  P acc[group];
  HEED_UNROLL for (int i = 0; i < group; ++i)
    acc[i] = T(0);
  index d = 0;
  for (; d + most * P::lanes <= depth; d += most * P::lanes) contract_packs<most>(own + d, x + d, x_stride, acc);
  if constexpr (most > 4)
    if (d + 4 * P::lanes <= depth) contract_packs<4>(own + d, x + d, x_stride, acc), d += 4 * P::lanes;
  for (; d + P::lanes <= depth; d += P::lanes) contract_packs<1>(own + d, x + d, x_stride, acc);
  if (d < depth) {
    const P a = P::load_partial(own + d, depth - d);
    HEED_UNROLL for (int i = 0; i < group; ++i)
      acc[i] = fma(a, P::load_partial(x + i * x_stride + d, depth - d), acc[i]);
  }
  sums_of_packs<T, P::lanes, group>::store(acc, to);
}

// to[r * apart + i] = sum over d of q[r][d] * x[i * x_stride + d], for i < groups * group, r < rows, and some lines of
// what is to come for each group. q: [rows][depth]. How far a processor looks ahead is counted in instructions: with
// one row they are one for a line of memory and hardly more, and that many lines are under way. With several the keys
// of the next group are asked for.
template <class T>
HEED_NOINLINE inline lines_to_come<T> contract_few(const T* __restrict q, index rows, const T* __restrict x,
                                                   index x_stride, index depth, index groups, T* __restrict to,
                                                   index apart, lines_to_come<T> next) {
  constexpr index ahead = register_count == 32 ? 1 : 4;  // groups
  for (; groups > 0; --groups, x += group * x_stride, to += group) {
    next.ask();
    contract_row(q, x, x_stride, depth, to);
    if (rows > 1 && groups > ahead)
      for (index d = 0; d < depth; d += lines_to_come<T>::line) HEED_UNROLL
        for (int i = 0; i < group; ++i) {
          asm volatile("");
          __builtin_prefetch(x + (ahead * group + i) * x_stride + d);
        }
    // mutants: few_rows_confused
    HEED_KEEP_LOOP for (index r = 1; r < rows; ++r) contract_row(q + r * depth, x, x_stride, depth, to + r * apart);
  }
  return next;
}

// x[r * apart] for r < rows in the first lanes, 0 in the others.
template <class T>
HEED_INLINE pack<T> lanes_of_few(const T* x, index apart, index rows) {
  pack<T> p = T(0);
  [&]<int... R>(std::integer_sequence<int, R...>) HEED_INLINED {
    ((R == 0 || R < rows ? void(p.x[R] = x[R * apart]) : void()), ...);
  }(std::make_integer_sequence<int, few_rows<T>>{});
  return p;
}

// sums[r][c] += sum over j of x[j * stride + c] * p[j][r] for the columns of Packs packs, r < Rows; the last pack may
// be a part of one. Key by key, as they lie: nothing is loaded but values and their weights, and nothing is stored.
template <int Rows, int Packs, bool Part = false, class T>
HEED_INLINE void accumulate_columns(const T* __restrict p, const T* __restrict x, index stride, index count,
                                    T* __restrict sums, index apart, index last = native_lanes<T>) {
  using P = pack<T>;
  P acc[Rows][Packs];
  HEED_UNROLL for (int r = 0; r < Rows; ++r) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[r][v] = P::load(sums + r * apart + v * P::lanes);
  HEED_KEEP_LOOP for (index j = 0; j < count; ++j) {
    P w[Rows];
    HEED_UNROLL for (int r = 0; r < Rows; ++r)
      w[r] = p[j * block_rows<T> + r];
    HEED_UNROLL for (int v = 0; v < Packs; ++v) {
      const T* const at = x + j * stride + v * P::lanes;
      const P a = Part ? P::load_partial(at, last) : P::load(at);
      HEED_UNROLL for (int r = 0; r < Rows; ++r)
        acc[r][v] = fma(w[r], a, acc[r][v]);
    }
  }
  HEED_UNROLL for (int r = 0; r < Rows; ++r) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[r][v].store(sums + r * apart + v * P::lanes);
}
// The same for any width. Where registers hold a small part of a row, some keys at a time, which are met about as they
// lie.
template <int Rows, class T>
HEED_NOINLINE inline void accumulate_width(const T* __restrict p, const T* __restrict x, index stride, index width,
                                           index count, T* __restrict sums, index apart) {
  constexpr int lanes = native_lanes<T>, of_rows = Rows == 1 ? 8 : Rows == 2 ? 4 : 2;
  constexpr int most = register_count == 32 ? std::min(2 * of_rows, 8) : of_rows;
  for (index r = 0; r < Rows; ++r)
    for (index c = 0; c < width; c += lanes) pack<T>(T(0)).store(sums + r * apart + c);
  while (count > 0) {
    const index keys = register_count == 32 ? count : std::min<index>(count, 16);
    index c = 0;
    for (; c + most * lanes <= width; c += most * lanes)
      accumulate_columns<Rows, most>(p, x + c, stride, keys, sums + c, apart);
    if constexpr (Rows == 1)
      if (c + 4 * lanes <= width) accumulate_columns<Rows, 4>(p, x + c, stride, keys, sums + c, apart), c += 4 * lanes;
    for (; c + lanes <= width; c += lanes) accumulate_columns<Rows, 1>(p, x + c, stride, keys, sums + c, apart);
    if (c < width) accumulate_columns<Rows, 1, true>(p, x + c, stride, keys, sums + c, apart, width - c);
    p += keys * block_rows<T>, x += keys * stride, count -= keys;
  }
}

// t[c][r] += sum over j of x[j * stride + c] * p[j][r], for c < width, r < rows. p: [count][block_rows<T>]; t:
// [width][block_rows<T>]; sums: room for few_rows times width, rounded up to whole packs.
template <class T>
HEED_NOINLINE inline void accumulate_few(const T* __restrict p, const T* __restrict x, index stride, T* __restrict t,
                                         index width, index count, index rows, T* __restrict sums) {
  const index apart = room_for_sums<T>(width);
  if (rows == 1) accumulate_width<1>(p, x, stride, width, count, sums, apart);
  else if (rows == 2) accumulate_width<2>(p, x, stride, width, count, sums, apart);
  else accumulate_width<few_rows<T>>(p, x, stride, width, count, sums, apart);  // what a row more is given nobody reads
  for (index r = 0; r < rows; ++r)
    for (index c = 0; c < width; ++c) t[c * block_rows<T> + r] += sums[r * apart + c];
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
