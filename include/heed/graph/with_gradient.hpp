// Values whose derivative the user gives: a straight-through estimator, a clipped gradient, the closed form of what is
// computed step by step. The rule is a function from expressions to expressions and is called where the value is
// declared: with the operands, the value and a stand-in for what reaches the value on the way back. What it gives lies
// in the graph beside the value, which does not need it, until differentiation puts what reaches the value into the
// stand-in's place. So a rule may hold whatever an expression holds, reductions and other inputs included, may capture
// expressions, and has derivatives of its own. For values alone the node is its first operand (`forget_rules`).
#pragma once
#include "reduction.hpp"
#include <tuple>
#include <utility>

namespace heed::internal {

// ---- what a rule gives: an expression, or a tuple or pair of as many as there are operands
template <class R> struct given_by_rule {
  static constexpr int count = 1;
  template <int K> static constexpr const R& get(const R& r) { return r; }
  template <int> using type = R;
};
template <class... E> struct given_by_rule<std::tuple<E...>> {
  static constexpr int count = int(sizeof...(E));
  template <int K> static constexpr const auto& get(const std::tuple<E...>& r) { return std::get<K>(r); }
  template <int K> using type = std::tuple_element_t<K, std::tuple<E...>>;
};
template <class A, class B> struct given_by_rule<std::pair<A, B>> : given_by_rule<std::tuple<A, B>> {
  template <int K> static constexpr const auto& get(const std::pair<A, B>& r) { return std::get<K>(r); }
};

template <class... X> constexpr bool require_operands_of_rule() {
  constexpr bool ok = sizeof...(X) > 0 && (is_real(element_of_expr<X>) && ...);
  static_assert(
      given<ok, element_fact_of<element_of_expr<X>>...>,
      "heed: with_gradient(value, rule, x, ...) names behind the rule the real numbers that it is a derivative by");
  return ok;
}
template <element E> constexpr bool require_real_value() {
  static_assert(given<is_real(E), element_fact_of<E>>, "heed: only values of real numbers have a gradient");
  return is_real(E);
}
template <class Rule, class... E> constexpr bool require_callable() {
  constexpr bool ok = std::is_invocable_v<const Rule&, const E&...>;
  static_assert(given<ok, Rule>,
                "heed: the rule of with_gradient is called with its operands, the value and what reaches the value");
  return ok;
}
template <int Given, int Operands> constexpr bool require_one_for_each() {
  static_assert(given < Given == Operands, number_fact<"given", Given>, number_fact < "operands", Operands >>,
                "heed: the rule of with_gradient gives an expression for each operand, several as std::tuple");
  return Given == Operands;
}
template <class Given> constexpr bool require_given_expression() {
  static_assert(given<Operand<Given>, Given>, "heed: the rule of with_gradient gives expressions");
  return Operand<Given>;
}
template <class Given, class X> constexpr bool require_axes_of_operand() {
  using G = shape_of<Given>;
  using S = shape_of<X>;
  constexpr bool ok = std::is_same_v<join<S, G>, S> && std::is_same_v<join<G, S>, G>;
  static_assert(given<ok, shape_fact_of<G>, shape_fact_of<S>>,
                "heed: the rule of with_gradient gives an expression with the axes of the operand");
  return ok;
}
template <class Given, class X> constexpr bool admits_given() {
  if constexpr (!require_given_expression<Given>()) return false;
  else if constexpr (any_ill_formed<Given>) return false;
  else if constexpr (!require_axes_of_operand<Given, X>()) return false;
  else if constexpr (!require_numbers<element_of_expr<Given>>()) return false;
  else return require_one_width<element_of_expr<Given>, element_of_expr<X>>();
}
template <class Given, class... X> constexpr bool admits_rule() {
  using parts = given_by_rule<Given>;
  if constexpr (is_ill_formed<Given>) return false;
  else if constexpr (!require_one_for_each<parts::count, int(sizeof...(X))>()) return false;
  else
    return []<std::size_t... K>(std::index_sequence<K...>) {
      return (admits_given<std::remove_cvref_t<typename parts::template type<int(K)>>, X>() && ...);
    }(std::index_sequence_for<X...>{});
}

// with_gradient(value, rule, x, ...): the value, of which rule(x, ..., value, reached) says what reaches x, ... on the
// way back, and nothing else is reached. `reached` has the shape of the value; the rule gives for each operand an
// expression with the operand's axes (of one operand the expression itself, of several a std::tuple), or a number for
// one without axes. The operands may be any expressions, also such that the value is not computed from.
template <Symbolic V, class Rule, Symbolic... X> constexpr auto with_gradient(const V& value, const Rule& rule,
                                                                              const X&... x) {
  if constexpr (any_ill_formed<V, X...>) return ill_formed{};
  else if constexpr (!require_real_value<element_of_expr<V>>()) return ill_formed{};
  else if constexpr (!require_operands_of_rule<X...>()) return ill_formed{};
  else {
    using Value = expr_of<V>;
    if constexpr (!require_callable<Rule, X..., V, Value>()) return ill_formed{};
    else {
      using Given = std::remove_cvref_t<decltype(rule(x..., value, std::declval<const Value&>()))>;
      if constexpr (!admits_rule<Given, X...>()) return ill_formed{};
      else {
        const Value reached(value.g, [&](graph& g) {
          return g.add(
              node{.code = op::reached, .type = Value::type, .a = node_id(value.root), .axes = g[value.root].axes});
        });
        const Given all = rule(x..., value, reached);
        return Value(reached.g, [&](graph& g) {
          node_id r = put(g, value);
          const axis_set axes = g[r].axes;
          [&]<std::size_t... K>(std::index_sequence<K...>) {
            ((r = g.add(node{.code = op::with_gradient,
                             .type = Value::type,
                             .a = r,
                             .b = put(g, x),
                             .c = put(g, given_by_rule<Given>::template get<int(K)>(all)),
                             .axes = axes,
                             .value = double(K)})),
             ...);
          }(std::index_sequence_for<X...>{});
          return r;
        });
      }
    }
  }
}

}  // namespace heed::internal
