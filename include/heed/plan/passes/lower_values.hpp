// Writes values of the graph into a program, down to what a region reads: masks become conditions beside values, shifts
// and concatenations become reads at an index, every value that decides is rounded to its own width.
#pragma once
#include "../facts/order.hpp"
#include "../facts/uses.hpp"
#include "lower_reductions.hpp"

namespace heed::internal::plan {

struct value_writer : reduction_writer {
  node_id root{}, tile{};
  fixed_array<kept_value, graph::capacity> known{};

  using reduction_writer::reduction_writer;

  constexpr kept_value value_of(node_id i) {
    if (known[i].value) return known[i];
    const kept_value v = computed(i);
    return known[i] = v;
  }
  // A node that nobody has asked for yet: what is read, then what moves elements, then what is computed.
  constexpr kept_value computed(node_id i) {
    const node x = nodes[i];
    if (i == tile) return {emit(instruction{.code = op::tile, .type = element::real, .axes = x.axes}), 0};
    if (const int k = operand_of(i); k >= 0 && (i != root || copies(outlined))) return {load(k), 0};
    if (is_number_of_table(nodes, i)) return {gathered(operand_of(x.a), x.first, number(x.value, element::i64)), 0};
    switch (x.code) {
      case op::constant: return {number(x.value, x.type), 0};
      case op::index: return {index_of(x.first), 0};
      case op::size: return {size_of(x.first), 0};
      case op::gather: return gathered_at(x);
      case op::shift: return shifted(x);
      case op::concat: return concatenated(x);
      case op::mask: return masked(x, i);
      case op::present: return present(x);
      case op::dot: return summed_product(x);
      case op::distance: return summed_differences(x);
      case op::running_sum: return {running_sum(value_of(x.a), x.over, x.value), 0};
      case op::kth_largest:
      case op::entmax_threshold: {
        const kept_value a = value_of(x.a);
        return {statistic(x.code, a, x.over, x.value, x.b ? value_of(x.b).value : instruction_id(0)), 0};
      }
      case op::where: return is_idle_guard(x) ? value_of(x.b) : pointwise(x, i);
      default: return is_heavy(x.code) ? kept_value{reduction(x.code, value_of(x.a), x.over), 0} : pointwise(x, i);
    }
  }

  // ---- absence ----
  constexpr kept_value masked(const node& x, node_id i) {
    const kept_value a = value_of(x.a), keep = value_of(x.b);
    const instruction_id here = both(keep.keep, keep.value),
                         value = decides(i) ? decided(a.value, width_of(i)) : real(a.value);
    return {value, implied(a.keep, here) ? here : both(a.keep, here)};
  }
  constexpr kept_value present(const node& x) {
    const kept_value a = value_of(x.a);
    if (leaves_out_masked() && implied(a.keep)) return {a.value, 0};
    return {x.type == element::boolean ? both(a.keep, a.value) : chosen(a.keep, a.value, 0), 0};
  }
  // Of a region that leaves out what its mask excludes, what guards against that has nothing to do.
  constexpr bool leaves_out_masked() const { return loops.kind == region_kind::score_gradient; }
  // where(keep, a, 0)
  constexpr bool is_guard(const node& x) const { return x.code == op::where && is_constant(nodes, x.c, 0); }
  constexpr bool is_idle_guard(const node& x) {
    return leaves_out_masked() && is_guard(x) && implied(value_of(x.a).value);
  }

  // ---- pointwise operations ----
  struct operand_values {
    instruction_id a{}, b{}, c{};
  };
  // Arithmetic never mixes: operands of reals become reals; a comparison of a real decides, in the width of the wider
  // operand.
  constexpr operand_values converted(const node& x, operand_values p) {
    const auto is_real_value = [&](instruction_id i) { return class_of(loops.code[i].type) == value_class::real; };
    if (facts_of(x.code).takes_whole) return p;
    if (x.code == op::where) {
      if (is_real(x.type)) p.b = real(p.b), p.c = real(p.c);
    } else if (is_condition(x.code)) {
      if (p.b && (is_real_value(p.a) || is_real_value(p.b))) {
        const element width = width_of(x.a, x.b);
        p.a = decided(p.a, width), p.b = decided(p.b, width);
      }
    } else if (is_real(x.type)) {
      p.a = real(p.a);
      if (p.b) p.b = real(p.b);
      if (p.c) p.c = real(p.c);
    }
    return p;
  }
  // A value that decides: computed in its own width from operands of that width.
  constexpr instruction_id pointwise_that_decides(const node& x, operand_values p, element width) {
    if (!facts_of(x.code).takes_whole) {
      if (x.code != op::where) p.a = decided(p.a, width);
      if (p.b) p.b = decided(p.b, width);
      if (p.c) p.c = decided(p.c, width);
    }
    return emit(
        instruction{.code = x.code, .type = width, .a = p.a, .b = p.b, .c = p.c, .value = x.value, .decides = true});
  }
  constexpr instruction_id cast(const node& x, node_id i, instruction_id a) {
    if (decides(i) && is_real(x.type)) return decided(a, width_of(i));
    const bool rounds = is_integer(x.type) && is_real(nodes[x.a].type);
    return emit(op::cast, x.type, rounds ? decided(a, width_of(x.a)) : a);
  }
  constexpr kept_value pointwise(const node& x, node_id i) {
    const kept_value a = value_of(x.a), b = x.b ? value_of(x.b) : kept_value{}, c = x.c ? value_of(x.c) : kept_value{};
    const instruction_id keep =
        x.code == op::where ? both(a.keep, kept_branch(a.value, b.keep, c.keep)) : both(both(a.keep, b.keep), c.keep);
    const operand_values given{a.value, b.value, c.value};
    if (x.code == op::cast) return {cast(x, i, a.value), keep};
    if (decides(i) && is_real(x.type)) return {pointwise_that_decides(x, given, width_of(i)), keep};
    const operand_values p = converted(x, given);
    // mutants: softcap_after_mask
    return {emit(x.code, x.type, p.a, p.b, p.c, x.value), keep};
  }

  // ---- sums of products, and of differences, that are no contraction of this region ----
  constexpr kept_value summed_product(const node& x) {
    const kept_value a = value_of(x.a), b = value_of(x.b);
    instruction_id keep = both(a.keep, b.keep);
    for (const node_id i : {x.a, x.b})  // the weight of what is absent meets nothing
      if (nodes[i].code == op::softmax && operand_of(i) < 0) keep = both(keep, value_of(nodes[i].a).keep);
    const instruction_id product = emit(op::multiply, element::real, real(a.value), real(b.value));
    return {reduced(op::sum, {product, keep}, x.over), 0};
  }

  constexpr kept_value summed_differences(const node& x) {
    const kept_value a = value_of(x.a), b = value_of(x.b);
    const instruction_id t = emit(op::subtract, element::real, real(a.value), real(b.value));
    const instruction_id each =
        x.value == 2 ? emit(op::multiply, element::real, t, t) : emit(op::abs, element::real, t);
    return {reduced(op::sum, {each, both(a.keep, b.keep)}, x.over), 0};
  }

  // ---- elements from elsewhere ----
  constexpr kept_value gathered_at(const node& x) {
    const kept_value index = value_of(x.b);
    return {gathered(operand_of(x.a), x.first, index.value), index.keep};
  }
  constexpr kept_value shifted(const node& x) {
    const instruction_id at = emit(op::subtract, element::i64, index_of(x.first), number(x.value, element::i64));
    const instruction_id inside = both(emit(op::less_equal, element::boolean, number(0, element::i64), at),
                                       emit(op::less, element::boolean, at, size_of(x.first)));
    return {chosen(inside, gathered(operand_of(x.a), x.first, at), 0), 0};
  }
  constexpr kept_value concatenated(const node& x) {
    const instruction_id at = index_of(x.first), length = size_of(x.second);
    const instruction_id first = emit(op::less, element::boolean, at, length);
    const instruction_id a = gathered(operand_of(x.a), x.second, at);
    const instruction_id b = gathered(operand_of(x.b), x.third, emit(op::subtract, element::i64, at, length));
    return {emit(op::where, loops.code[a].type, first, a, b), 0};
  }

  // ---- outputs ----
  constexpr void list_axes(axis_list& to, axis_set s, std::uint64_t order) const {
    for (int i = 0; i < max_rank && axis_at(order, i) >= 0; ++i)
      if (s >> axis_at(order, i) & 1) to.add(axis_at(order, i));
    for (int i = 0; i < max_axes; ++i)
      if ((s >> i & 1) && !to.contains(i)) to.add(i);
  }
  constexpr void add_output(node_id i, instruction_id result) {
    loops.outputs.add({stored(nodes[i].type), nodes[i].axes, result});
  }
  // The value of the region, where it has but one; absent, it is stored as -inf.
  constexpr void add_root() {
    const kept_value v = value_of(root);
    add_output(root, chosen(v.keep, v.value, -infinity));
  }
};

}  // namespace heed::internal::plan
