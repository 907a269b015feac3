// One step of training: the loss and the gradients of all weights, compiled as one graph in which every region is
// fused.
#include "call.hpp"

namespace training {
namespace g = decoder_graph;

float step(weights& w, const batch& x, const rotary_tables& angles, weights& d, heed::workspace& memory) {
  float loss = 0;
  call<g::step>(w, g::tokens = x.tokens, g::target = x.target, g::cosine = angles.cosine, g::sine = angles.sine,
                heed::into(loss, d.table, d.attention_norm, d.wq, d.wk, d.wv, d.wo, d.mlp_norm, d.gate, d.up, d.down,
                           d.last_norm),
                memory);
  return loss;
}

std::string step_summary() {
  const auto& plan = []<std::size_t... I>(std::index_sequence<I...>) -> const heed::internal::plan::execution_plan& {
    return heed::internal::plan::plan_of<*g::step.of[I]...>;
  }(std::make_index_sequence<g::step.count>{});
  int score = 0, backward = 0, matmul = 0, row = 0, other = 0;
  for (int i = 0; i < plan.region_count; ++i) {
    using heed::internal::plan::region_kind;
    const region_kind k = plan.regions[std::size_t(i)].kind;
    ++(k == region_kind::score            ? score
       : k == region_kind::score_gradient ? backward
       : k == region_kind::matmul         ? matmul
       : k == region_kind::row            ? row
                                          : other);
  }
  const auto part = [](int count, const char* what) { return std::to_string(count) + " " + what; };
  return "loss and gradients are one graph of " + part(plan.g.size - 1, "nodes, fused into ") +
         part(plan.region_count, "regions: ") + part(matmul, "matmul, ") + part(row, "row, ") + part(score, "score, ") +
         part(backward, "score gradient, ") + part(other, "scatter");
}

}  // namespace training
