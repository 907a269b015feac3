// Products of pairs with a table that is read at their distances, and into one. Pairwise values of a batch of keys, a
// line a key, become lines of one distance each, where what lies outside the batch is excluded: then a line meets one
// entry of the table, and both are products as with keys. What goes into a table is added up by distance, of which each
// has a row in the memory of the item, and by entry when all of the item is done: a distance is one block's after the
// other, in their order, as a key is.
#pragma once
#include "score_gradient_sinks.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Lines of the distances of a batch, in rising order, and runs of them whose entries are evenly apart.
template <const auto& Region, class T> struct unskewed_pairs {
  static constexpr int rows = simd::block_rows<T>, group = simd::group, most = gradient_keys<T> + rows;
  struct run {
    int at, count;
    extent_t entry, step;
  };
  alignas(64) T of[(most + group) * rows];
  extent_t first;  // distance
  int count, run_count;
  extent_t entry[most];
  run runs[most];

  // Lines of the same entry are added up in the first of them.
  void find_runs(int row, int packs) {
    run_count = 0;
    for (int i = 0; i < count;) {
      run r{i, 1, entry[i], i + 1 < count ? entry[i + 1] - entry[i] : 0};
      while (i + r.count < count && entry[i + r.count] - entry[i + r.count - 1] == r.step) ++r.count;
      i += r.count;
      if (r.step == 0) {
        simd::add_lines<T>(of + r.at * rows + row, r.count, packs);
        r.count = 1;
      }
      runs[run_count++] = r;
    }
  }
};

template <const auto& Region, class T> struct skewed_sinks {
  using shape = gradient_shape<Region>;
  using work = gradient_work<Region, T>;
  using sinks = gradient_sinks<Region, T>;
  using rows_type = skewed_rows<Region, T>;
  using segment = typename work::segment;
  static constexpr int rows = work::rows, lanes = work::lanes, group = work::group;

  // The first sink that wants the same lines.
  static constexpr int first_alike(int k) {
    if (k < 0) return -1;
    const sink& s = Region.gradient.sinks[k];
    for (int j = 0; j < k; ++j) {
      const sink& x = Region.gradient.sinks[j];
      if (is_skewed(x.kind) && x.pair == s.pair && x.index == s.index && x.table == s.table) return j;
    }
    return k;
  }
  // Whose lines lie there when this one's turn comes; -1: nobody's.
  static constexpr int one_before(int k) {
    for (int j = k - 1; j >= 0; --j)
      if (is_skewed(Region.gradient.sinks[j].kind)) return j;
    return -1;
  }
  template <int K> static void give(work& w, const segment& s) {
    constexpr sink k = Region.gradient.sinks[K];
    constexpr int y = k.other, before = one_before(K);
    unskewed_pairs<Region, T>& lines = *w.unskewed.at;
    const int row = s.pack * lanes, count = std::min(w.state->row_count, row + s.packs * lanes) - row;
    if constexpr (first_alike(before) != first_alike(K)) unskew<K>(w, s, lines);
    for (int i = 0; i < lines.run_count; ++i) {
      const auto& r = lines.runs[i];
      const T* const p = lines.of + r.at * rows + row;
      if constexpr (k.kind == sink_kind::skewed_row_product) {
        const T* const x = w.key[y] + r.entry * w.key_stride[y];
        const extent_t stride = r.step * w.key_stride[y];
        if (!w.item->finite[y])
          simd::accumulate_present(p, x, stride, w.sums[K] + row, w.extents.width[y], r.count, s.packs);
        else simd::accumulate_all(p, x, stride, w.sums[K] + row, w.extents.width[y], r.count, s.packs);
      } else {
        const extent_t stride = w.extents.padded[y], from = w.natural_stride[y];
        const T* const x = w.natural[y] + row * from;
        T* const to = w.sums[K] + (lines.first + r.at + w.extents.keys - 1) * stride;
        if (!w.finite[y]) simd::outer_present(p, x, from, to, stride, count, stride, r.count);
        else simd::outer_all(p, x, from, to, stride, count, stride, r.count);
      }
    }
  }
  // A part of an item adds up by distance, then by entry, which parts before it may have begun.
  template <int K> static void begin(const environment& call, const work& w) {
    constexpr sink k = Region.gradient.sinks[K];
    const extent_t padded = w.extents.padded[k.other];
    std::memset(w.item->sums[K], 0, std::size_t(w.extents.distances(call) * padded) * sizeof(T));
    if (!shape::carries(K) || w.part == 0) std::fill_n(w.item->table[K], call.extent[k.table] * padded, 0.0);
  }
  template <int K> static void end(const environment& call, const work& w) {
    constexpr sink k = Region.gradient.sinks[K];
    const extent_t width = w.extents.width[k.other], padded = w.extents.padded[k.other];
    for (extent_t i = 0; i < w.extents.distances(call) && call.extent[k.table] > 0; ++i) {
      const extent_t entry = rows_type::template entry<k.index, k.table>(*w.state, i - (w.extents.keys - 1));
      double* const to = w.item->table[K] + padded * entry;
      const T* const from = w.item->sums[K] + i * padded;
      for (extent_t e = 0; e < width; ++e) to[e] += double(from[e]);
    }
    if (!shape::carries(K) || w.part + 1 == w.extents.serial) store<K>(call, w);
  }

 private:
  template <int K> static void store(const environment& call, const work& w) {
    constexpr sink k = Region.gradient.sinks[K];
    constexpr output o = Region.outputs[K];
    const extent_t width = w.extents.width[k.other], padded = w.extents.padded[k.other];
    const view& v = call.outputs[K];
    const extent_t stride = stride_along(shape::width_axis(k.other), v),
                   base = offset_at(Region.batch, w.state->item.index, v);
    const double by = double(sinks::template factor<K>(w));
    for (extent_t j = 0; j < call.extent[k.table]; ++j)
      for (extent_t e = 0; e < width; ++e)
        put_element<o.type>(v.data, base + j * v.stride[k.table] + e * stride, w.item->table[K][j * padded + e] * by);
  }

  template <int K> static HEED_NOINLINE void unskew(const work& w, const segment& s, unskewed_pairs<Region, T>& to) {
    constexpr sink k = Region.gradient.sinks[K];
    const rows_type& positions = *w.skewed.at;
    const T* const pairs = w.values + sinks::slots.slot_of(k.pair) * extent_t(work::slot_size) + s.at * rows;
    const extent_t low = positions.first + positions.of_pack[s.pack] - (s.first + s.count - 1);
    to.first = low;
    to.count = int(positions.first + positions.end_of_pack[s.pack + s.packs - 1] - s.first - low) + 1;
    for (int v = s.pack; v < s.pack + s.packs; ++v)
      for (int i = 0; i < to.count; i += group)
        simd::unskewed_group<T>(pairs + v * lanes, positions.first + positions.of_pack[v] - (low + i) - s.first,
                                s.count, positions.far + v * lanes, to.of + i * rows + v * lanes);
    for (int i = 0; i < to.count; ++i) to.entry[i] = rows_type::template entry<k.index, k.table>(*w.state, low + i);
    to.find_runs(s.pack * lanes, s.packs);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
