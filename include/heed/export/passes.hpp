// The graphs of a kernel with gradients: the forward pass that keeps what the backward pass wants, the backward pass,
// and how both know that they belong together.
#pragma once
#include "../call/differentiable.hpp"
#include "graphs.hpp"

namespace heed::internal {

// wrt_named<"q", "k">(): inputs of the kernel by their names, for a source that has no others for them.
template <text... Names> struct named_wrt {};
template <text... Names> inline constexpr bool is_wrt<named_wrt<Names...>> = true;
template <text... Names, class... Results> consteval named_wrt<Names...> wrt_named(const Results&...) {
  require_inputs_of_gradient<sizeof...(Names)>();
  return {};
}

namespace exported::inline HEED_INSTRUCTION_SET {

// An input of some results by its name; without axes where they have none of that name, which is refused as for all
// gradients.
template <result_list R, text Name> struct named_input {
  struct found {
    element type = element::f32;
    shape_value shape{};
  };
  static constexpr found input = [] {
    for (int k = 0; k < R.count; ++k) {
      const graph& g = R.of[k]->g;
      for (int i = 0; i < g.input_count; ++i) {
        if (!(g.inputs[i].name == make_label(Name))) continue;
        found r{g.inputs[i].type};
        for (; r.shape.rank < g.inputs[i].rank; ++r.shape.rank)
          r.shape.axes[r.shape.rank] = g.axes[g.inputs[i].order[r.shape.rank]];
        return r;
      }
    }
    return found{};
  }();
  static constexpr shape_value shape = input.shape;
  using type =
      input_expr<Name, typename shape_type_of_value<shape, std::make_index_sequence<std::size_t(shape.rank)>>::type,
                 input.type>;
};
template <result_list R, class Wrt> struct wrt_of {
  using type = Wrt;
};
template <result_list R, text... Names> struct wrt_of<R, named_wrt<Names...>> {
  static constexpr bool real = (require_real_input<Names, named_input<R, Names>::input.type>() && ...);
  using type = std::conditional_t<real, wrt_list<typename named_input<R, Names>::type...>, ill_formed>;
};

// The table of the backward pass: an extent that the kernel's graph derives from others, it derives likewise.
template <class Forward, class Backward>
struct backward_table {
  static constexpr auto rules = [] {
    const signature& names = Forward::table.names;
    run::exact_list<run::extent_rule, Forward::table.extent_rules.size() + Backward::table.extent_rules.size()> r{};
    for (const run::extent_rule& rule : Backward::table.extent_rules) r.add(rule);
    for (const run::extent_rule& rule : Forward::table.extent_rules)
      if (rule.first < names.declared_axes && rule.second < names.declared_axes && rule.third < names.declared_axes)
        r.add(rule);
    return r;
  }();
  static constexpr call_table table = [] {
    call_table t = Backward::table;
    t.extent_rules = rules.all();
    return t;
  }();
};

constexpr std::uint64_t hash_of_text(const char* s, std::uint64_t h) {
  for (; *s; ++s) h = mixed(h, std::uint64_t(static_cast<unsigned char>(*s)));
  return h;
}

template <class Kernel, class... Inputs>
struct kernel_graphs<Kernel, wrt_list<Inputs...>> {
  static constexpr result_list results = Kernel::declared.results;
  static constexpr result_list gradients = gradient<results>(wrt_list<Inputs...>{});
  using passes = run::passes<results, wrt_list<Inputs...>>;
  static constexpr int kept = passes::saved_count;

  using code = typename code_of<results>::type;
  using backward_list = code_of<passes::backward>;
  using forward_code = typename code_of_list<passes::forward, results.count,
                                             std::make_index_sequence<std::size_t(passes::forward.count)>>::type;
  using backward_code = typename backward_list::type;
  static constexpr const call_table& forward_table = forward_code::table;
  static constexpr const call_table& backward = backward_table<code, backward_code>::table;
  static constexpr int inputs = code::table.names.operands.size(),
                       backward_operands = backward.names.operands.size() - kept;

  static constexpr described_function functions[] = {
      {"", &code::table, inputs},
      {"_forward", &forward_table, inputs},
      {"_backward", &backward, backward_operands, true},
      {"_reference", &code::table, inputs, false, evaluated_of<results>()},
      {"_backward_reference", &backward, backward_operands, true, evaluated_of<gradients>()}};
  static constexpr described_kernel described{
      Kernel::name, inputs, axes_without_array(code::table), {functions, is_checked ? 5 : 3}};

  // Of the declaration: the same for both passes, another for every other.
  static constexpr std::uint64_t hash = [] {
    std::uint64_t h = hash_of_text(heed_version, hash_of_text(Kernel::name, 1));
    for (int k = 0; k < passes::forward.count; ++k) h = mixed(h, passes::forward.of[k]->top().hash);
    for (int k = 0; k < passes::backward.count; ++k) h = mixed(h, passes::backward.of[k]->top().hash);
    return h;
  }();
  static constexpr kept_values forward_keeps{hash, code::table.names.declared_axes,
                                             forward_table.names.results.part(results.count, kept), true};
  static constexpr kept_values backward_reads{hash, code::table.names.declared_axes,
                                              backward.names.operands.part(backward_operands, kept), false};
};

}  // namespace exported::inline HEED_INSTRUCTION_SET

// The gradient of a kernel is a kernel too: HEED_KERNEL(slopes, gradient<out>(wrt_named<"q">())).
template <result_list R, text... Names> consteval result_list gradient(named_wrt<Names...>) {
  return gradient<R>(typename exported::wrt_of<R, named_wrt<Names...>>::type{});
}

}  // namespace heed::internal
