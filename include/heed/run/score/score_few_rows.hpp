// Blocks of a few rows of a score region, whose contractions have depth and width in the lanes (simd/few_rows.hpp):
// what such a call takes is what memory takes, if memory is never left waiting.
#pragma once
#include "score_program.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Loops: the kernel that asks, with its types of work and sizes.
template <const auto& Region, class T, class Loops>
struct score_few_rows {
  using program_type = score_program<Region, T>;
  using context = typename program_type::context;

  // A group of keys, and those in front of it that are seen as well, as many as there is room for: what lies between
  // the contractions of two groups is longer than a processor looks ahead, and memory waits. While nothing is
  // contracted values are asked for, so many that they are on their way when they are read.
  template <class Work> static HEED_NOINLINE void contract(Work& w, extent_t first, int count, bool mixed) {
    key_batch<T>& b = w.batch;
    if (first >= b.contracted && first < b.contracted_end) return b.next.ask();
    constexpr extent_t group = simd::group;
    b.contracted = first, b.contracted_end = first + group;
    const extent_t depth = w.extents.depth;
    const T* k = b.keys;
    extent_t stride = depth, more = 0;
    if (!w.extents.keys_in_place || (count < group && !Loops::staged::has_keys(w.state.call)))
      Loops::copy_keys(w, first, count);
    else {
      if (!mixed && count == group) more = std::min<extent_t>((first - w.from) / group, batch_keys<T> / group - 1);
      const auto seen = [&] {
        return program_type::classify(w.state, w.bounds, first - more * group, first - 1) == tile_kind::full;
      };
      while (more > 0 && !seen()) more /= 2;
      b.contracted -= more * group;
      k = w.keys + b.contracted * w.key_stride, stride = w.key_stride;
    }
    simd::lines_to_come<T> next;
    if constexpr (Loops::has_values)
      if (w.extents.values_in_place) {
        next = {w.values + b.contracted * w.value_stride, w.value_stride, w.extents.width,
                b.contracted_end - b.contracted};
      }
    b.next = simd::contract_few(w.running.queries, w.state.row_count, k, stride, depth, 1 + more, b.scores,
                                batch_keys<T>, next);
  }

  template <class Sizes> static void load_queries(context& c, const row_block<T>& b, const Sizes& n, int count) {
    constexpr int operand = Region.tile.row_operand, axis = Region.depth[0];
    const view& v = c.call.operands[operand];
    const T scale = program_type::scale_of_queries(c);
    for (int r = 0; r < count; ++r)
      for (extent_t d = 0; d < n.depth; ++d)
        b.queries[r * n.depth + d] =
            scale * element_at<Region.operands[operand].type, T>(
                        v.data, c.base[operand] + c.row_offset[operand][r] + d * v.stride[axis]);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
