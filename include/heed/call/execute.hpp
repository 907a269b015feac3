// Runs a call that has been checked: asks the kernels what they need, takes the workspace, runs the regions.
#pragma once
#include "../plan/passes/make_plan.hpp"
#include "../run/loop/loop_kernel.hpp"
#include "../run/matmul/matmul_kernel.hpp"
#include "../run/row/row_pieces.hpp"
#include "../run/score/score_gradient_kernel.hpp"
#include "../run/loop/scatter_kernel.hpp"
#include "../run/score/score_kernel.hpp"
#include "frame/make_call_table.hpp"
#include "locate.hpp"
#include <array>
#include <boost/hana/for_each.hpp>
#include <boost/hana/range.hpp>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region> struct kernel_of;
template <const auto& Region> requires(Region.kind == region_kind::score)
struct kernel_of<Region> : score_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::matmul)
struct kernel_of<Region> : matmul_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::row)
struct kernel_of<Region> : row_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::score_gradient)
struct kernel_of<Region> : score_gradient_kernel<Region> {};
template <const auto& Region> requires(Region.kind == region_kind::loop && !Region.scatter.index)
struct kernel_of<Region> : loop_kernel<Region> {};
template <const auto& Region> requires(Region.scatter.index != 0)
struct kernel_of<Region> : scatter_kernel<Region> {};

// One region: where its operands lie, what its kernel needs, its run. Region is the first that is equal to it.
template <const auto& Region>
struct region_call {
  static_assert(plan::computable(Region),
                "heed: internal error: the plan of this graph holds a region that its kernel cannot compute");
  std::array<view, std::size_t(Region.operands.count > 0 ? Region.operands.count : 1)> operands;
  std::array<view, std::size_t(Region.outputs.count)> outputs;
  environment call;

  region_call(const locator& values, const region_entry& region, int threads)
      : call{values.frame.extent.first, operands.data(), outputs.data(), threads} {
    values.find(region.first_read, Region.operands.count, operands.data());
    values.find(region.first_write, Region.outputs.count, outputs.data());
  }
  region_call(const region_call&) = delete;
};

template <int I, const expression&... Outs>
inline constexpr const region& loops_of = plan::region_of<plan::first_alike_of<Outs...>[I], Outs...>;
// The region that makes an operand of region I which may be staged; -1: it is stored.
template <int I, const expression&... Outs> constexpr int maker_of(int operand) {
  const execution_plan& plan = plan::plan_of<Outs...>;
  const int buffer = plan::staged_buffer(plan, plan.regions[I], operand);
  return buffer < 0 ? -1 : plan::writer_of(plan, buffer);
}
// What makes it, where it is staged in a call.
template <int Maker, const expression&... Outs> struct maker_call {
  using pieces_of_rows = row_pieces<loops_of<Maker, Outs...>>;
  region_call<loops_of<Maker, Outs...>> maker;
  staged_rows rows;
  bool staged;
  maker_call(const locator& values, int threads) : maker(values, values.table.regions[Maker], threads) {
    const int buffer = values.table.places[values.table.regions[Maker].first_write].buffer;
    const staging& s = values.table.buffers[buffer].staged;
    rows = {pieces_of_rows::make, &maker.call, s.item, s.column, 0};
    staged = values.frame.places[buffer].staged;
  }
  const staged_rows* where() const { return staged ? &rows : nullptr; }
};
template <const expression&... Outs> struct maker_call<-1, Outs...> {
  maker_call(const locator&, int) {}
  static constexpr const staged_rows* where() { return nullptr; }
};
// Region I of a call, with what its kernel has made.
template <int I, const expression&... Outs> struct located_region {
  static constexpr const plan::region& loops = loops_of<I, Outs...>;
  region_call<loops_of<I, Outs...>> region;
  [[no_unique_address]] maker_call<maker_of<I, Outs...>(loops.tile.column_operand), Outs...> keys;
  [[no_unique_address]] maker_call<maker_of<I, Outs...>(loops.score.values), Outs...> values;
  located_region(const locator& at, int threads)
      : region(at, at.table.regions[I], threads),
        keys(at, threads),
        values(at, threads) {
    region.call.keys = keys.where(), region.call.values = values.where();
  }
};
// Calls action.operator()<I>() for each region.
template <const expression&... Outs, class Action>
void each_region(const Action& action) {
  boost::hana::for_each(boost::hana::range_c<int, 0, plan::plan_of<Outs...>.region_count>,
                        [&](auto i) { action.template operator()<i()>(); });
}
// What the hungriest region asks for besides its operands.
template <const expression&... Outs>
scratch_need largest_need(const locator& values, int threads) {
  scratch_need most;
  each_region<Outs...>([&]<int I>() {
    const located_region<I, Outs...> located(values, threads);
    const scratch_need need = kernel_of<loops_of<I, Outs...>>::need(located.region.call);
    most.shared = std::max(most.shared, need.shared), most.per_thread = std::max(most.per_thread, need.per_thread);
  });
  return most;
}

// What a call takes of memory besides its operands: the buffers between its regions, and what its kernels work with.
struct memory_need {
  std::size_t buffers = 0, shared = 0, per_thread = 0;  // in bytes, multiples of 64
  int threads = 1;
  std::size_t bytes() const { return buffers + shared + per_thread * std::size_t(threads); }
};
template <const expression&... Outs>
memory_need need_of(const locator& values, int threads) {
  const scratch_need most = largest_need<Outs...>(values, threads);
  return {rounded_up(values.bytes), rounded_up(most.shared), rounded_up(most.per_thread), threads};
}
// In memory that is 64-byte aligned and as large as is needed. Throws nothing.
template <const expression&... Outs>
void execute_in(locator& values, const memory_need& need, std::byte* memory) {
  values.memory = memory;
  const scratch s{memory + need.buffers, memory + need.buffers + need.shared, need.per_thread};
  each_region<Outs...>([&]<int I>() {
    const region_entry& entry = values.table.regions[I];
    if (values.has_nothing_to_do(entry)) return;
    const located_region<I, Outs...> located(values, need.threads);
    kernel_of<loops_of<I, Outs...>>::run(located.region.call, s);
  });
}
template <const expression&... Outs>
void execute(const call_frame& frame, workspace& memory) {
  locator values(call_table_of<Outs...>, frame);
  const memory_need need = need_of<Outs...>(values, team_size());
  const workspace::lease held(memory);  // before anything is allocated or written
  execute_in<Outs...>(values, need, memory.at_least(need.bytes()));
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
