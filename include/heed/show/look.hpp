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

// What the operands say of an axis: one of a bound operand, or what was known before.
inline void agree(const run::signature& names, const run::call_frame& frame, extent_table& extents) {
  for (int i = 0; i < names.operands.size(); ++i) {
    const run::bound& operand = frame.operands[i];
    const run::signature_entry& declared = names.operands[i];
    if (operand.rank < 0) continue;
    if (operand.rank != declared.rank)
      throw error(declared.name.text(), "", std::to_string(declared.rank) + " axes", std::to_string(operand.rank));
    for (int k = 0; k < declared.rank; ++k) {
      const int axis = names.order_of(declared)[k];
      extent_t& known = extents[axis];
      if (known == runtime) known = operand.extents[k];
      if (known != operand.extents[k])
        throw error(declared.name.text(), names.axes[axis].name.text(), std::to_string(known),
                    std::to_string(operand.extents[k]));
    }
  }
}
// What follows through a view.
inline void derive(const node& x, extent_table& extents) {
  extent_t &first = extents[x.first], &second = extents[x.second], &third = extents[x.third];
  if (x.code == op::rename && first == runtime) first = second;
  if (x.code == op::rename && second == runtime) second = first;
  if (x.code == op::split || x.code == op::merge) {
    if (first == runtime && second != runtime && third != runtime) first = second * third;
    if (second == runtime && first != runtime && third > 0) second = first / third;
    if (third == runtime && first != runtime && second > 0) third = first / second;
  }
  if (x.code == op::concat && first == runtime && second != runtime && third != runtime) first = second + third;
}
// What is known of every axis: its static extent, what the arguments say, what follows through views.
inline extent_table extents_of(const run::signature& names, const run::evaluated_graph& graph,
                               const run::call_frame& frame) {
  extent_table extents;
  extents.fill(runtime);
  for (int i = 0; i < names.axes.size(); ++i)
    extents[i] = names.axes[i].extent != runtime ? names.axes[i].extent : frame.extent[i];
  agree(names, frame, extents);
  for (int round = 0; round < 3; ++round)  // a chain of views is rarely longer
    for (int i = 1; i < graph.size; ++i) derive(graph[i], extents);
  return extents;
}

// A value that a region reads, where it lies in a bound operand; without memory where it does not.
inline run::view view_of_value(const run::call_table& table, const run::call_frame& frame, int place) {
  const run::value_place& value = table.places[place];
  if (value.operand < 0) return {};
  run::view v = run::view_of_operand(table.names, frame, value.operand);
  see_through(table.steps_to(value), frame.extent, v);
  return v;
}

// All operands, for a picture of a condition that reads them.
inline std::vector<run::view> bound_operands(const run::signature& names, const run::call_frame& frame) {
  std::vector<run::view> all;
  for (int i = 0; i < names.operands.size(); ++i) {
    const std::string name = names.operands[i].name.text();
    if (frame.operands[i].rank < 0)
      throw error(name, "", "to be bound, for the mask reads it: picture<keep>(rows, columns, " + name + " = ...)",
                  "nothing");
    all.push_back(run::view_of_operand(names, frame, i));
  }
  return all;
}
// The axes of a picture: their numbers (-1: the condition is the same all along), extents and names.
struct picture_axes {
  int row, column;
  extent_t rows, columns;
  label row_name, column_name;
  axis_set shown() const { return plan::bit(row) | plan::bit(column); }
};
// A picture shows the first position of all other axes: there has to be one, and nobody may have asked for more.
inline void check_hidden_axes(const run::signature& names, axis_set varies, const picture_axes& picture,
                              const run::call_frame& frame, const extent_table& extents) {
  bool asked = false;  // for an axis that is not shown, though a shown one changes nothing
  std::string all;
  for (int i = 0; i < names.declared_axes; ++i) {
    if (!(varies >> i & 1)) continue;
    all.append(all.empty() ? "" : ", ").append(names.axes[i].name.text());
    asked = asked || (!(picture.shown() >> i & 1) && frame.extent[i] != runtime);
  }
  if (asked && __builtin_popcountll(varies & picture.shown()) < 2)
    throw error("", "", "with(...) of rows and columns that the condition varies over (" + all + ")",
                picture.row_name.text() + " and " + picture.column_name.text());
  for (int i = 0; i < names.declared_axes; ++i)
    if ((varies >> i & 1) && (extents[i] < 0 || (extents[i] == 0 && i != picture.row && i != picture.column)))
      throw error("", names.axes[i].name.text(), "a position to show", "extent " + std::to_string(extents[i]));
}
// One character a cell.
inline std::string drawn(run::reference_graph& values, int root, const picture_axes& picture) {
  values[root];
  std::string s;
  for (extent_t row = 0; row < picture.rows; ++row, s += '\n')
    for (extent_t column = 0; column < picture.columns; ++column) {
      run::reference_graph::extents at{};
      if (picture.row >= 0) at[picture.row] = row;
      if (picture.column >= 0) at[picture.column] = column;
      s += values.at(root, at) != 0 ? "█" : "·";
    }
  return s;
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
  static std::string workspace_text(const execution_plan& plan, const extent_table& extents) {
    axis_set used = 0;
    for (int i = 1; i < plan.g.size; ++i) used |= plan.g[i].axes | plan.g[i].over;
    for (int i = 0; i < plan.g.axis_count; ++i)
      if ((used >> i & 1) && extents[i] == runtime) return "";
    const frame call;
    std::copy_n(extents.begin(), call.extent.size(), call.extent.begin());
    for (int i = 0; i < names.operands.size(); ++i)
      call.operands[i] = dense(names.order_of(names.operands[i]), extents);
    for (int k = 0; k < names.results.size(); ++k) call.results[k] = dense(names.order_of(names.results[k]), extents);
    const int threads = run::team_size();
    const run::locator values(run::call_table_of<Outs...>, call);
    const run::scratch_need n = run::largest_need<Outs...>(values, threads);
    const auto bytes = [](std::size_t b) { return bytes_text(double(run::rounded_up(b))); };
    return "workspace: " + bytes(values.bytes) + " between regions, " + bytes(n.shared) + " shared, " +
           bytes(n.per_thread) + " for each of " + std::to_string(threads) + " thread" + (threads == 1 ? "" : "s") +
           "\n";
  }

  template <class... Args> static std::string explain(Args&... args) {
    if constexpr (!lookable<run::signature_of<Outs...>, Args...>()) return "";
    else {
      const execution_plan& plan = plan::plan_of<Outs...>;
      const run::call_table& table = run::call_table_of<Outs...>;
      const frame call;
      run::locate_operands<run::signature_of<Outs...>>(call, run::arguments_by_key(args...));
      const extent_table extents = extents_of(names, plan.g, call);
      std::copy_n(extents.begin(), call.extent.size(), call.extent.begin());
      std::vector<looked_region> regions;
      run::each_region<Outs...>([&]<int I>() {
        const region& r = plan::region_of<I, Outs...>;
        std::vector<run::view> operands;
        for (int k = 0; k < r.operands.count; ++k)
          operands.push_back(view_of_value(table, call, table.regions[I].first_read + k));
        regions.push_back({r, std::move(operands), tile_counter_of<plan::region_of<I, Outs...>>()});
      });
      return explain_plan(plan, regions, extents, simd::native_lanes<float>) + workspace_text(plan, extents);
    }
  }

  static std::string passes() { return passes_text<Outs...>(); }

  static std::string draw() { return drawing(plan::plan_of<Outs...>); }

  // A condition over two axes, evaluated at every position.
  template <class Row, class Column, class... Args>
  static std::string picture(const extent_binding<Row>& rows, const extent_binding<Column>& columns, Args&... args) {
    if constexpr (!lookable<run::signature_of<Outs...>, Args...>()) return "";
    else {
      const frame call;
      run::locate_operands<run::signature_of<Outs...>>(call, run::arguments_by_key(args...));
      const picture_axes shown{names.find_axis(Row::name),
                               names.find_axis(Column::name),
                               rows.extent,
                               columns.extent,
                               Row::name,
                               Column::name};
      if (shown.row >= 0) call.extent[shown.row] = rows.extent;
      if (shown.column >= 0) call.extent[shown.column] = columns.extent;
      const run::evaluated_graph& declared = run::evaluated_graph_of<Outs...>;
      const extent_table extents = extents_of(names, declared, call);
      const std::vector<run::view> inputs = bound_operands(names, call);
      const int root = declared.roots[0];
      check_hidden_axes(names, declared[root].axes, shown, call, extents);
      run::reference_graph values(declared, extents, inputs.data());
      return drawn(values, root, shown);
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
