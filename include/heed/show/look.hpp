// The public ways to look at a graph: explain<out>(with(n, 512), doc = D), passes<out>(), drawing<out>() and
// picture<keep>(with(n, 64), with(m, 64)). None runs the graph; an ill-formed one shows nothing, for it has been
// refused.
#pragma once
#include "../call/rules/call_rules.hpp"
#include "../call/rules/graph_rules.hpp"
#include "../call/execute.hpp"
#include "../call/oracle/reference_graph.hpp"
#include "drawing.hpp"
#include "explain.hpp"
#include "passes.hpp"

namespace heed::internal {
namespace show::inline HEED_INSTRUCTION_SET {

// The arguments of a look: extents and operands, checked like those of a call.
template <const run::signature& Names, class... Args> constexpr bool lookable() {
  using rules = run::call_rules<Names, Args...>;
  if constexpr (!(rules::template known<Args>() && ...)) return false;
  else return (rules::template fits<Args>() && ...);
}

// What is known of every axis: its static extent, what the arguments say, what follows through views.
inline extent_table extents_of(const graph& g, const run::call_frame& f) {
  extent_table e;
  for (std::size_t i = 0; i < e.size(); ++i)
    e[i] = int(i) >= g.axis_count ? runtime : g.axes[i].extent != runtime ? g.axes[i].extent : f.extent[i];
  for (int i = 0; i < g.input_count; ++i) {
    const run::bound& b = f.operands[i];
    const input_entry& in = g.inputs[i];
    if (b.rank < 0) continue;
    if (b.rank != in.rank) throw error(in.name.text(), "", std::to_string(in.rank) + " axes", std::to_string(b.rank));
    for (int k = 0; k < in.rank; ++k) {
      extent_t& known = e[in.order[k]];
      if (known == runtime) known = b.extents[k];
      if (known != b.extents[k])
        throw error(in.name.text(), axis_name(g, in.order[k]), std::to_string(known), std::to_string(b.extents[k]));
    }
  }
  for (int round = 0; round < 3; ++round)  // a chain of views is rarely longer
    for (int i = 1; i < g.size; ++i) {
      const node& x = g[i];
      extent_t &first = e[x.first], &second = e[x.second], &third = e[x.third];
      if (x.code == op::rename && first == runtime) first = second;
      if (x.code == op::rename && second == runtime) second = first;
      if (x.code == op::split || x.code == op::merge) {
        if (first == runtime && second != runtime && third != runtime) first = second * third;
        if (second == runtime && first != runtime && third > 0) second = first / third;
        if (third == runtime && first != runtime && second > 0) third = first / second;
      }
      if (x.code == op::concat && first == runtime && second != runtime && third != runtime) first = second + third;
    }
  return e;
}

// A value that a region reads, where it lies in a bound operand; without memory where it does not.
inline run::view view_of_value(const graph& g, const run::call_frame& f, const extent_table& e, node_id i) {
  const node& x = g[i];
  run::view v;
  if (x.code == op::input) {
    const run::bound& b = f.operands[x.first];
    if (b.rank < 0) return v;
    v.data = b.data;
    for (std::size_t k = 0; k < std::size_t(b.rank); ++k) v.stride[g.inputs[x.first].order[k]] = b.strides[k];
  } else if (is_view(x.code) && x.code != op::merge) {
    v = view_of_value(g, f, e, x.a);
    run::look_through(x, e.data(), v);
  }
  return v;
}

// Operands and results that lie densely, without memory: enough to ask kernels what they need.
inline run::bound dense(run::stretch<const std::int8_t> order, const extent_table& e) {
  run::bound b;
  b.rank = order.size();
  extent_t stride = 1;
  for (int i = b.rank - 1; i >= 0; --i) {
    b.extents[i] = e[order[i]], b.strides[i] = stride;
    stride *= b.extents[i];
  }
  return b;
}

template <const expression&... Outs> struct looked_at {
  static constexpr const run::signature& names = run::signature_of<Outs...>;
  using frame = run::frame_for<run::call_table_of<Outs...>>;

  // The workspace of a call on dense operands, with the threads that a call would have now.
  static std::string workspace_text(const execution_plan& p, const extent_table& e) {
    axis_set used = 0;
    for (int i = 1; i < p.g.size; ++i) used |= p.g[i].axes | p.g[i].over;
    for (int i = 0; i < p.g.axis_count; ++i)
      if ((used >> i & 1) && e[i] == runtime) return "";
    const frame f;
    std::copy_n(e.begin(), f.extent.size(), f.extent.begin());
    for (int i = 0; i < names.operands.size(); ++i) f.operands[i] = dense(names.order_of(names.operands[i]), e);
    for (int k = 0; k < names.results.size(); ++k) f.results[k] = dense(names.order_of(names.results[k]), e);
    const int threads = run::team_size();
    const run::locator values(run::call_table_of<Outs...>, f);
    const run::scratch_need n = run::largest_need<Outs...>(values, threads);
    const auto bytes = [](std::size_t b) { return bytes_text(double(run::rounded_up(b))); };
    return "workspace: " + bytes(values.bytes) + " between regions, " + bytes(n.shared) + " shared, " +
           bytes(n.per_thread) + " for each of " + std::to_string(threads) + " thread" + (threads == 1 ? "" : "s") +
           "\n";
  }

  template <class... Args> static std::string explain(Args&... args) {
    if constexpr (!lookable<run::signature_of<Outs...>, Args...>()) return "";
    else {
      const execution_plan& p = plan::plan_of<Outs...>;
      const frame f;
      run::locate_operands<run::signature_of<Outs...>>(f, run::arguments_by_key(args...));
      const extent_table e = extents_of(p.g, f);
      std::vector<region> regions;
      std::vector<std::vector<run::view>> operands;
      run::each_region<Outs...>([&]<int I>() {
        const region& r = plan::region_of<I, Outs...>;
        regions.push_back(r);
        operands.emplace_back(std::size_t(r.operands.count) + 1);
        for (int k = 0; k < r.operands.count; ++k)
          operands.back()[std::size_t(k)] = view_of_value(p.g, f, e, p.regions[I].reads[k]);
      });
      return explain_plan(p, regions, e, operands, simd::native_lanes<float>) + workspace_text(p, e);
    }
  }

  static std::string passes() { return passes_text<Outs...>(); }

  static std::string draw() { return drawing(plan::plan_of<Outs...>); }

  // One character a cell: a condition over two axes, evaluated at every position.
  template <class Row, class Column, class... Args>
  static std::string picture(const extent_binding<Row>& rows, const extent_binding<Column>& columns, Args&... args) {
    const graph& g = plan::merged_of<Outs...>.g;
    if constexpr (!lookable<run::signature_of<Outs...>, Args...>()) return "";
    else {
      const frame f;
      run::locate_operands<run::signature_of<Outs...>>(f, run::arguments_by_key(args...));
      const int row = g.find_axis(Row::name), column = g.find_axis(Column::name);  // -1: the mask is the same all along
      if (row >= 0) f.extent[row] = rows.extent;
      if (column >= 0) f.extent[column] = columns.extent;
      const extent_table e = extents_of(g, f);
      std::vector<run::view> inputs;
      for (int i = 0; i < g.input_count; ++i) {
        const std::string name = g.inputs[i].name.text();
        if (f.operands[i].rank < 0)
          throw error(name, "", "to be bound, for the mask reads it: picture<keep>(rows, columns, " + name + " = ...)",
                      "nothing");
        for (int k = 1; k < g.size; ++k)
          if (g[k].code == op::input && g[k].first == i && inputs.size() == std::size_t(i))
            inputs.push_back(view_of_value(g, f, e, node_id(k)));
      }
      const int root = plan::merged_of<Outs...>.roots[0];
      const axis_set shown = (row >= 0 ? plan::bit(row) : 0) | (column >= 0 ? plan::bit(column) : 0),
                     others = g[root].axes & ~shown;
      bool asked = false;  // for an axis that is not shown, though a shown one changes nothing
      for (int i = 0; i < g.axis_count; ++i) asked = asked || ((others >> i & 1) && f.extent[i] != runtime);
      if (asked && __builtin_popcountll(g[root].axes & shown) < 2)
        throw error("", "",
                    "with(...) of rows and columns that the condition varies over (" + axes_text(g, g[root].axes) + ")",
                    std::string(Row::name.text()) + " and " + std::string(Column::name.text()));
      for (int i = 0; i < g.axis_count; ++i)  // other axes: the picture of their first position
        if ((g[root].axes >> i & 1) && (e[i] < 0 || (e[i] == 0 && i != row && i != column)))
          throw error("", axis_name(g, i), "a position to show", "extent " + std::to_string(e[i]));
      run::reference_graph r(g, e, inputs.data());
      r[root];
      std::string s;
      for (extent_t i = 0; i < rows.extent; ++i, s += '\n')
        for (extent_t j = 0; j < columns.extent; ++j) {
          run::reference_graph::extents at{};
          if (row >= 0) at[row] = i;
          if (column >= 0) at[column] = j;
          s += r.at(root, at) != 0 ? "█" : "·";
        }
      return s;
    }
  }
};
template <bool One, bool Condition> constexpr bool require_picture() {
  static_assert(given < One && Condition >, "heed: picture shows one condition");
  return One && Condition;
}

// An ill-formed graph: nothing to see.
struct unseen {
  template <class... Args> static std::string explain(Args&...) { return ""; }
  template <class... Args> static std::string picture(Args&...) { return ""; }
  static std::string passes() { return ""; }
  static std::string draw() { return ""; }
};
template <result_list R, class I> struct make_looked_at {
  using type = unseen;
};
template <result_list R, std::size_t... I> requires(is_well_formed<R>())
struct make_looked_at<R, std::index_sequence<I...>> {
  using type = std::conditional_t<run::fusible<options{}, *R.of[I]...>(), looked_at<*R.of[I]...>, unseen>;
};
template <result_list R> using look = typename make_looked_at<R, std::make_index_sequence<std::size_t(R.count)>>::type;

}  // namespace show::inline HEED_INSTRUCTION_SET

inline namespace HEED_INSTRUCTION_SET {

// What became of a graph, as text: explain<out>(). With the extents of its axes also what it costs:
// explain<out>(with(n, 512), with(m, 512)); with operands, which bring their extents, also how a mask that reads them
// falls: explain<out>(doc = D).
template <result_list R, class... Args> std::string explain(Args&&... args) { return show::look<R>::explain(args...); }
// What each pass has made of it: the declared graph, the simplified one, the plan, the program of every region.
template <result_list R> std::string passes() { return show::look<R>::passes(); }
// Its regions as a Graphviz drawing.
template <result_list R> std::string drawing() { return show::look<R>::draw(); }
// A mask in the terminal, one line a query, one character a key: picture<keep>(with(n, 64), with(m, 64)); operands that
// it reads follow: picture<keep>(with(n, 64), with(m, 64), doc = D).
template <result_list R, class Row, class Column, class... Args>
std::string picture(const extent_binding<Row>& rows, const extent_binding<Column>& columns, Args&&... args) {
  if constexpr (is_well_formed<R>()) {
    constexpr bool one = R.count == 1;
    if constexpr (!show::require_picture<one, R.of[0]->g[R.of[0]->root].type == element::boolean>()) return "";
    else return show::look<R>::picture(rows, columns, args...);
  } else return "";
}

}  // namespace HEED_INSTRUCTION_SET
}  // namespace heed::internal
