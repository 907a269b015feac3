// What is known of a mask on a tile before it is looked at: over how many keys operands are bounded, when a table is
// read, and what kind of tile a mask's interval is. Kernels evaluate a mask over intervals by these
// (score/score_bounds.hpp), and `explain` counts tiles with what the kernels go by (show/tiles.hpp).
#pragma once
#include "evaluate.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Operands over pairs are known by their bounds over so many keys, so that classifying a long stretch does not read
// it element by element.
inline constexpr int granule = 16;
constexpr extent_t granules_of(extent_t keys) { return (keys + granule - 1) / granule; }
// Bounds over all granules that keys [first, last] touch.
inline plan::interval hull_of(const plan::interval* bounds, extent_t first, extent_t last) {
  plan::interval r = bounds[first / granule];
  for (extent_t i = first / granule + 1; i <= last / granule; ++i)
    r.lo = std::min(r.lo, bounds[i].lo), r.hi = std::max(r.hi, bounds[i].hi);
  return r;
}

constexpr plan::interval anything(const instruction& x) {
  return class_of(x.type) == value_class::truth ? plan::interval{0, 1} : plan::interval{};
}

// The entries of a table that an index of these bounds may name, in each of `rows` rows. Read are they where they are
// not many; a longer stretch of keys is halved until they are.
struct named_entries {
  extent_t low = 0, high = -1;
  bool read = false;
};
inline named_entries entries_named(plan::interval index, extent_t entries, extent_t rows) {
  if (entries < 1 || plan::is_unknown(index)) return {};
  const double top = double(entries - 1);
  const extent_t low = extent_t(std::clamp(index.lo, 0.0, top)), high = extent_t(std::clamp(index.hi, 0.0, top));
  constexpr extent_t most = 1024;
  return {low, high, (high - low + 1) * rows <= most};
}

enum class tile_kind : std::uint8_t { empty, mixed, full };
constexpr tile_kind kind_of(plan::interval keep) {
  // mutants: mixed_tile_called_full
  return keep.hi <= 0 ? tile_kind::empty : keep.lo > 0 ? tile_kind::full : tile_kind::mixed;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
