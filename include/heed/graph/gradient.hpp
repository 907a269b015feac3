// Gradients: `gradient<out>(wrt(q, k, slope))` is the list of results grad(q), grad(k), grad(slope), an ordinary graph:
// fused, explained, evaluated by `reference` and differentiated again like any other. For every result of `out` that is
// not a single number the graph has one more input, its cotangent: `cotangent<out> = dO` in a call.
#pragma once
#include "differentiate.hpp"
#include "results.hpp"
#include "rewritten.hpp"

namespace heed::internal {

// What a gradient is taken with respect to: inputs of real numbers.
template <class... Inputs> struct wrt_list {};

template <class T> inline constexpr bool is_input = false;
template <text N, class S, element E> inline constexpr bool is_input<input_expr<N, S, E>> = true;
template <class... T> constexpr bool require_inputs() {
  static_assert(given<(is_input<T> && ...), T...>, "heed: a gradient is taken with respect to inputs");
  return (is_input<T> && ...);
}
template <std::size_t Count> constexpr bool require_inputs_of_gradient() {
  constexpr bool ok = Count >= 1 && Count <= std::size_t(max_results);
  static_assert(given<ok, number_fact<"inputs", Count>>, "heed: a gradient is taken with respect to 1 to 64 inputs");
  return ok;
}
template <text Name, element Type> constexpr bool require_real_input() {
  static_assert(given<is_real(Type), operand_fact<Name>, element_fact_of<Type>>,
                "heed: only inputs of real numbers have a gradient");
  return is_real(Type);
}
template <text Name, bool There> constexpr bool require_input_of_graph() {
  static_assert(given<There, operand_fact<Name>>,
                "heed: a gradient is taken with respect to an input that the graph does not have");
  return There;
}
template <element Type> constexpr bool require_real_result() {
  static_assert(given<is_real(Type), element_fact_of<Type>>, "heed: only results of real numbers have a gradient");
  return is_real(Type);
}

template <class... Inputs>
constexpr auto wrt(const Inputs&...) {
  if constexpr ((is_ill_formed<Inputs> || ...)) return ill_formed{};
  else if constexpr (!require_inputs<Inputs...>()) return ill_formed{};
  else if constexpr (!require_inputs_of_gradient<sizeof...(Inputs)>()) return ill_formed{};
  else if constexpr (!(require_real_input<Inputs::name, Inputs::type>() && ...)) return ill_formed{};
  else return wrt_list<Inputs...>{};
}

constexpr bool has_input(const graph& g, const label& name) {
  for (int i = 0; i < g.input_count; ++i)
    if (g.inputs[i].name == name) return true;
  return false;
}
constexpr bool has_input(const result_list& r, const label& name) {
  for (int k = 0; k < r.count; ++k)
    if (has_input(r.of[k]->g, name)) return true;
  return false;
}
// A name for an input that passes add: base, then a number (0: none), primed where `taken` says that an input has that
// name already, as it does in the gradient of a gradient.
template <class Taken>
constexpr label unused_label(const char* base, int number, const Taken& taken) {
  char s[label_capacity + 1]{};
  std::size_t n = 0;
  for (; base[n]; ++n) s[n] = base[n];
  if (number >= 10) s[n++] = char('0' + number / 10);
  if (number > 0) s[n++] = char('0' + number % 10);
  while (taken(make_label(s))) s[n++] = '\'';  // too many: a compile error here
  return make_label(s);
}
// The name of the cotangent of result k: cotangent, or cotangent1, cotangent2, ... where there are several results.
constexpr label cotangent_label(const result_list& r, int k) {
  return unused_label("cotangent", r.count > 1 ? k + 1 : 0, [&](const label& name) { return has_input(r, name); });
}

// The gradient of the sum of <result, cotangent> over some results.
constexpr differentiation differentiated(const result_list& r) {
  merged_graph merged = in_one_graph(r.of, r.count);
  if (may_be_rewritten(merged.g)) merged = rewritten(merged);
  const fixed_array<node_id, max_results>& roots = merged.roots;
  differentiation d{.g = merged.g, .declared = merged.g.size};
  for (int k = 0; k < r.count; ++k) {
    const node& x = d.g[roots[k]];
    const node_id dy =
        r.of[k]->shape->rank == 0 ? d.real(1) : put_input(d.g, cotangent_label(r, k), stored(x.type), *r.of[k]->shape);
    d.gradient[roots[k]] = d.plus(d.gradient[roots[k]], dy);
  }
  d.run();
  return d;
}
template <result_list R> inline constexpr differentiation differentiation_of = differentiated(R);

constexpr node_id node_of_input(const graph& g, int size, const label& name) {
  for (int i = 1; i < size; ++i)
    if (g[i].code == op::input && g.inputs[g[i].first].name == name) return node_id(i);
  return 0;
}
template <result_list R, class Input>
inline constexpr auto gradient_with_respect_to = expr<typename Input::shape_type, Input::type>(
    empty_graph,
    [](graph& g) {
      differentiation d = differentiation_of<R>;
      const node_id root = d.of_input(node_of_input(d.g, d.declared, make_label(Input::name)));
      g = d.g;
      return root;
    },
    make_label(Input::name));

template <result_list R, class Input> constexpr bool differentiable_input() {
  return require_input_of_graph<Input::name, has_input(R, make_label(Input::name))>();
}
template <result_list R> constexpr bool differentiable_results() {
  return []<std::size_t... K>(std::index_sequence<K...>) {
    return (require_real_result<R.of[K]->top().type>() && ...);
  }(std::make_index_sequence<std::size_t(R.count)>{});
}

template <label Name, derivative_fault Fault> constexpr bool require_derivative() {
  static_assert(given < Fault != derivative_fault::missing, operand_fact < text_of<Name>() >>,
                "heed: this primitive has no derivative(...) of its operands");
  static_assert(given < Fault != derivative_fault::count, operand_fact < text_of<Name>() >>,
                "heed: the derivative of a primitive of two operands is a pair of expressions");
  static_assert(given < Fault != derivative_fault::number, operand_fact < text_of<Name>() >>,
                "heed: the derivative of a primitive is a number or an expression that is one");
  static_assert(given < Fault != derivative_fault::pointwise, operand_fact < text_of<Name>() >>,
                "heed: the derivative of a primitive is pointwise, in its operands alone");
  return Fault == derivative_fault::none;
}
template <result_list R> constexpr bool differentiable_primitives() {
  constexpr const differentiation& d = differentiation_of<R>;
  if constexpr (d.refused == nullptr) return true;
  else return require_derivative<d.refused->name, d.fault>();
}

// gradient<out>(wrt(q, k, v)), gradient<results(out, lse)>(wrt(q)): results in the order of wrt, each with the shape
// and the element of its input, and with its name: `grad(q)` in a call. Errors: those above. Where several values tie
// for a maximum they share its gradient evenly.
template <result_list R, class... Inputs>
consteval result_list gradient(wrt_list<Inputs...>) {
  result_list r;
  r.well_formed = false;
  if constexpr (is_well_formed<R>())
    if constexpr (differentiable_results<R>())
      if constexpr ((differentiable_input<R, Inputs>() && ...))
        if constexpr (differentiable_primitives<R>()) {
          r.well_formed = true;
          ((r.of[r.count++] = &gradient_with_respect_to<R, Inputs>), ...);
        }
  return r;
}
template <result_list R> consteval result_list gradient(ill_formed) { return result_list(ill_formed{}); }

template <class... T> constexpr bool require_result_between_brackets() {
  static_assert(given < sizeof...(T) == 0, T... >,
                "heed: a gradient is written gradient<out>(wrt(q, k)): the result stands between < and >");
  return false;
}
template <class T, class... More> constexpr ill_formed gradient(const T&, const More&...) {
  return require_result_between_brackets<T, More...>(), ill_formed{};
}

// What `grad(q) = dQ` makes: memory for the result that is the gradient with respect to the input of this name.
template <text Name, class Tensor>
struct gradient_binding {
  static constexpr auto name = Name;
  Tensor&& operand;
};
template <class Input>
struct gradient_key {
  template <class Tensor> constexpr auto operator=(Tensor&& operand) const {
    return gradient_binding<Input::name, Tensor>{std::forward<Tensor>(operand)};
  }
};
template <class T> constexpr bool require_input_of_gradient() {
  static_assert(given<is_input<T>, T>, "heed: grad(...) names the gradient with respect to an input");
  return is_input<T>;
}
// into(grad(v) = dV, grad(q) = dQ): results named after the inputs that they belong to, in any order.
template <class T> constexpr auto grad(const T&) {
  if constexpr (is_ill_formed<T>) return ill_formed{};
  else if constexpr (!require_input_of_gradient<T>()) return ill_formed{};
  else return gradient_key<T>{};
}

// The shape of a result as a type.
template <const shape_value& S, class I> struct shape_type_of_value;
template <const shape_value& S, std::size_t... I>
struct shape_type_of_value<S, std::index_sequence<I...>> {
  using type = shape<axis<text_of<S.axes[I].name>(), S.axes[I].extent>...>;
};

// cotangent<out> = dO: binds the cotangent of a result; cotangent<results(out, lse), 1> = dL that of the second of
// several.
template <result_list R, int K = 0>
struct cotangent_key {
  template <class Tensor> constexpr auto operator=(Tensor&& operand) const {
    if constexpr (!is_well_formed<R>()) return ill_formed{};  // refused where it was declared
    else return bound<Tensor>(std::forward<Tensor>(operand));
  }

 private:
  template <class Tensor> static constexpr auto bound(Tensor&& operand) {
    using Shape = typename shape_type_of_value<*R.of[K]->shape,
                                               std::make_index_sequence<std::size_t(R.of[K]->shape->rank)>>::type;
    return binding<text_of<cotangent_label(R, K)>(), Shape, stored(R.of[K]->top().type), Tensor>{
        std::forward<Tensor>(operand)};
  }
};
template <result_list R, int K = 0> inline constexpr cotangent_key<R, K> cotangent{};

}  // namespace heed::internal
