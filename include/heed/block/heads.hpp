// Projections and heads, with the checks that positional tensors cannot make.
#pragma once
#include "../graph/results.hpp"

namespace heed::internal {

template <class X, class W, class Axis> constexpr bool require_projection() {
  constexpr bool ok = has<X, Axis> && has<W, Axis>;
  static_assert(given<ok, axis_fact_of<Axis>, shape_fact_of<X>, shape_fact_of<W>>,
                "heed: the width of a projection's input must be an axis of its weight");
  return ok;
}
// A bias over another axis would broadcast: (n, o) + (c) is (n, o, c), which nobody means.
template <class Projected, class Bias> constexpr bool require_bias() {
  constexpr bool ok = std::is_same_v<join<Projected, Bias>, Projected>;
  static_assert(given<ok, shape_fact_of<Bias>, shape_fact_of<Projected>>,
                "heed: the bias of a projection varies over axes of its result");
  return ok;
}
// x W^T + bias. x (..., c), weight (o, c), bias (o); the result has o in the place of c.
template <auto Axis, Symbolic X, Symbolic W> constexpr auto project(const X& x, const W& weight) {
  if constexpr (any_ill_formed<X, W>) return ill_formed{};
  else if constexpr (!require_projection<shape_of<X>, shape_of<W>, axis_type<Axis>>()) return ill_formed{};
  else return dot<Axis>(x, weight);
}
template <auto Axis, Symbolic X, Symbolic W, Operand B> constexpr auto project(const X& x, const W& weight,
                                                                               const B& bias) {
  const auto projected = project<Axis>(x, weight);
  if constexpr (any_ill_formed<B> || is_ill_formed<std::remove_const_t<decltype(projected)>>) return ill_formed{};
  else if constexpr (!require_bias<shape_of<decltype(projected)>, shape_of<B>>()) return ill_formed{};
  else return projected + bias;
}

template <class Model, class Heads, class Width> constexpr bool require_heads() {
  constexpr bool known = Model::extent != runtime && Heads::extent != runtime && Width::extent != runtime;
  constexpr bool ok = !known || Heads::extent * Width::extent == Model::extent;
  static_assert(given<ok, axis_fact_of<Heads>, axis_fact_of<Width>, axis_fact_of<Model>>,
                "heed: heads x head width must equal the model width");
  return ok;
}
// x (..., o) as (..., h, d), d fastest.
template <auto Model, auto Heads, auto Width, Symbolic X> constexpr auto split_heads(const X& x) {
  if constexpr (any_ill_formed<X>) return ill_formed{};
  else if constexpr (!require_all_axes<axis_type<Model>, axis_type<Heads>, axis_type<Width>>()) return ill_formed{};
  else if constexpr (!require_heads<axis_type<Model>, axis_type<Heads>, axis_type<Width>>()) return ill_formed{};
  else return split<Model, Heads, Width>(x);
}
// x (..., h, ..., d) as (..., o).
template <auto Heads, auto Width, auto Model, Symbolic X> constexpr auto merge_heads(const X& x) {
  if constexpr (any_ill_formed<X>) return ill_formed{};
  else if constexpr (!require_all_axes<axis_type<Model>, axis_type<Heads>, axis_type<Width>>()) return ill_formed{};
  else if constexpr (!require_heads<axis_type<Model>, axis_type<Heads>, axis_type<Width>>()) return ill_formed{};
  else return merge<Heads, Width, Model>(x);
}

template <class Heads, class Kv, class Group> constexpr bool require_groups() {
  constexpr bool known = Heads::extent != runtime && Kv::extent != runtime;
  constexpr bool divides = !known || (Kv::extent != 0 && Heads::extent % Kv::extent == 0);
  static_assert(given<divides, axis_fact_of<Heads>, axis_fact_of<Kv>>, "heed: kv heads must divide query heads");
  constexpr bool fits = !divides || !known || Group::extent == runtime || Group::extent * Kv::extent == Heads::extent;
  static_assert(given<fits, axis_fact_of<Heads>, axis_fact_of<Kv>, axis_fact_of<Group>>,
                "heed: query heads must be kv heads x heads of a group");
  return divides && fits;
}
// Query heads h as kv heads g x heads of a group r: query head i reads kv head i / r. Ainslie et al. 2023.
template <auto Heads, auto KvHeads, auto Group, Symbolic X> constexpr auto group_heads(const X& x) {
  if constexpr (any_ill_formed<X>) return ill_formed{};
  else if constexpr (!require_all_axes<axis_type<Heads>, axis_type<KvHeads>, axis_type<Group>>()) return ill_formed{};
  else if constexpr (!require_groups<axis_type<Heads>, axis_type<KvHeads>, axis_type<Group>>()) return ill_formed{};
  // mutants: groups_tiled
  else return split<Heads, KvHeads, Group>(x);
}

}  // namespace heed::internal
