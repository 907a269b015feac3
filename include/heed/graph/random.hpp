// Draws: numbers that look like chance and are a function of a seed and of indices, so that nothing has to be stored to
// meet the same draw again, on the way back or in another call.
#pragma once
#include "pointwise.hpp"

namespace heed::internal {

template <class Shape, element E> constexpr bool require_seed() {
  constexpr bool ok = Shape::rank == 0 && is_integer(E);
  static_assert(given<ok, element_fact_of<E>, shape_fact_of<Shape>>,
                "heed: the seed of a draw is a whole number without axes: an input, a constant");
  return ok;
}
template <element... E> constexpr bool require_indices_of_draw() {
  constexpr bool ok = (is_integer(E) && ...);
  static_assert(given<ok, element_fact_of<E>...>,
                "heed: a draw is made at whole numbers: axes, or positions computed from them");
  return ok;
}

// The axes of several shapes, in order; whether one extent stands behind each name.
template <class S, class... More> struct joint {
  using type = S;
  static constexpr bool agrees() { return true; }
};
template <class S, class T, class... More> struct joint<S, T, More...> {
  using next = joint<join<S, T>, More...>;
  using type = typename next::type;
  static constexpr bool agrees() {
    if constexpr (!agree<S, T>()) return false;
    else return next::agrees();
  }
};

// Two indices fit into a counter. Of more, those in front are drawn into a key for the last two: two at a time, or
// one, where their number is odd.
template <int Count> constexpr node_id add_draw(graph& g, node_id key, const node_id (&index)[Count], int indices) {
  const node_id zero = g.add_constant(0, element::integer);
  int done = 0;
  for (int left = indices; left > 2; left = indices - done) {
    const node_id first = index[done], second = left % 2 ? zero : index[done + 1];
    key = add_pointwise(g, op::random_key, element::integer, key, first, second);
    done += left % 2 ? 1 : 2;
  }
  const node_id first = done < indices ? index[done] : zero, second = done + 1 < indices ? index[done + 1] : zero;
  return add_pointwise(g, op::random_uniform, element::real, key, first, second);
}

// random_uniform(seed, i, ...): a number drawn evenly from [0, 1), a multiple of 2^-24, for each element of the axes of
// its indices. seed: a whole number without axes, of which 32 bits count; indices: axes or positions made of them, any
// number, in an order that matters. Shape: the axes of the first index, then what the others add. It is the first word
// of Philox 4x32-10 (Salmon et al. 2011) over 2^32 without its last 8 bits, with the key (seed, 0) and the counter
// (i, j, 0, 0), where one index counts as (i, 0); in front of more than two indices the seed is replaced, two indices
// at a time (the first alone, if their number is odd), by the first word for the counter (i, j, 1, 0). No gradient
// passes.
template <Operand Seed, Operand... Index> requires(Symbolic<Seed> || (Symbolic<Index> || ...))
constexpr auto random_uniform(const Seed& seed, const Index&... index) {
  if constexpr (any_ill_formed<Seed, Index...>) return ill_formed{};
  else if constexpr (!require_seed<shape_of<Seed>, element_of_expr<Seed>>()) return ill_formed{};
  else if constexpr (!require_indices_of_draw<element_of_expr<Index>...>()) return ill_formed{};
  else if constexpr (!joint<shape<>, shape_of<Index>...>::agrees()) return ill_formed{};
  else {
    using Shape = typename joint<shape<>, shape_of<Index>...>::type;
    return expr<Shape, element::real>(larger_graph(seed, index...), [&](graph& g) {
      const node_id key = put(g, seed), at[] = {put(g, index)..., node_id(0)};
      return add_draw(g, key, at, int(sizeof...(Index)));
    });
  }
}

}  // namespace heed::internal
