// A declared graph as the oracle reads it: its nodes and inputs in memory of exact size, for a program that holds a
// graph would hold room for 2048 nodes. `evaluated_graph` is a view, of a table or of a whole graph.
#pragma once
#include "../../plan/passes/make_plan.hpp"
#include "../../run/frame/elements.hpp"
#include "../../run/frame/located.hpp"
#include "../frame/exact_list.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

struct evaluated_graph {
  stretch<const node> nodes;
  stretch<const input_entry> inputs;
  stretch<const primitive_entry* const> primitives;
  stretch<const node_id> roots;
  int size = 0;

  constexpr evaluated_graph(stretch<const node> n, stretch<const input_entry> i,
                            stretch<const primitive_entry* const> p, stretch<const node_id> r)
      : nodes(n),
        inputs(i),
        primitives(p),
        roots(r),
        size(n.size()) {}
  constexpr evaluated_graph(const graph& g)
      : evaluated_graph({g.nodes.data(), g.size}, {g.inputs.data(), g.input_count},
                        {g.primitives.data(), g.primitive_count}, {}) {}
  constexpr const node& operator[](int i) const { return nodes[i]; }
};

template <int Nodes = counting, int Inputs = counting, int Primitives = counting, int Roots = counting>
struct evaluated_graph_data {
  exact_list<node, Nodes> nodes{};
  exact_list<input_entry, Inputs> inputs{};
  exact_list<const primitive_entry*, Primitives> primitives{};
  exact_list<node_id, Roots> roots{};

  constexpr evaluated_graph view() const { return {nodes.all(), inputs.all(), primitives.all(), roots.all()}; }
};

// The nodes up to the last result.
template <class Data>
constexpr Data evaluated(const merged_graph& declared) {
  Data r;
  int last = 0;
  for (int k = 0; k < declared.count; ++k) {
    r.roots.add(declared.roots[k]);
    last = declared.roots[k] > last ? declared.roots[k] : last;
  }
  for (int i = 0; i <= last; ++i) r.nodes.add(declared.g[i]);
  for (int i = 0; i < declared.g.input_count; ++i) r.inputs.add(declared.g.inputs[i]);
  for (int i = 0; i < declared.g.primitive_count; ++i) r.primitives.add(declared.g.primitives[i]);
  return r;
}
template <const expression&... Outs>
inline constexpr auto evaluated_graph_data_of = [] {
  constexpr auto sizes = evaluated<evaluated_graph_data<>>(plan::merged_of<Outs...>);
  return evaluated<
      evaluated_graph_data<sizes.nodes.count, sizes.inputs.count, sizes.primitives.count, sizes.roots.count>>(
      plan::merged_of<Outs...>);
}();
template <const expression&... Outs>
inline constexpr evaluated_graph evaluated_graph_of = evaluated_graph_data_of<Outs...>.view();

// The element of an operand, as a number, at an index by axis number.
template <std::size_t N>
double element_of_operand(const input_entry& declared, const view& operand, const std::array<extent_t, N>& index) {
  extent_t at = 0;
  for (int k = 0; k < declared.rank; ++k) at += operand.stride[declared.order[k]] * index[declared.order[k]];
  switch (declared.type) {
    case element::boolean: return element_at<element::boolean, bool>(operand.data, at);
    case element::i8: return element_at<element::i8, double>(operand.data, at);
    case element::i32: return element_at<element::i32, double>(operand.data, at);
    case element::i64:
    case element::integer: return element_at<element::i64, double>(operand.data, at);
    case element::f64: return element_at<element::f64, double>(operand.data, at);
    default: return element_at<element::f32, double>(operand.data, at);
  }
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
