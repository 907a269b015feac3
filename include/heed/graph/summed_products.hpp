// Sums of products of rows and columns that are written out, sum<d>(q * k), as the contractions that they are: before
// anything is differentiated, so that their gradients are contractions too.
//   sum<d>(q * k * w)  is  dot<d>(q * w, k)       mean<d>(q * k)  is  dot<d>(q, k) / size<d>
// What does not vary along the sum stands outside. Weights of a softmax keep their sum: it counts what they exclude.
#pragma once
#include "rewriting.hpp"

namespace heed::internal {

// What is summed as a product: factors that vary along the sum, and others.
struct product_reader {
  struct factor {
    node_id of{};
    bool divides = false;
  };
  const graph& g;
  axis_set over;
  static_list<factor, 8> inside{}, outside{};
  bool negative = false;

  constexpr bool reads(node_id i, bool divides = false) {
    const node& x = g[i];
    const bool varies = x.axes & over;
    if (varies && !divides && x.code == op::multiply) return reads(x.a) && reads(x.b);
    if (varies && !divides && x.code == op::divide) return reads(x.a) && reads(x.b, true);
    if (varies && !divides && x.code == op::negate) return negative = !negative, reads(x.a);
    static_list<factor, 8>& to = varies ? inside : outside;
    if (to.count == 7) return false;  // a mean has a divisor of its own
    to.add({i, divides});
    return true;
  }
  // May factor i be the first of one side, and j that of the other?
  constexpr bool are_sides(int i, int j) const {
    const factor &p = inside[i], &q = inside[j];
    const axis_set a = g[p.of].axes, b = g[q.of].axes;
    return !p.divides && !q.divides && is_real(g[p.of].type) && is_real(g[q.of].type) && !(over & ~(a & b)) &&
           (a & ~b) && (b & ~a) && (is_long(over) || (is_long(a & ~b) && is_long(b & ~a)));
  }
  // The two halves that a rotation turns into each other would make tiny products of a pass over memory.
  constexpr bool is_long(axis_set axes) const {
    for (int i = 0; axes >> i; ++i)  // mutants: halves_of_a_rotation_contracted
      if ((axes & axis_bit(i)) && (g.extent(i) == runtime || g.extent(i) >= 8)) return true;
    return false;
  }
};
// Is it made of weights, pointwise? Each node is looked at once.
constexpr bool holds_weights(const graph& g, node_id value) {
  fixed_array<bool, graph::capacity> open{};
  open[value] = true;
  for (int i = value; i > 0; --i) {
    const node& x = g[i];
    if (!open[i]) continue;
    if (x.code == op::softmax || takes_passes(x.code)) return true;
    if (is_pointwise(x.code) || x.code == op::mask || is_view(x.code) || x.code == op::shift)
      open[x.a] = open[x.b] = open[x.c] = true;
  }
  return false;
}
constexpr bool sums_products(const graph& g, const node& x) {
  const op code = g[x.a].code;
  return (x.code == op::sum || x.code == op::mean) && is_real(x.type) &&
         (code == op::multiply || code == op::divide || code == op::negate);
}

class product_summer : rewriting {
 public:
  constexpr explicit product_summer(const merged_graph& graph_) : rewriting(graph_) {}
  constexpr merged_graph run() {
    return rewritten_by([&](const node& x, axis_set) {
      const node_id r = sums_products(g, x) ? contraction_of(x) : node_id(0);
      return r && g[r].axes == x.axes && g[r].type == x.type ? r : node_id(0);
    });
  }

 private:
  constexpr node_id contraction_of(const node& x) {
    product_reader found{g, x.over};
    if (!found.reads(x.a) || (x.code == op::mean && present.of(g, x.a))) return 0;
    for (const auto& f : found.outside)
      if (present.of(g, f.of)) return 0;  // what it leaves out is 0, and would be absent
    for (const auto& f : found.inside)
      if (holds_weights(g, f.of)) return 0;
    for (int i = 0; i < found.inside.count; ++i)
      for (int j = i + 1; j < found.inside.count; ++j) {
        if (!found.are_sides(i, j)) continue;
        const node_id r = contraction_of(x, found, i, j);
        if (r) return r;
      }
    return 0;
  }
  // ... of which factor i is a part of the one operand and j of the other. Each further one goes where it varies over
  // nothing new, or over axes of the model alone, which the other side has not by itself.
  constexpr node_id contraction_of(const node& x, const product_reader& found, int i, int j) {
    node_id side[] = {found.inside[i].of, found.inside[j].of};
    const axis_set own[] = {g[side[0]].axes & ~g[side[1]].axes, g[side[1]].axes & ~g[side[0]].axes};
    for (int k = 0; k < found.inside.count; ++k) {
      if (k == i || k == j) continue;
      const auto& f = found.inside[k];
      const axis_set axes = g[f.of].axes;
      const auto fits = [&](int s) { return !(axes & own[1 - s]) && is_static(axes & ~g[side[s]].axes); };
      if (!fits(0) && !fits(1)) return 0;
      node_id& grown = side[fits(0) ? 0 : 1];
      grown = times(x.type, grown, {f.of, f.divides});
    }
    node_id r = add_dot(g, x.type, side[0], side[1], x.over);
    if (found.negative) r = times(x.type, r, {g.add_constant(-1)});
    for (const auto& f : found.outside) r = times(x.type, r, {f.of, f.divides});
    return x.code == op::mean ? times(x.type, r, {add_count(g, x.over), true}) : r;
  }
};

// It is asked of every graph.
constexpr bool may_sum_products(const graph& g) {
  for (int i = 1; i < g.size; ++i) {
    if (!sums_products(g, g[i])) continue;
    product_reader found{g, g[i].over};
    if (!found.reads(g[i].a)) continue;
    for (int a = 0; a < found.inside.count; ++a)
      for (int b = a + 1; b < found.inside.count; ++b)
        if (found.are_sides(a, b)) return true;
  }
  return false;
}
constexpr merged_graph with_summed_products(const merged_graph& declared) { return product_summer(declared).run(); }

}  // namespace heed::internal
