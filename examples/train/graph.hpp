// The language model as heed graphs. One declaration of a block serves three of them: `step`, the loss of a batch with
// the gradients of all weights; `logits`, what the model expects after every character of a text; and `decode`, what it
// expects after one more character, which looks back at cached keys and values. The architecture is that of Llama
// (Touvron et al. 2023) in small: pre-norm blocks with RMS norm, rotary positions, grouped queries (Ainslie et al.
// 2023), a gated MLP (Shazeer 2020), tied output.
#pragma once
#include <heed/heed.hpp>

namespace decoder_graph {
using namespace heed;

inline constexpr axis<"b"> b;  // texts of a batch
inline constexpr axis<"n"> n;  // positions that ask
inline constexpr axis<"m"> m;  // positions that are looked at
inline constexpr axis<"layers", 4> layers;
inline constexpr axis<"words", 96> words;  // characters: printable ASCII and the end of a line
inline constexpr axis<"c", 256> c;         // model width
inline constexpr axis<"o", 256> o;         // model width, seen as heads
inline constexpr axis<"h", 4> h;           // query heads ...
inline constexpr axis<"g", 2> g;           // ... as key heads ...
inline constexpr axis<"r", 2> r;           // ... and query heads of each
inline constexpr axis<"d", 64> d;          // head width
inline constexpr axis<"half", 32> half;    // half of it: the angles of a rotary
inline constexpr axis<"kv", 128> kv;       // all key heads side by side
inline constexpr axis<"f", 704> f;         // MLP width

// The weights; those of all layers lie in one tensor a kind.
inline constexpr auto table = input<"table">(words, c);
inline constexpr auto attention_norm = input<"attention_norm">(layers, c);
inline constexpr auto wq = input<"wq">(layers, o, c);
inline constexpr auto wk = input<"wk">(layers, kv, c);
inline constexpr auto wv = input<"wv">(layers, kv, c);
inline constexpr auto wo = input<"wo">(layers, c, o);
inline constexpr auto mlp_norm = input<"mlp_norm">(layers, c);
inline constexpr auto gate = input<"gate">(layers, f, c);
inline constexpr auto up = input<"up">(layers, f, c);
inline constexpr auto down = input<"down">(layers, c, f);
inline constexpr auto last_norm = input<"last_norm">(c);

// The three parts of a block, for x (..., c): positions are axes like any others.
template <class X> constexpr auto queries(const X& normed, int layer) {  // (..., g, r, d)
  return group_heads<h, g, r>(split_heads<o, h, d>(project<c>(normed, gather<layers>(wq, layer))));
}
template <class X> constexpr auto keys(const X& normed, int layer) {  // (..., g, d)
  return split_heads<kv, g, d>(project<c>(normed, gather<layers>(wk, layer)));
}
template <class X> constexpr auto values(const X& normed, int layer) {  // (..., g, d)
  return split_heads<kv, g, d>(project<c>(normed, gather<layers>(wv, layer)));
}
template <class X> constexpr auto output(const X& attended, int layer) {  // (..., g, r, d) to (..., c)
  return project<o>(merge_heads<h, d, o>(merge<g, r, h>(attended)), gather<layers>(wo, layer));
}
template <class X> constexpr auto gated_mlp(const X& x, int layer) {
  const auto normed = rms_norm<c>(x, gather<layers>(mlp_norm, layer));
  return project<f>(
      silu(project<c>(normed, gather<layers>(gate, layer))) * project<c>(normed, gather<layers>(up, layer)),
      gather<layers>(down, layer));
}

// ---- a batch of whole texts
inline constexpr auto tokens = input<"tokens", std::int32_t>(b, n);
inline constexpr auto target = input<"target", std::int32_t>(b, n);  // the character that follows
inline constexpr auto cosine = input<"cosine">(n, half);
inline constexpr auto sine = input<"sine">(n, half);

template <class X> constexpr auto block(const X& x, int layer) {
  const auto normed = rms_norm<c>(x, gather<layers>(attention_norm, layer));
  const auto q = rotary<d, half>(queries(normed, layer), cosine, sine);
  const auto k = rename<n, m>(rotary<d, half>(keys(normed, layer), cosine, sine));
  const auto v = rename<n, m>(values(normed, layer));
  const auto y = x + output(attention<d, m>(q, k, v, causal(n, m)), layer);
  return y + gated_mlp(y, layer);
}
template <int Layer = 0, class X> constexpr auto blocks(const X& x) {
  if constexpr (Layer == layers.extent) return x;
  else return blocks<Layer + 1>(block(x, Layer));
}
inline constexpr auto hidden = rms_norm<c>(blocks(gather<words>(table, tokens)), last_norm);
inline constexpr auto logits = project<c>(hidden, table);
inline constexpr auto loss = mean<b, n>(cross_entropy<words>(logits, target));
inline constexpr auto weights = wrt(table, attention_norm, wq, wk, wv, wo, mlp_norm, gate, up, down, last_norm);
inline constexpr auto step = results(loss, gradient<loss>(weights));

// ---- one more character of one text, with a cache of those before
inline constexpr auto token = input<"token", std::int32_t>();
inline constexpr auto cosine_here = input<"cosine">(half);
inline constexpr auto sine_here = input<"sine">(half);
inline constexpr auto cached_keys = input<"cached_keys">(layers, m, g, d);  // rotated
inline constexpr auto cached_values = input<"cached_values">(layers, m, g, d);

// The softmax over the cache and the character itself, in two parts: what the character's own key weighs against the
// sum over all cached ones, whose logarithm is `lse`, is sigmoid(own - lse). Of an empty cache lse is -inf, and the own
// key has weight 1.
struct cached_layer {
  template <class X> static constexpr auto key(const X& x, int layer) {
    return rotary<d, half>(keys(rms_norm<c>(x, gather<layers>(attention_norm, layer)), layer), cosine_here, sine_here);
  }
  template <class X> static constexpr auto value(const X& x, int layer) {
    return values(rms_norm<c>(x, gather<layers>(attention_norm, layer)), layer);
  }
  template <class X> static constexpr auto next(const X& x, int layer) {
    const auto q =
        rotary<d, half>(queries(rms_norm<c>(x, gather<layers>(attention_norm, layer)), layer), cosine_here, sine_here);
    const auto score = scaled_dot<d>(q, gather<layers>(cached_keys, layer));
    const auto past = dot<m>(softmax<m>(score), gather<layers>(cached_values, layer));
    const auto weight = sigmoid(scaled_dot<d>(q, key(x, layer)) - logsumexp<m>(score));
    const auto y = x + output(past * (1 - weight) + value(x, layer) * weight, layer);
    return y + gated_mlp(y, layer);
  }
};
template <int Layer, class X> constexpr auto decoded_blocks(const X& x) {
  if constexpr (Layer == 0) return x;
  else return cached_layer::next(decoded_blocks<Layer - 1>(x), Layer - 1);
}
inline constexpr auto embedded = gather<words>(table, token);
// What each layer adds to the cache, all layers in one result.
template <int Layer = 0> constexpr auto all_keys() {
  const auto one = where(layers == Layer, cached_layer::key(decoded_blocks<Layer>(embedded), Layer), 0);
  if constexpr (Layer + 1 == layers.extent) return one;
  else return one + all_keys<Layer + 1>();
}
template <int Layer = 0> constexpr auto all_values() {
  const auto one = where(layers == Layer, cached_layer::value(decoded_blocks<Layer>(embedded), Layer), 0);
  if constexpr (Layer + 1 == layers.extent) return one;
  else return one + all_values<Layer + 1>();
}
inline constexpr auto next_logits = project<c>(rms_norm<c>(decoded_blocks<layers.extent>(embedded), last_norm), table);
inline constexpr auto new_keys = arrange<layers, g, d>(all_keys());
inline constexpr auto new_values = arrange<layers, g, d>(all_values());
inline constexpr auto decode = results(next_logits, new_keys, new_values);

}  // namespace decoder_graph
