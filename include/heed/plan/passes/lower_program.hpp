// Writes the program of a region, an instruction after the other: each gets its type, the axes it varies over and its
// role, and is there once. A value goes with its condition ("keep"): whatever is computed from an absent value is
// absent.
#pragma once
#include "../data/execution_plan.hpp"
#include "../facts/nodes.hpp"
#include <limits>

namespace heed::internal::plan {

struct kept_value {
  instruction_id value{}, keep{};  // keep 0: always there
};

struct program_writer {
  const execution_plan& plan;
  const outline& outlined;
  graph nodes;  // grows while a score is scaled
  region loops{};
  axis_set row_axes{}, column_axes{};
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  constexpr program_writer(const execution_plan& plan_, const outline& outline_)
      : plan(plan_),
        outlined(outline_),
        nodes(plan_.g) {
    loops.kind = outlined.kind, loops.primitives = plan.g.primitives;
    for (int k = 0; k < outlined.read_count; ++k) {
      const node& x = plan.g[outlined.reads[k]];
      loops.operands.add({stored(x.type), x.axes});
    }
  }

  constexpr bool scores() const {
    return loops.kind == region_kind::score || loops.kind == region_kind::score_gradient;
  }

  // ---- instructions ----
  constexpr role role_of(const instruction& x) const {
    if (loops.kind == region_kind::loop) return role::pair;
    if (!scores()) return role_along(x.axes);
    if (x.code == op::tile) return role::pair;  // it lies in lanes even where there are no row axes (one query)
    role r = role_along(x.axes);
    for (const instruction_id i : {x.a, x.b, x.c}) r = joined(r, loops.code[i].where);
    return r;
  }
  constexpr role role_along(axis_set axes) const {
    return joined(axes & row_axes ? role::row : role::uniform, axes & column_axes ? role::column : role::uniform);
  }
  constexpr element typed(element e) const {
    return is_real(e) ? loops.real : e == element::boolean ? e : element::i64;
  }
  // An instruction whose operands, axes and constants are known: completed and added.
  constexpr instruction_id emit(instruction x) {
    if (!x.decides) x.type = typed(x.type);
    if (x.code != op::load && x.code != op::gather && x.code != op::index && x.code != op::tile)
      x.axes = (loops.code[x.a].axes | loops.code[x.b].axes | loops.code[x.c].axes) & ~x.over;
    if (x.code == op::running_sum) x.axes |= x.over;
    if (x.code == op::gather) x.axes |= loops.code[x.a].axes;
    x.where = role_of(x);
    return loops.code.add(x);
  }
  constexpr instruction_id emit(op code, element type, instruction_id a, instruction_id b = 0, instruction_id c = 0,
                                double value = 0) {
    return emit(instruction{.code = code, .type = type, .a = a, .b = b, .c = c, .value = value});
  }
  constexpr instruction_id number(double v, element type = element::real) {
    return emit(instruction{.code = op::constant, .type = type, .value = v});
  }
  constexpr instruction_id real(instruction_id i) {
    return is_real(loops.code[i].type) ? i : emit(op::cast, element::real, i);
  }
  // A value that decides, as a real number of its own width.
  constexpr instruction_id decided(instruction_id i, element width) {
    const instruction& x = loops.code[i];
    if (x.code == op::constant) return number(width == element::f32 ? double(float(x.value)) : x.value);
    if (is_real(x.type) && (x.type == width || x.code == op::load || x.code == op::gather))
      return i;  // memory holds its width
    return emit(instruction{.code = op::cast, .type = width, .a = i, .decides = true});
  }
  constexpr element width_of(node_id a, node_id b = 0) const {
    return nodes[a].type == element::f64 || nodes[b].type == element::f64 ? element::f64 : element::f32;
  }
  constexpr bool decides(node_id i) const { return plan.decides[i]; }
  constexpr instruction_id reduce(op code, instruction_id i, axis_set over) {
    return emit(instruction{.code = code, .type = loops.code[i].type, .a = i, .over = over});
  }
  constexpr instruction_id both(instruction_id a, instruction_id b) {
    return !a || a == b ? b : !b ? a : emit(op::both, element::boolean, a, b);
  }
  constexpr instruction_id chosen(instruction_id keep, instruction_id value, double otherwise) {
    return keep ? emit(op::where, loops.code[value].type, keep, value, number(otherwise, loops.code[value].type))
                : value;
  }
  constexpr instruction_id index_of(int axis) {
    return emit(instruction{.code = op::index, .type = element::i64, .axis = std::int16_t(axis), .axes = bit(axis)});
  }
  constexpr instruction_id size_of(int axis) {
    return nodes.extent(axis) != runtime
               ? number(double(nodes.extent(axis)), element::i64)
               : emit(instruction{.code = op::size, .type = element::i64, .axis = std::int16_t(axis)});
  }

  // ---- operands ----
  constexpr int operand_of(node_id i) const {
    for (int k = 0; k < outlined.read_count; ++k)
      if (outlined.reads[k] == i) return k;
    return -1;
  }
  constexpr instruction_id load(int k) {
    const operand& x = loops.operands[k];
    return emit(instruction{.code = op::load, .type = x.type, .operand = std::int16_t(k), .axes = x.axes});
  }
  constexpr instruction_id gathered(int k, int axis, instruction_id index) {
    const operand& x = loops.operands[k];
    return emit(instruction{.code = op::gather,
                            .type = x.type,
                            .a = index,
                            .operand = std::int16_t(k),
                            .axis = std::int16_t(axis),
                            .axes = x.axes & ~bit(axis)});
  }

  // ---- conditions ----
  // Does a condition hold wherever `by` does, as far as their form shows?
  constexpr bool implied(instruction_id condition, instruction_id by) const {
    if (!condition || condition == by) return true;
    const instruction &x = loops.code[condition], &y = loops.code[by];
    if (x.code == op::both) return implied(x.a, by) && implied(x.b, by);
    if (x.code == op::either) {
      if (implied(x.a, by) || implied(x.b, by)) return true;
      if (is_kept_branch(x)) return implied(loops.code[x.a].b, by) && implied(loops.code[x.b].b, by);
    }
    return by && y.code == op::both && (implied(condition, y.a) || implied(condition, y.b));
  }
  constexpr bool implied(instruction_id condition) const { return implied(condition, loops.pair.keep); }

  // where(condition, a, b) is present where the branch that is taken is: (condition && a) || (!condition && b).
  constexpr instruction_id kept_branch(instruction_id condition, instruction_id a, instruction_id b) {
    if (!a && !b) return 0;
    const instruction_id other = emit(op::invert, element::boolean, condition);
    if (!b) return emit(op::either, element::boolean, other, a);
    if (!a) return emit(op::either, element::boolean, condition, b);
    return emit(op::either, element::boolean, both(condition, a), both(other, b));
  }
  constexpr bool is_kept_branch(const instruction& x) const {
    const instruction &one = loops.code[x.a], &two = loops.code[x.b], &other = loops.code[two.a];
    return one.code == op::both && two.code == op::both && other.code == op::invert && other.a == one.a;
  }
};

}  // namespace heed::internal::plan
