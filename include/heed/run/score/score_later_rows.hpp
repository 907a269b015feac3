// Rows that a block will be made of, or will be written to, asked for while groups of keys are met: a row that nobody
// has touched lies far away, and a transpose waits for every line of it, 16 of each pack of rows at a time. A few lines
// whenever a group has been met cost nothing beside its contractions.
#pragma once
#include "../../plan/data/region.hpp"
#include "../../simd/tile.hpp"
#include "../frame/axes.hpp"
#include <algorithm>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <class T>
struct later_rows {
  static constexpr extent_t line = 64 / extent_t(sizeof(T)), at_once = 8;
  const T* row = nullptr;
  extent_t stride = 0, width = 0, at = 0, left = 0;

  later_rows() = default;
  // Rows first, first + 1, ... before `end` of flattened axes, each along `axis` (-1: none) from an offset on; none if
  // they do not lie evenly apart or have gaps.
  HEED_NOINLINE later_rows(axis_list axes, const extent_t* extent, const view& v, extent_t base, int axis,
                           extent_t first, extent_t end) {
    const flat_stride apart = flattened(axes, extent, v);
    if (!apart.single || axis < 0 || v.stride[axis] != 1 || extent[axis] < 1) return;
    row = static_cast<const T*>(v.data) + base + first * apart.stride;
    stride = apart.stride, width = extent[axis], left = std::max<extent_t>(end - first, 0);
  }
  // Written: to be written to. Nothing is read, so that it may end behind the last row or not at all. Out of line, once
  // for all kernels: nobody waits for it.
  template <bool Written> HEED_NOINLINE void ask() {
    for (extent_t i = 0; i < at_once && left > 0; ++i) {
      __builtin_prefetch(row + at, Written);
      if ((at += line) < width) continue;
      at = 0, row += stride, --left;
    }
  }
};

// What a strip of blocks asks for on its way, forward: the queries of the item that this thread is likely to take next,
// and where its own results will stand.
template <const auto& Region, class T>
struct strip_rows {
  later_rows<T> queries, results;

  template <class Sizes> strip_rows(const environment& call, const Sizes& n, extent_t item) {
    constexpr int q = std::max<int>(Region.tile.row_operand, 0), o = std::max<int>(Region.score.weighted, 0);
    if constexpr (Region.tile.row_operand >= 0 && Region.operands[q].type == element_of<T>)  // else tables alone
      if (item + call.threads < n.batch * n.strips)
        queries = of(call, n, item + call.threads, call.operands[q], Region.depth[0]);
    if constexpr (Region.score.weighted >= 0 && Region.outputs[o].type == element_of<T>)
      results = of(call, n, item, call.outputs[o], Region.width.count ? Region.width[0] : -1);
  }
  template <class Sizes>
  static later_rows<T> of(const environment& call, const Sizes& n, extent_t item, const view& v, int axis) {
    extent_t index[max_axes];
    index_of(Region.batch, call.extent, item / n.strips, index);
    const extent_t rows = n.strip * simd::block_rows<T>, first = n.strip_of(item) * rows;
    constexpr axis_list row_axes = Region.rows;  // a copy, or all of the region would be in the program
    return {row_axes,
            call.extent,
            v,
            offset_at(Region.batch, index, v),
            axis,
            first,
            std::min<extent_t>(first + rows, n.rows_total)};
  }
  HEED_INLINE void ask() {
    queries.template ask<false>();
    results.template ask<true>();
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
