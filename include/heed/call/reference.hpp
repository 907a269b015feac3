// The oracle as a call: `reference<out>(q = Q, k = K, v = V, into(O))` evaluates the declared graph naively, in double.
#pragma once
#include "compiled.hpp"
#include "oracle/evaluated_graph.hpp"
#include "oracle/reference_graph.hpp"

namespace heed::internal {
namespace run::inline HEED_INSTRUCTION_SET {

// Axes and inputs have the numbers of the plan in the declared graph too.
constexpr bool same_numbers(const signature& names, const graph& declared) {
  for (int i = 0; i < declared.axis_count; ++i)
    if (!(names.axes[i] == declared.axes[i])) return false;
  for (int i = 0; i < declared.input_count; ++i)
    if (!(names.operands[i].name == declared.inputs[i].name)) return false;
  return names.operands.count == declared.input_count;
}

// Graph: reference_graph, or what derives from it, made with more arguments.
template <class Graph = reference_graph, class... More>
void evaluate_naively(const evaluated_graph& declared, const signature& names, const call_frame& frame, More&... more) {
  reference_graph::extents extent{};
  for (int i = 0; i < names.declared_axes; ++i) extent[i] = frame.extent[i];
  std::vector<view> inputs;
  for (int i = 0; i < names.operands.size(); ++i) inputs.push_back(view_of_operand(names, frame, i));
  Graph values(declared, extent, inputs.data(), more...);
  for (const int root : declared.roots) values[root];  // all, before the first write
  for (int k = 0; k < declared.roots.size(); ++k) {
    const int root = declared.roots[k];
    const bound& to = frame.results[k];
    const stretch<const std::int8_t> order = names.order_of(names.results[k]);
    values.each(declared[root].axes, [&](const reference_graph::extents& index) {
      extent_t at = 0;
      for (int i = 0; i < order.size(); ++i) at += to.strides[i] * index[order[i]];
      static_cast<double*>(to.data)[at] = values.at(root, index);
    });
  }
}

}  // namespace run::inline HEED_INSTRUCTION_SET

inline namespace HEED_INSTRUCTION_SET {

// The oracle: the declared graph, naively, in double. Same bindings; the results are tensors or views of double.
template <const expression&... Outs>
struct referenced {
  template <class... Args>
  void operator()(Args&&... args) const {
    using compiled = run::compiled<run::evaluator::oracle, Outs...>;
    using rules = typename compiled::template rules<Args...>;
    if constexpr (rules::template operands<true>())
      if constexpr (rules::template results<true, Outs...>()) {
        static_assert(run::same_numbers(run::signature_of<Outs...>, plan::merged_of<Outs...>.g));
        const typename compiled::frame frame(run::arguments_by_key(args...));
        run::evaluate_naively(run::evaluated_graph_of<Outs...>, run::signature_of<Outs...>, frame);
      }
  }
};

template <result_list R>
inline constexpr run::call_of<R, referenced> reference{};

}  // namespace HEED_INSTRUCTION_SET
}  // namespace heed::internal
