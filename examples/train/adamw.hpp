// AdamW with a clipped gradient (Loshchilov and Hutter 2019), and the rate that it learns at: rising at first, then a
// half cosine.
#pragma once
#include "model.hpp"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace training {

struct adamw {
  weights mean, square;  // moments of the gradients
  float beta1 = 0.9f, beta2 = 0.95f, epsilon = 1e-8f, decay = 0.1f, longest_gradient = 1;

  // One update, `step` counting from 1. Matrices decay, norms do not.
  void update(weights& w, weights& gradients, int step, float rate) {
    double norm = 0;  // summed in one order: the result does not depend on the threads
    for (const auto& e : gradients.all())
      for (const float x : *e.values) norm += double(x) * double(x);
    const float scale = float(std::min(1.0, double(longest_gradient) / std::max(1e-30, std::sqrt(norm))));
    const float correct1 = 1 / (1 - std::pow(beta1, float(step))), correct2 = 1 / (1 - std::pow(beta2, float(step)));
    const auto ws = w.all(), gs = gradients.all(), ms = mean.all(), ss = square.all();
    for (std::size_t k = 0; k < ws.size(); ++k) {
      float *const x = ws[k].values->data(), *const m = ms[k].values->data(), *const s = ss[k].values->data();
      const float *const g = gs[k].values->data(), shrink = ws[k].is_matrix ? 1 - rate * decay : 1;
#pragma omp parallel for
      for (std::size_t i = 0; i < ws[k].values->size(); ++i) {
        const float d = scale * g[i];
        m[i] = beta1 * m[i] + (1 - beta1) * d;
        s[i] = beta2 * s[i] + (1 - beta2) * d * d;
        x[i] = shrink * x[i] - rate * (correct1 * m[i]) / (std::sqrt(correct2 * s[i]) + epsilon);
      }
    }
  }
};

// `step` counts from 1 to `steps`.
inline float rate_at(int step, int steps, float highest) {
  constexpr int rising = 40;
  if (step <= rising) return highest * float(step) / rising;
  const float part = float(step - rising) / float(std::max(1, steps - rising));
  return highest * (0.1f + 0.45f * (1 + std::cos(std::numbers::pi_v<float> * std::min(part, 1.f))));
}

}  // namespace training
