// Rows that a block will be made of, or will be written to, asked for while groups of keys are met: a row that nobody
// has touched lies far away, and a transpose waits for every line of it, 16 of each pack of rows at a time. A few lines
// whenever a group has been met cost nothing beside its contractions.
#pragma once
#include "../../simd/pack.hpp"
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
  later_rows(axis_list axes, const extent_t* extent, const view& v, extent_t base, int axis, extent_t first,
             extent_t end) {
    const flat_stride apart = flattened(axes, extent, v);
    if (!apart.single || axis < 0 || v.stride[axis] != 1 || extent[axis] < 1) return;
    row = static_cast<const T*>(v.data) + base + first * apart.stride;
    stride = apart.stride, width = extent[axis], left = std::max<extent_t>(end - first, 0);
  }
  // Written: to be written to. Nothing is read, so that it may end behind the last row or not at all.
  template <bool Written> HEED_INLINE void ask() {
    for (extent_t i = 0; i < at_once && left > 0; ++i) {
      __builtin_prefetch(row + at, Written);
      if ((at += line) < width) continue;
      at = 0, row += stride, --left;
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
