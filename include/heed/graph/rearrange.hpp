// Other views of a value: rename, split, merge, slice, concat, shift, gather and the order of axes. Nothing is
// computed; the compiler reads through them wherever it can.
#pragma once
#include "gathered.hpp"
#include "reduction.hpp"

namespace heed::internal {

template <class Shape, class X, class... To> constexpr bool require_replacement() {
  constexpr bool there = has<Shape, X>, two = distinct<To...>, free = (!has_name<drop<Shape, X>, To> && ...);
  static_assert(given<there, axis_fact_of<X>, shape_fact_of<Shape>>,
                "heed: rename, split and slice need the axis in their operand");
  static_assert(given < !there || two, axis_fact_of<To>... >, "heed: split makes two axes of different names");
  static_assert(given < !there || !two || free, axis_fact_of<To>..., shape_fact_of < Shape >>,
                "heed: the operand already has the new axis");
  return there && two && free;
}

template <class Shape, element Type, class A>
constexpr auto viewed(op o, const A& a, const axis_entry& first, const axis_entry& second, const axis_entry& third,
                      double value = 0) {
  return expr<Shape, Type>(graph_of(a), [&](graph& g) {
    const node_id x = put(g, a);
    const int i = g.axis(first), j = g.axis(second), k = o == op::split || o == op::merge ? g.axis(third) : 0;
    const axis_set one = axis_set(1) << i, two = axis_set(1) << j,
                   three = k                                  ? axis_set(1) << k
                           : o == op::split || o == op::merge ? axis_set(1)
                                                              : 0;
    const axis_set axes = o == op::merge ? (g[x].axes & ~(two | three)) | one : (g[x].axes & ~one) | two | three;
    return add_moved(g, o, x, axes, i, j, k, value);
  });
}
template <class X> inline constexpr axis_entry entry_of{X::name, X::extent};

template <class From, class To> constexpr bool require_same_extent() {
  constexpr bool ok = From::extent == To::extent || From::extent == runtime || To::extent == runtime;
  static_assert(given<ok, axis_fact_of<From>, axis_fact_of<To>>, "heed: rename keeps the extent");
  return ok;
}
// rename<from, to>(a): the same values along another name. The extents must agree.
template <auto From, auto To, Symbolic A> constexpr auto rename(const A& a) {
  using F = axis_type<From>;
  using T = axis_type<To>;
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_all_axes<F, T>()) return ill_formed{};
  else if constexpr (!require_replacement<shape_of<A>, F, T>()) return ill_formed{};
  else if constexpr (!require_same_extent<F, T>()) return ill_formed{};
  else return viewed<replaced<shape_of<A>, F, T>, element_of_expr<A>>(op::rename, a, entry_of<F>, entry_of<T>, {});
}

template <class Whole, class Major, class Minor> constexpr bool require_product() {
  constexpr bool known = Whole::extent != runtime && Major::extent != runtime && Minor::extent != runtime;
  constexpr bool ok = !known || Whole::extent == Major::extent * Minor::extent;
  static_assert(given<ok, axis_fact_of<Whole>, axis_fact_of<Major>, axis_fact_of<Minor>>,
                "heed: split and merge keep the number of elements: whole = major x minor");
  return ok;
}
// split<whole, major, minor>(a): axis `whole` as two, `minor` running fastest.
template <auto Whole, auto Major, auto Minor, Symbolic A> constexpr auto split(const A& a) {
  using W = axis_type<Whole>;
  using X = axis_type<Major>;
  using Y = axis_type<Minor>;
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_all_axes<W, X, Y>()) return ill_formed{};
  else if constexpr (!require_replacement<shape_of<A>, W, X, Y>()) return ill_formed{};
  else if constexpr (!require_product<W, X, Y>()) return ill_formed{};
  else
    return viewed<replaced<shape_of<A>, W, X, Y>, element_of_expr<A>>(op::split, a, entry_of<W>, entry_of<X>,
                                                                      entry_of<Y>);
}

template <class Shape, class Major, class Minor, class Whole> constexpr bool require_merge() {
  constexpr bool there = has_all<Shape, Major, Minor> && !std::is_same_v<Major, Minor>;
  constexpr bool free = !has_name<drop<Shape, Major, Minor>, Whole>;
  static_assert(given<there, axis_fact_of<Major>, axis_fact_of<Minor>, shape_fact_of<Shape>>,
                "heed: merge needs both axes in its operand");
  static_assert(given < !there || free, axis_fact_of<Whole>, shape_fact_of < Shape >>,
                "heed: the operand already has the new axis");
  return there && free;
}
// merge<major, minor, whole>(a): two axes as one, `minor` running fastest. `whole` stands where `minor` stood.
template <auto Major, auto Minor, auto Whole, Symbolic A> constexpr auto merge(const A& a) {
  using X = axis_type<Major>;
  using Y = axis_type<Minor>;
  using W = axis_type<Whole>;
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_all_axes<X, Y, W>()) return ill_formed{};
  else if constexpr (!require_merge<shape_of<A>, X, Y, W>()) return ill_formed{};
  else if constexpr (!require_product<W, X, Y>()) return ill_formed{};
  else
    return viewed<replaced<drop<shape_of<A>, X>, Y, W>, element_of_expr<A>>(op::merge, a, entry_of<W>, entry_of<X>,
                                                                            entry_of<Y>);
}

template <class From, class To, long Start> constexpr bool require_slice() {
  constexpr bool ok =
      Start >= 0 && To::extent != runtime && (From::extent == runtime || Start + To::extent <= From::extent);
  static_assert(given<ok, axis_fact_of<From>, axis_fact_of<To>, number_fact<"start", Start>>,
                "heed: a slice lies inside its axis and has a static extent");
  return ok;
}
// slice<from, to, start>(a): the elements start .. start + extent of `to` along `from`.
template <auto From, auto To, long Start, Symbolic A> constexpr auto slice(const A& a) {
  using F = axis_type<From>;
  using T = axis_type<To>;
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_all_axes<F, T>()) return ill_formed{};
  else if constexpr (!require_replacement<shape_of<A>, F, T>()) return ill_formed{};
  else if constexpr (!require_slice<F, T, Start>()) return ill_formed{};
  else
    return viewed<replaced<shape_of<A>, F, T>, element_of_expr<A>>(op::slice, a, entry_of<F>, entry_of<T>, {},
                                                                   double(Start));
}

template <class Shape, class X> constexpr bool require_shifted() {
  static_assert(given<has<Shape, X>, axis_fact_of<X>, shape_fact_of<Shape>>,
                "heed: shift needs its axis in the operand");
  return has<Shape, X>;
}
template <class K> constexpr bool require_whole_shift() {
  constexpr bool whole = std::is_integral_v<K> && !std::is_same_v<K, bool>;
  static_assert(given<whole>, "heed: the k of shift<axis>(a, k) is a whole number of C++, known while compiling");
  return whole;
}
// shift<n>(a, k): position i reads position i - k; where there is none, 0.
template <auto Axis, Symbolic A, class K> constexpr auto shift(const A& a, const K& k) {
  using X = axis_type<Axis>;
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_whole_shift<K>()) return ill_formed{};
  else if constexpr (!require_shifted<shape_of<A>, X>()) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else {
    return expr<shape_of<A>, element_of_expr<A>>(graph_of(a), [&](graph& g) {
      const node_id x = put(g, a);
      const int i = g.axis(entry_of<X>);
      return add_moved(g, op::shift, x, g[x].axes, i, 0, 0, double(k));
    });
  }
}

template <class SA, class SB, class A, class B, class To> constexpr bool require_concat() {
  constexpr bool there = has<SA, A> && has<SB, B>;
  constexpr bool known = A::extent != runtime && B::extent != runtime && To::extent != runtime;
  constexpr bool sums = !known || A::extent + B::extent == To::extent;
  constexpr bool same =
      std::is_same_v<join<drop<SA, A>, drop<SB, B>>, drop<SA, A>> && drop<SA, A>::rank == drop<SB, B>::rank;
  constexpr bool free = !has_name<drop<SA, A>, To>;
  static_assert(given<there, axis_fact_of<A>, axis_fact_of<B>, shape_fact_of<SA>, shape_fact_of<SB>>,
                "heed: concat needs its axes in its operands");
  static_assert(given < !there || same, shape_fact_of<SA>, shape_fact_of < SB >>,
                "heed: concat joins values that differ only along its axes");
  static_assert(given < !there || !same || free, axis_fact_of<To>, shape_fact_of < SA >>,
                "heed: the operand already has the new axis");
  static_assert(given < !there || !same || !free || sums, axis_fact_of<A>, axis_fact_of<B>, axis_fact_of < To >>,
                "heed: the extent of a concat is the sum of its parts");
  return there && same && free && sums;
}
// concat<x, y, to>(a, b): a along x, then b along y, as axis `to`, whose extent is the sum.
template <auto X, auto Y, auto To, Symbolic A, Symbolic B> constexpr auto concat(const A& a, const B& b) {
  using P = axis_type<X>;
  using Q = axis_type<Y>;
  using T = axis_type<To>;
  if constexpr (any_ill_formed<A, B>) return ill_formed{};
  else if constexpr (!require_all_axes<P, Q, T>()) return ill_formed{};
  else if constexpr (!require_concat<shape_of<A>, shape_of<B>, P, Q, T>()) return ill_formed{};
  else if constexpr (!admits<rule::comparison, element_of_expr<A>, element_of_expr<B>>()) return ill_formed{};
  else {
    using Shape = replaced<shape_of<A>, P, T>;
    constexpr element type = joined(element_of_expr<A>, element_of_expr<B>);
    return expr<Shape, type>(larger_graph(a, b), [&](graph& g) {
      const node_id x = put(g, a), y = put(g, b);
      const int i = g.axis(entry_of<T>), j = g.axis(entry_of<P>), k = g.axis(entry_of<Q>);
      return add_concat(g, type, x, y, i, j, k);
    });
  }
}

template <class Table, class X, element Index> constexpr bool require_gather() {
  static_assert(given<has<Table, X>, axis_fact_of<X>, shape_fact_of<Table>>,
                "heed: gather needs its axis in the table");
  static_assert(given < !has<Table, X> || is_integer(Index), element_fact_of < Index >>,
                "heed: a table is indexed by whole numbers");
  return has<Table, X> && is_integer(Index);
}
// gather<x>(table, index): the table read along x at a computed index; shape: the index's axes, then the table's
// without x. An index outside the table reads its nearest end; ids that are operands themselves are checked when the
// call begins.
template <auto Axis, Symbolic A, Operand I> constexpr auto gather(const A& table, const I& index) {
  using X = axis_type<Axis>;
  if constexpr (any_ill_formed<A, I>) return ill_formed{};
  else if constexpr (!require_gather<shape_of<A>, X, element_of_expr<I>>()) return ill_formed{};
  else if constexpr (!agree<drop<shape_of<A>, X>, shape_of<I>>()) return ill_formed{};
  else {
    using Shape = join<shape_of<I>, drop<shape_of<A>, X>>;
    return expr<Shape, element_of_expr<A>>(larger_graph(table, index), [&](graph& g) {
      const node_id x = put(g, table), y = put(g, index);
      return add_gather(g, x, y, g.axis(entry_of<X>));
    });
  }
}

template <class From, class In> inline constexpr bool has_all_of = false;
template <class... A, class In> inline constexpr bool has_all_of<shape<A...>, In> = has_all<In, A...>;
// arrange<b, n, h>(a): the same value with its axes in this order, which is the memory order of a result.
template <auto... Axes, Symbolic A> constexpr auto arrange(const A& a) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else {
    using Shape = shape<axis_type<Axes>...>;
    constexpr bool ok =
        Shape::rank == shape_of<A>::rank && has_all<shape_of<A>, axis_type<Axes>...> && has_all_of<shape_of<A>, Shape>;
    static_assert(given<ok, shape_fact_of<Shape>, shape_fact_of<shape_of<A>>>,
                  "heed: arrange names every axis of its operand once");
    if constexpr (!ok) return ill_formed{};
    else {
      return expr<Shape, element_of_expr<A>>(graph_of(a), [&](graph& g) { return put(g, a); });
    }
  }
}

}  // namespace heed::internal
