// Part 2: the graphs against expected values. Those of the cut model are in double precision; those of the whole one
// are its own.
#include "parts.hpp"
#include <cmath>
#include <cstdio>

namespace demo {
namespace {
// The largest difference at real tokens, printed beside its gate. got and want (sentence, ...): `each` numbers a
// sentence.
bool gate(const std::string& what, const heed::tensor<float>& got, const std::vector<float>& want,
          const std::vector<bool>& counts, double limit) {
  double worst = 0;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!counts[i]) continue;
    const double difference = std::fabs(double(got[i]) - want[i]);
    worst = difference <= worst ? worst : difference;  // NaN is the largest
    ++compared;
  }
  const bool holds = got.size() == want.size() && compared > 0 && worst <= limit;
  std::printf("    %-32s %10zu %12.1e %10.0e%s\n", what.c_str(), compared, worst, limit, holds ? "" : "  FAILED");
  return holds;
}
}  // namespace

bool show_differences(const setting& s) {
  std::vector<std::string> texts;
  for (const auto& sentence : read_sentences(s.data + "/sentences.txt")) texts.push_back(sentence.text);
  const padded_batch batch = pad(s.words.tokens(texts));
  const auto x = s.model.run(batch);
  const std::size_t sentences = texts.size(), tokens = std::size_t(batch.ids.extents()[1]);
  const auto B = std::int64_t(sentences), T = std::int64_t(tokens);
  const safetensors_file expected(s.data + "/expected.safetensors");

  // Elements of real tokens: of vectors (b, t, width), of weights (b, head, t, t).
  std::vector<bool> vectors, weights;
  const auto real = [&](std::size_t i, std::size_t t) { return std::int32_t(t) < batch.length[i]; };
  for (std::size_t i = 0; i < sentences; ++i) {
    for (std::size_t t = 0; t < tokens; ++t) vectors.insert(vectors.end(), encoder::width, real(i, t));
    for (int head = 0; head < encoder::heads; ++head)
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t u = 0; u < tokens; ++u) weights.push_back(real(i, t) && real(i, u));
  }

  std::printf("%s\n\n", s.out.bold("2. The same numbers").c_str());
  std::printf("  The largest difference from %s\n\n",
              s.full ? "what the whole model gives in float32" : "what these weights give in double precision");
  std::printf("    %-32s %10s %12s %10s\n", "", "numbers", "difference", "gate");
  bool ok = true;
  if (!s.full) {
    ok &= gate("embeddings", x[0], expected.read("embedded", {B, T, 384}), vectors, 2e-5);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const std::string name = "layer." + std::to_string(i) + ".output";
      ok &= gate(name, x[i + 1], expected.read(name, {B, T, 384}), vectors, 2e-5);
    }
    ok &= gate("layer.0.attention.probabilities", s.model.look(0, x[0], batch.length),
               expected.read("layer.0.attention.probabilities", {B, 12, T, T}), weights, 1e-6);
    return ok;
  }
  ok &= gate("full.layer.5.output", x.back(), expected.read("full.layer.5.output", {B, T, 384}), vectors, 2e-5);
  heed::tensor<float> mean(B, 384);  // over real tokens, of length 1: the sentence's vector
  for (std::size_t i = 0; i < sentences; ++i) {
    double sums[384] = {}, square = 0;
    for (int c = 0; c < 384; ++c) {
      for (std::size_t t = 0; t < tokens; ++t)
        if (real(i, t)) sums[c] += double(x.back()(i, t, c));
      square += sums[c] * sums[c];
    }
    for (int c = 0; c < 384; ++c) mean(i, c) = float(sums[c] / std::sqrt(square));
  }
  return gate("full.sentence", mean, expected.read("full.sentence", {B, 384}), std::vector<bool>(mean.size(), true),
              1e-6) &&
         ok;
}

}  // namespace demo
