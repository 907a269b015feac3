// What fuse does while compiling, done while a test runs: the plan of some results; and whether it means what the graph
// means. So many graphs fit into one program.
#pragma once
#include "graphs.hpp"
#include <memory>
#include <string>

namespace heed_tests {

template <class... E> std::unique_ptr<plan::execution_plan> planned(const E&... e) {
  const auto merged = std::make_unique<merged_graph>(plan::merge_results(e...));
  if (may_be_rewritten(merged->g)) *merged = rewritten(*merged);
  const auto one_axis =
      std::make_unique<plan::merged_axes>(plan::with_merged_axes(merged->g, merged->roots, merged->count));
  node_flags alone{};
  for (;;) {  // in rounds, as make_plan.hpp does
    const auto simple = std::make_unique<plan::simplified_graph>(
        one_axis->done ? plan::simplified_behind(*one_axis, merged->count, alone)
                       : plan::simplified(merged->g, merged->roots, merged->count, alone));
    const auto orders = std::make_unique<plan::axis_orders>(plan::orders_with_results(*simple, e...));
    const auto uses = std::make_unique<plan::uses>(plan::uses_of(simple->g, simple->roots, merged->count));
    auto made = std::make_unique<plan::execution_plan>(
        plan::split_into_regions(*simple, merged->count, *orders, *uses, plan::declared_results_of(*simple, e...)));
    if (!made->alone.count) return made;
    for (const node_id i : made->alone) alone[i] = true;
  }
}
template <result_list R> std::unique_ptr<plan::execution_plan> planned() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return planned(*R.of[I]...);
  }(std::make_index_sequence<std::size_t(R.count)>{});
}

// What is wrong with the results of a plan that is interpreted element by element, beside the naive evaluation of the
// declared results; empty: nothing.
inline std::string difference(const plan::execution_plan& p, const result_list& results,
                              const std::map<std::string, extent_t>& given) {
  graphs::operands memory;
  const index_array extent = graphs::extents_of(p.g, given);
  const std::vector<run::view> inputs = memory.of(p.g, extent);
  plan_interpreter got(p, extent, inputs.data());
  std::string wrong;
  for (int k = 0; k < p.result_count; ++k) {
    const graphs::expected_result want(*results.of[k], given);
    const int value = graphs::value_of_result(p, k);
    double worst = 0, largest = 0;
    got.each(p.g[value].axes, [&](const index_array& at) {
      const double g = got.located(value, at), w = want.at(p.g, at);
      if (std::isfinite(w)) largest = std::max(largest, std::fabs(w));
      if (!graphs::alike(g, w, 1e-9))
        worst = std::max(worst, std::isfinite(g) && std::isfinite(w) ? std::fabs(g - w) : INFINITY);
    });
    if (worst > 0) wrong += "result " + std::to_string(k) + " is off by " + std::to_string(worst) + "; ";
    if (largest == 0) wrong += "result " + std::to_string(k) + " is zero, which proves nothing; ";
  }
  return wrong;
}

inline bool stores_pairs(const plan::execution_plan& p) {
  for (int i = 0; i < p.buffer_count; ++i)
    if (p.buffers[std::size_t(i)].over_pairs) return true;
  return false;
}

// The regions of a plan, a letter each: score, matmul, row, loop, score_gradient (g), scatter (t).
inline std::string kinds(const plan::execution_plan& p) {
  std::string r;
  for (int i = 0; i < p.region_count; ++i) r += "smrlgt"[int(p.regions[std::size_t(i)].kind)];
  return r;
}

}  // namespace heed_tests
