// What a batch of keys that has been met gives to the sinks of a score-gradient region: every product runs over the
// whole batch.
#pragma once
#include "score_gradient_differences.hpp"
#include "score_gradient_sinks.hpp"
#include "score_gradient_skewed.hpp"
#include "score_row_statistic.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct gradient_products {
  using shape = gradient_shape<Region>;
  using work = gradient_work<Region, T>;
  using segment = typename work::segment;
  using sinks = gradient_sinks<Region, T>;
  using statistics = row_statistics<Region, T>;
  using program_type = score_program<Region, T>;
  static constexpr int rows = work::rows, lanes = work::lanes, group = work::group;
  static constexpr bool falling = Region.gradient.falling;
  static constexpr gradient_slots slots = sinks::slots;
  static constexpr extent_t slot_size = sinks::slot_size;

  // All that waits, in the order of blocks.
  static void flush(const environment& call, work& w) {
    if (w.segment_count == 0) return;
    const auto& last = w.segments[w.segment_count - 1];
    const extent_t passed = falling ? w.extents.keys - last.first : last.first + last.count;
    const extent_t position = w.extents.passed(w.part, passed);
    w.await_before(position);
    for (int i = 0; i < w.segment_count; ++i) {
      const auto& s = w.segments[i];
      shape::each_output([&]<int K>() {
        if constexpr (takes_any_packs(Region.gradient.sinks[K])) give<K>(call, w, s);
        else
          // mutants: last_of_packs_apart_not_summed
          s.packs.each_run([&](const simd::some_packs& run) {
            segment part = s;
            part.packs = run;
            give<K>(call, w, part);
          });
      });
      if constexpr (shape::has_statistics) w.seen.count += s.count;
    }
    w.empty();
    w.reach(position);
  }

 private:
  // Sums that lie in lanes are taken for packs at once that have another between them, and some have no rows; others
  // run through rows.
  static constexpr bool takes_any_packs(const sink& s) {
    return is_sum(s.kind) || s.kind == sink_kind::row_statistic || (s.kind == sink_kind::row_product && s.own < 0);
  }
  // What keys of the batch give to output K.
  template <int K> static void give(const environment& call, work& w, const segment& s) {
    const int row = s.packs.first * lanes,
              count = std::min(w.state->row_count, (s.packs.first + s.packs.count) * lanes) - row;
    constexpr sink k = Region.gradient.sinks[K];
    constexpr int y = k.other < 0 ? 0 : k.other;
    if constexpr (!is_sum(k.kind)) {
      const T* p = w.values + slots.slot_of(k.pair) * slot_size + s.at * rows + row;
      if constexpr (k.own >= 0) {
        if constexpr (k.kind == sink_kind::row_product) difference_sinks<Region, T>::template give_rows<K>(w, p, s);
        else difference_sinks<Region, T>::template give_columns<K>(w, p, s, count);
      } else if constexpr (k.kind == sink_kind::row_product) {
        const T* x = w.key[y] + s.first * w.key_stride[y];
        if ((s.mixed || k.keep) && !simd::all_finite(x, w.key_stride[y], w.extents.width[y], s.count))
          simd::accumulate_present(p, x, w.key_stride[y], w.sums[K] + row, w.extents.width[y], s.count, s.packs);
        else simd::accumulate_all(p, x, w.key_stride[y], w.sums[K] + row, w.extents.width[y], s.count, s.packs);
      } else if constexpr (k.kind == sink_kind::column_product) {
        const extent_t stride = w.extents.padded[y], from = w.natural_stride[y];
        const T* x = w.natural[y] + row * from;
        // mutants: group_not_summed
        T* to = w.sums[K] + s.first * stride;
        if ((s.mixed || k.keep) && !w.finite[y]) simd::outer_present(p, x, from, to, stride, count, stride, s.count);
        else simd::outer_all(p, x, from, to, stride, count, stride, s.count);
      } else if constexpr (is_skewed(k.kind)) {
        skewed_sinks<Region, T>::template give<K>(w, s);
      } else if constexpr (k.kind == sink_kind::table_sum) {
        using I = typename program_type::I;
        const T* at = w.values + slots.index_slot[K] * slot_size + s.at * rows + row;
        if (w.extents.entries[K] > 0) simd::add_at<T>(p, reinterpret_cast<const I*>(at), w.table[K], count, s.count);
      } else if constexpr (k.kind == sink_kind::row_table_sum) {
        using I = typename program_type::I;
        const T* at = w.values + slots.index_slot[K] * slot_size + s.at * rows + row;
        if (w.extents.entries[K] > 0)
          simd::add_at_rows<T>(p, reinterpret_cast<const I*>(at), w.sums[K] + row, count, s.count);
      } else if constexpr (k.kind == sink_kind::row_statistic) {
        statistics::template see<K>(w, p - row, s.packs, s.count, s.mixed);
      } else {
        sinks::template store_pairs<K>(call, w, p, s.first, row, count, s.count, shape::carries(K) && w.part > 0);
      }
    } else if constexpr (k.kind == sink_kind::column_sum) {
      // mutants: last_keys_not_summed
      for (int j = 0; j < s.count; ++j) w.item->sums[K][s.first + j] += w.by_key[K][s.at + j];
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
