// What the weights are at first, and the tables of the rotary.
#include "graph.hpp"
#include "text.hpp"
#include <cmath>
#include <random>

namespace training {
namespace g = decoder_graph;

static_assert(characters == g::words.extent, "the vocabulary of the text is that of the model");

weights::weights()
    : table(g::words.extent, g::c.extent),
      attention_norm(g::layers.extent, g::c.extent),
      wq(g::layers.extent, g::o.extent, g::c.extent),
      wk(g::layers.extent, g::kv.extent, g::c.extent),
      wv(g::layers.extent, g::kv.extent, g::c.extent),
      wo(g::layers.extent, g::c.extent, g::o.extent),
      mlp_norm(g::layers.extent, g::c.extent),
      gate(g::layers.extent, g::f.extent, g::c.extent),
      up(g::layers.extent, g::f.extent, g::c.extent),
      down(g::layers.extent, g::c.extent, g::f.extent),
      last_norm(g::c.extent) {}

std::array<weights::entry, 11> weights::all() {
  return {{{"table", &table, true},
           {"attention_norm", &attention_norm, false},
           {"wq", &wq, true},
           {"wk", &wk, true},
           {"wv", &wv, true},
           {"wo", &wo, true},
           {"mlp_norm", &mlp_norm, false},
           {"gate", &gate, true},
           {"up", &up, true},
           {"down", &down, true},
           {"last_norm", &last_norm, false}}};
}
std::size_t weights::count() {
  std::size_t n = 0;
  for (const entry& e : all()) n += e.values->size();
  return n;
}
weights weights::initial(unsigned seed) {
  weights w;
  std::mt19937 random{seed};
  for (const entry& e : w.all()) {
    const bool residual = e.values == &w.wo || e.values == &w.down;
    std::normal_distribution<float> normal(0, residual ? 0.02f / std::sqrt(2.f * float(g::layers.extent)) : 0.02f);
    for (float& x : *e.values) x = e.is_matrix ? normal(random) : 1;
  }
  return w;
}

rotary_tables::rotary_tables(extent_t positions) : cosine(positions, g::half.extent), sine(positions, g::half.extent) {
  for (extent_t i = 0; i < positions; ++i)
    for (extent_t j = 0; j < g::half.extent; ++j) {
      const double angle = double(i) * std::pow(10000.0, -double(j) / double(g::half.extent));
      cosine(i, j) = float(std::cos(angle)), sine(i, j) = float(std::sin(angle));
    }
}

}  // namespace training
