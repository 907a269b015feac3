// The scatter region: the gradient of a table that is read at an index. The elements of the rows (the width of an
// embedding) are shared out among the threads; each is summed over all positions in their order, so nothing is atomic
// and the bits do not depend on the team. Lanes run along the fastest axis of the rows where values lie in memory as
// they are; otherwise a program is evaluated as in a loop region, along the last axis that is scattered from, and added
// element by element.
#pragma once
#include "../../plan/facts/score_match.hpp"
#include "loop_bodies.hpp"
#include "../program/scalar_environment.hpp"
#include "../team.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct scatter_kernel {
  static constexpr output out = Region.outputs[0];
  static constexpr instruction value = Region.code[out.result];
  static constexpr operand source = Region.operands[value.operand];
  using bodies = loop_bodies<Region>;
  static constexpr int table = Region.depth[0];
  static constexpr int lane = Region.rows.count ? Region.rows[Region.rows.count - 1] : -1;
  static constexpr bool reduces = [] {
    for (int i = 1; i < Region.code.size; ++i)
      if (bodies::homes::is_made_of_many(Region.code[i].code)) return true;
    return false;
  }();
  // Values that are loaded as they are and stored as they are, an index that is the same for all lanes.
  static constexpr bool in_lanes = lane >= 0 && !reduces && value.code == op::load && source.type == out.type &&
                                   is_real(out.type) && !(Region.code[Region.scatter.index].axes & plan::bit(lane)) &&
                                   (source.axes & plan::bit(lane));
  using T = storage<is_real(out.type) ? out.type : element::f32>;
  using P = simd::pack<T>;
  static constexpr int packs = 2;
  static constexpr extent_t chunk = packs * P::lanes;

  // What a thread has besides its bodies: the sums of a column of the table.
  static double* lay_out(const environment& call, pieces& take) {
    bodies::lay_out(call, take);
    return take.of<double>(call.extent[table]);
  }
  static scratch_need need(const environment& call) {
    pieces own;
    if constexpr (!in_lanes) lay_out(call, own);
    return {0, own.used};
  }

  static HEED_INLINE extent_t entry(const scalar_environment<Region>& at, extent_t top) {
    const extent_t i = extent_t(evaluate<Region, Region.scatter.index>(at));
    return i < 0 ? 0 : i > top ? top : i;
  }

  // Lanes [from, from + count) of one row.
  static void lanes(scalar_environment<Region>& at, extent_t base, extent_t from, int count) {
    const view& to = at.call.outputs[0];
    const view& v = at.call.operands[value.operand];
    const extent_t entries = at.call.extent[table], step = to.stride[table], unit = to.stride[lane],
                   read = v.stride[lane];
    for (extent_t z = 0; z < entries; ++z)
      for (int i = 0; i < count; i += P::lanes)
        store_lanes<out.type>(to.data, base + z * step + (from + i) * unit, unit, std::min(P::lanes, count - i),
                              P(T(0)));
    if (entries == 0) return;
    at.index[lane] = from;
    each_index(Region.columns, at.call.extent, at.index, [&] {
      const extent_t into = base + entry(at, entries - 1) * step + from * unit, of = at.offset(v, source.axes);
      for (int i = 0; i < count; i += P::lanes) {
        const int present = std::min(P::lanes, count - i);
        const P sum = load_lanes<out.type, P>(to.data, into + i * unit, unit, present) +
                      load_lanes<source.type, P>(v.data, of + i * read, read, present);
        store_lanes<out.type>(to.data, into + i * unit, unit, present, sum);
      }
    });
  }
  static void element_by_element(bodies& b, extent_t base, double* sums) {
    constexpr int last = bodies::homes::last, lanes = bodies::lanes;
    const environment& call = b.call;
    const extent_t entries = call.extent[table], step = call.outputs[0].stride[table];
    std::fill_n(sums, entries, 0.0);
    constexpr axis_list columns = Region.columns;  // of a constant, which no program holds
    axis_list outer = columns;
    if (outer.count) --outer.count;
    const extent_t length = extent_along(last, call.extent),
                   total = entries > 0 && length > 0 ? count_of(outer, call.extent) : 0;
    for (extent_t k = 0; k < total; ++k) {
      index_of(outer, call.extent, k, b.index);
      b.template prepare<last, 0, out.result, Region.scatter.index>(0, length);
      typename bodies::template body<last, 0> e{b};
      e.template start<out.result, Region.scatter.index>();
      for (; e.at < length; e.at += lanes) {
        e.count = int(std::min<extent_t>(lanes, length - e.at));
        auto v = compute<Region, out.result, Region.scatter.index>(e);
        const auto at = slot<Region, decltype(e), Region.scatter.index>(v);
        const auto add = slot<Region, decltype(e), out.result>(v);
        for (int i = 0; i < e.count; ++i) sums[std::clamp<extent_t>(at[i], 0, entries - 1)] += double(add[i]);
      }
    }
    for (extent_t z = 0; z < entries; ++z) put_element<out.type>(call.outputs[0].data, base + z * step, sums[z]);
  }

  static void run(const environment& call, const scratch& memory) noexcept {
    constexpr axis_list rows = Region.rows;
    axis_list outer = rows;
    if (in_lanes) --outer.count;
    const extent_t width = in_lanes ? extent_along(lane, call.extent) : 1, chunks = (width + chunk - 1) / chunk;
    if constexpr (!in_lanes)
      for (int t = 0; t < call.threads; ++t) bodies::begin(call, memory.of(t));
    for_each_item(count_of(outer, call.extent) * chunks, call.threads, [&](extent_t item, int thread) {
      extent_t index[max_axes] = {};
      index_of(outer, call.extent, item / chunks, index);
      const extent_t base = offset_at(outer, index, call.outputs[0]);
      if constexpr (in_lanes) {
        scalar_environment<Region> at{call, {}};
        std::copy_n(index, std::size_t(max_axes), at.index);
        lanes(at, base, item % chunks * chunk, int(std::min(chunk, width - item % chunks * chunk)));
      } else {
        bodies& b = bodies::in(memory.of(thread));
        std::copy_n(index, std::size_t(max_axes), b.index);
        pieces own{memory.of(thread)};
        element_by_element(b, base, lay_out(call, own));
      }
    });
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
