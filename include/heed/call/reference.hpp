// The oracle as a call: `reference<out>(q = Q, k = K, v = V, into(O))` evaluates the declared graph naively, in double.
#pragma once
#include "rules/call_rules.hpp"
#include "fused.hpp"
#include "oracle/reference_graph.hpp"

namespace heed::internal::inline HEED_INSTRUCTION_SET {

// The oracle: the declared graph, naively, in double. Same bindings; the results are tensors or views of double.
template <const expression&... Outs>
struct referenced {
  template <class... Args>
  void operator()(Args&&... args) const {
    using rules = run::call_rules<plan::merged_of<Outs...>.g, Args...>;
    if constexpr (rules::inputs())
      if constexpr (rules::template results<true, Outs...>()) {
        static constexpr const plan::execution_plan& p = plan::plan_of<Outs...>;
        const auto arguments = run::arguments_by_key(args...);
        run::call_frame f = run::frame_of<plan::plan_of<Outs...>.g>(arguments);
        run::locate_results<Outs...>(f, run::into_in(arguments));
        run::check_call(p, f, true);  // results in double
        evaluate(p, f);
      }
  }

 private:
  static void evaluate(const plan::execution_plan& p, const run::call_frame& f) {
    static constexpr const plan::merged_graph& m = plan::merged_of<Outs...>;
    run::reference_graph::extents extent{};
    for (int i = 0; i < m.g.axis_count; ++i) extent[i] = f.extent[p.g.find_axis(m.g.axes[i].name)];
    std::vector<run::view> inputs(std::size_t(m.g.input_count));
    for (int i = 0; i < m.g.input_count; ++i) {
      const run::bound& b = f.inputs[i];
      inputs[i].data = b.data;
      for (int k = 0; k < m.g.inputs[i].rank; ++k) inputs[i].stride[m.g.inputs[i].order[k]] = b.strides[k];
    }
    run::reference_graph r(m.g, extent, inputs.data());
    const expression* const outs[] = {&Outs...};
    for (int k = 0; k < m.count; ++k) {
      const int root = m.roots[k];
      r[root];
      const run::bound& to = f.outputs[k];
      r.each(m.g[root].axes, [&](const run::reference_graph::extents& index) {
        extent_t at = 0;
        for (int i = 0; i < outs[k]->shape->rank; ++i)
          at += to.strides[i] * index[m.g.find_axis(outs[k]->shape->axes[i].name)];
        static_cast<double*>(to.data)[at] = r.at(root, index);
      });
    }
  }
};
template <result_list R, class I> struct make_referenced {
  using type = ill_formed_call;
};
template <result_list R, std::size_t... I> requires(is_well_formed<R>())
struct make_referenced<R, std::index_sequence<I...>> {
  using type = referenced<*R.of[I]...>;
};
template <result_list R>
inline constexpr typename make_referenced<R, std::make_index_sequence<std::size_t(R.count)>>::type reference{};

}  // namespace heed::internal::inline HEED_INSTRUCTION_SET
