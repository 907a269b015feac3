// Scaled dot-product attention. Vaswani et al. 2017.
#pragma once
#include "similarity.hpp"

namespace heed {

template <class Q, class K, class Width> constexpr bool require_widths() {
  constexpr bool ok = has<Q, Width> && has<K, Width>;
  static_assert(given<ok, axis_fact_of<Width>, shape_fact_of<Q>, shape_fact_of<K>>, "heed: queries and keys must have the same width");
  return ok;
}
template <class Q, class K, class V, class M> constexpr bool require_keys() {
  constexpr bool ok = has<K, M> && has<V, M>;
  static_assert(given<ok, axis_fact_of<M>, shape_fact_of<K>, shape_fact_of<V>>, "heed: keys and values must share the axis of keys");
  static_assert(given<!ok || !has<Q, M>, axis_fact_of<M>, shape_fact_of<Q>>,
                "heed: queries and keys need position axes of their own: rename<n, m>(keys), and the values alike");
  return ok && !has<Q, M>;
}
// attention<d, m>(q, k, v): q (..., n, d), k (..., m, d), v (..., m, e) give (..., n, e).
template <auto Width, auto Keys, Symbolic Q, Symbolic K, Symbolic V>
constexpr auto attention(const Q& q, const K& k, const V& v) {
  if constexpr (any_ill_formed<Q, K, V>) return ill_formed{};
  else if constexpr (!require_widths<shape_of<Q>, shape_of<K>, axis_type<Width>>()) return ill_formed{};
  else if constexpr (!require_keys<shape_of<Q>, shape_of<K>, shape_of<V>, axis_type<Keys>>()) return ill_formed{};
  else return dot<Keys>(softmax<Keys>(scaled_dot<Width>(q, k)), v);
}
// ... where `keep` holds.
template <auto Width, auto Keys, Symbolic Q, Symbolic K, Symbolic V, Operand C>
constexpr auto attention(const Q& q, const K& k, const V& v, const C& keep) {
  if constexpr (any_ill_formed<Q, K, V>) return ill_formed{};
  else if constexpr (!require_widths<shape_of<Q>, shape_of<K>, axis_type<Width>>()) return ill_formed{};
  else if constexpr (!require_keys<shape_of<Q>, shape_of<K>, shape_of<V>, axis_type<Keys>>()) return ill_formed{};
  else return dot<Keys>(softmax<Keys>(mask(scaled_dot<Width>(q, k), keep)), v);
}

}  // namespace heed
