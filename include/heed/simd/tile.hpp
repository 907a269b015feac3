// Register tiles: the loops in which kernels spend their time, shared by all of them, for float and double. Rows
// (queries, or outputs of a projection) lie in the lanes: a block holds `block_rows` of them, transposed to
// T[depth][block_rows], so that keys, values and activations are read where they are, one broadcast for `vectors`
// FMAs, and nothing is ever reduced across lanes. The accumulators of a tile (group x vectors) and its operands fill
// the register file.
//
// Every function here is compiled once per element type, never per graph; those that are not inlined must stay so, for
// g++ spills accumulators once the loop is part of something larger.
#pragma once

#include "../base/contraction_kind.hpp"
#include "math.hpp"
#include "over_lanes.hpp"
#include "pack.hpp"
#include "transpose.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

inline constexpr int vectors = 3;                           // packs of rows in a block
inline constexpr int group = register_count == 32 ? 8 : 4;  // keys or columns in a register tile
template <PackElement T>
inline constexpr int block_rows = vectors * native_lanes<T>;  // 48 floats with AVX-512, 24 with AVX2, 12 with SSE2

using index = std::ptrdiff_t;

// Some packs of a block: `count` of them from number `first` on, each `step` behind the one before. Of three packs
// there are no others.
struct some_packs {
  int first = 0, count = 0, step = 1;
  void add(int v) {  // behind all that are there
    if (count == 0) first = v;
    else step = v - (first + (count - 1) * step);
    ++count;
  }
  bool has(int v) const {
    for (int i = 0; i < count; ++i)
      if (first + i * step == v) return true;
    return false;
  }
  // Calls f for each run of packs that lie side by side.
  template <class F> void each_run(const F& f) const {
    if (step == 1) return f(*this);
    for (int i = 0; i < count; ++i) f(some_packs{first + i * step, 1});
  }
  bool operator==(const some_packs&) const = default;
};
static_assert(vectors <= 3);
// How many elements the packs of a tile lie apart. Two alone may have another between them: a tile of one or of all is
// what it was.
template <int Packs, class T> HEED_INLINE constexpr index packs_apart(int step) {
  // mutants: packs_side_by_side
  return index(Packs == 2 ? step : 1) * native_lanes<T>;
}

// Keeps what was loaded in a register. Where there are 16 of them, g++ reads it from memory again for every FMA
// instead, which saves an instruction and makes the loop one of loads.
template <class T>
HEED_INLINE void hold(pack<T>& p) {
#if defined(__FMA__) && !defined(__AVX512F__) && !defined(__clang__)
  asm("" : "+x"(p.x));
#else
  (void)p;
#endif
}

// What one element of the depth adds to a sum.
template <contraction_kind Kind, class P>
HEED_INLINE P contracted(const P& row, const P& column, const P& sum) {
  if constexpr (Kind == contraction_kind::product) return fma(row, column, sum);
  else {
    const P difference = row - column;
    // mutants: difference_not_squared
    if constexpr (Kind == contraction_kind::squared_difference) return fma(difference, difference, sum);
    else return sum + abs(difference);
  }
}

// Element d of key i of a tile, for all keys of a step d and then the next. Eight keys have a pointer each, which
// beside what is asked for on the way is more than there are registers: g++ keeps them in vector registers and moves
// one over for every load. A tile of few packs has nothing to hide that behind, so it has two pointers and what
// addresses take of the distance between keys.
template <class T, bool FewPointers> struct tile_keys {
  const T* x;
  index stride;
  HEED_INLINE tile_keys(const T* from, index apart) : x(from), stride(apart) {}
  HEED_INLINE T at(int i, index d) const { return x[i * stride + d]; }
  HEED_INLINE void next() const {}
};
template <class T> struct tile_keys<T, true> {
  const char *first, *fourth;
  index stride, three;
  HEED_INLINE tile_keys(const T* from, index apart)
      : first(reinterpret_cast<const char*>(from)),
        fourth(reinterpret_cast<const char*>(from + 3 * apart)),
        stride(apart * index(sizeof(T))),
        three(3 * stride) {}
  HEED_INLINE T at(int i, index) const {
    if (i == 6) return *reinterpret_cast<const T*>(first + 2 * three);
    return *reinterpret_cast<const T*>(i == 3 || i == 5 || i == 7 ? fourth + (i - 3) * stride : first + i * stride);
  }
  HEED_INLINE void next() {
    first += sizeof(T), fourth += sizeof(T);
    asm("" : "+r"(first), "+r"(fourth), "+r"(stride), "+r"(three));  // else it is eight pointers again
  }
};

// acc[i][v] = sum over d of t[d][v] * x[i * x_stride + d], in order of d, or of what another kind makes of the two.
// t: [depth][block_rows<T>], of which Packs packs of each line are read, from the first on; x: Keys rows of depth
// contiguous elements; depth may be 0 (the sums are then 0). A difference needs a register of its own, so where there
// are 16 its rows are not held.
struct nothing_else {
  HEED_INLINE void operator()(index) const {}
};
template <class T, int Keys, contraction_kind Kind = contraction_kind::product, int Packs, class Also = nothing_else>
HEED_INLINE void contract(const T* __restrict t, const T* __restrict x, index x_stride, index depth,
                          pack<T> (&acc)[Keys][Packs], const Also& also = {}, int step = 1) {
  // A loop that may run zero times makes g++ keep a second set of accumulators on the stack: contract zeros instead.
  alignas(vector_bytes) static constexpr T zeros[block_rows<T>] = {};
  if (depth < 1) t = x = zeros, x_stride = 0, depth = 1;
  HEED_UNROLL for (int i = 0; i < Keys; ++i) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[i][v] = T(0);
  const index apart = packs_apart<Packs, T>(step);
  tile_keys < T, Keys == 8 && Packs<vectors> keys(x, x_stride);
  HEED_KEEP_LOOP for (index d = 0; d < depth; ++d) {
    also(d);
    pack<T> q[Packs];
    HEED_UNROLL for (int v = 0; v < Packs; ++v) {
      q[v] = pack<T>::load(t + d * block_rows<T> + v * apart);
      if constexpr (Kind == contraction_kind::product) hold(q[v]);
    }
    HEED_UNROLL for (int i = 0; i < Keys; ++i) {
      const pack<T> b = keys.at(i, d);
      HEED_UNROLL for (int v = 0; v < Packs; ++v)
        acc[i][v] = contracted<Kind>(q[v], b, acc[i][v]);
    }
    keys.next();
  }
}

// The same into memory, to: [group][block_rows<T>].
template <int Packs, contraction_kind Kind = contraction_kind::product, class T, class Also = nothing_else>
HEED_NOINLINE inline void contract_into(const T* t, const T* x, index x_stride, index depth, T* __restrict to,
                                        const Also& also = {}, int step = 1) {
  pack<T> acc[group][Packs];
  contract<T, group, Kind>(t, x, x_stride, depth, acc, also, step);
  const index apart = packs_apart<Packs, T>(step);
  HEED_UNROLL for (int i = 0; i < group; ++i) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[i][v].store(to + i * block_rows<T> + v * apart);
}

// t[c][rows] += sum over j of x[j * stride + c] * p[j][rows], for c < Columns, in order of j, for Packs packs of rows
// from the first on. p: [count][block_rows<T>]; t: [Columns][block_rows<T>]; count >= 1.
template <int Columns, int Packs, class T>
HEED_NOINLINE inline void accumulate(const T* __restrict p, const T* __restrict x, index stride, T* __restrict t,
                                     index count, int step) {
  if (count < 1) __builtin_unreachable();  // else g++ keeps a second, spilled set of accumulators
  const index apart = packs_apart<Packs, T>(step);
  pack<T> acc[Columns][Packs];
  HEED_UNROLL for (int i = 0; i < Columns; ++i) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[i][v] = pack<T>::load(t + i * block_rows<T> + v * apart);
  HEED_KEEP_LOOP for (index j = 0; j < count; ++j) {
    pack<T> r[Packs];
    HEED_UNROLL for (int v = 0; v < Packs; ++v)
      r[v] = pack<T>::load(p + j * block_rows<T> + v * apart), hold(r[v]);
    HEED_UNROLL for (int i = 0; i < Columns; ++i) {
      const pack<T> b = x[j * stride + i];
      HEED_UNROLL for (int v = 0; v < Packs; ++v)
        acc[i][v] = fma(r[v], b, acc[i][v]);
    }
  }
  HEED_UNROLL for (int i = 0; i < Columns; ++i) HEED_UNROLL
    for (int v = 0; v < Packs; ++v) acc[i][v].store(t + i * block_rows<T> + v * apart);
}

// The same for any width and any count, 0 included: as many full tiles as fit, then smaller ones. The sum of a column
// does not depend on the tile it falls into.
template <int Packs, class T, int Columns = Packs == 1 ? 2 * group : group>
inline void accumulate_packs(const T* p, const T* x, index stride, T* t, index width, index count, int step) {
  index c = 0;
  for (; c + Columns <= width; c += Columns)
    accumulate<Columns, Packs>(p, x + c, stride, t + c * block_rows<T>, count, step);
  if constexpr (Columns > 1)
    if (c < width)
      accumulate_packs<Packs, T, Columns / 2>(p, x + c, stride, t + c * block_rows<T>, width - c, count, step);
}
// packs: of which the first lies at p and t.
template <class T>
inline void accumulate_all(const T* p, const T* x, index stride, T* t, index width, index count,
                           const some_packs& packs = {0, vectors}) {
  if (count < 1) return;
  if (packs.count == vectors) accumulate_packs<vectors>(p, x, stride, t, width, count, 1);
  else if (packs.count == 2) accumulate_packs<2>(p, x, stride, t, width, count, packs.step);
  else accumulate_packs<1>(p, x, stride, t, width, count, 1);
}

// Whether x[j * stride + c] is finite for all j < count, c < width: 0 times what is not is NaN. Reads nothing else.
template <class T>
HEED_NOINLINE inline bool all_finite(const T* __restrict x, index stride, index width, index count) {
  constexpr int lanes = native_lanes<T>;
  const pack<T> zero = T(0);
  pack<T> even = zero, odd = zero;
  for (index j = 0; j < count; ++j, x += stride) {
    index c = 0;
    for (; c + 2 * lanes <= width; c += 2 * lanes) {
      even = fma(pack<T>::load(x + c), zero, even);
      odd = fma(pack<T>::load(x + c + lanes), zero, odd);
    }
    for (; c < width; c += lanes) {
      if (c + lanes <= width) even = fma(pack<T>::load(x + c), zero, even);
      else if (width >= lanes) odd = fma(pack<T>::load(x + width - lanes), zero, odd);
      else odd = fma(pack<T>::load_partial(x + c, width - c), zero, odd);
    }
  }
  return all(even + odd == zero);
}

// What a mask excludes has weight -0, which no weight is that was computed: of those that are seen, 0 is one like
// others.
template <class P>
HEED_INLINE P excluded() {
  return P(typename P::element(-0.0));
}
template <class T, int N>
HEED_INLINE typename pack<T, N>::mask is_excluded(pack<T, N> weight) {
  using integers = pack<typename real_format<T>::integer, N>;
  return integers((typename integers::vector)weight.x) == integers((typename integers::vector)excluded<pack<T, N>>().x);
}

// Excluded means absent: where some row of x holds NaN or infinity, 0 * x would pollute rows that may not see it.
// Kernels scan the values of mixed tiles (all_finite); this slow twin of accumulate_all leaves a row alone where its
// weight is excluded. Equal to accumulate_all bit by bit where x is finite, but for the sign of a zero.
template <class T>
__attribute__((noinline, cold)) inline void accumulate_present(const T* __restrict p, const T* __restrict x,
                                                               index stride, T* __restrict t, index width, index count,
                                                               const some_packs& packs = {0, vectors}) {
  for (index c = 0; c < width; ++c)
    for (int k = 0; k < packs.count; ++k) {
      const index v = index(k * packs.step) * native_lanes<T>;
      pack<T> acc = pack<T>::load(t + c * block_rows<T> + v);
      for (index j = 0; j < count; ++j) {
        const pack<T> w = pack<T>::load(p + j * block_rows<T> + v);
        acc = select(is_excluded(w), acc, fma(w, pack<T>(x[j * stride + c]), acc));
      }
      acc.store(t + c * block_rows<T> + v);
    }
}

// out[i][c] += sum over r of p[i][r] * x[r][c], for i < Keys and Columns packs of columns, in order of r < rows: the
// outer products that gradients of keys and values are made of. p: [Keys][block_rows<T>]; rows >= 1.
template <int Keys, int Columns, class T>
HEED_NOINLINE inline void outer(const T* __restrict p, const T* __restrict x, index x_stride, T* __restrict out,
                                index out_stride, index rows) {
  if (rows < 1) __builtin_unreachable();
  pack<T> acc[Keys][Columns];
  HEED_UNROLL for (int i = 0; i < Keys; ++i) HEED_UNROLL
    for (int c = 0; c < Columns; ++c) acc[i][c] = pack<T>::load(out + i * out_stride + c * native_lanes<T>);
  HEED_KEEP_LOOP for (index r = 0; r < rows; ++r, x += x_stride) {
    pack<T> b[Columns];
    HEED_UNROLL for (int c = 0; c < Columns; ++c)
      b[c] = pack<T>::load(x + c * native_lanes<T>);
    HEED_UNROLL for (int i = 0; i < Keys; ++i) {
      const pack<T> a = p[i * block_rows<T> + r];
      HEED_UNROLL for (int c = 0; c < Columns; ++c)
        acc[i][c] = fma(a, b[c], acc[i][c]);
    }
  }
  HEED_UNROLL for (int i = 0; i < Keys; ++i) HEED_UNROLL
    for (int c = 0; c < Columns; ++c) acc[i][c].store(out + i * out_stride + c * native_lanes<T>);
}
// The same for any number of keys and a width that is a multiple of the lanes: six keys at a time, all columns, so that
// p comes from L1 once. The sum of an element does not depend on the tile it falls into.
template <int Columns, int Keys, class T>
inline void outer_columns(const T* p, const T* x, index x_stride, T* out, index out_stride, index rows, index width) {
  constexpr int step = Columns * native_lanes<T>;
  index c = 0;
  for (; c + step <= width; c += step) outer<Keys, Columns>(p, x + c, x_stride, out + c, out_stride, rows);
  if constexpr (Columns > 1)
    if (c < width) outer_columns<Columns / 2, Keys>(p, x + c, x_stride, out + c, out_stride, rows, width - c);
}
template <class T>
inline void outer_all(const T* p, const T* x, index x_stride, T* out, index out_stride, index rows, index width,
                      index keys) {
  constexpr int columns = register_count == 32 ? 4 : 2;
  if (rows < 1) return;
  index j = 0;
  for (; j + 6 <= keys; j += 6)
    outer_columns<columns, 6>(p + j * block_rows<T>, x, x_stride, out + j * out_stride, out_stride, rows, width);
  for (; j + 2 <= keys; j += 2)
    outer_columns<columns, 2>(p + j * block_rows<T>, x, x_stride, out + j * out_stride, out_stride, rows, width);
  if (j < keys)
    outer_columns<columns, 1>(p + j * block_rows<T>, x, x_stride, out + j * out_stride, out_stride, rows, width);
}
// Excluded means absent here too: the slow twin for rows of x that are not finite leaves them alone where p is
// excluded.
template <class T>
__attribute__((noinline, cold)) inline void outer_present(const T* __restrict p, const T* __restrict x, index x_stride,
                                                          T* __restrict out, index out_stride, index rows, index width,
                                                          index keys) {
  for (index j = 0; j < keys; ++j)
    for (index c = 0; c < width; c += native_lanes<T>) {
      pack<T> acc = pack<T>::load(out + j * out_stride + c);
      for (index r = 0; r < rows; ++r)
        if (const T a = p[j * block_rows<T> + r]; a != T(0) || !__builtin_signbit(a))
          acc = fma(pack<T>(a), pack<T>::load(x + r * x_stride + c), acc);
      acc.store(out + j * out_stride + c);
    }
}

// to[at[j][r]][r] += p[j][r] for j < keys, r < rows. p, at, to: of block_rows<T>.
template <class T>
HEED_NOINLINE inline void add_at_rows(const T* p, const integer_of_size<sizeof(T)>* at, T* __restrict to, index rows,
                                      index keys) {
  for (index j = 0; j < keys; ++j, p += block_rows<T>, at += block_rows<T>)
    // mutants: entry_of_first_row
    for (index r = 0; r < rows; ++r) to[index(at[r]) * block_rows<T> + r] += p[r];
}

// table[at[j][r]] += p[j][r] for j < keys, r < rows, in that order but for runs: rows of a pack that all name one
// element are added up in lanes, neighbours that do one after the other, in T. p, at: [keys][block_rows<T>]; `at` lies
// inside the table.
template <class T>
HEED_NOINLINE inline void add_at(const T* p, const integer_of_size<sizeof(T)>* at, double* table, index rows,
                                 index keys) {
  using I = integer_of_size<sizeof(T)>;
  for (index j = 0; j < keys; ++j, p += block_rows<T>, at += block_rows<T>)
    for (index v = 0; v < rows; v += native_lanes<T>) {
      const index some = rows - v < native_lanes<T> ? rows - v : native_lanes<T>;
      if (some == native_lanes<T> && all(pack<I>::load(at + v) == pack<I>(at[v]))) {
        table[at[v]] += double(sum(pack<T>::load(p + v)));
        continue;
      }
      I to = at[v];
      T run = p[v];
      for (index i = v + 1; i < v + some; ++i) {
        if (at[i] == to) {
          run += p[i];
          continue;
        }
        table[to] += double(run);
        to = at[i], run = p[i];
      }
      table[to] += double(run);
    }
}

// t[d][row] = scale * rows[row][d * element_stride] for row < count, 0 for count <= row < block_rows<T>; d < depth.
// rows: `count` base pointers, for the rows of a block may come from different heads. t: [depth][block_rows<T>].
template <class T>
HEED_NOINLINE inline void transpose_in(const T* const* rows, int count, index element_stride, index depth, T scale,
                                       T* __restrict t) {
  constexpr int lanes = native_lanes<T>;
  for (int v = 0; v < block_rows<T>; v += lanes, t += lanes) {
    const int present = count - v < lanes ? count - v : lanes;
    if (present <= 0) {
      for (index d = 0; d < depth; ++d) pack<T>(T(0)).store(t + d * block_rows<T>);
      continue;
    }
    // Absent rows read the last present one again and are masked after the transpose: no branch inside.
    const auto keep = pack<T>::mask::first(present);
    const T* base[lanes];
    bool consecutive = present == lanes;
    for (int i = 0; i < lanes; ++i) {
      base[i] = rows[v + (i < present ? i : present - 1)];
      consecutive = consecutive && base[i] == base[0] + i;
    }
    if (consecutive && element_stride != 1) {  // stored transposed already
      for (index d = 0; d < depth; ++d)
        (pack<T>::load(base[0] + d * element_stride) * scale).store(t + d * block_rows<T>);
    } else if (element_stride != 1 || depth < lanes) {
      for (index d = 0; d < depth; ++d)
        HEED_KEEP_LOOP for (int i = 0; i < lanes; ++i) t[d * block_rows<T> + i] =
            i < present ? base[i][d * element_stride] * scale : T(0);
    } else {
      for (index next = 0; next < depth; next += lanes) {
        const index d = next + lanes <= depth ? next : depth - lanes;  // the last step overlaps the one before
        pack<T> r[lanes];
        HEED_UNROLL for (int i = 0; i < lanes; ++i)
          r[i] = pack<T>::load(base[i] + d);
        transpose(r);
        HEED_UNROLL for (int i = 0; i < lanes; ++i)
          select(keep, r[i] * scale, T(0)).store(t + (d + i) * block_rows<T>);
      }
    }
  }
}
// The same for rows x, x + row_stride, ...
template <class T>
inline void transpose_in(const T* x, index row_stride, int count, index element_stride, index depth, T scale, T* t) {
  const T* rows[block_rows<T>]{};
  for (int r = 0; r < count; ++r) rows[r] = x + r * row_stride;
  transpose_in<T>(rows, count, element_stride, depth, scale, t);
}

// rows[row][d * element_stride] = t[d][row] * factor[row] for row < count, d < depth. Nothing else is written.
// t: [depth][block_rows<T>]; factor: [block_rows<T>], read in full; rows: `count` base pointers.
template <class T>
HEED_NOINLINE inline void transpose_out(const T* __restrict t, const T* __restrict factor, index depth, T* const* rows,
                                        int count, index element_stride) {
  constexpr int lanes = native_lanes<T>;
  for (int v = 0; v < count; v += lanes) {
    const pack<T> f = pack<T>::load(factor + v);
    const int present = count - v < lanes ? count - v : lanes;
    if (element_stride != 1 || depth < lanes) {
      bool consecutive = present == lanes;
      for (int i = 1; i < present; ++i) consecutive = consecutive && rows[v + i] == rows[v] + i;
      for (index d = 0; d < depth; ++d) {
        const pack<T> r = pack<T>::load(t + d * block_rows<T> + v) * f;
        if (consecutive) r.store(rows[v] + d * element_stride);
        else HEED_KEEP_LOOP for (int i = 0; i < present; ++i) rows[v + i][d * element_stride] = r[i];
      }
      continue;
    }
    for (index next = 0; next < depth; next += lanes) {
      const index d = next + lanes <= depth ? next : depth - lanes;  // the last step overlaps the one before
      pack<T> r[lanes];
      HEED_UNROLL for (int i = 0; i < lanes; ++i)
        r[i] = pack<T>::load(t + (d + i) * block_rows<T> + v) * f;
      transpose(r);
      HEED_UNROLL for (int i = 0; i < lanes; ++i)
        if (i < present) r[i].store(rows[v + i] + d);
    }
  }
}
// The same for rows x, x + row_stride, ...
template <class T>
inline void transpose_out(const T* t, const T* factor, index depth, T* x, index row_stride, int count,
                          index element_stride) {
  T* rows[block_rows<T>];
  for (int r = 0; r < count; ++r) rows[r] = x + r * row_stride;
  transpose_out<T>(t, factor, depth, rows, count, element_stride);
}

// ---- projections: block_rows<T> outputs in the lanes, the weight packed in panels, the activations read in place

// Where element c of row i of the activations lies: rows apart by a stride and contiguous (in place), or grouped:
// element c of all rows of a group side by side, then the next.
template <bool Grouped> constexpr index activation_at(index i, index c, index x_stride) {
  return Grouped ? c * group + i : i * x_stride + c;
}

// sums[i][o] = sum over c of x[activation_at(i, c)] * panel[c][o], for i < Rows, in order of c. sums:
// [Rows][block_rows<T>], where an epilogue picks them up: the round trip through L1 costs 0.3 % at depth 768, and the
// loop is compiled once instead of once per epilogue. depth >= 1.
template <int Rows, bool Grouped, class T>
HEED_NOINLINE inline void panel_tile(const T* __restrict x, index x_stride, const T* __restrict panel, index depth,
                                     T* __restrict sums) {
  if (depth < 1) __builtin_unreachable();
  pack<T> acc[Rows][vectors];
  HEED_UNROLL for (int i = 0; i < Rows; ++i) HEED_UNROLL
    for (int v = 0; v < vectors; ++v) acc[i][v] = T(0);
  HEED_KEEP_LOOP for (index c = 0; c < depth; ++c) {
    pack<T> w[vectors];
    HEED_UNROLL for (int v = 0; v < vectors; ++v)
      w[v] = pack<T>::load(panel + c * block_rows<T> + v * native_lanes<T>), hold(w[v]);
    HEED_UNROLL for (int i = 0; i < Rows; ++i) {
      const pack<T> b = x[activation_at<Grouped>(i, c, x_stride)];
      HEED_UNROLL for (int v = 0; v < vectors; ++v)
        acc[i][v] = fma(b, w[v], acc[i][v]);
    }
  }
  HEED_UNROLL for (int i = 0; i < Rows; ++i) HEED_UNROLL
    for (int v = 0; v < vectors; ++v) acc[i][v].store(sums + i * block_rows<T> + v * native_lanes<T>);
}

// The same for any number of rows (at most one group, if they are grouped) and any depth, 0 included. The sums of a row
// do not depend on the tile it falls into.
template <bool Grouped, class T>
inline void panel_tiles(const T* x, index x_stride, index rows, const T* panel, index depth, T* sums) {
  if (depth < 1) {
    for (index i = 0; i < rows * block_rows<T>; ++i) sums[i] = T(0);
    return;
  }
  const auto from = [&](index i) { return x + activation_at<Grouped>(i, 0, x_stride); };
  index i = 0;
  if constexpr (group >= 8)
    for (; i + 8 <= rows; i += 8) panel_tile<8, Grouped>(from(i), x_stride, panel, depth, sums + i * block_rows<T>);
  for (; i + 4 <= rows; i += 4) panel_tile<4, Grouped>(from(i), x_stride, panel, depth, sums + i * block_rows<T>);
  if (i + 2 <= rows) panel_tile<2, Grouped>(from(i), x_stride, panel, depth, sums + i * block_rows<T>), i += 2;
  if (i < rows) panel_tile<1, Grouped>(from(i), x_stride, panel, depth, sums + i * block_rows<T>);
}
// sums[i][o] = sum over c of x[i][c] * panel[c][o], rows apart by a stride.
template <class T>
inline void multiply_panel(const T* x, index x_stride, index rows, const T* panel, index depth, T* sums) {
  panel_tiles<false>(x, x_stride, rows, panel, depth, sums);
}
// The same for one group of rows, x[c][group]; rows <= group.
template <class T>
inline void multiply_panel_grouped(const T* x, index rows, const T* panel, index depth, T* sums) {
  panel_tiles<true>(x, 0, rows, panel, depth, sums);
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
