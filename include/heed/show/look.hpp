// The public ways to look at a graph: explain<out>(), drawing<out>(), picture<keep>(with(n, 64), with(m, 64)).
#pragma once
#include "../run/arguments.hpp"
#include "../run/reference_graph.hpp"
#include "drawing.hpp"
#include "explain.hpp"

namespace heed {
namespace show {

template <const expression&... Outs> struct looked_at {
  static std::vector<region> regions() {
    return []<int... I>(std::integer_sequence<int, I...>) {
      return std::vector<region>{middle::region_of<I, Outs...>...};
    }(std::make_integer_sequence<int, middle::plan_of<Outs...>.region_count>{});
  }
  template <class... Axis> static extent_table extents(const graph& g, const extent_binding<Axis>&... e) {
    extent_table t;
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = int(i) < g.axis_count ? g.axes[i].extent : runtime;
    ((g.find_axis(Axis::name) >= 0 ? void(t[std::size_t(g.find_axis(Axis::name))] = e.extent) : void()), ...);
    return t;
  }
  template <class... Axis> static std::string explain(const extent_binding<Axis>&... e) {
    const plan& p = middle::plan_of<Outs...>;
    return explain_plan(p, regions(), extents(p.g, e...), simd::native_lanes<float>);
  }
  static std::string draw() { return drawing(middle::plan_of<Outs...>); }
  // One character a cell: a condition over two axes, evaluated at every position.
  template <class Row, class Column>
  static std::string picture(const extent_binding<Row>& rows, const extent_binding<Column>& columns) {
    const graph& g = middle::merged_of<Outs...>.g;
    const extent_table e = extents(g, rows, columns);
    if (g.input_count > 0) throw error("", "", "a mask of positions alone", "one that reads operand '" + g.inputs[0].name.text() + "'");
    run::reference_graph r(g, e, nullptr);
    const int root = middle::merged_of<Outs...>.roots[0];
    r[root];
    std::string s;
    for (extent_t i = 0; i < rows.extent; ++i, s += '\n')
      for (extent_t j = 0; j < columns.extent; ++j) {
        run::reference_graph::extents at{};
        if (const int a = g.find_axis(Row::name); a >= 0) at[std::size_t(a)] = i;
        if (const int a = g.find_axis(Column::name); a >= 0) at[std::size_t(a)] = j;
        s += r.at(root, at) != 0 ? "█" : "·";
      }
    return s;
  }
};
template <result_list R, class I> struct make_looked_at;
template <result_list R, std::size_t... I>
struct make_looked_at<R, std::index_sequence<I...>> { using type = looked_at<*R.of[I]...>; };
template <result_list R> using look = typename make_looked_at<R, std::make_index_sequence<std::size_t(R.count)>>::type;

}  // namespace show

// What became of a graph, as text; with extents, also what it costs.
template <result_list R, class... Axis> std::string explain(const extent_binding<Axis>&... e) { return show::look<R>::explain(e...); }
// Its regions as a Graphviz drawing.
template <result_list R> std::string drawing() { return show::look<R>::draw(); }
// A mask in the terminal: one line a query, one character a key.
template <result_list R, class Row, class Column>
std::string picture(const extent_binding<Row>& rows, const extent_binding<Column>& columns) { return show::look<R>::picture(rows, columns); }

}  // namespace heed
