// The graphs that a kernel is made of, as its functions and its description want them.
#pragma once
#include "../call/differentiable.hpp"
#include "../graph/kernel.hpp"
#include "call.hpp"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// A graph of a kernel: its table, which knows that others call it, and its loops.
template <int CallersResults, const expression&... Outs>
struct graph_code {
  static constexpr call_table table = [] {
    call_table t = run::call_table_of<Outs...>;
    t.names.callers_results = CallersResults;
    return t;
  }();
  static constexpr memory_need (*need)(const locator&, int) = run::need_of<Outs...>;
  static constexpr void (*run)(locator&, const memory_need&, std::byte*) = run::execute_in<Outs...>;
};
template <result_list R, int CallersResults, class I> struct code_of_list;
template <result_list R, int CallersResults, std::size_t... I>
struct code_of_list<R, CallersResults, std::index_sequence<I...>> {
  using type = graph_code<CallersResults, *R.of[I]...>;
  static constexpr bool fusible() { return run::fusible<options{}, *R.of[I]...>(); }
  static constexpr const run::evaluated_graph& declared() { return run::evaluated_graph_of<*R.of[I]...>; }
};
template <result_list R>
struct code_of : code_of_list<R, R.count, std::make_index_sequence<std::size_t(R.count)>> {};

// The axes of a call whose extents no array brings, nor follow from others that one does.
constexpr axis_set axes_without_array(const call_table& table) {
  const signature& names = table.names;
  axis_set known = 0, asked = 0;
  for (int i = 0; i < names.axes.size(); ++i)
    if (names.axes[i].extent != runtime) known |= axis_bit(i);
  const auto carried = [&](const signature_entry& x) {
    for (const int axis : names.order_of(x)) known |= axis_bit(axis);
  };
  for (const signature_entry& x : names.operands) carried(x);
  for (int k = 0; k < names.callers_results; ++k) carried(names.results[k]);
  const auto follow = [&] {
    for (axis_set before = 0; before != known;) {
      before = known;
      for (const run::extent_rule& rule : table.extent_rules) {
        const axis_set first = axis_bit(rule.first), second = axis_bit(rule.second), third = axis_bit(rule.third);
        const auto knows = [&](axis_set a) { return (known & a) == a; };
        if (rule.code == op::rename) known |= knows(first) ? second : knows(second) ? first : 0;
        else if (knows(second | third)) known |= first;
        else if (rule.code != op::concat) known |= knows(first | second) ? third : knows(first | third) ? second : 0;
      }
    }
  };
  follow();
  for (int i = 0; i < names.axes.size(); ++i) {
    if (!(table.needed_axes & ~known & axis_bit(i))) continue;
    known |= axis_bit(i), asked |= axis_bit(i);
    follow();
  }
  return asked;
}

// Compile in what shows that a kernel is right, and how fast it could be? Without it the first call comes earlier.
#ifdef HEED_KERNEL_WITHOUT_REFERENCE
inline constexpr bool is_checked = false;
#else
inline constexpr bool is_checked = true;
#endif

template <result_list R> constexpr const run::evaluated_graph* evaluated_of() {
  if constexpr (is_checked) return &code_of<R>::declared();
  else return nullptr;
}

// What a kernel is made of. Without gradients: one graph.
template <class Kernel, class Wrt>
struct kernel_graphs {
  static constexpr result_list results = Kernel::declared.results;
  using code = typename code_of<results>::type;
  static constexpr int inputs = code::table.names.operands.size();
  static constexpr described_function functions[] = {
      {"", &code::table, inputs}, {"_reference", &code::table, inputs, false, evaluated_of<results>()}};
  static constexpr described_kernel described{
      Kernel::name, inputs, axes_without_array(code::table), {functions, is_checked ? 2 : 1}};
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
