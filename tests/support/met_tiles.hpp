// The tiles that the first region of a graph meets, by the walk of the kernels, for operands that a call would be
// given.
#pragma once
#include <heed/heed.hpp>

namespace heed_tests {

// Region 0 of R, n rows and m columns: calls met(show::met_tile) for each tile of each item whose mask differs; `watch`
// hears of what is looked at in vain.
template <heed::result_list R, class Met, class Watch, class... Args>
void each_met_tile(heed::extent_t rows, heed::extent_t columns, const Met& met, const Watch& watch, Args&... args) {
  using namespace heed::internal;
  using look = show::looked_at<*R.of[0]>;
  const typename look::frame call;
  run::locate_operands<run::signature_of<*R.of[0]>>(call, run::arguments_by_key(args...));
  call.extent[look::names.find_axis(make_label("n"))] = rows;
  call.extent[look::names.find_axis(make_label("m"))] = columns;
  const run::call_table& table = run::call_table_of<*R.of[0]>;
  const show::extent_table extents = show::extents_of(look::names, plan::plan_of<*R.of[0]>.g, call);
  std::copy_n(extents.begin(), call.extent.size(), call.extent.begin());
  std::vector<run::view> operands;
  for (int i = 0; i < plan::region_of<0, *R.of[0]>.operands.count; ++i)
    operands.push_back(show::view_of_value(table, call, table.regions[0].first_read + i));
  show::each_met_tile<plan::region_of<0, *R.of[0]>>(extents, operands, met, watch);
}

}  // namespace heed_tests
