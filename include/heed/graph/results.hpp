// What is compiled: one result, or several (`results(out, lse)`), held as pointers to the expressions, so that a
// template argument stays as short as their names.
#pragma once
#include "input.hpp"
#include <iosfwd>

namespace heed::internal {

inline constexpr int max_results = 64;

struct result_list;
template <class T> inline constexpr bool is_result = std::is_base_of_v<expression, T> || std::is_same_v<T, result_list>;
template <class... T> constexpr bool require_expressions() {
  static_assert(given<(is_result<T> && ...), T...>, "heed: a result is an expression on inputs");
  return (is_result<T> && ...);
}
template <std::size_t Count> constexpr bool require_count() {
  constexpr bool ok = Count >= 1 && Count <= std::size_t(max_results);
  static_assert(given<ok, number_fact<"results", Count>>, "heed: results takes 1 to 64 expressions");
  return ok;
}

template <class Shape> constexpr bool require_name() {
  static_assert(given<(Shape::rank < 0), shape_fact_of<Shape>>,
                "heed: between < and > stands the name of an expression: constexpr auto out = ...; in a function "
                "static constexpr auto out = ...");
  return false;
}

struct result_list {
  const expression* of[max_results]{};
  int count = 0;
  bool well_formed = true;
  bool constant = true;  // is every result constexpr?
  int too_many = 0;      // how many there would be, were there room

  consteval result_list() = default;
  template <class S, element E> consteval result_list(const expr<S, E>& e) { keep(&e); }
  template <class S, element E> consteval result_list(expr<S, E>&&) : well_formed(require_name<S>()) {}
  consteval result_list(const ill_formed&) : well_formed(false) {}
  template <class T> requires(!std::is_base_of_v<expression, T> && !is_ill_formed<T>)
  consteval result_list(const T&) : well_formed(require_expressions<T>()) {}

  constexpr void keep(const expression* x) {
    if (!__builtin_constant_p(x->root)) constant = well_formed = false;
    else if (count < max_results) of[count++] = x;
    else too_many = (too_many ? too_many : max_results) + 1, well_formed = false;
  }
};

// Several results in one graph, which was the largest of theirs and lacks what the others have least.
struct merged_graph {
  graph g{};
  fixed_array<node_id, max_results> roots{};
  int count = 0;
};
constexpr merged_graph in_one_graph(const expression* const* of, int count) {
  int largest = 0;
  for (int k = 1; k < count; ++k)
    if (of[k]->g.size > of[largest]->g.size) largest = k;
  merged_graph merged;
  merged.g = of[largest]->g;
  merged.count = count;
  for (int k = 0; k < count; ++k) merged.roots[k] = merged.g.graft(of[k]->g, of[k]->root);
  return merged;
}

// Can a list of results be compiled? What is wrong with it is said once; lists in a list are counted here.
template <result_list R> constexpr bool is_well_formed() {
  static_assert(given < R.too_many == 0, number_fact < "results", R.too_many >>,
                "heed: results takes 1 to 64 expressions");
  static_assert(given<R.constant>,
                "heed: a result is constexpr: constexpr auto out = ...; in a function static constexpr auto out = ...");
  return R.well_formed;
}

// results(out, lse): several results of one graph, computed together; `into` takes them in this order. A list among
// them stands for its own: results(loss, gradient<loss>(wrt(w))).
template <class... E>
consteval result_list results(const E&... e) {
  result_list r;
  const auto append = [&]<class T>(const T& x) {
    if constexpr (std::is_same_v<T, result_list>) {
      r.well_formed = r.well_formed && x.well_formed;
      r.constant = r.constant && x.constant;
      for (int i = 0; i < x.count; ++i) r.keep(x.of[i]);
      r.too_many = x.too_many > r.too_many ? x.too_many : r.too_many;
    } else {
      r.keep(&x);
    }
  };
  if constexpr ((is_ill_formed<E> || ...)) r.well_formed = false;
  else if constexpr (!require_count<sizeof...(E)>() || !require_expressions<E...>()) r.well_formed = false;
  else (append(e), ...);
  return r;
}

// std::cout << out: an expression has nothing to print.
template <class T> constexpr bool require_values() {
  static_assert(
      given<!is_result<T>, T>,
      "heed: an expression has no values to print: explain<out>() describes it, fuse<out>(...) computes them");
  return false;
}
template <class Char, class Traits, class T> requires is_result<T>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& to, const T&) {
  require_values<T>();
  return to;
}

}  // namespace heed::internal
