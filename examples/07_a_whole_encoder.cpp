// 7. A whole trained layer is one graph (support/encoder.hpp): projections, heads, padding, residuals, layer norms,
// MLP. Three of them on trained weights, and what they make of "apple". ./dev demo tells the whole story.
#include "encoder.hpp"
#include "vocabulary.hpp"
#include <cmath>
#include <cstdio>
using namespace heed_examples;

int main(int argc, char**) {
  if (argc > 1) {
    using encoder_graph::b, encoder_graph::t;
    return std::puts(heed::explain<encoder_graph::layer>(heed::with(b, 16), heed::with(t, 12)).c_str()), 0;
  }
  const std::string data = HEED_EXAMPLE_DATA;
  const encoder model(safetensors_file(data + "/model.safetensors"));
  const vocabulary words = vocabulary::from_lines(data + "/vocabulary.txt");
  // "apple" is token 2 in each: its position tells nothing.
  const std::vector<std::string> sentences{"an apple and an orange", "an apple with my lunch", "the apple phone"};
  const auto x = model.run(pad(words.tokens(sentences)));  // (sentence, token, width): the embeddings, then after each
                                                           // layer

  const auto alike = [&](std::size_t layer, int i, int j) {
    double ab = 0, aa = 0, bb = 0;
    for (int c = 0; c < encoder::width; ++c) {
      const double a = x[layer](i, 2, c), b = x[layer](j, 2, c);
      ab += a * b, aa += a * a, bb += b * b;
    }
    return ab / std::sqrt(aa * bb);
  };
  std::printf("cosine of the vectors of apple\n%-15s   orange / lunch   orange / phone\n", "");
  for (std::size_t i = 0; i < x.size(); ++i)
    std::printf("%-15s   %14.3f   %14.3f\n", i == 0 ? "embedding" : ("after layer " + std::to_string(i - 1)).c_str(),
                alike(i, 0, 1), alike(i, 0, 2));
  return std::abs(alike(0, 0, 1) - alike(0, 0, 2)) < 1e-5 && alike(3, 0, 1) > alike(3, 0, 2) + 0.1 ? 0 : 1;
}
