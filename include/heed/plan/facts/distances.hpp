// Recognises contractions with a table that is read at a distance, dot<d>(q, table.at(n - m + 128)): of which the entry
// of the table is a function of the difference of a row's and a column's position alone (Shaw, Uszkoreit and Vaswani
// 2018; Dai et al. 2019, Transformer-XL). Then a diagonal of pairs reads one entry.
#pragma once
#include "../data/gradient_match.hpp"
#include "nodes.hpp"

namespace heed::internal::plan {

// What a value is of the positions of a row and a column.
struct use_of_positions {
  enum form : std::uint8_t { uniform, linear, of_distance, other } is = other;
  int row = 0, column = 0;  // linear: a whole number, row * its position + column * its position + something uniform
  constexpr bool at_distance() const { return is != other && (is != linear || row + column == 0); }
};
struct distance_reader {
  const graph& g;
  int column;
  int position = -1;   // the row axis, once it is met
  axis_set besides{};  // axes of what is uniform

  constexpr use_of_positions of_index(int axis) {
    if (axis == column) return {use_of_positions::linear, 0, 1};
    if (position >= 0 && position != axis) return {};
    position = axis;
    return {use_of_positions::linear, 1, 0};
  }
  // Whole numbers are exact, so that what cancels is gone.
  constexpr use_of_positions read(node_id i) {
    const node& x = g[i];
    if (x.code == op::index) return of_index(x.first);
    if (!is_pointwise(x.code)) {
      if ((x.axes & bit(column)) || x.code == op::mask) return {};
      besides |= x.axes;
      return {use_of_positions::uniform};
    }
    const use_of_positions a = read(x.a);
    const use_of_positions b = x.b ? read(x.b) : use_of_positions{use_of_positions::uniform};
    const use_of_positions c = x.c ? read(x.c) : use_of_positions{use_of_positions::uniform};
    if (a.is + b.is + c.is == 0) return a;
    if (a.is <= use_of_positions::linear && b.is <= use_of_positions::linear && !x.c) {
      const int sign = x.code == op::add ? 1 : -1;
      const use_of_positions both{use_of_positions::linear, a.row + sign * b.row, a.column + sign * b.column};
      if ((x.code == op::add || x.code == op::subtract) && is_integer(x.type)) return both;
      if (is_comparison(x.code) && is_integer(g[x.a].type) && is_integer(g[x.b].type) && both.at_distance())
        return {use_of_positions::of_distance};
    }
    if (a.at_distance() && b.at_distance() && c.at_distance()) return {use_of_positions::of_distance};
    return {};
  }
};

// A table that is read at a distance: its node, its axis, the index, the row axis of the distance, and what a column of
// it varies over. table 0: it is none.
struct table_at_distance {
  node_id table{}, index{};
  int axis = -1, position = -1;
  axis_set columns{};
};
constexpr table_at_distance table_at_distance_of(const graph& g, node_id table, node_id index, int axis, int column) {
  if (table && (g[table].axes & bit(column))) return {};
  distance_reader reader{g, column};
  if (!reader.read(index).at_distance() || reader.position < 0) return {};
  axis_set columns = reader.besides | bit(column);
  if (table) columns |= g[table].axes & ~bit(axis);
  if (columns & bit(reader.position)) return {};
  return {table, index, axis, reader.position, columns};
}
// The same of a node.
constexpr table_at_distance table_at_distance_of(const graph& g, node_id i, int column) {
  const node& x = g[i];
  return x.code == op::gather ? table_at_distance_of(g, x.a, x.b, x.first, column) : table_at_distance{};
}
// What an operand varies over that has columns: of a table at a distance not the rows.
constexpr axis_set column_axes(const graph& g, node_id i, int column) {
  const table_at_distance from = table_at_distance_of(g, i, column);
  return from.table ? from.columns : g[i].axes;
}

// The contraction i as one of rows and columns. Its tile is 0 if it is none.
constexpr pair_contraction contraction_of(const graph& g, node_id i, int column) {
  const node& x = g[i];
  if (!contracts(x.code) || !(x.axes & bit(column))) return {};
  const bool in_a = g[x.a].axes & bit(column), in_b = g[x.b].axes & bit(column);
  if (in_a == in_b) return {};
  pair_contraction c{i, in_a ? x.b : x.a, in_a ? x.a : x.b, only_axis(x.over)};
  c.columns = g[c.w].axes;
  const table_at_distance from = table_at_distance_of(g, c.w, column);
  if (x.code != op::dot || !from.table || !(g[c.x].axes & bit(from.position))) return c;
  c.w = from.table, c.index = from.index, c.table = from.axis, c.position = from.position, c.columns = from.columns;
  return c;
}

// The row axis of the distances of skewed contractions; -1: none is, -2: several axes.
constexpr int position_of(const further_contractions& terms) {
  int position = -1;
  for (const pair_contraction& c : terms)
    if (c.index) position = position == -1 || position == c.position ? c.position : -2;
  return position;
}

}  // namespace heed::internal::plan
