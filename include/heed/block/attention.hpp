// Scaled dot-product attention. Vaswani et al. 2017.
#pragma once
#include "similarity.hpp"

namespace heed::internal {

template <class Q, class K, class Width> constexpr bool require_widths() {
  constexpr bool ok = has<Q, Width> && has<K, Width>;
  static_assert(given<ok, axis_fact_of<Width>, shape_fact_of<Q>, shape_fact_of<K>>,
                "heed: queries and keys must have the same width");
  return ok;
}
template <class Q, class K, class V, class M> constexpr bool require_keys() {
  constexpr bool ok = has<K, M> && has<V, M>;
  static_assert(given<ok, axis_fact_of<M>, shape_fact_of<K>, shape_fact_of<V>>,
                "heed: keys and values must share the axis of keys");
  static_assert(given < !ok || !has<Q, M>, axis_fact_of<M>, shape_fact_of < Q >>,
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
template <Symbolic Q, Operand... More> constexpr ill_formed attention(const Q&, const More&...) {
  if constexpr (!any_ill_formed<Q, More...>) require_named_axis<expr_of<Q>>();
  return {};
}
// attention<d, m>(q, k, v, keep): ... where `keep` holds.
template <auto Width, auto Keys, Symbolic Q, Symbolic K, Symbolic V, Operand C>
constexpr auto attention(const Q& q, const K& k, const V& v, const C& keep) {
  if constexpr (any_ill_formed<Q, K, V>) return ill_formed{};
  else if constexpr (!require_widths<shape_of<Q>, shape_of<K>, axis_type<Width>>()) return ill_formed{};
  else if constexpr (!require_keys<shape_of<Q>, shape_of<K>, shape_of<V>, axis_type<Keys>>()) return ill_formed{};
  else return dot<Keys>(softmax<Keys>(mask(scaled_dot<Width>(q, k), keep)), v);
}

// A sink is a number, a scalar, or varies over axes of the scores: heads, perhaps queries.
template <class Score, class Sink, class M> constexpr bool require_sink() {
  constexpr bool ok = std::is_same_v<join<drop<Score, M>, Sink>, drop<Score, M>>;
  static_assert(given<ok, shape_fact_of<Sink>, axis_fact_of<M>, shape_fact_of<Score>>,
                "heed: a sink varies over axes of the scores, but not over keys");
  return ok;
}
// sink_attention<m>(score, v, sink): a logit of its own takes part in every softmax, and the weight it draws goes
// nowhere: exp(score) / (exp(sink) + sum of exp(score)), times v. Written as softmax times the share that the keys are
// left with, sigmoid(logsumexp(score) - sink), which is the same number, and a pass over pairs that is fused like any
// attention. score (..., n, m), v (..., m, e), sink: () or axes of score without m, learned perhaps, finite; the result
// (..., n, e). A row with nothing left is 0, as are its gradients. Xiao et al. 2023, and as a learned number a head
// OpenAI 2025 (gpt-oss).
template <auto Keys, Symbolic Score, Symbolic V, Operand Sink>
constexpr auto sink_attention(const Score& score, const V& v, const Sink& sink) {
  if constexpr (any_ill_formed<Score, V, Sink>) return ill_formed{};
  else if constexpr (!require_axes<shape_of<Score>, axis_type<Keys>>()) return ill_formed{};
  else if constexpr (!require_sink<shape_of<Score>, shape_of<Sink>, axis_type<Keys>>()) return ill_formed{};
  else {
    const auto all = dot<Keys>(softmax<Keys>(score), v);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(all)>>) return ill_formed{};
    else return all * sigmoid(logsumexp<Keys>(score) - sink);
  }
}

}  // namespace heed::internal
