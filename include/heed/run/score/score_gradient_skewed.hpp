// Products of pairs with a table that is read at their distances, and into one. Pairwise values of a batch of keys, a
// line a key, become lines of one distance each, where what lies outside the batch is excluded: then a line meets one
// entry of the table, and both are products as with keys. What goes into a table is added up by distance, of which each
// has a row in the memory of the item, and by entry when all of the item is done: a distance is one block's after the
// other, in their order, as a key is. Lines that the next keys reach as well wait for them; a block that has passed a
// key has distances left that no block behind it meets before it has passed more.
#pragma once
#include "score_gradient_sinks.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Lines of neighbouring distances, in rising order, and runs of them whose entries are evenly apart.
template <const auto& Region, class T> struct unskewed_pairs {
  static constexpr int rows = simd::block_rows<T>, group = simd::group, most = gradient_keys<T> + rows;
  struct run {
    int at, count;
    extent_t entry, step;
  };
  // The lines that the keys to come belong to as well: they wait for them.
  struct waiting {
    alignas(64) T of[rows * rows];
    extent_t first, next_key;
    int count = 0, pack, packs;
    bool goes_on(extent_t key, int from, int number) const {
      return count > 0 && next_key == key && pack == from && packs == number;
    }
  };
  alignas(64) T of[(most + group) * rows];
  extent_t entry[most];
  run runs[most];
  int run_count;
  waiting incomplete[Region.outputs.count];

  // Of lines [from, from + count), whose entries are known. Those of the same entry are added up in the first of them.
  void find_runs(int from, int count, int row, int packs) {
    run_count = 0;
    for (int i = from; i < from + count;) {
      run r{i, 1, entry[i], i + 1 < from + count ? entry[i + 1] - entry[i] : 0};
      while (i + r.count < from + count && entry[i + r.count] - entry[i + r.count - 1] == r.step) ++r.count;
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
  using lines_type = unskewed_pairs<Region, T>;
  using segment = typename work::segment;
  static constexpr int rows = work::rows, lanes = work::lanes, group = work::group;

  // The first sink that wants the same lines: its turn is that of all of them.
  static constexpr int first_alike(int k) {
    const sink& s = Region.gradient.sinks[k];
    for (int j = 0; j < k; ++j) {
      const sink& x = Region.gradient.sinks[j];
      if (is_skewed(x.kind) && x.pair == s.pair && x.index == s.index && x.table == s.table) return j;
    }
    return k;
  }
  // Some keys that were met. Lines that the keys behind them reach too wait for those.
  template <int K> static void give(work& w, const segment& s) {
    if constexpr (first_alike(K) == K) {
      lines_type& lines = *w.unskewed.at;
      typename lines_type::waiting& incomplete = lines.incomplete[K];
      if (!incomplete.goes_on(s.first, s.packs.first, s.packs.count)) give_incomplete<K>(w);
      const rows_type& positions = *w.skewed.at;
      const extent_t start = positions.first + positions.of_pack[s.packs.first],
                     end = positions.first + positions.end_of_pack[s.packs.first + s.packs.count - 1];
      const extent_t low = start - (s.first + s.count - 1);
      const int count = int(end - s.first - low) + 1, late = int(end - start), row = s.packs.first * lanes;
      unskew<K>(w, s, low, count);
      if (incomplete.count > 0) add_lines(incomplete.of, late, lines.of + (count - late) * rows, row, s.packs.count);
      std::memcpy(incomplete.of, lines.of, std::size_t(late * rows) * sizeof(T));
      incomplete.first = low, incomplete.next_key = s.first + s.count, incomplete.count = late;
      incomplete.pack = s.packs.first, incomplete.packs = s.packs.count;
      give_lines<K>(w, low, late, count - late, s.packs.first, s.packs.count);
    }
  }
  // What still waits: no more keys come.
  template <int K> static void give_incomplete(work& w) {
    if constexpr (first_alike(K) == K) {
      lines_type& lines = *w.unskewed.at;
      typename lines_type::waiting& incomplete = lines.incomplete[K];
      if (incomplete.count == 0) return;
      std::memcpy(lines.of, incomplete.of, std::size_t(incomplete.count * rows) * sizeof(T));
      give_lines<K>(w, incomplete.first, 0, incomplete.count, incomplete.pack, incomplete.packs);
      incomplete.count = 0;
    }
  }
  // A part of an item adds up by distance, then by entry, which parts before it may have begun.
  template <int K> static void begin(const environment& call, const work& w) {
    static_assert(!Region.gradient.falling || K < 0,
                  "heed: internal error: distances are met from the first key to the last");
    constexpr sink k = Region.gradient.sinks[K];
    const extent_t padded = w.extents.padded[k.other];
    std::memset(w.item->sums[K], 0, std::size_t(w.extents.distances(call) * padded) * sizeof(T));
    if (!shape::carries(K) || w.part == 0) std::fill_n(w.item->table[K], call.extent[k.table] * padded, 0.0);
  }
  template <int K> static void end(const environment& call, const work& w) {
    constexpr sink k = Region.gradient.sinks[K];
    const extent_t width = w.extents.width[k.other], padded = w.extents.padded[k.other];
    for (extent_t i = 0; i < w.extents.distances(call) && call.extent[k.table] > 0; ++i) {
      extent_t entry;
      rows_type::template entries<k.index, k.table>(*w.state, i - (w.extents.keys - 1), 1, &entry);
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

  template <int K>
  static HEED_NOINLINE void unskew(const work& w, const segment& s, extent_t low, int count) {
    constexpr sink k = Region.gradient.sinks[K];
    const rows_type& positions = *w.skewed.at;
    const T* const pairs = w.values + sinks::slots.slot_of(k.pair) * extent_t(work::slot_size) + s.at * rows;
    for (int v = s.packs.first; v < s.packs.first + s.packs.count; ++v)
      for (int i = 0; i < count; i += group)
        simd::unskewed_group<T>(pairs + v * lanes, positions.first + positions.of_pack[v] - (low + i) - s.first,
                                s.count, positions.far + v * lanes, w.unskewed.at->of + i * rows + v * lanes);
  }
  static void add_lines(const T* from, int count, T* to, int row, int packs) {
    for (int i = 0; i < count; ++i)
      for (int v = row; v < row + packs * lanes; v += lanes) {
        T* const at = to + i * rows + v;
        (simd::pack<T>::load(at) + simd::pack<T>::load(from + i * rows + v)).store(at);
      }
  }
  // Lines [from, from + count), of which number 0 has the distance `low`, to all sinks alike.
  template <int K>
  static HEED_NOINLINE void give_lines(work& w, extent_t low, int from, int count, int pack, int packs) {
    constexpr sink k = Region.gradient.sinks[K];
    lines_type& lines = *w.unskewed.at;
    rows_type::template entries<k.index, k.table>(*w.state, low + from, count, lines.entry + from);
    lines.find_runs(from, count, pack * lanes, packs);
    shape::each_output([&]<int J>() {
      if constexpr (is_skewed(Region.gradient.sinks[J].kind) && first_alike(J) == K)
        for (int i = 0; i < lines.run_count; ++i)
          give_run<J>(w, lines.runs[i], lines.of + lines.runs[i].at * rows, low + lines.runs[i].at, pack, packs);
    });
  }
  template <int K>
  static void give_run(work& w, const typename lines_type::run& r, const T* line, extent_t distance, int pack,
                       int packs) {
    constexpr sink k = Region.gradient.sinks[K];
    constexpr int y = k.other;
    const int row = pack * lanes;
    const T* const p = line + row;
    if constexpr (k.kind == sink_kind::skewed_row_product) {
      const T* const x = w.key[y] + r.entry * w.key_stride[y];
      const extent_t stride = r.step * w.key_stride[y];
      if (!w.item->finite[y])
        simd::accumulate_present(p, x, stride, w.sums[K] + row, w.extents.width[y], r.count, {0, packs});
      else simd::accumulate_all(p, x, stride, w.sums[K] + row, w.extents.width[y], r.count, {0, packs});
    } else {
      const int count = std::min(w.state->row_count, row + packs * lanes) - row;
      const extent_t stride = w.extents.padded[y], from = w.natural_stride[y];
      const T* const x = w.natural[y] + row * from;
      T* const to = w.sums[K] + (distance + w.extents.keys - 1) * stride;
      if (!w.finite[y]) simd::outer_present(p, x, from, to, stride, count, stride, r.count);
      else simd::outer_all(p, x, from, to, stride, count, stride, r.count);
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
