// Rotary position embedding: queries and keys are turned by angles that grow with their positions, so that their
// products depend on distances alone. Su et al. 2021 (RoFormer), in the form that turns element i of the first half of
// a head's width with element i of the second.
#pragma once
#include "../graph/results.hpp"

namespace heed::internal {

template <class X, class Width, class Half> constexpr bool require_halves() {
  constexpr bool there = has<X, Width>, free = !has_name<drop<X, Width>, Half> && Width::name != Half::name;
  constexpr bool known = Width::extent != runtime && Half::extent != runtime,
                 even = !known || Width::extent == 2 * Half::extent;
  static_assert(given<there, axis_fact_of<Width>, shape_fact_of<X>>,
                "heed: the width that a rotary turns is an axis of its operand");
  static_assert(given < !there || free, axis_fact_of<Half>, shape_fact_of < X >>,
                "heed: the operand already has the axis of the angles");
  static_assert(given < !there || !free || even, axis_fact_of<Width>, axis_fact_of < Half >>,
                "heed: a rotary turns two halves of a width: width = 2 x half");
  return there && free && even;
}
// Angles over another axis would broadcast: a query would be turned by every key's position.
template <class X, class Width, class Half, class Angle> constexpr bool require_angles() {
  constexpr bool over = has<Angle, Half>;
  constexpr bool known = std::is_same_v<join<X, drop<Angle, Half>>, X>;
  static_assert(given<over, axis_fact_of<Half>, shape_fact_of<Angle>>,
                "heed: the cosines and sines of a rotary vary over half the width");
  static_assert(given < !over || known, shape_fact_of<Angle>, shape_fact_of < X >>,
                "heed: the cosines and sines of a rotary vary over axes of its operand");
  return over && known;
}
// x (..., d), cosine and sine (..., half) of the angles, half being d / 2 and the other axes among those of x
// (positions, perhaps of each sequence): (x1 cos - x2 sin, x2 cos + x1 sin), x1 and x2 the halves of x along d. The
// shape is that of x.
template <auto Width, auto Half, Symbolic X, Symbolic C, Symbolic S>
constexpr auto rotary(const X& x, const C& cosine, const S& sine) {
  using D = axis_type<Width>;
  using H = axis_type<Half>;
  if constexpr (any_ill_formed<X, C, S>) return ill_formed{};
  else if constexpr (!require_all_axes<D, H>()) return ill_formed{};
  else if constexpr (!require_halves<shape_of<X>, D, H>()) return ill_formed{};
  else if constexpr (!require_angles<shape_of<X>, D, H, shape_of<C>>()) return ill_formed{};
  else if constexpr (!require_angles<shape_of<X>, D, H, shape_of<S>>()) return ill_formed{};
  else {
    // A rotation of each pair, as a sum over the halves that it comes from: one pass over memory, forward and backward.
    constexpr axis<"rotary from", 2> from;
    constexpr axis<"rotary to", 2> to;
    const auto turn = where(from == to, cosine, where(to < from, -sine, sine));
    return merge<to, Half, Width>(sum<from>(split<Width, from, Half>(x) * turn));
  }
}

}  // namespace heed::internal
