// The loop region: whatever no other region takes, in double, every reduction a loop of its own in a fixed order.
// Correct and parallel, as fast as plain loops that remember what they need again (loop_homes.hpp); explain says so and
// why.
#pragma once
#include "loop_statistic.hpp"
#include "../team.hpp"
#include <bit>
#include <cmath>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct loop_kernel {
  using bodies = loop_bodies<Region>;
  using homes = loop_homes<Region>;
  static constexpr int last = homes::last, lanes = bodies::lanes;
  static constexpr output out = Region.outputs[0];
  static constexpr axis_list outer = [] {
    axis_list r = homes::rows;
    if (r.count) --r.count;
    return r;
  }();

  // Running sums move on from one item to the next where items come in their direction.
  static constexpr bool backwards = [] {
    int from_the_end = 0;
    for (int i = 1; i < Region.code.size; ++i)
      if (Region.code[i].code == op::running_sum) from_the_end += Region.code[i].value != 0 ? 1 : -1;
    return from_the_end > 0;
  }();
  // Where among the outer axes the first is along which one moves on; behind all: none does. A thread that meets every
  // other item adds up all the same.
  static constexpr int moving = [] {
    int first = outer.count;
    for (int i = 1; i < Region.code.size; ++i)
      if (Region.code[i].code == op::running_sum && homes::moves_on(i))
        for (int k = 0; k < outer.count; ++k)
          if (homes::has(Region.code[i].over, outer[k])) first = std::min(first, k);
    return first;
  }();

  static scratch_need need(const environment& call) {
    pieces own;
    bodies::lay_out(call, own);
    return {0, own.used};
  }

  static void piece(bodies& b, extent_t from, extent_t to) {
    const view& v = b.call.outputs[0];
    b.template prepare<last, 0, out.result>(from, to);
    typename bodies::template body<last, 0> e{b};
    e.template start<out.result>();
    const extent_t base = offset_at(outer, b.index, v);
    const extent_t stride = stride_along(last, v);
    for (e.at = from; e.at < to; e.at += lanes) {
      e.count = int(std::min<extent_t>(lanes, to - e.at));
      const auto r = evaluate<Region, out.result>(e);
      for (int i = 0; i < e.count; ++i) put_element<out.type>(v.data, base + (e.at + i) * stride, r[i]);
    }
  }
  // An item is some elements along the last axis: all of them, for they share most, unless there are too few items for
  // the threads. Those between which running sums move on belong to one thread, where there are enough for all.
  static void run(const environment& call, const scratch& s) noexcept {
    for (int t = 0; t < call.threads; ++t) bodies::begin(call, s.of(t));
    const extent_t length = extent_along(last, call.extent), count = count_of(outer, call.extent);
    if (length == 0 || count == 0) return;
    const extent_t wanted = call.threads > 1 && count < 4 * call.threads ? (4 * call.threads + count - 1) / count : 1;
    const extent_t chunk = ((length + wanted - 1) / wanted + lanes - 1) / lanes * lanes,
                   chunks = (length + chunk - 1) / chunk;
    const auto work = [&](extent_t item, int thread) {
      bodies& b = bodies::in(s.of(thread));
      index_of(outer, call.extent, item / chunks, b.index);
      const extent_t from = item % chunks * chunk;
      piece(b, from, std::min(length, from + chunk));
    };
    const extent_t items = count * chunks;
    extent_t together = 1;  // items of a thread, one behind the other
    if constexpr (moving < outer.count) {
      together = chunks;
      for (int k = moving; k < outer.count; ++k) together *= call.extent[outer[k]];
      if (items / together < call.threads) together = 1;
    }
    for_each_item(items / together, call.threads, [&](extent_t number, int thread) {
      for (extent_t i = number * together; i < (number + 1) * together; ++i)
        work(backwards ? items - 1 - i : i, thread);
    });
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
