// The trained encoder as heed graphs: embeddings, one transformer layer, the attention map of a layer.
#pragma once
#include "safetensors.hpp"
#include <heed/heed.hpp>

namespace heed_examples {

namespace encoder_graph {
using namespace heed;
inline constexpr axis<"b"> b;              // sentences
inline constexpr axis<"t"> t;              // tokens that ask
inline constexpr axis<"s"> s;              // tokens that are looked at
inline constexpr axis<"c", 384> c;         // model width
inline constexpr axis<"o", 384> o;         // model width, seen as heads
inline constexpr axis<"h", 12> h;          // heads
inline constexpr axis<"d", 32> d;          // head width
inline constexpr axis<"f", 1536> f;        // MLP width
inline constexpr axis<"words"> words;
inline constexpr axis<"places"> places;

// Words become embeddings.
inline constexpr auto ids = input<"ids", std::int32_t>(b, t);
inline constexpr auto word = input<"word">(words, c);
inline constexpr auto place = input<"place">(places, c);
inline constexpr auto kind = input<"kind">(c);
inline constexpr auto norm_weight = input<"norm_weight">(c);
inline constexpr auto norm_bias = input<"norm_bias">(c);
inline constexpr auto embedded =
    layer_norm<c>(gather<words>(word, ids) + gather<places>(place, t) + kind, norm_weight, norm_bias, 1e-12);

// Keys, queries and values are linear transformations.
inline constexpr auto x = input<"x">(b, t, c);
inline constexpr auto length = input<"length", std::int32_t>(b);
inline constexpr auto wq = input<"wq">(o, c);
inline constexpr auto wk = input<"wk">(o, c);
inline constexpr auto wv = input<"wv">(o, c);
inline constexpr auto wo = input<"wo">(c, o);
inline constexpr auto bq = input<"bq">(o);
inline constexpr auto bk = input<"bk">(o);
inline constexpr auto bv = input<"bv">(o);
inline constexpr auto bo = input<"bo">(c);
inline constexpr auto q = split_heads<o, h, d>(project<c>(x, wq, bq));
inline constexpr auto k = rename<t, s>(split_heads<o, h, d>(project<c>(x, wk, bk)));
inline constexpr auto v = rename<t, s>(split_heads<o, h, d>(project<c>(x, wv, bv)));

// Each head looks at the real tokens and takes a weighted sum of their values.
inline constexpr auto score = mask(scaled_dot<d>(q, k), padding(s, length));
inline constexpr auto attention_map = arrange<b, h, t, s>(softmax<s>(score));
inline constexpr auto context = merge_heads<h, d, o>(dot<s>(softmax<s>(score), v));

inline constexpr auto n1w = input<"n1w">(c);
inline constexpr auto n1b = input<"n1b">(c);
inline constexpr auto n2w = input<"n2w">(c);
inline constexpr auto n2b = input<"n2b">(c);
inline constexpr auto w1 = input<"w1">(f, c);
inline constexpr auto w2 = input<"w2">(c, f);
inline constexpr auto b1 = input<"b1">(f);
inline constexpr auto b2 = input<"b2">(c);
inline constexpr auto attended = layer_norm<c>(x + project<o>(context, wo, bo), n1w, n1b, 1e-12);
inline constexpr auto layer = layer_norm<c>(attended + project<f>(gelu(project<c>(attended, w1, b1)), w2, b2), n2w, n2b, 1e-12);
}  // namespace encoder_graph

class encoder {
 public:
  struct layer_weights { std::vector<float> wq, bq, wk, bk, wv, bv, wo, bo, n1w, n1b, w1, b1, w2, b2, n2w, n2b; };

  explicit encoder(const safetensors_file& file) {
    word = file.read("embeddings.word_embeddings.weight", {-1, 384});
    place = file.read("embeddings.position_embeddings.weight", {-1, 384});
    kind = file.read("embeddings.token_type_embeddings.weight", {-1, 384});
    kind.resize(384);                                      // all tokens are of the first kind
    norm_weight = file.read("embeddings.LayerNorm.weight", {384});
    norm_bias = file.read("embeddings.LayerNorm.bias", {384});
    for (int i = 0; file.has("encoder.layer." + std::to_string(i) + ".output.dense.weight"); ++i) {
      const std::string at = "encoder.layer." + std::to_string(i) + ".";
      const auto dense = [&](const std::string& name, std::int64_t out, std::int64_t in, std::vector<float>& w, std::vector<float>& bias) {
        w = file.read(at + name + ".weight", {out, in});
        bias = file.read(at + name + ".bias", {out});
      };
      layer_weights l;
      dense("attention.self.query", 384, 384, l.wq, l.bq), dense("attention.self.key", 384, 384, l.wk, l.bk);
      dense("attention.self.value", 384, 384, l.wv, l.bv), dense("attention.output.dense", 384, 384, l.wo, l.bo);
      dense("intermediate.dense", 1536, 384, l.w1, l.b1), dense("output.dense", 384, 1536, l.w2, l.b2);
      l.n1w = file.read(at + "attention.output.LayerNorm.weight", {384}), l.n1b = file.read(at + "attention.output.LayerNorm.bias", {384});
      l.n2w = file.read(at + "output.LayerNorm.weight", {384}), l.n2b = file.read(at + "output.LayerNorm.bias", {384});
      layers.push_back(std::move(l));
    }
    if (layers.empty()) throw safetensors_error(file.path(), "encoder.layer.0.output.dense.weight", "at least one layer", "none");
  }

  // ids (b, t) to embeddings (b, t, 384).
  heed::tensor<float> embed(const heed::tensor<std::int32_t>& ids) const {
    namespace g = encoder_graph;
    heed::tensor<float> r(ids.extents()[0], ids.extents()[1], 384);
    const heed::extent_t rows = heed::extent_t(word.size() / 384), positions = heed::extent_t(place.size() / 384);
    heed::fuse<g::embedded, heed::strict>(g::ids = ids, g::word = heed::view(word.data(), {rows, 384}), g::place = heed::view(place.data(), {positions, 384}),
                                          g::kind = kind, g::norm_weight = norm_weight, g::norm_bias = norm_bias, into(r));
    return r;
  }
  // One layer on x (b, t, 384); tokens from length[b] on are padding.
  heed::tensor<float> apply(int i, const heed::tensor<float>& x, const heed::tensor<std::int32_t>& length, heed::workspace& memory) const {
    namespace g = encoder_graph;
    const layer_weights& l = layers[std::size_t(i)];
    heed::tensor<float> r(x.extents());
    heed::fuse<g::layer, heed::strict>(g::x = x, g::length = length, g::wq = heed::view(l.wq.data(), {384, 384}), g::bq = l.bq,
                                       g::wk = heed::view(l.wk.data(), {384, 384}), g::bk = l.bk, g::wv = heed::view(l.wv.data(), {384, 384}), g::bv = l.bv,
                                       g::wo = heed::view(l.wo.data(), {384, 384}), g::bo = l.bo, g::n1w = l.n1w, g::n1b = l.n1b,
                                       g::w1 = heed::view(l.w1.data(), {1536, 384}), g::b1 = l.b1, g::w2 = heed::view(l.w2.data(), {384, 1536}), g::b2 = l.b2,
                                       g::n2w = l.n2w, g::n2b = l.n2b, into(r), memory);
    return r;
  }
  // Who looks at whom in a layer: (b, 12, t, t).
  heed::tensor<float> look(int i, const heed::tensor<float>& x, const heed::tensor<std::int32_t>& length) const {
    namespace g = encoder_graph;
    const layer_weights& l = layers[std::size_t(i)];
    heed::tensor<float> r(x.extents()[0], 12, x.extents()[1], x.extents()[1]);
    heed::fuse<g::attention_map>(g::x = x, g::length = length, g::wq = heed::view(l.wq.data(), {384, 384}), g::bq = l.bq,
                                 g::wk = heed::view(l.wk.data(), {384, 384}), g::bk = l.bk, into(r));
    return r;
  }

  std::vector<float> word, place, kind, norm_weight, norm_bias;
  std::vector<layer_weights> layers;
};

// Token numbers of several sentences, padded to the longest, and their lengths.
struct padded_batch { heed::tensor<std::int32_t> ids, length; };
inline padded_batch pad(const std::vector<std::vector<int>>& sentences) {
  std::size_t longest = 0;
  for (const auto& s : sentences) longest = std::max(longest, s.size());
  padded_batch r{heed::tensor<std::int32_t>(sentences.size(), longest), heed::tensor<std::int32_t>(sentences.size())};
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    r.length[i] = std::int32_t(sentences[i].size());
    for (std::size_t j = 0; j < sentences[i].size(); ++j) r.ids(i, j) = sentences[i][j];
  }
  return r;
}

}  // namespace heed_examples
