// Keys and values that nobody has stored (plan/passes/stage_operands.hpp): a thread has those of a chunk made in memory
// of its own, once for all blocks of a strip, where some row may see them.
#pragma once
#include "../frame/located.hpp"
#include "../frame/pieces.hpp"
#include "score_visit.hpp"
#include <algorithm>
#include <cstring>
#include <span>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct staged_columns {
  static constexpr bool keys = Region.score.keys_staged, values = Region.score.values_staged;
  // Keys that are values as well are made once.
  static constexpr bool shared = keys && values && Region.tile.column_operand == Region.score.values;
  static constexpr extent_t piece = 64;  // keys that are made together: a multiple of the group

  static bool has_keys(const environment& c) {
    if constexpr (keys) return c.keys != nullptr;
    else return false;
  }
  static bool has_values(const environment& c) {
    if constexpr (values) return c.values != nullptr;
    else return false;
  }

  // The memory of a chunk; null where what it is for is stored.
  T *key_rows = nullptr, *value_rows = nullptr;
  void place(const environment& c, extent_t chunk, extent_t depth, extent_t width, pieces& take) {
    if (has_keys(c)) key_rows = take.of<T>(chunk * depth);
    if (has_values(c)) value_rows = shared ? key_rows : take.of<T>(chunk * width);
  }
  // Makes what is seen of the keys [first, end), the first of a chunk: is_seen(first, end). Keys of the last group that
  // do not exist are 0.
  template <class Seen>
  void make(const environment& c, const extent_t* index, extent_t depth, extent_t width, extent_t first, extent_t end,
            const Seen& is_seen) const {
    for (extent_t at = first; at < end;) {
      extent_t to = std::min(at + piece, end);
      if (!is_seen(at, to)) {
        at = to;
        continue;
      }
      while (to < end && is_seen(to, std::min(to + piece, end))) to = std::min(to + piece, end);
      // mutants: last_keys_of_chunk_not_staged
      const auto rows_of = [&](const staged_rows* from, T* rows) {
        staged_rows some = *from;
        some.ahead = end - first;
        some.make(some, index, at, to, rows);
      };
      if (has_keys(c)) rows_of(c.keys, key_rows + (at - first) * depth);
      if (!shared && has_values(c)) rows_of(c.values, value_rows + (at - first) * width);
      at = to;
    }
    if (has_keys(c)) {
      const extent_t count = end - first, missing = (simd::group - count % simd::group) % simd::group;
      std::memset(key_rows + count * depth, 0, std::size_t(missing * depth) * sizeof(T));
    }
  }

  // Has what nobody has stored of a chunk made, and lets all blocks of the strip read it there.
  template <class Work> static HEED_NOINLINE void stage(std::span<Work> blocks, extent_t first, extent_t end) {
    const Work& one = blocks[0];
    const staged_columns& own = one.item.columns;
    if (!own.key_rows && !own.value_rows) return;
    const auto is_seen = [&](extent_t from, extent_t to) {
      for (const Work& w : blocks)
        if (score_program<Region, T>::classify(w.state, w.bounds, from, to - 1) != tile_kind::empty) return true;
      return false;
    };
    own.make(one.state.call, one.state.item.index, one.extents.depth, one.extents.width, first, end, is_seen);
    for (Work& w : blocks) {
      if (own.key_rows) w.keys = own.key_rows - first * w.key_stride;
      if (own.value_rows) w.values = own.value_rows - first * w.value_stride;
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
