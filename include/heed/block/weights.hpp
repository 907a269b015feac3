// Attention with other weights than those of one softmax. score (..., n, m): what is computed of each query and key,
// masked as one likes; v (..., m, e); the result (..., n, e). What a mask excludes has no weight, and a row with
// nothing left is 0. Each fuses as attention does, forward and backward.
#pragma once
#include "activation.hpp"
#include "attention.hpp"

namespace heed::internal {

// The keys' axis of a score, and what else an attention of scores is given.
template <auto Keys, class Score, class... More> constexpr bool admits_scores() {
  if constexpr (any_ill_formed<Score, More...>) return false;
  else return require_axes<shape_of<Score>, axis_type<Keys>>();
}

// sigmoid_attention<m>(score, v): sigmoid(score - log n) times v, n the number of keys, so that the weights of a row
// sum to about 1 at first. Ramapuram et al. 2024.
template <auto Keys, Symbolic Score, Symbolic V> constexpr auto sigmoid_attention(const Score& score, const V& v) {
  if constexpr (!admits_scores<Keys, Score, V>()) return ill_formed{};
  else return dot<Keys>(sigmoid(score - log(max(size<Keys>, 1))), v);
}
// relu_attention<m>(score, v): max(score, 0) / n times v, n the number of keys. Wortsman et al. 2023.
template <auto Keys, Symbolic Score, Symbolic V> constexpr auto relu_attention(const Score& score, const V& v) {
  if constexpr (!admits_scores<Keys, Score, V>()) return ill_formed{};
  else {
    const auto total = dot<Keys>(relu(score), v);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(total)>>) return ill_formed{};
    else return total / max(size<Keys>, 1);
  }
}
// squared_relu_attention<m>(score, v): max(score, 0)^2 / n times v. Hua et al. 2022 (for gated attention units).
template <auto Keys, Symbolic Score, Symbolic V> constexpr auto squared_relu_attention(const Score& score, const V& v) {
  if constexpr (!admits_scores<Keys, Score, V>()) return ill_formed{};
  else {
    const auto weight = relu(score);
    const auto total = dot<Keys>(weight * weight, v);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(total)>>) return ill_formed{};
    else return total / max(size<Keys>, 1);
  }
}
// softmax1_attention<m>(score, v): exp(score) / (1 + sum of exp(score)) times v, so that a row may have no weight: a
// sink whose logit is 0. Miller 2023.
template <auto Keys, Symbolic Score, Symbolic V> constexpr auto softmax1_attention(const Score& score, const V& v) {
  if constexpr (!admits_scores<Keys, Score, V>()) return ill_formed{};
  else return sink_attention<Keys>(score, v, 0);
}
// softpick_attention<m>(score, v), last argument epsilon: max(exp(score) - 1, 0) / (sum of |exp(score) - 1| + epsilon)
// times v: scores below 0 have no weight, and weights need not sum to 1. As written, so for scores below 88 (float).
// Zuhri et al. 2025.
template <auto Keys, Symbolic Score, Symbolic V>
constexpr auto softpick_attention(const Score& score, const V& v, double epsilon = 1e-6) {
  if constexpr (!admits_scores<Keys, Score, V>()) return ill_formed{};
  else {
    const auto weight = exp(score) - 1;
    const auto total = dot<Keys>(relu(weight), v);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(total)>>) return ill_formed{};
    else return total / (sum<Keys>(abs(weight)) + epsilon);
  }
}
// cog_attention<m>(score, v): sign(score) softmax(|score|) times v: weights below 0, for what is to be taken away. Lv
// et al. 2024.
template <auto Keys, Symbolic Score, Symbolic V> constexpr auto cog_attention(const Score& score, const V& v) {
  if constexpr (!admits_scores<Keys, Score, V>()) return ill_formed{};
  else return dot<Keys>(sign(score) * softmax<Keys>(abs(score)), v);
}

template <class Scores, class Share, class M> constexpr bool require_share_of_second() {
  constexpr bool ok = std::is_same_v<join<drop<Scores, M>, Share>, drop<Scores, M>>;
  static_assert(given<ok, shape_fact_of<Share>, axis_fact_of<M>, shape_fact_of<Scores>>,
                "heed: the share of a second map varies over axes of the scores, but not over keys");
  return ok;
}
// differential_attention<m>(first, second, v, share): (softmax(first) - share softmax(second)) times v, two maps whose
// common noise cancels; share: a number, a scalar, or axes of the scores without m. A norm over each head (rms_norm)
// and the learned share are the caller's. Ye et al. 2024.
template <auto Keys, Symbolic First, Symbolic Second, Symbolic V, Operand Share>
constexpr auto differential_attention(const First& first, const Second& second, const V& v, const Share& share) {
  if constexpr (any_ill_formed<Second, Share>) return ill_formed{};
  else if constexpr (!admits_scores<Keys, First, V>()) return ill_formed{};
  else if constexpr (!admits_scores<Keys, Second>()) return ill_formed{};
  else if constexpr (!require_share_of_second<shape_of<First>, shape_of<Share>, axis_type<Keys>>()) return ill_formed{};
  else {
    const auto one = dot<Keys>(softmax<Keys>(first), v);
    if constexpr (is_ill_formed<std::remove_const_t<decltype(one)>>) return ill_formed{};
    else return one - share * dot<Keys>(softmax<Keys>(second), v);
  }
}

}  // namespace heed::internal
