// What is compiled: one result, or several (`results(out, lse)`), held as pointers to the expressions, so that a template
// argument stays as short as their names.
#pragma once
#include "input.hpp"

namespace heed {

inline constexpr int max_results = 8;

struct result_list {
  const expression* of[max_results]{};
  int count = 0;
  bool well_formed = true;

  consteval result_list() = default;
  template <class S, element E> consteval result_list(const expr<S, E>& e) : of{&e}, count(1) {}
  consteval result_list(const ill_formed&) : well_formed(false) {}
};

// results(out, lse): several results of one graph, computed together; `into` takes them in this order.
template <class... E>
consteval result_list results(const E&... e) {
  static_assert(given<sizeof...(E) >= 1 && sizeof...(E) <= max_results, number_fact<"results", sizeof...(E)>>,
                "heed: results takes 1 to 8 expressions");
  result_list r;
  if constexpr ((is_ill_formed<E> || ...)) r.well_formed = false;
  else ((r.of[r.count++] = &e), ...);
  return r;
}

}  // namespace heed
