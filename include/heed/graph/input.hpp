// Inputs: operands from outside, and how a call binds them by name: `attend(q = Q, k = K, into(O))`.
#pragma once
#include "rearrange.hpp"
#include <tuple>
#include <utility>

namespace heed::internal {

// What `q = Q` makes: the operand, under the input's name and declaration.
template <text Name, class Shape, element Type, class Tensor>
struct binding {
  static constexpr auto name = Name;
  static constexpr element type = Type;
  using shape_type = Shape;
  Tensor&& operand;
};

template <text Name, class Shape> constexpr bool require_positions() {
  static_assert(given<(Shape::rank > 0), operand_fact<Name>>,
                "heed: an input without axes has no positions to read with at(index)");
  return Shape::rank > 0;
}

template <text Name, class Shape, element Type>
struct input_expr : expr<Shape, Type> {
  static constexpr auto name = Name;

  // q = Q: binds an operand to this input in a call.
  template <class Tensor>
  constexpr auto operator=(Tensor&& operand) const {
    return binding<Name, Shape, Type, Tensor>{std::forward<Tensor>(operand)};
  }
  constexpr input_expr(const expr<Shape, Type>& value) : expr<Shape, Type>(value) {}
  constexpr input_expr(const input_expr&) = default;

  // doc.at(m): the value at another axis: the table read along its last position axis at a computed index. For a table
  // of several axes, `at` replaces the last axis; gather<axis>(table, index) names the axis.
  template <Operand I> constexpr auto at(const I& index) const {
    if constexpr (!require_positions<Name, Shape>()) return ill_formed{};
    else
      return [&]<class... A>(shape<A...>) {
        return gather<std::tuple_element_t<sizeof...(A) - 1, std::tuple<A...>>{}>(
            static_cast<const expr<Shape, Type>&>(*this), index);
      }(Shape{});
  }
};

// Adds an operand from outside to a graph.
constexpr node_id put_input(graph& g, const label& name, element type, const shape_value& s) {
  input_entry x{.name = name, .type = type, .rank = std::int8_t(s.rank), .order = {}};
  axis_set axes = 0;
  std::uint64_t h = mixed(mixed(x.name.word[0], x.name.word[1]), std::uint64_t(x.type) + 1);
  for (std::size_t i = 0; i < std::size_t(s.rank); ++i) {
    const int id = g.axis(s.axes[i]);
    axes |= axis_set(1) << id;
    x.order[i] = std::int8_t(id);
    h = mixed(h, g.axis_hash[id]);
  }
  return g.add(node{.code = op::input, .type = type, .axes = axes, .first = g.add_input(x), .hash = h | 1});
}

template <text Name, class... Axes> constexpr bool require_distinct() {
  constexpr bool axes = (is_axis<Axes> && ...), few = sizeof...(Axes) <= std::size_t(max_rank);
  static_assert(given<axes, operand_fact<Name>, axis_fact_of<Axes>...>, "heed: the arguments of an input are axes");
  static_assert(given<few, operand_fact<Name>, number_fact<"axes", sizeof...(Axes)>>,
                "heed: an input has at most 12 axes");
  if constexpr (!axes || !few) return false;
  else {
    static_assert(given<distinct<Axes...>, operand_fact<Name>, axis_fact_of<Axes>...>,
                  "heed: an input has each axis once");
    return distinct<Axes...>;
  }
}

// input<"q">(b, h, n, d): an operand of float elements with these axes in memory order; input<"ids", std::int32_t>(b,
// n), input<"keep", bool>(b, m), input<"k", std::int8_t>(m, d) and input<"x", double>(n) hold other elements.
template <text Name, class T = float, class... Axes>
constexpr auto input(Axes...) {
  static_assert(given<is_storable<T>, operand_fact<Name>>,
                "heed: an input holds float, double, std::int8_t, std::int32_t, std::int64_t or bool");
  if constexpr (!is_storable<T>) return ill_formed{};
  else if constexpr (!require_distinct<Name, Axes...>()) return ill_formed{};
  else {
    using Shape = shape<Axes...>;
    return input_expr<Name, Shape, element_of<T>>(expr<Shape, element_of<T>>(
        empty_graph, [](graph& g) { return put_input(g, make_label(Name), element_of<T>, value_of_shape<Shape>); }));
  }
}

}  // namespace heed::internal
