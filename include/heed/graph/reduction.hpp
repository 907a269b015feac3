// What works along whole axes: dot, sum, max, min, mean, logsumexp, softmax and running sums. Absent elements (see
// mask) are left out: the sum of nothing is 0, its maximum -inf, its log-sum-exp -inf, its mean 0, and softmax gives an
// absent element weight 0.
#pragma once
#include "pointwise.hpp"

namespace heed::internal {

template <class Shape, class... X> constexpr bool require_axes() {
  constexpr bool ok = has_all<Shape, X...>;
  static_assert(given<ok, axis_fact_of<X>..., shape_fact_of<Shape>>,
                "heed: an axis that is reduced or normalised must be an axis of the operand");
  return ok;
}
// What stands between < and > of size and of views.
template <class... X> constexpr bool require_all_axes() {
  static_assert(given<(is_axis<X> && ...), X...>,
                "heed: an axis is needed here: size<n>, rename<n, m>(a), split<o, h, d>(a)");
  return (is_axis<X> && ...);
}
template <std::size_t Axes> constexpr bool require_some() {
  static_assert(given<(Axes > 0)>, "heed: dot and reductions name their axes: dot<d>(a, b), sum<n>(a)");
  return Axes > 0;
}
template <class A, class B, class... X> constexpr bool require_contraction() {
  constexpr bool ok = has_all<A, X...> && has_all<B, X...>;
  static_assert(given<ok, axis_fact_of<X>..., shape_fact_of<A>, shape_fact_of<B>>,
                "heed: dot<axis>(a, b) needs the axis in both operands");
  return ok;
}

template <element E> constexpr bool require_condition_along() {
  constexpr bool ok = E == element::boolean;
  static_assert(given<ok, element_fact_of<E>>, "heed: any and all look at conditions (booleans): any<j>(pick == m)");
  return ok;
}

template <auto... Axes>
constexpr axis_set axes_in(graph& g) {
  axis_set s = 0;
  ((s |= axis_set(1) << g.axis({axis_type<Axes>::name, axis_type<Axes>::extent})), ...);
  return s;
}

// dot<x, ...>(a, b): the sum over the axes x, ... of a * b. Shape: the axes of a, then those of b that a lacks, without
// x.
template <auto... Axes, Operand A, Operand B>
constexpr auto dot(const A& a, const B& b) {
  if constexpr (any_ill_formed<A, B>) return ill_formed{};
  else if constexpr (!require_some<sizeof...(Axes)>()) return ill_formed{};
  else if constexpr (!agree<shape_of<A>, shape_of<B>>()) return ill_formed{};
  else if constexpr (!require_contraction<shape_of<A>, shape_of<B>, axis_type<Axes>...>()) return ill_formed{};
  else if constexpr (!admits<rule::arithmetic, element_of_expr<A>, element_of_expr<B>>()) return ill_formed{};
  else {
    using Shape = drop<join<shape_of<A>, shape_of<B>>, axis_type<Axes>...>;
    constexpr element type = real_of(joined(element_of_expr<A>, element_of_expr<B>));
    return expr<Shape, type>(larger_graph(a, b), [&](graph& g) {
      const axis_set over = axes_in<Axes...>(g);
      const node_id x = as_factor(g, put(g, a), over), y = as_factor(g, put(g, b), over);
      return g.add(
          node{.code = op::dot, .type = type, .a = x, .b = y, .axes = (g[x].axes | g[y].axes) & ~over, .over = over});
    });
  }
}

template <bool Keeps, bool Whole, class A, auto... Axes>
constexpr auto along(op o, const A& a) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_some<sizeof...(Axes)>()) return ill_formed{};
  else if constexpr (!require_axes<shape_of<A>, axis_type<Axes>...>()) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else {
    using Shape = std::conditional_t<Keeps, shape_of<A>, drop<shape_of<A>, axis_type<Axes>...>>;
    constexpr element type = Whole ? widened(element_of_expr<A>) : real_of(element_of_expr<A>);
    return expr<Shape, type>(graph_of(a), [&](graph& g) {
      const node_id x = put(g, a);
      const axis_set over = axes_in<Axes...>(g);
      if constexpr (Keeps) return add_softmax(g, type, x, over);
      else return add_reduction(g, o, type, x, over);
    });
  }
}

#define HEED_REDUCTION(NAME, WHOLE)                      \
  template <auto... Axes, Symbolic A>                    \
  constexpr auto NAME(const A& a) {                      \
    return along<false, WHOLE, A, Axes...>(op::NAME, a); \
  }
HEED_REDUCTION(sum, true)
HEED_REDUCTION(max, true)
HEED_REDUCTION(min, true)
HEED_REDUCTION(mean, false)
HEED_REDUCTION(logsumexp, false)
#undef HEED_REDUCTION

// any<j>(a), all<j>(a): whether a condition holds at some position, at all of them, of those where it is present: of
// none any is false and all is true. As a number, 1 where it holds, whose largest or smallest is looked at.
template <bool Some, class A, auto... Axes> constexpr auto whether(const A& a) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_some<sizeof...(Axes)>()) return ill_formed{};
  else if constexpr (!require_axes<shape_of<A>, axis_type<Axes>...>()) return ill_formed{};
  else if constexpr (!require_condition_along<element_of_expr<A>>()) return ill_formed{};
  else {
    return expr<drop<shape_of<A>, axis_type<Axes>...>, element::boolean>(graph_of(a), [&](graph& g) {
      const node_id x = put(g, a);
      const axis_set over = axes_in<Axes...>(g);
      const node_id number = add_pointwise(g, op::where, element::real, x, g.add_constant(1), g.add_constant(0));
      const node_id most = add_reduction(g, Some ? op::max : op::min, element::real, number, over);
      return add_condition(g, op::less, g.add_constant(0.5), most);
    });
  }
}
template <auto... Axes, Symbolic A> constexpr auto any(const A& a) { return whether<true, A, Axes...>(a); }
template <auto... Axes, Symbolic A> constexpr auto all(const A& a) { return whether<false, A, Axes...>(a); }

// softmax<m>(a): exp(a) / sum<m>(exp(a)) over what is not absent, computed without overflow. A row with nothing left is
// 0. Over several axes, softmax<y, x>(a), all their elements together have weight 1.
template <auto Axis, auto... More, Symbolic A>
constexpr auto softmax(const A& a) {
  return along<true, false, A, Axis, More...>(op::softmax, a);
}

template <class A> constexpr bool require_named_axis() {
  static_assert(given<!Symbolic<A>, A>,
                "heed: the axis stands between < and >: softmax<m>(a), scaled_dot<d>(q, k), attention<d, m>(q, k, v)");
  return false;
}
template <Symbolic A> constexpr ill_formed softmax(const A&) {
  if constexpr (!any_ill_formed<A>) require_named_axis<A>();
  return {};
}

template <std::size_t Axes> constexpr bool require_axis_to_rank() {
  static_assert(given < Axes == 1 >, "heed: the k-th largest lies along one axis: kth_largest<m>(a, k)");
  return Axes == 1;
}
template <class K> inline constexpr bool is_rank = std::is_integral_v<K> && !std::is_same_v<K, bool>;
template <Symbolic K> inline constexpr bool is_rank<K> = is_integer(element_of_expr<K>);
template <class K> constexpr bool require_rank() {
  static_assert(given<is_rank<K>, K>, "heed: the k of kth_largest<m>(a, k) is a whole number");
  return is_rank<K>;
}
template <class Rows, class K> inline constexpr bool is_of_rows = true;
template <class Rows, class... X> inline constexpr bool is_of_rows<Rows, shape<X...>> = has_all<Rows, X...>;
template <class Rows, class K> constexpr bool require_rank_of_rows() {
  static_assert(given<is_of_rows<Rows, K>, shape_fact_of<K>, shape_fact_of<Rows>>,
                "heed: the k of kth_largest<m>(a, k) varies over axes of a, and not along m");
  return is_of_rows<Rows, K>;
}
// kth_largest<m>(a, k): the k-th largest of the elements along m, equal ones counted each; k: a whole number, 1 or
// more, 1 being the maximum, or an expression of one, over axes of a but m. Elements that are absent or -inf are not
// counted: of fewer than k it is the smallest, of none -inf; for a k below 1 it is +inf. Shape: a without m; element:
// that of a. No gradient passes.
template <auto... Axes, Symbolic A, class K> constexpr auto kth_largest(const A& a, const K& k) {
  if constexpr (any_ill_formed<A, K>) return ill_formed{};
  else if constexpr (!require_axis_to_rank<sizeof...(Axes)>()) return ill_formed{};
  else if constexpr (!require_axes<shape_of<A>, axis_type<Axes>...>()) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else if constexpr (!require_rank<K>()) return ill_formed{};
  else if constexpr (Symbolic<K>) {
    using Rows = drop<shape_of<A>, axis_type<Axes>...>;
    if constexpr (!require_rank_of_rows<Rows, shape_of<K>>()) return ill_formed{};
    else {
      constexpr element type = widened(element_of_expr<A>);
      return expr<Rows, type>(larger_graph(a, k), [&](graph& g) {
        const node_id x = put(g, a), told = put(g, k);
        return add_statistic(g, op::kth_largest, type, x, axes_in<Axes...>(g), 0, told);
      });
    }
  } else {
    if (std::is_constant_evaluated() && !(k >= 1))
      stop_compiling<"heed: the k of kth_largest<m>(a, k) is at least 1: the maximum">();
    constexpr element type = widened(element_of_expr<A>);
    return expr<drop<shape_of<A>, axis_type<Axes>...>, type>(graph_of(a), [&](graph& g) {
      return add_statistic(g, op::kth_largest, type, put(g, a), axes_in<Axes...>(g), double(k));
    });
  }
}

// Where a running sum begins, if not at position 0.
struct from_end {};
inline constexpr from_end from_the_end{};

template <std::size_t Axes> constexpr bool require_one_axis() {
  static_assert(given < Axes == 1 >, "heed: a running sum goes along one axis: running_sum<n>(a)");
  return Axes == 1;
}
template <bool FromTheEnd, class A, auto... Axes> constexpr auto running_sum_along(const A& a) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_one_axis<sizeof...(Axes)>()) return ill_formed{};
  else if constexpr (!require_axes<shape_of<A>, axis_type<Axes>...>()) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else {
    constexpr element type = widened(element_of_expr<A>);
    return expr<shape_of<A>, type>(graph_of(a), [&](graph& g) {
      const node_id x = put(g, a);
      const int axis = std::countr_zero(axes_in<Axes...>(g));
      return add_running_sum(g, type, x, axis, FromTheEnd);
    });
  }
}
// running_sum<n>(a): at each position the sum of a up to it, its own element included; running_sum<n>(a, from_the_end):
// of its own element and all behind it. Shape: that of a. Absent elements count nothing, and the sum is present beside
// them. Without its own element it is shift<n>(running_sum<n>(a), 1), from the end shift<n>(..., -1).
template <auto... Axes, Symbolic A> constexpr auto running_sum(const A& a) {
  return running_sum_along<false, A, Axes...>(a);
}
template <auto... Axes, Symbolic A> constexpr auto running_sum(const A& a, from_end) {
  return running_sum_along<true, A, Axes...>(a);
}

// size<n>: the extent of an axis, as a whole number.
template <auto Axis> constexpr auto make_size() {
  using X = axis_type<Axis>;
  if constexpr (!require_all_axes<X>()) return ill_formed{};
  else
    return expr<shape<>, element::integer>(empty_graph, [](graph& g) {
      const int id = g.axis({X::name, X::extent});
      if constexpr (X::extent != runtime) return g.add_constant(double(X::extent), element::integer);
      else return add_declared_size(g, id);
    });
}
template <auto Axis> inline constexpr auto size = make_size<Axis>();

}  // namespace heed::internal
