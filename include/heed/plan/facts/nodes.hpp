// What passes ask of single nodes and of sets of them: sets of axes, views down to the memory that they show, and the
// nodes that some results need.
#pragma once
#include "../../base/contraction_kind.hpp"
#include "../../graph/graph.hpp"
#include <bit>

namespace heed::internal::plan {

using node_flags = fixed_array<bool, graph::capacity>;

constexpr axis_set bit(int axis) { return axis < 0 ? axis_set(0) : axis_set(1) << axis; }
constexpr int count_of(axis_set s) { return std::popcount(s); }
constexpr int only_axis(axis_set s) { return std::countr_zero(s); }
// Sums over one operand's axes of what it makes of two: products, or differences.
constexpr bool contracts(op o) { return o == op::dot || o == op::distance; }
constexpr contraction_kind kind_of(const node& contraction) {
  if (contraction.code == op::dot) return contraction_kind::product;
  return contraction.value == 2 ? contraction_kind::squared_difference : contraction_kind::absolute_difference;
}
// What a score program computes itself; everything else is read from memory.
constexpr bool is_inlined(op o) {
  return is_pointwise(o) || o == op::mask || o == op::gather || o == op::constant || o == op::index || o == op::size;
}
constexpr node_id source_of_view(const graph& g, node_id i) {
  while (is_view(g[i].code) && g[i].code != op::merge) i = g[i].a;
  return i;
}
// The caller's memory, seen as it is or merged.
constexpr bool lies_in_input(const graph& g, node_id i) {
  while (is_view(g[i].code)) i = g[i].a;
  return g[i].code == op::input;
}

constexpr bool is_constant(const graph& g, int i) { return g[i].code == op::constant; }
constexpr bool is_constant(const graph& g, int i, double v) { return is_constant(g, i) && g[i].value == v; }
// A number of an input, at a constant index: regions read the whole table at it.
constexpr bool is_number_of_table(const graph& g, node_id i) {
  return g[i].code == op::pick && g[i].axes == 0 && g[g[i].a].code == op::input;
}

// The nodes that some roots need.
template <std::size_t N>
constexpr node_flags reachable(const graph& g, const fixed_array<node_id, N>& roots, int count) {
  node_flags r{};
  int last = 0;
  for (int i = 0; i < count; ++i) {
    r[roots[i]] = true;
    last = roots[i] > last ? roots[i] : last;
  }
  for (int i = last; i > 0; --i)
    if (r[i]) r[g[i].a] = r[g[i].b] = r[g[i].c] = true;
  r[0] = false;
  return r;
}

// An index, or an extent, times the extent of another axis: a position along both, of which a call checks that 32 bits
// have room for it.
struct product_of_extents {
  int first = -1, second = -1;  // the axes; -1: it is none
};
constexpr product_of_extents product_of_extents_in(const graph& g, const node& x) {
  if (x.code != op::multiply || is_real(x.type)) return {};
  const node &a = g[x.a], &b = g[x.b];
  const auto counts = [](const node& y) { return y.code == op::index || y.code == op::size; };
  if (!counts(a) || !counts(b) || a.first == b.first || (a.code == op::index && b.code == op::index)) return {};
  return {a.first, b.first};
}

}  // namespace heed::internal::plan
