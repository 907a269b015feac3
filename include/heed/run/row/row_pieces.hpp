// Rows of a row region made a piece at a time, for a score region that reads them as keys or values and has nobody
// store them: in memory of its own, in the thread that reads them.
#pragma once
#include "row_kernel.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct row_pieces : row_loops<Region, std::conditional_t<Region.real == element::f64, double, float>> {
  using T = std::conditional_t<Region.real == element::f64, double, float>;
  using loops = row_loops<Region, T>;
  using loops::lanes, loops::along, loops::lane, loops::column, loops::out, loops::operand_count, loops::outer;
  using loops::varies;
  using typename loops::state, typename loops::row_starts;

  // Do all that is read along the lanes, and a result with one element for each, lie side by side, in whole packs?
  static constexpr bool has_lanes_of_results = lane >= 0 && varies(out.axes) && varies(Region.code[out.result].axes) &&
                                               out.type >= element::real &&
                                               (along || column < 0 || !(out.axes & plan::bit(column)));
  static constexpr auto lane_operands =
      listed<max_operands>([](int k) { return k <= operand_count && varies(Region.operands[k - 1].axes); });
  static bool lies_side_by_side(const environment& call) {
    if constexpr (!has_lanes_of_results) return false;
    bool r = call.outputs[0].stride[lane] == 1 && call.extent[lane] % lanes == 0;
    each_of<lane_operands>([&]<int K>() { r = r && call.operands[K - 1].stride[lane] == 1; });
    return r;
  }
  // One row of those that do.
  static void row_beside(state& s, extent_t base) {
    if constexpr (has_lanes_of_results) {
      const extent_t width = extent_along(lane, s.call.extent);
      storage<out.type>* const to = static_cast<storage<out.type>*>(s.call.outputs[0].data) + base;
      const row_starts starts(s);
      if constexpr (along) loops::template passes<true>(s, 0, lanes);
      for (extent_t at = 0; at < width; at += lanes) {
        if constexpr (!along) loops::template passes<true>(s, at, lanes);
        store_lanes<out.type>(to, at, 1, lanes,
                              evaluate<Region, out.result>(
                                  typename loops::template environment_at<false, true>{s, at, 0, lanes, starts}));
      }
    }
  }
  // Asks for what rows so many keys before this one will read.
  static void ask_before(const state& s, extent_t keys, int key_axis) {
    each_of<lane_operands>([&]<int K>() {
      constexpr operand o = Region.operands[K - 1];
      const extent_t apart = s.call.operands[K - 1].stride[key_axis];
      if (apart == 0) return;
      const auto* const at = static_cast<const storage<o.type>*>(s.call.operands[K - 1].data) + s.base[K - 1];
      for (extent_t i = 0; i < s.call.extent[lane]; i += 64 / extent_t(sizeof *at))
        __builtin_prefetch(at - keys * apart + i);
    });
  }
  // Those that a score region wants next, in memory of its own.
  static void make(const staged_rows& of, const extent_t* index, extent_t first, extent_t end, void* to) noexcept {
    view result = of.call->outputs[0];
    result.data = to;
    const environment call{of.call->extent, of.call->operands, &result, 1};
    axis_list inner;
    state s(call);
    for (int i = 0; i < outer.count; ++i)
      if (of.item >> outer[i] & 1) s.index[outer[i]] = index[outer[i]];
      else if (outer[i] != of.column) inner.add(outer[i]);
    const extent_t apart = result.stride[of.column];
    const bool beside = lies_side_by_side(call);
    each_index(inner, call.extent, s.index, [&] {
      s.index[of.column] = first;
      extent_t base = loops::start(s) - first * apart;
      for (extent_t key = first; key < end; ++key, base += apart) {
        s.index[of.column] = key;
        if (key >= of.ahead) ask_before(s, of.ahead, of.column);
        beside ? row_beside(s, base) : loops::row(s, base);
        for (int k = 0; k < Region.operands.count; ++k) s.base[k] += call.operands[k].stride[of.column];
      }
    });
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
