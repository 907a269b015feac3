// All that training goes on from, in one safetensors file: weights, the moments of the optimizer, the step, the seed
// that batches are drawn by (each from the seed and its step: there is no other random state), and the losses so far.
#pragma once
#include "adamw.hpp"
#include <string>
#include <vector>

namespace training {

struct progress {
  weights w;
  adamw optimizer;
  int step = 0, steps = 0;     // done; planned (0: not known yet)
  int texts = 0, context = 0;  // of a batch
  unsigned seed = 1;
  float rate = 0;                // the highest
  std::vector<float> losses;     // of each step
  std::vector<float> validated;  // step, loss, step, loss, ...
};

// Throws heed_examples::safetensors_error where a file cannot be written, or is not what `save` writes.
void save(const std::string& path, progress& p);
progress load(const std::string& path);
// Weights, a batch, its loss and gradients, for a comparison with another implementation.
void export_step(const std::string& path, weights& w, const batch& x, float loss, weights& gradients);

}  // namespace training
