// A whole trained layer as one graph: what becomes of it, and that apple moves.
#include "encoder.hpp"
#include "vocabulary.hpp"
#include <cstdio>
using namespace heed_examples;

int main() {
  std::printf("%s\n", heed::explain<encoder_graph::layer>(heed::with(encoder_graph::b, 16), heed::with(encoder_graph::t, 12)).c_str());
  const std::string data = HEED_EXAMPLE_DATA;
  const encoder model(safetensors_file(data + "/model.safetensors"));
  const vocabulary words = vocabulary::from_lines(data + "/vocabulary.txt");
  const padded_batch batch = pad({words.tokens("an apple and an orange"), words.tokens("an apple phone")});
  heed::tensor<float> x = model.embed(batch.ids);
  heed::workspace memory;
  const auto alike = [&] {
    double ab = 0, aa = 0, bb = 0;
    for (int c = 0; c < 384; ++c) ab += double(x(0, 2, c)) * x(1, 2, c), aa += double(x(0, 2, c)) * x(0, 2, c), bb += double(x(1, 2, c)) * x(1, 2, c);
    return ab / std::sqrt(aa * bb);
  };
  std::printf("apple / apple: %.3f at the embedding", alike());
  for (int i = 0; i < 3; ++i) x = model.apply(i, x, batch.length, memory), std::printf(", %.3f after layer %d", alike(), i);
  std::printf("\n");
  return alike() < 0.95 ? 0 : 1;
}
