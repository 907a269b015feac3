// What every score region shares, whatever its program: the state of a block of rows, rescaling when a maximum grows, the
// weighted values, and the way out. Templates on the element type alone, compiled once and kept out of line.
#pragma once
#include "../simd/math.hpp"
#include "../simd/tile.hpp"
#include "memory.hpp"
#include <cstring>

namespace heed::run {

template <class T> inline constexpr int batch_keys = 192;  // keys whose weights wait for their values

// A block of rows: the scratch of one thread, carved out of one allocation.
template <class T>
struct score_block {
  static constexpr int rows_of_block = simd::block_rows<T>;
  T *queries, *out, *weights;                              // [depth][rows], [width][rows], [batch_keys][rows]
  T *used, *limit, *sum, *best;                            // maximum used, when to rescale, sum of weights, true maximum
  T *keys, *values;                                        // copies of keys (a group) and values (a batch)
  T* tiles;                                                // pairwise operands, transposed: [operand][lanes][rows]

  struct segment { extent_t first; int at, count; bool mixed; };
  segment segments[batch_keys<T>];
  int segment_count = 0, at = batch_keys<T>;               // weights are filled from the end: the last key comes first

  static std::size_t elements(extent_t depth, extent_t width, int pairs, bool copy_values) {
    const extent_t r = rows_of_block;
    return std::size_t(r * (depth + width + batch_keys<T> + 4) + simd::group * depth + (copy_values ? batch_keys<T> * width : 0) +
                       pairs * simd::native_lanes<T> * r + 64);
  }
  void place(T* p, extent_t depth, extent_t width, int pairs, bool copy_values) {
    const extent_t r = rows_of_block;
    queries = p, p += r * depth;
    out = p, p += r * width;
    weights = p, p += r * batch_keys<T>;
    used = p, limit = p + r, sum = p + 2 * r, best = p + 3 * r, p += 4 * r;
    tiles = p, p += pairs * simd::native_lanes<T> * r;
    keys = p, p += simd::group * depth;
    values = copy_values ? p : nullptr;
  }
};

// Some row's maximum grew by more than 8 (in log2). Rows that saw nothing yet only take their maximum. Lane by lane, so
// that a row's bits do not depend on its neighbours.
template <class T>
__attribute__((noinline, cold)) inline void rescale(score_block<T>& b, extent_t width, int first_weight, const T* top) {
  using P = simd::pack<T>;
  constexpr int rows = simd::block_rows<T>, lanes = P::lanes;
  for (int v = 0; v < rows; v += lanes) {
    const P t = P::load(top + v), bound = P::load(b.limit + v), old = P::load(b.used + v);
    const auto grew = bound < t;
    const auto began = grew && !(bound == P(-std::numeric_limits<T>::infinity()));
    const P next = simd::select(grew, t, old);
    next.store(b.used + v);
    simd::select(grew, t + P(T(8)), bound).store(b.limit + v);
    if (!simd::any(began)) continue;
    const P f = simd::select(began, simd::exp2_weight(old - next), P(T(1)));
    (P::load(b.sum + v) * f).store(b.sum + v);
    for (extent_t c = 0; c < width; ++c) (P::load(b.out + c * rows + v) * f).store(b.out + c * rows + v);
    for (int j = first_weight; j < batch_keys<T>; ++j) (P::load(b.weights + j * rows + v) * f).store(b.weights + j * rows + v);
  }
}

template <class T>
inline void reset(score_block<T>& b, extent_t width) {
  constexpr int rows = simd::block_rows<T>;
  std::memset(b.out, 0, std::size_t(width * rows) * sizeof(T));
  for (int r = 0; r < rows; ++r) {
    b.used[r] = 0, b.limit[r] = b.best[r] = -std::numeric_limits<T>::infinity(), b.sum[r] = 0;
  }
  b.segment_count = 0, b.at = batch_keys<T>;
}

// Notes `count` keys from `first` on, whose weights now stand at b.at, in front of what was noted before.
template <class T>
HEED_INLINE void note_keys(score_block<T>& b, extent_t first, int count, bool mixed) {
  if (b.segment_count) {
    auto& s = b.segments[b.segment_count - 1];
    if (s.first == first + count && s.at == b.at + count && s.mixed == mixed) {
      s.first = first, s.at = b.at, s.count += count;
      return;
    }
  }
  b.segments[b.segment_count++] = {first, b.at, count, mixed};
}

// out += weights . values, for all keys that are waiting. `values` have unit element stride.
template <class T>
HEED_NOINLINE inline void add_values(score_block<T>& b, const T* values, extent_t stride, extent_t width) {
  constexpr int rows = simd::block_rows<T>;
  for (int i = 0; i < b.segment_count; ++i) {
    const auto& s = b.segments[i];
    const T* v = values + s.first * stride;
    const T* p = b.weights + s.at * rows;
    if (s.mixed && !simd::all_finite(v, stride, width, s.count)) simd::accumulate_present(p, v, stride, b.out, width, s.count);
    else simd::accumulate_all(p, v, stride, b.out, width, s.count);
  }
}
template <class T>
inline void clear_batch(score_block<T>& b) { b.segment_count = 0, b.at = batch_keys<T>; }

// Statistics of the rows, once all keys have been seen: what to multiply the output by, natural log-sum-exp and maximum.
template <class T>
HEED_NOINLINE inline void finish_rows(const score_block<T>& b, T* inverse, T* lse, T* top) {
  constexpr T ln2 = T(0.693147180559945309L);
  for (int r = 0; r < simd::block_rows<T>; ++r) {
    const T s = b.sum[r];
    inverse[r] = s == 0 ? T(0) : 1 / s;                    // a row with nothing left: output 0
    lse[r] = s == 0 ? -std::numeric_limits<T>::infinity() : (b.used[r] + std::log2(s)) * ln2;
    top[r] = b.best[r] * ln2;
  }
}

}  // namespace heed::run
