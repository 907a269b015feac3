// What every score region shares, whatever its program: the state of a block of rows, the weights of a batch of keys
// that wait for their values, rescaling when a maximum grows, and the way out. Templates on the element type alone,
// compiled once and kept out of line.
#pragma once
#include "../../simd/few_rows.hpp"
#include "../../simd/math.hpp"
#include "../frame/axes.hpp"
#include "../frame/elements.hpp"
#include "../frame/pieces.hpp"
#include <cstring>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <class T> inline constexpr int batch_keys = 192;  // keys whose weights wait for their values

// A block of rows on its way through the keys. Everything lies in memory: the register tile needs all registers.
template <class T>
struct row_block {
  T *queries, *out;              // [depth][rows], [width][rows]
  T *used, *limit, *sum, *best;  // maximum used, when to rescale, sum of weights, true maximum
  T* tiles;                      // pairwise operands, transposed: [operand][tile keys][rows]

  static std::size_t elements(extent_t depth, extent_t width, int tile_keys) {  // tile_keys: of all pairwise operands
                                                                                // together
    return std::size_t(simd::block_rows<T> * (depth + width + 4 + tile_keys));
  }
  void place(T* p, extent_t depth, extent_t width) {
    const extent_t r = simd::block_rows<T>;
    queries = p, p += r * depth;
    out = p, p += r * width;
    used = p, limit = p + r, sum = p + 2 * r, best = p + 3 * r, p += 4 * r;
    tiles = p;
  }
};

// The weights of the keys that were met since values were last added. They are filled from the end: the last key comes
// first. Packs of rows that see nothing of a group of keys have no weights there.
template <class T>
struct key_batch {
  struct segment {
    extent_t first;
    int at, count;
    simd::some_packs packs;
    bool mixed;
  };
  T* weights;        // [batch_keys][rows]
  T *keys, *values;  // copies of keys (a group) and values (a batch)
  // While there are few rows: sums of values, [few_rows][width]; contracted keys, [few_rows][batch_keys], which they
  // are, and values of theirs that have not been asked for.
  T *sums, *scores;
  extent_t contracted, contracted_end;
  simd::lines_to_come<T> next;
  segment segments[batch_keys<T>];
  int segment_count, at;

  static std::size_t elements(extent_t depth, extent_t width, bool copy_values) {
    const extent_t of_few = simd::few_rows<T> * (simd::room_for_sums<T>(width) + batch_keys<T>);
    return std::size_t(simd::block_rows<T> * batch_keys<T> + simd::group * depth + of_few +
                       (copy_values ? batch_keys<T> * width : 0) + 64);
  }
  void place(T* p, extent_t depth, extent_t width, bool copy_values) {
    weights = p, p += simd::block_rows<T> * batch_keys<T>;
    keys = p, p += simd::group * depth;
    scores = p, p += simd::few_rows<T> * batch_keys<T>;
    sums = p, p += simd::few_rows<T> * simd::room_for_sums<T>(width);
    contracted = contracted_end = 0;
    values = copy_values ? p : nullptr;
    clear();
  }
  void clear() { segment_count = 0, at = batch_keys<T>; }

  // Notes `count` keys from `first` on, whose weights now stand at `at`, in front of what was noted before.
  HEED_INLINE void note(extent_t first, int count, const simd::some_packs& packs, bool mixed) {
    if (segment_count) {
      segment& s = segments[segment_count - 1];
      if (s.first == first + count && s.at == at + count && s.mixed == mixed && s.packs == packs) {
        s.first = first, s.at = at, s.count += count;
        return;
      }
    }
    segments[segment_count++] = {first, at, count, packs, mixed};
  }
};

// Asks, one line at every step of a contraction, for the keys of the group that comes next (the one before) and for the
// values of this one, which are read only when a batch is full. Rows of keys lie in no order that hardware foresees,
// backwards and eight at a time; a burst of requests would hold the miss buffers, one a step costs nothing.
template <class T>
struct next_lines {
  static constexpr extent_t line = 64 / sizeof(T);
  const T *keys = nullptr, *values = nullptr;
  extent_t key_stride = 0, value_stride = 0, keys_end = 0, end = 0;

  void ask_keys(const T* first, extent_t stride, extent_t depth) {
    keys = first, key_stride = stride, keys_end = end = simd::group * depth / line;
  }
  void ask_values(const T* first, extent_t stride, extent_t width) {
    values = first, value_stride = stride, end = keys_end + simd::group * width / line;
  }
  HEED_INLINE void operator()(extent_t step) const {
    if (step >= end) return;
    const bool later = step >= keys_end;
    const std::size_t i = std::size_t(later ? step - keys_end : step);
    const T* at = (later ? values : keys) + extent_t(i % simd::group) * (later ? value_stride : key_stride) +
                  extent_t(i / simd::group) * line;
    asm volatile("");  // g++ takes what only prefetches for something that does nothing
    __builtin_prefetch(at);
  }
};

// Some row's maximum grew by more than 8 (in log2). Rows that saw nothing yet only take their maximum. Lane by lane, so
// that a row's bits do not depend on its neighbours.
template <class T>
__attribute__((noinline, cold)) inline void rescale(const row_block<T>& b, T* weights, int first_weight, extent_t width,
                                                    const T* top) {
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
    // mutants: rescale_dropped
    const P f = simd::select(began, simd::exp2_weight(old - next), P(T(1)));
    (P::load(b.sum + v) * f).store(b.sum + v);
    for (extent_t c = 0; c < width; ++c) (P::load(b.out + c * rows + v) * f).store(b.out + c * rows + v);
    for (int j = first_weight; j < batch_keys<T>; ++j)
      (P::load(weights + j * rows + v) * f).store(weights + j * rows + v);
  }
}

template <class T>
inline void reset(const row_block<T>& b, extent_t width) {
  constexpr int rows = simd::block_rows<T>;
  std::memset(b.out, 0, std::size_t(width * rows) * sizeof(T));
  for (int r = 0; r < rows; ++r) {
    b.used[r] = 0, b.limit[r] = b.best[r] = -std::numeric_limits<T>::infinity(), b.sum[r] = 0;
  }
}

// out += weights . values, for all keys that are waiting. `values` have unit element stride. few: how many rows there
// are, if they are few, else 0.
template <class T>
HEED_NOINLINE inline void add_values(const row_block<T>& b, const key_batch<T>& keys, const T* values, extent_t stride,
                                     extent_t width, int few) {
  constexpr int rows = simd::block_rows<T>, lanes = simd::native_lanes<T>;
  for (int i = 0; i < keys.segment_count; ++i) {
    const auto& s = keys.segments[i];
    const T* v = values + s.first * stride;
    const T* p = keys.weights + s.at * rows + s.packs.first * lanes;
    T* out = b.out + s.packs.first * lanes;
    if (s.mixed && !simd::all_finite(v, stride, width, s.count))
      simd::accumulate_present(p, v, stride, out, width, s.count, s.packs);
    else if (few > 0) simd::accumulate_few(p, v, stride, out, width, s.count, few, keys.sums);
    else simd::accumulate_all(p, v, stride, out, width, s.count, s.packs);
  }
}

// Statistics of the rows, once all keys have been seen: what to multiply the output by, natural log-sum-exp (null:
// nobody wants it) and maximum.
template <class T>
HEED_NOINLINE inline void finish_rows(const row_block<T>& b, T* inverse, T* lse, T* top) {
  using P = simd::pack<T>;
  constexpr double ln2 = 0.693147180559945309;
  for (int v = 0; v < simd::block_rows<T>; v += P::lanes) {
    const P s = P::load(b.sum + v);
    simd::select(s == P(T(0)), P(T(0)), P(T(1)) / s).store(inverse + v);  // a row with nothing left: output 0
    (P::load(b.best + v) * P(T(ln2))).store(top + v);
  }
  if (!lse) return;
  for (int r = 0; r < simd::block_rows<T>; ++r) {
    const T s = b.sum[r];
    // Rounded once: the backward pass makes every weight of the row from it.
    // mutants: lse_in_base_2
    lse[r] = s == 0 ? -std::numeric_limits<T>::infinity() : T((double(b.used[r]) + std::log2(s)) * ln2);
  }
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
