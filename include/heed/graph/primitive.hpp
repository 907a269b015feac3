// Operations of your own: primitive<F>(x), primitive<F>(a, b). F is a struct that says all there is to know of the
// operation:
//
//   static constexpr auto name = "...";                    // in explain and in errors, at most 16 characters
//   static auto value(const auto& x);                      // on heed::pack<float> and heed::pack<double>; its accuracy
//   is yours static auto derivative(const auto& x);                 // optional: an expression; for two operands
//   std::pair of them static auto bounds(heed::interval x);                  // optional: holds every value on an
//   interval, for masks on tiles
//
// Whatever is computed from an absent operand is absent, as for any pointwise operation. Two primitives are told apart
// by the names of their types.
#pragma once
#include "input.hpp"
#include <concepts>

namespace heed::internal {

// What higher floors say of F: defined in run/program/primitive_value.hpp.
template <class F, int Operands> struct on_packs;
template <class F, int Operands, class T> void value_on_packs(pack_argument<T>& to, const pack_argument<T>& a,
                                                              const pack_argument<T>& b);
template <class F, int Operands> void bounds_on_intervals(plan::interval& to, const plan::interval& a,
                                                          const plan::interval& b);

template <class F> constexpr std::uint64_t hash_of_type() {
  std::uint64_t h = 1;
  for (const char c : __PRETTY_FUNCTION__) h = mixed(h, std::uint64_t(c));
  return h;
}

// ---- the derivative: F::derivative of expressions that stand for the operands, which differentiation puts into their
// place
template <int K>
inline constexpr expr<shape<>, element::real> stand_in(empty_graph, [](graph& g) {
  return put_input(g, make_label(K == 0 ? "a" : "b"), element::real, value_of_shape<shape<>>);  // no input of a user's
                                                                                                // is of open width
});
template <class F, int Operands>
inline constexpr bool has_derivative =
    Operands == 1 ? requires { F::derivative(stand_in<0>); } : requires { F::derivative(stand_in<0>, stand_in<1>); };
template <class D> inline constexpr int slope_count = 1;
template <class A, class B> inline constexpr int slope_count<std::pair<A, B>> = 2;

constexpr bool is_pointwise_in_stand_ins(const expression& e) {
  for (int i = 1; i <= e.root; ++i) {
    const node& x = e.g[i];
    const bool operand = x.code == op::input && x.type == element::real;
    if (!operand && x.code != op::constant && !is_pointwise(x.code)) return false;
  }
  return true;
}
// An expression on stand-ins, with a and b in their place. What was of open width takes the width of what it meets.
constexpr node_id substituted(graph& g, const expression& e, node_id a, node_id b) {
  fixed_array<node_id, graph::capacity> to{};
  for (int i = 1; i <= e.root; ++i) {
    node x = e.g[i];
    node_id& y = to[i];
    if (x.code == op::input) {
      y = e.g.inputs[x.first].name == make_label("a") ? a : b;
      continue;
    }
    x.a = to[x.a], x.b = to[x.b], x.c = to[x.c], x.hash = 0;
    x.axes = g[x.a].axes | g[x.b].axes | g[x.c].axes;
    if (x.code == op::primitive) x.value = g.add_primitive(*e.g.primitives[int(x.value)]);
    const element wide = joined(joined(g[x.a].type, g[x.b].type), g[x.c].type);
    if (x.type == element::real && is_real(wide)) x.type = wide;
    y = g.add(x);
  }
  return to[e.root];
}
template <class E> constexpr node_id put_slope(graph& g, const E& e, node_id a, node_id b, derivative_fault& fault) {
  fault = derivative_fault::number;
  if constexpr (is_ill_formed<E>) fault = derivative_fault::refused;
  else if constexpr (std::is_arithmetic_v<E> && !std::is_same_v<E, bool>)
    return fault = derivative_fault::none, g.add_constant(double(e));
  else if constexpr (std::is_base_of_v<expression, E>) {
    if (e.top().type == element::boolean) return 0;
    fault = is_pointwise_in_stand_ins(e) ? derivative_fault::none : derivative_fault::pointwise;
    if (fault == derivative_fault::none) return substituted(g, e, a, b);
  }
  return 0;
}
// The derivative as a node of a graph, made anew where it is asked for: that of a sine is a cosine, whose derivative is
// a sine. While compiling alone, so that nothing of it is in the program.
template <class F, int Operands> constexpr node_id add_slope(graph& g, int operand, node_id a, node_id b,
                                                             derivative_fault& fault) {
  if (!std::is_constant_evaluated()) throw std::logic_error("heed: a primitive is differentiated while compiling");
  (void)operand, fault = derivative_fault::missing;
  if constexpr (!has_derivative<F, Operands>) return 0;
  else if constexpr (Operands == 1) return put_slope(g, F::derivative(stand_in<0>), a, b, fault);
  else {
    const auto d = F::derivative(stand_in<0>, stand_in<1>);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(d)>>) return fault = derivative_fault::refused, node_id(0);
    else if constexpr (slope_count<std::remove_const_t<decltype(d)>> != 2)
      return fault = derivative_fault::count, node_id(0);
    else return operand == 0 ? put_slope(g, d.first, a, b, fault) : put_slope(g, d.second, a, b, fault);
  }
}

template <class F> constexpr int length_of_name() {
  int n = 0;
  for (const char* s = F::name; s[n]; ++n);
  return n;
}
template <class F> constexpr label name_of_primitive() {
  label r{};
  const char* const s = F::name;
  for (int i = 0; i < length_of_name<F>() && i < int(label_capacity); ++i)
    r.word[i / 8] |= std::uint64_t(static_cast<unsigned char>(s[i])) << (8 * (i % 8));
  return r;
}
template <class F> using fact_of_primitive = operand_fact<text_of<name_of_primitive<F>()>()>;

inline namespace HEED_INSTRUCTION_SET {  // it holds the addresses of such code
template <class F, int Operands>
inline constexpr primitive_entry primitive_entry_of{.name = name_of_primitive<F>(),
                                                    .operands = Operands,
                                                    .hash = mixed(hash_of_type<F>(), Operands),
                                                    .of_floats = &value_on_packs<F, Operands, float>,
                                                    .of_doubles = &value_on_packs<F, Operands, double>,
                                                    .bounds = &bounds_on_intervals<F, Operands>,
                                                    .add_slope = &add_slope<F, Operands>};
}  // namespace HEED_INSTRUCTION_SET

// ---- rules
template <class F> constexpr bool require_name_of_primitive() {
  constexpr bool there = requires {
    { F::name } -> std::convertible_to<const char*>;
  };
  static_assert(given<there, F>, "heed: a primitive has a name: static constexpr auto name = ..., a literal");
  if constexpr (!there) return false;
  else {
    constexpr bool fits = length_of_name<F>() >= 1 && length_of_name<F>() <= int(label_capacity);
    static_assert(given<fits, F>, "heed: a name has 1 to 16 characters");
    return fits;
  }
}
template <class F, int Operands> constexpr bool require_operands_of_primitive() {
  static_assert(given<Operands <= 2, fact_of_primitive<F>, number_fact<"operands", Operands>>,
                "heed: a primitive has one or two operands");
  return Operands <= 2;
}
template <class F, int Operands> constexpr bool require_value_of_primitive() {
  static_assert(given<on_packs<F, Operands>::has_value, fact_of_primitive<F>, number_fact<"operands", Operands>>,
                "heed: a primitive has a static value(...) of as many operands, which gives packs of float for such, "
                "and of double");
  return on_packs<F, Operands>::has_value;
}

template <class F, class... A> constexpr bool admits_primitive() {
  constexpr int operands = int(sizeof...(A));
  if constexpr (any_ill_formed<A...>) return false;
  else if constexpr (!require_name_of_primitive<F>()) return false;
  else if constexpr (!require_operands_of_primitive<F, operands>()) return false;
  else if constexpr (!require_value_of_primitive<F, operands>()) return false;
  else if constexpr (!require_numbers<element_of_expr<A>...>()) return false;
  else if constexpr (operands == 1) return true;
  else if constexpr (!require_one_width<element_of_expr<A>...>()) return false;
  else return agree<shape_of<A>...>();
}
template <bool Admitted, class... A> struct type_of_primitive {
  using type = ill_formed;
};
template <class A> struct type_of_primitive<true, A> {
  using type = expr<shape_of<A>, real_of(element_of_expr<A>)>;
};
template <class A, class B> struct type_of_primitive<true, A, B> {
  using type = expr<join<shape_of<A>, shape_of<B>>, real_of(joined(element_of_expr<A>, element_of_expr<B>))>;
};

// A mistake in a derivative is one without any gradient being asked for, too.
template <class F, int Operands> constexpr bool look_at_derivative() {
  if constexpr (Operands == 1) return requires { F::derivative(stand_in<0>); };
  else return requires { F::derivative(stand_in<0>, stand_in<1>); };
}
// Perhaps part of a derivative, which does not look at itself.
template <class A> inline constexpr bool on_stand_ins = std::is_same_v<expr_of<A>, expr<shape<>, element::real>>;

// primitive<F>(x): the shape of x; primitive<F>(a, b): the axes of a, then those b adds. A real number, whatever the
// operands. The type is spelled out, not deduced: a derivative may use its own primitive.
template <class F, Operand A, Operand... More> requires(Symbolic<A> || (Symbolic<More> || ...))
constexpr typename type_of_primitive<admits_primitive<F, A, More...>(), A, More...>::type primitive(
    const A& a, const More&... more) {
  using E = typename type_of_primitive<admits_primitive<F, A, More...>(), A, More...>::type;
  if constexpr (is_ill_formed<E>) return {};
  else {
    constexpr int operands = 1 + int(sizeof...(More));
    constexpr const primitive_entry& entry = primitive_entry_of<F, operands>;  // first: with clang it looks at the
                                                                               // derivative, too
    if constexpr (!(on_stand_ins<A> && ... && on_stand_ins<More>)) look_at_derivative<F, operands>();
    return E(larger_graph(a, more...), [&](graph& g) {
      const node_id of[] = {put(g, a), put(g, more)..., 0};
      return g.add(node{.code = op::primitive,
                        .type = E::type,
                        .a = of[0],
                        .b = of[1],
                        .axes = g[of[0]].axes | g[of[1]].axes,
                        .value = double(g.add_primitive(entry))});
    });
  }
}

}  // namespace heed::internal
