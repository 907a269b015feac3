// The calls of the encoder's graphs, and its weights.
#include "encoder.hpp"
#include <algorithm>

namespace heed_examples {
namespace g = encoder_graph;
using heed::extent_t, heed::tensor, heed::view;

encoder::encoder(const safetensors_file& file) {
  word = file.read("embeddings.word_embeddings.weight", {-1, 384});
  place = file.read("embeddings.position_embeddings.weight", {-1, 384});
  kind = file.read("embeddings.token_type_embeddings.weight", {-1, 384});
  if (kind.empty())
    throw safetensors_error(file.path(), "embeddings.token_type_embeddings.weight", "at least one row", "none");
  kind.resize(384);  // all tokens are of the first kind
  norm_weight = file.read("embeddings.LayerNorm.weight", {384});
  norm_bias = file.read("embeddings.LayerNorm.bias", {384});
  for (int i = 0; i == 0 || file.has("encoder.layer." + std::to_string(i) + ".output.dense.weight"); ++i) {
    const std::string at = "encoder.layer." + std::to_string(i) + ".";
    const auto dense = [&](const std::string& name, std::int64_t out, std::int64_t in, std::vector<float>& w,
                           std::vector<float>& bias) {
      w = file.read(at + name + ".weight", {out, in});
      bias = file.read(at + name + ".bias", {out});
    };
    layer_weights l;
    dense("attention.self.query", 384, 384, l.wq, l.bq), dense("attention.self.key", 384, 384, l.wk, l.bk);
    dense("attention.self.value", 384, 384, l.wv, l.bv), dense("attention.output.dense", 384, 384, l.wo, l.bo);
    dense("intermediate.dense", 1536, 384, l.w1, l.b1), dense("output.dense", 384, 1536, l.w2, l.b2);
    l.n1w = file.read(at + "attention.output.LayerNorm.weight", {384}),
    l.n1b = file.read(at + "attention.output.LayerNorm.bias", {384});
    l.n2w = file.read(at + "output.LayerNorm.weight", {384}), l.n2b = file.read(at + "output.LayerNorm.bias", {384});
    layers.push_back(std::move(l));
  }
}

tensor<float> encoder::embed(const padded_batch& batch) const {
  tensor<float> r(batch.ids.extents()[0], batch.ids.extents()[1], 384);
  const extent_t words = extent_t(word.size() / 384);
  heed::fuse<g::embedded, heed::strict>(g::ids = batch.ids, g::position = batch.position,
                                        g::word = view(word.data(), {words, 384}),
                                        g::place = view(place.data(), {longest(), 384}), g::kind = kind,
                                        g::norm_weight = norm_weight, g::norm_bias = norm_bias, into(r));
  return r;
}

tensor<float> encoder::apply(std::size_t layer, const tensor<float>& x, const tensor<std::int32_t>& length,
                             heed::workspace& memory) const {
  const layer_weights& l = layers.at(layer);
  tensor<float> r(x.extents());
  heed::fuse<g::layer, heed::strict>(
      g::x = x, g::length = length, g::wq = view(l.wq.data(), {384, 384}), g::bq = l.bq,
      g::wk = view(l.wk.data(), {384, 384}), g::bk = l.bk, g::wv = view(l.wv.data(), {384, 384}), g::bv = l.bv,
      g::wo = view(l.wo.data(), {384, 384}), g::bo = l.bo, g::n1w = l.n1w, g::n1b = l.n1b,
      g::w1 = view(l.w1.data(), {1536, 384}), g::b1 = l.b1, g::w2 = view(l.w2.data(), {384, 1536}), g::b2 = l.b2,
      g::n2w = l.n2w, g::n2b = l.n2b, into(r), memory);
  return r;
}

std::vector<tensor<float>> encoder::run(const padded_batch& batch) const {
  std::vector<tensor<float>> x{embed(batch)};
  heed::workspace memory;
  for (std::size_t i = 0; i < layers.size(); ++i) x.push_back(apply(i, x.back(), batch.length, memory));
  return x;
}

tensor<float> encoder::look(std::size_t layer, const tensor<float>& x, const tensor<std::int32_t>& length) const {
  const layer_weights& l = layers.at(layer);
  tensor<float> r(x.extents()[0], 12, x.extents()[1], x.extents()[1]);
  heed::fuse<g::attention_map, heed::strict>(g::x = x, g::length = length, g::wq = view(l.wq.data(), {384, 384}),
                                             g::bq = l.bq, g::wk = view(l.wk.data(), {384, 384}), g::bk = l.bk,
                                             into(r));
  return r;
}

encoder::head_operands encoder::queries_keys_values(std::size_t layer, const tensor<float>& x) const {
  const layer_weights& l = layers.at(layer);
  const auto one = [&] { return tensor<float>(x.extents()[0], 12, x.extents()[1], 32); };
  head_operands r{one(), one(), one()};
  heed::fuse<heed::results(g::queries, g::keys, g::values), heed::strict>(
      g::x = x, g::wq = view(l.wq.data(), {384, 384}), g::bq = l.bq, g::wk = view(l.wk.data(), {384, 384}),
      g::bk = l.bk, g::wv = view(l.wv.data(), {384, 384}), g::bv = l.bv, into(r.queries, r.keys, r.values));
  return r;
}

padded_batch pad(const std::vector<std::vector<int>>& sentences, const std::vector<int>& word_at) {
  std::size_t longest = 0;
  for (const auto& s : sentences) longest = std::max(longest, s.size());
  const int target = word_at.empty() ? 0 : *std::max_element(word_at.begin(), word_at.end());
  padded_batch r{tensor<std::int32_t>(sentences.size(), longest), tensor<std::int32_t>(sentences.size(), longest),
                 tensor<std::int32_t>(sentences.size())};
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    r.length[i] = std::int32_t(sentences[i].size());
    const int moved = word_at.empty() ? 0 : target - word_at[i];
    for (std::size_t j = 0; j < sentences[i].size(); ++j)
      r.ids(i, j) = sentences[i][j], r.position(i, j) = j == 0 ? 0 : std::int32_t(j) + moved;
  }
  return r;
}

}  // namespace heed_examples
