// The language model's weights and the calls of its graphs, each compiled in a file of its own (step.cpp, evaluate.cpp,
// decode.cpp).
#pragma once
#include <array>
#include <cstdint>
#include <heed/heed.hpp>
#include <string>
#include <vector>

namespace training {

using heed::extent_t, heed::tensor;

// One tensor for each kind of weights, those of all layers stacked. Gradients and the moments of the optimizer have the
// same shapes.
struct weights {
  tensor<float> table, attention_norm, wq, wk, wv, wo, mlp_norm, gate, up, down, last_norm;

  weights();                              // zeros
  static weights initial(unsigned seed);  // normal(0, 0.02); what is added to the residual stream 1 / sqrt(2 layers) of
                                          // it; norms 1
  struct entry {
    const char* name;
    tensor<float>* values;
    bool is_matrix;
  };
  std::array<entry, 11> all();
  std::size_t count();  // numbers in all
};

// Cosines and sines of the angles by which a rotary turns the positions 0 .. positions - 1: (positions, 32) each.
struct rotary_tables {
  tensor<float> cosine, sine;
  explicit rotary_tables(extent_t positions);
};

// tokens and the characters that follow them, (texts, positions) each, numbers 0 .. 95.
struct batch {
  tensor<std::int32_t> tokens, target;
};

// The mean loss in nats a character, and the gradients of all weights.
float step(weights& w, const batch& x, const rotary_tables& angles, weights& gradients, heed::workspace& memory);
// What the step's graph became: "1 graph, 202 regions, ...".
std::string step_summary();
// The mean loss alone.
float loss_of(weights& w, const batch& x, const rotary_tables& angles, heed::workspace& memory);
// What is expected after every character of one text: logits (positions, 96), and what they are a projection of:
// (positions, 256).
struct expectation {
  tensor<float> logits, hidden;
};
expectation expected_after(weights& w, const std::vector<std::int32_t>& text);

// Reads a text character by character. Keys and values of all that was read are kept (of the last `context` positions
// it looks at).
class reader {
 public:
  reader(weights& w, extent_t context, extent_t longest);
  const std::vector<float>& read(std::int32_t token);  // the logits of what follows: 96. Throws heed::error for another
                                                       // token, or beyond `longest`

 private:
  weights& weights_;
  extent_t context_, longest_, length_ = 0;
  rotary_tables angles_;
  tensor<float> keys_, values_;  // (layers, longest, 2, 64)
  std::vector<float> logits_;
  heed::workspace memory_;
};

}  // namespace training
