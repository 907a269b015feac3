// The trained encoder as heed graphs: embeddings, one transformer layer, the attention map of a layer. The graphs are
// compiled in encoder.cpp, once for all programs that use them. Devlin et al. 2019 (BERT); Wang et al. 2020 (MiniLM).
#pragma once
#include "safetensors.hpp"
#include <heed/heed.hpp>

namespace heed_examples {

namespace encoder_graph {
using namespace heed;
inline constexpr axis<"b"> b;        // sentences
inline constexpr axis<"t"> t;        // tokens that ask
inline constexpr axis<"s"> s;        // tokens that are looked at
inline constexpr axis<"c", 384> c;   // model width
inline constexpr axis<"o", 384> o;   // model width, seen as heads
inline constexpr axis<"h", 12> h;    // heads
inline constexpr axis<"d", 32> d;    // head width
inline constexpr axis<"f", 1536> f;  // MLP width
inline constexpr axis<"words"> words;
inline constexpr axis<"places"> places;

// Words become embeddings.
inline constexpr auto ids = input<"ids", std::int32_t>(b, t);
inline constexpr auto position = input<"position", std::int32_t>(b, t);
inline constexpr auto word = input<"word">(words, c);
inline constexpr auto place = input<"place">(places, c);
inline constexpr auto kind = input<"kind">(c);
inline constexpr auto norm_weight = input<"norm_weight">(c);
inline constexpr auto norm_bias = input<"norm_bias">(c);
inline constexpr auto embedded =
    layer_norm<c>(gather<words>(word, ids) + gather<places>(place, position) + kind, norm_weight, norm_bias, 1e-12);

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

// queries, keys, values
inline constexpr auto q = split_heads<o, h, d>(project<c>(x, wq, bq));
inline constexpr auto k = rename<t, s>(split_heads<o, h, d>(project<c>(x, wk, bk)));
inline constexpr auto v = rename<t, s>(split_heads<o, h, d>(project<c>(x, wv, bv)));

// attention
inline constexpr auto score = mask(scaled_dot<d>(q, k), padding(s, length));
inline constexpr auto context = merge_heads<h, d, o>(dot<s>(softmax<s>(score), v));

// To look inside: the weights of every head, and what goes into them.
inline constexpr auto attention_map = arrange<b, h, t, s>(softmax<s>(score));
inline constexpr auto queries = arrange<b, h, t, d>(q);
inline constexpr auto keys = arrange<b, h, s, d>(k);
inline constexpr auto values = arrange<b, h, s, d>(v);

inline constexpr auto n1w = input<"n1w">(c);
inline constexpr auto n1b = input<"n1b">(c);
inline constexpr auto n2w = input<"n2w">(c);
inline constexpr auto n2b = input<"n2b">(c);
inline constexpr auto w1 = input<"w1">(f, c);
inline constexpr auto w2 = input<"w2">(c, f);
inline constexpr auto b1 = input<"b1">(f);
inline constexpr auto b2 = input<"b2">(c);
inline constexpr auto attended = layer_norm<c>(x + project<o>(context, wo, bo), n1w, n1b, 1e-12);
inline constexpr auto layer =
    layer_norm<c>(attended + project<f>(gelu(project<c>(attended, w1, b1)), w2, b2), n2w, n2b, 1e-12);
}  // namespace encoder_graph

// Token numbers of several sentences, padded to the longest, where each token stands, and the lengths.
struct padded_batch {
  heed::tensor<std::int32_t> ids, position, length;
};

// `word_at`, where given, says for each sentence which token is its word; positions are then shifted so that all these
// words stand at the same one ([CLS] stays at 0) and position alone tells nothing about them.
padded_batch pad(const std::vector<std::vector<int>>& sentences, const std::vector<int>& word_at = {});

class encoder {
 public:
  static constexpr int width = 384, heads = 12, head_width = 32;
  struct layer_weights {
    std::vector<float> wq, bq, wk, bk, wv, bv, wo, bo, n1w, n1b, w1, b1, w2, b2, n2w, n2b;
  };
  struct head_operands {
    heed::tensor<float> queries, keys, values;
  };  // each (b, 12, t, 32)

  // Throws safetensors_error where the file lacks a tensor, or has one of another shape.
  explicit encoder(const safetensors_file& file);

  // Embeddings (b, t, 384). Throws heed::error for a token number or a position that the tables do not have.
  heed::tensor<float> embed(const padded_batch& batch) const;
  // One layer on x (b, t, 384); tokens from length[b] on are padding.
  heed::tensor<float> apply(std::size_t layer, const heed::tensor<float>& x, const heed::tensor<std::int32_t>& length,
                            heed::workspace& memory) const;
  // The embeddings, and what each layer makes of them.
  std::vector<heed::tensor<float>> run(const padded_batch& batch) const;
  // Who looks at whom in a layer: (b, 12, t, t).
  heed::tensor<float> look(std::size_t layer, const heed::tensor<float>& x,
                           const heed::tensor<std::int32_t>& length) const;
  // What a layer's heads ask, offer and tell.
  head_operands queries_keys_values(std::size_t layer, const heed::tensor<float>& x) const;

  int longest() const { return int(place.size()) / width; }  // positions that the model knows

  std::vector<float> word, place, kind, norm_weight, norm_bias;
  std::vector<layer_weights> layers;
};

}  // namespace heed_examples
