// How a mask falls on the tiles of a score region: empty (skipped), full (no mask code) or mixed. Counted by the walk
// that the kernels themselves go (run/score/score_visit.hpp), block for block: the values of its rows, the bounds of
// its mask, its way through the keys and its look at what bounds leave open. A mask of positions alone needs extents
// only; one that reads operands (documents, lengths) needs their memory too.
#pragma once
#include "../run/score/score_visit.hpp"
#include <array>
#include <memory>
#include <vector>

namespace heed::internal::show::inline HEED_INSTRUCTION_SET {

using extent_table = std::array<extent_t, max_axes>;  // by axis number; `runtime` where it is not known

struct tile_counts {
  double empty = 0, full = 0, mixed = 0;  // of all items together
  double all() const { return empty + full + mixed; }
};

// Calls f(instruction) for all that a mask is computed from.
template <class F> void each_of_mask(const region& r, const F& f) {
  const auto needed = plan::needed_by(r.code, r.pair.keep);
  for (int i = 1; i <= r.pair.keep; ++i)
    if (needed[i]) f(r.code[i]);
}
inline bool reads_memory(const instruction& x) { return x.code == op::load || x.code == op::gather; }
// The operands that the mask reads and that are not bound, by operand number.
inline std::vector<int> missing_of_mask(const region& r, const std::vector<run::view>& operands) {
  std::vector<bool> read(operands.size());
  each_of_mask(r, [&](const instruction& x) {
    if (reads_memory(x)) read[x.operand] = true;
  });
  std::vector<int> missing;
  for (int k = 0; k < r.operands.count; ++k)
    if (read[k] && !operands[k].data) missing.push_back(k);
  return missing;
}
// The batch axes along which the mask of one item differs from that of another.
inline axis_list batch_axes_of_mask(const region& r) {
  axis_set read = 0;
  each_of_mask(
      r, [&](const instruction& x) { read |= x.axes | (reads_memory(x) ? r.operands[x.operand].axes : axis_set(0)); });
  axis_list items;
  for (int i = 0; i < r.batch.count; ++i)
    if (read >> r.batch[i] & 1) items.add(r.batch[i]);
  return items;
}

// A tile that a kernel meets: a group of keys and the packs of a block of rows that it is contracted with.
struct met_tile {
  extent_t item, first_row, first_key;
  int keys;
  bool mixed;  // runs with mask code
  simd::some_packs packs;
};
// Calls met(tile) for all that the kernel meets, item by item of those whose masks differ, block by block of rows, of
// the size that the kernel has; `watch` hears of what is looked at in vain. operands: by operand number of the region;
// what the mask does not read need not be bound.
template <const auto& Region, class Met, class Watch = run::nobody_watches>
void each_met_tile(const extent_table& extents, const std::vector<run::view>& operands, const Met& met,
                   const Watch& watch = {}) {
  using T = std::conditional_t<Region.real == element::f64, double, float>;
  using score = run::score_program<Region, T>;
  using context = typename score::context;
  using P = typename score::values::P;
  constexpr extent_t rows = score::rows;
  // The program reads all operands of a row, also those of the score: they are one zero, wherever it looks.
  static double nothing = 0;
  std::vector<run::view> bound = operands;
  for (run::view& v : bound)
    if (!v.data) v = {&nothing, {}};

  const axis_list items = batch_axes_of_mask(Region);
  const extent_t keys = extents[score::values::column], row_count = run::count_of(Region.rows, extents.data());
  if (run::count_of(Region.batch, extents.data()) == 0) return;
  const run::environment call{extents.data(), bound.data(), nullptr, 1};
  const auto c = std::make_unique<context>(call, keys);
  std::vector<plan::interval> bounds(run::score_columns<Region, T>::count(keys)),
      pair_bounds(score::pair_bounds_count(keys));
  std::vector<P> tiles(score::pairs * score::tile_keys * rows / P::lanes);
  c->pair_bounds = pair_bounds.data();
  c->tiles = reinterpret_cast<T*>(tiles.data());

  extent_t index[max_axes]{}, item = 0;
  run::each_index(items, extents.data(), index, [&] {
    score::set_item(*c, run::number_of(Region.batch, extents.data(), index));
    run::score_columns<Region, T>::set(c->item, keys, bounds.data());
    for (extent_t first = 0; first < row_count; first += rows) {
      score::set_rows(*c, first, int(std::min<extent_t>(rows, row_count - first)));
      run::meet_keys<run::key_order::falling, Region, T>(
          *c, bounds.data(), 0, keys,
          [&](extent_t at, int count, bool mixed, simd::some_packs packs) {
            met(met_tile{item, first, at, count, mixed, packs});
          },
          watch);
    }
    ++item;
  });
}

// Counts the tiles of every item.
template <const auto& Region>
tile_counts count_tiles(const extent_table& extents, const std::vector<run::view>& operands) {
  using score = run::score_program<Region, std::conditional_t<Region.real == element::f64, double, float>>;
  const auto parts = [](extent_t of, extent_t size) { return double((of + size - 1) / size); };
  const double all_items = double(run::count_of(Region.batch, extents.data()));
  if (all_items == 0) return {};
  const double alike = all_items / double(run::count_of(batch_axes_of_mask(Region), extents.data()));
  tile_counts t;
  each_met_tile<Region>(extents, operands, [&](const met_tile& x) { (x.mixed ? t.mixed : t.full) += alike; });
  t.empty = all_items * parts(run::count_of(Region.rows, extents.data()), score::rows) *
                parts(extents[score::values::column], simd::group) -
            t.full - t.mixed;
  return t;
}

// How explain counts: nullptr where a region has no mask, or one that is known score by score only.
using tile_counter = tile_counts (*)(const extent_table&, const std::vector<run::view>&);
template <const auto& Region> constexpr tile_counter tile_counter_of() {
  if constexpr (Region.kind == region_kind::score || Region.kind == region_kind::score_gradient)
    if constexpr (Region.pair.keep != 0 && !run::score_program<Region, float>::mask_reads_score)
      return count_tiles<Region>;
  return nullptr;
}

}  // namespace heed::internal::show::inline HEED_INSTRUCTION_SET
