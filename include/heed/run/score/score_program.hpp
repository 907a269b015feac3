// The program of a score region on a block of rows, as its kernels see it: row values and their bounds worked out once
// a block, packs of rows against a key, and which packs see a group of keys at all.
#pragma once
#include "score_bounds.hpp"
#include "score_packs.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_program : score_packs<Region, T>, score_bounds<Region, T> {
  using values = score_values<Region, T>;
  using context = typename values::context;
  static constexpr int lanes = values::lanes, rows = values::rows;

  // Rows first .. first + count of the item.
  static void set_rows(context& c, extent_t first, int count) {
    values::set_row_values(c, first, count);
    if constexpr (values::mask_reads_pairs) score_bounds<Region, T>::set_pair_bounds(c);
  }
};

// Does a row of pack v see any of the keys [first, last]? The mask itself, where it is known before the score is.
template <const auto& Region, class T>
HEED_NOINLINE bool sees_any(typename score_program<Region, T>::context& c, extent_t first, extent_t last, int v) {
  using program_type = score_program<Region, T>;
  if constexpr (program_type::mask_reads_pairs) program_type::load_pairs_at(c, first, true);
  for (extent_t key = first; key <= last; ++key)
    if (simd::any(typename program_type::M(evaluate<Region, Region.pair.keep>(
            typename program_type::pack_environment{c, v * program_type::lanes, key, {}}))))
      return true;
  return false;
}
struct nobody_watches {
  HEED_INLINE void looked_in_vain() const {}
};
// The packs of a block that see any of the keys [first, last]. Bounds know little of conditions that depend on each
// other (one document and a window inside it), so what they leave open is looked at: a group that nobody sees costs its
// mask alone.
template <const auto& Region, class T, class Watch = nobody_watches>
inline simd::some_packs visible_packs(typename score_program<Region, T>::context& c, const plan::interval* bounds,
                                      extent_t first, extent_t last, const Watch& watch = {}) {
  if constexpr (Region.pair.keep == 0) return {0, c.pack_count};
  simd::some_packs r;
  for (int v = 0; v < c.pack_count; ++v) {
    const tile_kind kind = score_program<Region, T>::classify(c, bounds, first, last, v + 1);
    if (kind == tile_kind::empty) continue;
    if constexpr (Region.pair.keep != 0 && !score_program<Region, T>::mask_reads_score)
      if (kind == tile_kind::mixed && !sees_any<Region, T>(c, first, last, v)) {
        watch.looked_in_vain();
        continue;
      }
    r.add(v);
  }
  return r;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
