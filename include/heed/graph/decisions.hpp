// Values that decide: what a comparison looks at, and what a cast makes a whole number of (an index, mostly). Where they differ in
// the last place, another key is seen or another entry is read. So they are computed one way wherever they are computed, in
// every region and in the oracle: operation by operation as declared, each rounded to the width of its element, nothing
// contracted, no division turned into a product, by the same functions.
#pragma once
#include "graph.hpp"

namespace heed {

using node_marks = std::array<bool, graph::capacity>;

// The nodes whose values decide, down to what is no operation on single elements: inputs, and whatever reduces.
constexpr node_marks deciding(const graph& g) {
  node_marks r{};
  const auto mark = [&](node_id i) {
    if (i && is_real(g[i].type)) r[std::size_t(i)] = true;
  };
  for (int i = g.size - 1; i > 0; --i) {
    const node& x = g[i];
    if (x.code == op::less || x.code == op::less_equal || x.code == op::equal) mark(x.a), mark(x.b);
    else if (x.code == op::cast && is_integer(x.type)) mark(x.a);
    else if (!r[std::size_t(i)]) continue;
    else if (x.code == op::where) mark(x.b), mark(x.c);
    else if (x.code == op::mask || x.code == op::gather || is_view(x.code) || x.code == op::shift) mark(x.a);
    else if (is_pointwise(x.code) || x.code == op::concat) mark(x.a), mark(x.b);
  }
  return r;
}

}  // namespace heed
