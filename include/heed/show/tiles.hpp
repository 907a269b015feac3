// How a mask falls on the tiles of a score region: empty (skipped), full (no mask code) or mixed. The mask is evaluated
// over intervals as the kernel does, from the region as a value, so nothing is compiled for it. A mask of positions
// alone needs extents only; one that reads operands (documents, lengths) needs their memory too.
#pragma once
#include "../graph/presence.hpp"
#include "../plan/facts/interval.hpp"
#include "../run/frame/axes.hpp"
#include "../run/frame/elements.hpp"
#include "../run/program/mask_bounds.hpp"
#include <array>
#include <utility>
#include <vector>

namespace heed::internal::show::inline HEED_INSTRUCTION_SET {

using extent_table = std::array<extent_t, max_axes>;  // by axis number; `runtime` where it is not known

struct tile_counts {
  double empty = 0, full = 0, mixed = 0;  // of all items together
  double all() const { return empty + full + mixed; }
};

class mask_tiles {
 public:
  // operands: by operand number of the region; data is null where nothing is bound.
  mask_tiles(const region& r, const extent_table& e, const run::view* operands)
      : r_(r),
        extent_(e),
        operands_(operands),
        needed_(needed_by(r.code, r.pair.keep)) {}
  // Does the mask look at the contracted score? Then no tile is known before it is computed.
  bool reads_score() const {
    return any([](const instruction& x) { return x.code == op::tile; });
  }
  // The operands that it reads and that are not bound, by operand number.
  std::vector<int> missing() const {
    std::vector<int> m;
    for (int k = 0; k < r_.operands.count; ++k)
      if (!operands_[k].data &&
          any([&](const instruction& x) { return (x.code == op::load || x.code == op::gather) && x.operand == k; }))
        m.push_back(k);
    return m;
  }

  // Counts tiles of `rows` rows x `columns` columns over every item.
  tile_counts count(int rows, int columns) {
    tile_counts t;
    axis_set read = 0;  // items differ only along batch axes that the mask reads
    double alike = 1;
    for (int i = 1; i <= r_.pair.keep; ++i)
      if (needed_[i]) read |= r_.code[i].axes | (is_read(i) ? r_.operands[r_.code[i].operand].axes : axis_set(0));
    axis_list items;
    for (int i = 0; i < r_.batch.count; ++i)
      if (read >> r_.batch[i] & 1) items.add(r_.batch[i]);
      else alike *= double(extent_[r_.batch[i]]);
    const extent_t item_count = run::count_of(items, extent_.data()),
                   row_count = run::count_of(r_.rows, extent_.data());
    columns_ = columns, total_ = extent_[r_.columns[0]];
    for (extent_t item = 0; item < item_count; ++item) {
      set_index(items, item);
      for (extent_t first = 0; first < row_count; first += rows) {
        first_row_ = first, row_count_ = std::min<extent_t>(rows, row_count - first);
        set_rows();
        visit(0, total_, t);
      }
    }
    return {t.empty * alike, t.full * alike, t.mixed * alike};
  }

 private:
  bool is_read(int i) const { return r_.code[i].code == op::load || r_.code[i].code == op::gather; }
  template <class F> bool any(const F& f) const {
    for (int i = 1; i <= r_.pair.keep; ++i)
      if (needed_[i] && f(r_.code[i])) return true;
    return false;
  }
  void set_index(axis_list axes, extent_t number) { run::index_of(axes, extent_.data(), number, index_.data()); }
  static bool moves(const instruction& x) { return x.where == role::column || x.where == role::pair; }

  // The range of every value that the columns do not change, over the rows of the block.
  void set_rows() {
    for (extent_t row = first_row_; row < first_row_ + row_count_; ++row) {
      set_index(r_.rows, row);
      for (int i = 1; i <= r_.pair.keep; ++i) {
        const instruction& x = r_.code[i];
        if (!needed_[i] || moves(x)) continue;
        now_[i] = computed(i, now_, 0, 0);
        interval& over = range_[i];
        over = row == first_row_ ? now_[i] : interval(std::min(over.lo, now_[i].lo), std::max(over.hi, now_[i].hi));
      }
    }
  }
  double element(const instruction& x, extent_t along, extent_t at) const {
    const run::view& v = operands_[x.operand];
    const operand& o = r_.operands[x.operand];
    const extent_t offset =
        run::offset_at(o.axes, index_.data(), v) + (along < 0 ? 0 : (at - index_[along]) * v.stride[along]);
    switch (stored(o.type)) {
      case element::boolean: return run::element_at<element::boolean, bool>(v.data, offset);
      case element::i32: return run::element_at<element::i32, double>(v.data, offset);
      case element::i64: return run::element_at<element::i64, double>(v.data, offset);
      case element::f64: return run::element_at<element::f64, double>(v.data, offset);
      default: return run::element_at<element::f32, double>(v.data, offset);
    }
  }

  // What an operand holds at [low, end) along an axis, at the current row or at any row of the block.
  interval over_entries(const instruction& x, extent_t axis, extent_t low, extent_t end) const {
    bounds_of_values over;
    add_entries(over, x, axis, low, end);
    return over.bounds();
  }
  interval over_rows(const instruction& x, extent_t axis, extent_t low, extent_t end) {
    bounds_of_values over;
    for (extent_t row = first_row_; row < first_row_ + row_count_; ++row) {
      set_index(r_.rows, row);
      add_entries(over, x, axis, low, end);
    }
    return over.bounds();
  }
  void add_entries(bounds_of_values& over, const instruction& x, extent_t axis, extent_t low, extent_t end) const {
    for (extent_t j = low; j < end; ++j) over.add(element(x, axis, j));
  }
  // Does any row of the block see any of the columns [first, end)? The mask itself, element by element, as the kernel
  // looks at what bounds leave open.
  bool sees_any(extent_t first, extent_t end) {
    single_ = true;
    bool seen = false;
    for (extent_t row = first_row_; row < first_row_ + row_count_ && !seen; ++row) {
      set_index(r_.rows, row);
      for (extent_t column = first; column < end && !seen; ++column) {
        for (int i = 1; i <= r_.pair.keep; ++i)
          if (needed_[i]) now_[i] = computed(i, now_, column, column);
        seen = now_[r_.pair.keep].hi > 0;
      }
    }
    single_ = false;
    return seen;
  }

  // Instruction i at the current row, or over the columns [first, last] where it varies with them.
  interval computed(int i, const std::array<interval, program::capacity>& of, extent_t first, extent_t last) {
    const instruction& x = r_.code[i];
    switch (x.code) {
      case op::constant: return x.value;
      case op::size: return double(extent_[x.axis]);
      case op::index: return moves(x) ? interval(double(first), double(last)) : interval(double(index_[x.axis]));
      case op::load: {
        if (!moves(x)) return element(x, -1, 0);
        if (single_) return element(x, r_.columns[0], first);
        const extent_t low = first / run::granule * run::granule,
                       high = std::min(total_, run::granules_of(last + 1) * run::granule);
        return x.where == role::pair ? over_rows(x, r_.columns[0], low, high)
                                     : over_entries(x, r_.columns[0], low, high);
      }
      case op::gather: {
        const interval where = of[x.a];
        const extent_t top = extent_[x.axis] - 1;
        if (!moves(x)) return top < 0 ? 0 : element(x, x.axis, std::clamp<extent_t>(extent_t(where.lo), 0, top));
        const axis_set axes = r_.operands[x.operand].axes & ~axis_bit(x.axis);
        if (axes & axis_bit(r_.columns[0])) return run::anything(x);
        bool has_rows = false;
        for (int j = 0; j < r_.rows.count; ++j) has_rows = has_rows || axes & axis_bit(r_.rows[j]);
        const bool over_block = has_rows && !single_;
        const run::named_entries entries = run::entries_named(where, top + 1, over_block ? row_count_ : 1);
        if (!entries.read) return run::anything(x);
        return over_block ? over_rows(x, x.axis, entries.low, entries.high + 1)
                          : over_entries(x, x.axis, entries.low, entries.high + 1);
      }
      default: return run::interval_of(r_, x, of[x.a], of[x.b], of[x.c]);
    }
  }

  // Columns [first, end), halved until a stretch is empty, full, or one tile.
  void visit(extent_t first, extent_t end, tile_counts& t) {
    if (first >= end) return;
    for (int i = 1; i <= r_.pair.keep; ++i)
      if (needed_[i]) now_[i] = moves(r_.code[i]) ? computed(i, now_, first, end - 1) : range_[i];
    const run::tile_kind kind = run::kind_of(now_[r_.pair.keep]);
    const extent_t tiles = (end - first + columns_ - 1) / columns_;
    if (kind == run::tile_kind::empty) t.empty += double(tiles);
    else if (kind == run::tile_kind::full) t.full += double(tiles);
    else if (tiles == 1) (sees_any(first, end) ? t.mixed : t.empty) += 1;
    else {
      const extent_t middle = first + tiles / 2 * columns_;
      visit(first, middle, t);
      visit(middle, end, t);
    }
  }

  const region& r_;
  const extent_table& extent_;
  const run::view* operands_;
  fixed_array<bool, program::capacity> needed_;
  std::array<interval, program::capacity> now_, range_;
  std::array<extent_t, max_axes> index_{};
  extent_t columns_ = 1, total_ = 0;        // of a tile; of an item
  extent_t first_row_ = 0, row_count_ = 0;  // the block
  bool single_ = false;                     // one row and one column, not a tile
};

}  // namespace heed::internal::show::inline HEED_INSTRUCTION_SET
