// Values that decide: what a comparison looks at, and what a cast makes a whole number of (an index, mostly). Where
// they differ in the last place, another key is seen or another entry is read. So they are computed one way wherever
// they are computed, in every region and in the oracle: operation by operation as declared, each rounded to the width
// of its element, nothing contracted, no division turned into a product, by the same functions.
#pragma once
#include "graph.hpp"

namespace heed::internal {

using node_marks = fixed_array<bool, graph::capacity>;

// The nodes whose values decide, down to what is no operation on single elements: inputs, and whatever reduces.
template <class Graph> constexpr node_marks deciding(const Graph& g) {
  node_marks r{};
  const auto mark = [&](node_id i) {
    if (i && is_real(g[i].type)) r[i] = true;
  };
  for (int i = g.size - 1; i > 0; --i) {
    const node& x = g[i];
    if (is_comparison(x.code)) mark(x.a), mark(x.b);
    else if (x.code == op::cast && is_integer(x.type)) mark(x.a);
    else if (!r[i]) continue;
    else if (x.code == op::where) mark(x.b), mark(x.c);
    else if (x.code == op::mask || x.code == op::gather || is_view(x.code) || x.code == op::shift) mark(x.a);
    else if (is_pointwise(x.code) || x.code == op::concat) mark(x.a), mark(x.b), mark(x.c);
  }
  return r;
}

// The nodes that are computed in double: those that say so, and those of open width (positions, constants, what is made
// of them) that feed one, through conditions and indices too, or are compared with one. All other real numbers are
// floats.
template <class Graph> constexpr node_marks computed_in_double(const Graph& g) {
  node_marks r{};
  for (int i = g.size - 1; i > 0; --i) {
    const node& x = g[i];
    if (x.type == element::f64 ||
        (is_condition(x.code) && (g[x.a].type == element::f64 || g[x.b].type == element::f64)))
      r[i] = true;
    if (!r[i]) continue;
    for (const node_id j : {x.a, x.b, x.c})
      if (j && g[j].type != element::f32) r[j] = true;
  }
  return r;
}

}  // namespace heed::internal
