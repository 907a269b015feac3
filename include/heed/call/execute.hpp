// Runs a plan: locates every value in memory, asks the kernels what they need, takes the workspace, runs the regions.
#pragma once
#include "../plan/passes/make_plan.hpp"
#include "checks/call_checks.hpp"
#include "../run/loop/loop_kernel.hpp"
#include "../run/matmul/matmul_kernel.hpp"
#include "../run/row/row_kernel.hpp"
#include "../run/score/score_gradient_kernel.hpp"
#include "../run/loop/scatter_kernel.hpp"
#include "../run/score/score_kernel.hpp"
#include "places.hpp"
#include <array>
#include <boost/hana/for_each.hpp>
#include <boost/hana/range.hpp>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Where values lie. Views are followed down to an input or a buffer; a value computed into a merged or renamed buffer
// is found by walking from the buffer down to it. An operand whose merged axes step as one in the caller's memory is
// read there: the region that would copy it has nothing to do.
struct locator {
  const plan::execution_plan& p;
  const call_frame& f;
  buffer_places places;
  std::byte* memory = nullptr;
  std::array<std::int16_t, graph::capacity> buffer_of;  // that a region computes a value into, number + 1; 0: none
  std::bitset<plan::max_regions> in_place;              // buffers of what is read in the caller's memory instead

  locator(const plan::execution_plan& plan, const call_frame& frame) : p(plan), f(frame) {
    for (int r = 0; r < p.region_count; ++r) {
      const plan::outline& o = p.regions[r];
      const int into = o.writes[0].into;
      view v;
      if (copies(o) && p.buffers[into].result < 0 && is_merged_in_place(p.buffers[into].value, v))
        in_place.set(std::size_t(into));
    }
    places = place_buffers(p, f.extent.data(), in_place);
    std::fill_n(buffer_of.begin(), p.g.size, std::int16_t(0));
    for (int r = p.region_count - 1; r >= 0; --r) {
      const plan::outline& o = p.regions[r];
      for (int k = 0; k < o.write_count && !copies(o); ++k)
        buffer_of[o.writes[k].value] = std::int16_t(o.writes[k].into + 1);
    }
  }

  // An input, perhaps through views: false where its merged axes do not step as one.
  bool is_merged_in_place(node_id i, view& v) const {
    const node& x = p.g[i];
    if (x.code == op::input) return v = view_of_input(p.g, f, x.first), f.inputs[x.first].rank >= 0;
    if (!is_view(x.code) || !is_merged_in_place(x.a, v)) return false;
    if (x.code != op::merge) return look_through(x, f.extent.data(), v), true;
    const extent_t length = f.extent[x.third], major = v.stride[x.second], minor = v.stride[x.third];
    v.stride[x.second] = v.stride[x.third] = 0;
    v.stride[x.first] = length == 1 ? major : minor;
    return length == 1 || f.extent[x.second] == 1 || major == minor * length;
  }
  bool has_nothing_to_do(const plan::outline& o) const { return in_place[o.writes[0].into]; }

  view in_buffer(int i) const {
    const plan::buffer& b = p.buffers[i];
    view v;
    if (in_place[i]) return is_merged_in_place(b.value, v), v;
    if (b.result >= 0) {
      const bound& o = f.outputs[b.result];
      v.data = o.data;
      for (int k = 0; k < b.order.count; ++k) v.stride[b.order[k]] = o.strides[k];
      return v;
    }
    if (memory) v.data = memory + places.offset[i];  // none yet while kernels say what they need
    extent_t s = 1;
    for (int k = b.order.count - 1; k >= 0; --k) v.stride[b.order[k]] = s, s *= f.extent[b.order[k]];
    return v;
  }
  // The memory of a value that lies in buffer `into`, perhaps below merges and renames.
  view written(node_id value, int into) const {
    view v = in_buffer(into);
    for (node_id i = p.buffers[into].value; i != value; i = p.g[i].a) {
      const node& x = p.g[i];
      if (x.code != op::merge && x.code != op::rename) break;  // a copy: the buffer is the value's own
      const extent_t s = v.stride[x.code == op::merge ? x.first : x.second];
      v.stride[x.code == op::merge ? x.first : x.second] = 0;
      if (x.code == op::rename) v.stride[x.first] = s;
      else v.stride[x.third] = s, v.stride[x.second] = s * f.extent[x.third];
    }
    return v;
  }
  view operator()(node_id i) const {
    const node& x = p.g[i];
    if (x.code == op::input) return view_of_input(p.g, f, x.first);
    if (const int b = buffer_of[i]) return written(i, b - 1);
    if (x.code == op::merge)  // a copy, or written in parts: read where it lies merged
      for (int b = 0; b < p.buffer_count; ++b)
        if (p.buffers[b].value == i) return in_buffer(b);
    view v = (*this)(x.a);
    look_through(x, f.extent.data(), v);
    return v;
  }
  static bool copies(const plan::outline& o) {
    return o.core == 0 && o.read_count == 1 && o.reads[0] == o.writes[0].value;
  }
};

template <const auto& Region> struct kernel_of;
template <const auto& Region> requires(Region.kind == region_kind::score)
struct kernel_of<Region> : score_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::matmul)
struct kernel_of<Region> : matmul_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::row)
struct kernel_of<Region> : row_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::score_gradient)
struct kernel_of<Region> : score_gradient_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::loop && !Region.index)
struct kernel_of<Region> : loop_kernel<Region> {};
template <const auto& Region> requires(Region.index != 0)
struct kernel_of<Region> : scatter_kernel<Region> {};

// One region: where its operands lie, what its kernel needs, its run. Region is the first with the same loops.
template <const auto& Region>
struct region_call {
  static_assert(plan::computable(Region),
                "heed: internal error: the plan of this graph holds a region that its kernel cannot compute");
  std::array<view, std::size_t(Region.operand_count > 0 ? Region.operand_count : 1)> operands;
  std::array<view, std::size_t(Region.output_count)> outputs;
  environment call;

  region_call(const locator& at, const plan::outline& o, int threads)
      : call{at.f.extent.data(), operands.data(), outputs.data(), threads} {
    for (int k = 0; k < Region.operand_count; ++k) operands[k] = at(o.reads[k]);
    for (int k = 0; k < Region.output_count; ++k) outputs[k] = at.written(o.writes[k].value, o.writes[k].into);
  }
};

template <int I, const expression&... Outs>
inline constexpr const region& loops_of = plan::region_of<plan::first_alike_of<Outs...>[I], Outs...>;
// Calls action.operator()<I>() for each region.
template <const expression&... Outs, class Action>
void each_region(const Action& action) {
  boost::hana::for_each(boost::hana::range_c<int, 0, plan::plan_of<Outs...>.region_count>,
                        [&](auto i) { action.template operator()<i()>(); });
}
// What the hungriest region asks for besides its operands.
template <const expression&... Outs>
scratch_need largest_need(const locator& at, int threads) {
  scratch_need most;
  each_region<Outs...>([&]<int I>() {
    const region_call<loops_of<I, Outs...>> c(at, at.p.regions[I], threads);
    const scratch_need n = kernel_of<loops_of<I, Outs...>>::need(c.call);
    most.shared = std::max(most.shared, n.shared), most.per_thread = std::max(most.per_thread, n.per_thread);
  });
  return most;
}

template <const expression&... Outs>
void execute(const call_frame& f, workspace& memory) {
  const plan::execution_plan& p = plan::plan_of<Outs...>;
  locator at(p, f);
  const int threads = team_size();
  const scratch_need most = largest_need<Outs...>(at, threads);
  const std::size_t buffers = rounded_up(at.places.bytes), shared = rounded_up(most.shared),
                    own = rounded_up(most.per_thread);
  const workspace::lease held(memory);  // before anything is allocated or written
  at.memory = memory.at_least(buffers + shared + own * std::size_t(threads));
  const scratch s{at.memory + buffers, at.memory + buffers + shared, own};
  each_region<Outs...>([&]<int I>() {
    if (at.has_nothing_to_do(p.regions[I])) return;
    const region_call<loops_of<I, Outs...>> c(at, p.regions[I], threads);
    kernel_of<loops_of<I, Outs...>>::run(c.call, s);
  });
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
