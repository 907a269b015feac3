// Recognises differences of rows and columns that pairs weigh, as the gradients of distances do: sum<m>(p * (q - k)),
// with the operands of a distance that a region contracts anyway.
#pragma once
#include "../data/gradient_match.hpp"
#include "nodes.hpp"

namespace heed::internal::plan {

// row - column, or column - row, or the sign of that. row 0: it is none.
struct weighed_difference {
  node_id row{}, column{};
  contraction_kind slope{};
  bool column_less = true;  // it is row - column
};
constexpr weighed_difference weighed_difference_of(const graph& g, node_id i, const gradient_match& match) {
  const bool sign = g[i].code == op::sign;
  const node& x = g[sign ? g[i].a : i];
  if (x.code != op::subtract) return {};
  const contraction_kind slope = sign ? contraction_kind::absolute_difference : contraction_kind::squared_difference;
  const auto operands_of = [&](node_id tile, node_id row, node_id column) {
    if (kind_of(g[tile]) != slope) return weighed_difference{};
    if (row == x.a && column == x.b) return weighed_difference{row, column, slope, true};
    if (row == x.b && column == x.a) return weighed_difference{row, column, slope, false};
    return weighed_difference{};
  };
  weighed_difference found = operands_of(match.tile, match.x, match.w);
  for (int k = 0; k < match.terms.count && !found.row; ++k)
    found = operands_of(match.terms[k].tile, match.terms[k].x, match.terms[k].w);
  return found;
}

}  // namespace heed::internal::plan
