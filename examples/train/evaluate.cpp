// The forward pass alone: the loss of a batch, and what the model expects after every character of a text.
#include "call.hpp"

namespace training {
namespace g = decoder_graph;

float loss_of(weights& w, const batch& x, const rotary_tables& angles, heed::workspace& memory) {
  float loss = 0;
  call<g::loss>(w, g::tokens = x.tokens, g::target = x.target, g::cosine = angles.cosine, g::sine = angles.sine,
                heed::into(loss), memory);
  return loss;
}

expectation expected_after(weights& w, const std::vector<std::int32_t>& text) {
  const extent_t n = extent_t(text.size());
  const rotary_tables angles(n);
  expectation r{tensor<float>(n, g::words.extent), tensor<float>(n, g::c.extent)};
  call<heed::results(g::logits, g::hidden)>(w, g::tokens = heed::view(text.data(), {1, n}), g::cosine = angles.cosine,
                                            g::sine = angles.sine,
                                            heed::into(heed::view(r.logits.data(), {1, n, g::words.extent}),
                                                       heed::view(r.hidden.data(), {1, n, g::c.extent})));
  return r;
}

}  // namespace training
