// What is compiled: one result, or several (`results(out, lse)`), held as pointers to the expressions, so that a template
// argument stays as short as their names.
#pragma once
#include "input.hpp"

namespace heed {

inline constexpr int max_results = 8;

template <class... T> constexpr bool require_expressions() {
  static_assert(given<(std::is_base_of_v<expression, T> && ...), T...>, "heed: a result is an expression on inputs");
  return (std::is_base_of_v<expression, T> && ...);
}
template <std::size_t Count> constexpr bool require_count() {
  constexpr bool ok = Count >= 1 && Count <= std::size_t(max_results);
  static_assert(given<ok, number_fact<"results", Count>>, "heed: results takes 1 to 8 expressions");
  return ok;
}

struct result_list {
  const expression* of[max_results]{};
  int count = 0;
  bool well_formed = true;

  consteval result_list() = default;
  template <class S, element E> consteval result_list(const expr<S, E>& e) : of{&e}, count(1) {}
  consteval result_list(const ill_formed&) : well_formed(false) {}
  template <class T> requires(!std::is_base_of_v<expression, T> && !is_ill_formed<T>)
  consteval result_list(const T&) : well_formed(require_expressions<T>()) {}
};

// results(out, lse): several results of one graph, computed together; `into` takes them in this order.
template <class... E>
consteval result_list results(const E&... e) {
  result_list r;
  if constexpr ((is_ill_formed<E> || ...)) r.well_formed = false;
  else if constexpr (!require_count<sizeof...(E)>() || !require_expressions<E...>()) r.well_formed = false;
  else ((r.of[r.count++] = &e), ...);
  return r;
}

}  // namespace heed
