// Text that the model writes on its own, character by character, each read back through the cache.
#pragma once
#include "text.hpp"
#include <cmath>
#include <random>

namespace training {

// `prompt` and `length` characters after it, drawn from what is expected at a temperature: below 1 the likely is
// likelier.
inline std::string generate(weights& w, const std::string& prompt, int length, extent_t context, float temperature,
                            unsigned seed) {
  reader r(w, context, extent_t(prompt.size()) + length);
  std::mt19937_64 random{seed};
  std::string text = prompt;
  std::vector<float> logits;
  for (const std::int32_t t : numbers_of(prompt)) logits = r.read(t);
  for (int i = 0; i < length; ++i) {
    double top = -INFINITY, total = 0;
    for (const float x : logits) top = std::max(top, double(x));
    for (const float x : logits) total += std::exp((double(x) - top) / double(temperature));
    double left = total * (double(random() >> 11) * 0x1p-53);
    std::int32_t next = 0;
    for (; next + 1 < characters &&
           (left -= std::exp((double(logits[std::size_t(next)]) - top) / double(temperature))) >= 0;
         ++next) {}
    text += character_of(next);
    if (i + 1 < length) logits = r.read(next);
  }
  return text;
}

}  // namespace training
