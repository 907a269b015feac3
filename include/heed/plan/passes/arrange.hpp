// The last step of the split: regions, which were made from the last to the first, get an order in which they can run,
// and every buffer learns when it lives.
#pragma once
#include "../data/execution_plan.hpp"
#include "../facts/nodes.hpp"

namespace heed::internal::plan {

using buffer_numbers = fixed_array<std::int16_t, graph::capacity>;  // of a value: its buffer, number + 1; 0: none

// The buffer that a located value lies in, or -1: an input.
constexpr int buffer_of(const execution_plan& plan, const buffer_numbers& home, node_id i) {
  while (!home[i] && is_view(plan.g[i].code)) i = plan.g[i].a;
  return home[i] - 1;
}

struct region_order {
  fixed_array<std::int16_t, max_regions> of{};
  int count = 0;
};
// A region runs when all it reads has been written; of those that can run the one that was made last comes first. Not
// all of them have a place if they wait for each other in a circle.
constexpr region_order runnable_order(const execution_plan& plan, const buffer_numbers& home) {
  fixed_array<std::int16_t, max_regions> writer{};  // of a buffer: its region, number + 1
  for (int i = 0; i < plan.region_count; ++i)
    for (int k = 0; k < plan.regions[i].write_count; ++k) writer[plan.regions[i].writes[k].into] = std::int16_t(i + 1);
  fixed_array<bool, max_regions> done{};
  const auto can_run = [&](int i) {
    const outline& region = plan.regions[i];
    for (int k = 0; k < region.read_count; ++k) {
      const int buffer = buffer_of(plan, home, region.reads[k]);
      const int from = buffer < 0 ? 0 : writer[buffer];
      if (from && !done[from - 1] && from - 1 != i) return false;
    }
    return true;
  };
  region_order order;
  int high = plan.region_count - 1;
  for (bool more = true; more;) {
    while (high >= 0 && done[high]) --high;
    more = false;
    for (int i = high; i >= 0 && !more; --i)
      if (!done[i] && can_run(i)) done[i] = more = true, order.of[order.count++] = std::int16_t(i);
  }
  return order;
}

constexpr void arrange(execution_plan& plan, const buffer_numbers& home) {
  const region_order order = runnable_order(plan, home);
  if (order.count < plan.region_count) {
    plan.fault = plan_fault::circle;
    return;
  }
  fixed_array<outline, max_regions> sorted{};
  for (int i = 0; i < order.count; ++i) sorted[i] = plan.regions[order.of[i]];
  plan.regions = sorted;
  for (int i = 0; i < plan.region_count; ++i) {
    const outline& region = plan.regions[i];
    for (int k = 0; k < region.write_count; ++k) {
      buffer& into = plan.buffers[region.writes[k].into];
      into.first = into.last = std::int16_t(i);
    }
    for (int k = 0; k < region.read_count; ++k)
      if (const int from = buffer_of(plan, home, region.reads[k]); from >= 0) plan.buffers[from].last = std::int16_t(i);
  }
}

}  // namespace heed::internal::plan
