// What vanishes with the weights of a softmax: every value that is 0 wherever they are, as all is on the way back
// through attention.
#pragma once
#include "distances.hpp"
#include "nodes.hpp"

namespace heed::internal::plan {

// Does x weigh values with a softmax? Values that are a table at a distance are a sum over pairs like those of
// gradients.
constexpr bool weighs_values(const graph& g, const node& x, node_id softmax) {
  if (x.code != op::dot || x.over != g[softmax].over) return false;
  return count_of(x.over) != 1 || !table_at_distance_of(g, x.a == softmax ? x.b : x.a, only_axis(x.over)).table;
}
// Weights that are used in other ways than to weigh values: by a gradient, most likely, which needs their log-sum-exp.
constexpr node_flags weights_in_other_use(const graph& g, const node_flags& used) {
  node_flags r{};
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (!used[i]) continue;
    for (const node_id j : {x.a, x.b, x.c})
      if (g[j].code == op::softmax && !weighs_values(g, x, j)) r[j] = true;
  }
  return r;
}

// Is a pointwise value 0 wherever some operands (a, b, c) are?
constexpr bool vanishes_with_operands(const graph& g, const node& x, bool a, bool b, bool c) {
  if (!(a || b || c) || !is_real(x.type)) return false;
  switch (x.code) {
    case op::multiply: return true;
    case op::divide:
    case op::mask:
    case op::negate:
    case op::cast: return a;
    case op::add:
    case op::subtract: return a && b;
    case op::where: return (b || is_constant(g, x.b, 0)) && (c || is_constant(g, x.c, 0));
    case op::present: return a;
    default: return false;
  }
}

// Is a value that is made of a contraction absent, or 0 if that is as good, wherever a condition does not hold?
constexpr bool is_left_out(const graph& g, node_id tile, node_id value, node_id keep, bool zeros = true) {
  node_flags absent{}, zero{};
  for (int i = tile + 1; i <= value; ++i) {
    const node& x = g[i];
    const auto gone = [&](node_id j) { return absent[j] || zero[j]; };
    if (x.code == op::mask) absent[i] = x.b == keep || absent[x.a];
    else if (x.code == op::present) zero[i] = absent[x.a];
    else if (x.code == op::where) {
      absent[i] = absent[x.a] || (absent[x.b] && absent[x.c]);
      zero[i] = (is_constant(g, x.c, 0) && (x.a == keep || gone(x.b))) || (gone(x.b) && gone(x.c));
    } else if (is_pointwise(x.code)) {
      absent[i] = absent[x.a] || absent[x.b] || absent[x.c];
      zero[i] = !absent[i] && vanishes_with_operands(g, x, gone(x.a), gone(x.b), gone(x.c));
    }
  }
  return absent[value] || (zeros && zero[value]);
}

// With the weights of which softmax a value vanishes: 0: none, several: a sum over more than one. What running sums of
// such values give (carried) goes into the region of the weights. A sum of what vanishes and what does not, nor is
// carried, whatever it is multiplied with and masked by, is mixed.
struct vanishing {
  static constexpr node_id several = -1;
  fixed_array<node_id, graph::capacity> with{};
  node_flags carried{}, mixed{};
  int done = 1;
  constexpr bool operator[](node_id i) const { return with[i] != 0; }
  constexpr bool mixes(const node& x) const {
    return (x.code == op::add || x.code == op::subtract) && bool(with[x.a]) != bool(with[x.b]) && !carried[x.a] &&
           !carried[x.b];
  }
  constexpr void extend(const graph& g) {
    for (; done < g.size; ++done) {
      const node& x = g[done];
      const node_id a = with[x.a], b = with[x.b], c = with[x.c];
      carried[done] = (x.code == op::running_sum && a) ||
                      ((is_pointwise(x.code) || x.code == op::mask) && (carried[x.a] || carried[x.b] || carried[x.c]));
      const bool kept = x.code == op::multiply || x.code == op::negate || x.code == op::cast || x.code == op::present ||
                        x.code == op::mask;
      if (with[done]) continue;
      if (!vanishes_with_operands(g, x, a, b, c)) {
        mixed[done] = mixes(x) || (kept && (mixed[x.a] || (x.code == op::multiply && mixed[x.b])));
        continue;
      }
      const node_id first = a && x.code != op::where ? a : b ? b : c, other = x.code == op::where ? c : b;
      const bool sums = x.code == op::add || x.code == op::subtract || x.code == op::where;
      with[done] = sums && other && other != first ? several : first;
    }
  }
};

}  // namespace heed::internal::plan
