// How both score kernels go through the keys of a block: a stretch is halved until its mask is known or it is one
// group, and a group meets as many packs of rows as see it.
#pragma once
#include "score_program.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

enum class key_order : std::uint8_t { rising, falling };

// Calls meet(first, count, mixed) for all groups of keys of [first, end) that are not known to be excluded. `first` and
// every inner border is a multiple of the group, counted from it. `mixed`: some row of the block may not see all.
template <key_order Order, class Kind, class Meet>
void visit_keys(extent_t first, extent_t end, const Kind& kind_between, const Meet& meet) {
  constexpr extent_t group = simd::group;
  constexpr bool rising = Order == key_order::rising;
  if (first >= end) return;
  const tile_kind kind = kind_between(first, end - 1);
  if (kind == tile_kind::empty) return;
  const extent_t groups = (end - first + group - 1) / group;
  if (kind == tile_kind::full || groups == 1) {
    // mutants: tail_dropped
    for (extent_t k = 0; k < groups; ++k) {
      const extent_t at = first + (rising ? k : groups - 1 - k) * group;
      meet(at, int(std::min<extent_t>(group, end - at)), kind == tile_kind::mixed);
    }
    return;
  }
  const extent_t middle = first + groups / 2 * group;
  if (rising) visit_keys<Order>(first, middle, kind_between, meet);
  visit_keys<Order>(middle, end, kind_between, meet);
  if (!rising) visit_keys<Order>(first, middle, kind_between, meet);
}

// Calls meet(first, count, mixed, packs) for all groups of keys of [first, end) of which some pack of the block sees
// any: what both kernels go through, and what `explain` counts.
template <key_order Order, const auto& Region, class T, class Meet, class Watch = nobody_watches>
HEED_INLINE void meet_keys(typename score_program<Region, T>::context& c, const plan::interval* bounds, extent_t first,
                           extent_t end, const Meet& meet, const Watch& watch = {}) {
  visit_keys<Order>(
      first, end,
      // mutants: diagonal_dropped_backward
      [&](extent_t from, extent_t last) { return score_program<Region, T>::classify(c, bounds, from, last); },
      [&](extent_t at, int count, bool mixed) {
        const simd::some_packs packs =
            mixed ? visible_packs<Region, T>(c, bounds, at, at + count - 1, watch) : simd::some_packs{0, c.pack_count};
        // mutants: pack_dropped_backward
        if (packs.count > 0) meet(at, count, mixed, packs);
      });
}

// Calls the instance of a kernel's hot function for as many packs of a block: f<mixed, packs>(). What is not mixed has
// all of them.
template <class F> HEED_INLINE void with_packs(int count, bool mixed, const F& f) {
  if (count == simd::vectors && !mixed) f.template operator()<false, simd::vectors>();
  else if (count == simd::vectors) f.template operator()<true, simd::vectors>();
  else if (count == 2) f.template operator()<true, 2>();
  else f.template operator()<true, 1>();
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
