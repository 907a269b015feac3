// Calls a graph of the model with all its weights bound: what else it reads, and where its results go, is said by the
// caller.
#pragma once
#include "graph.hpp"
#include "model.hpp"

namespace training {

// call<graph>(weights, tokens = ..., into(...), memory): strict, so that a region that is not fused is a compile error.
template <heed::result_list Graph, class... Arguments>
void call(const weights& w, Arguments&&... arguments) {
  namespace g = decoder_graph;
  heed::fuse<Graph, heed::strict>(g::table = w.table, g::attention_norm = w.attention_norm, g::wq = w.wq, g::wk = w.wk,
                                  g::wv = w.wv, g::wo = w.wo, g::mlp_norm = w.mlp_norm, g::gate = w.gate, g::up = w.up,
                                  g::down = w.down, g::last_norm = w.last_norm, std::forward<Arguments>(arguments)...);
}

}  // namespace training
