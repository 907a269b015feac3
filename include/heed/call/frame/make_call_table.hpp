// From a plan to what a call needs of it: the signature and the call table, written while compiling. Views are
// followed here, down to an operand or a buffer, so that a call has only strides to compute.
#pragma once
#include "../../plan/facts/nodes.hpp"
#include "../../plan/passes/make_plan.hpp"
#include "call_table.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

using input_flags = fixed_array<bool, graph::input_capacity>;
template <class Graph> constexpr input_flags inputs_of(const Graph& g) {
  input_flags r{};
  for (int i = 1; i < g.size; ++i)
    if (g[i].code == op::input) r[g[i].first] = true;
  return r;
}

template <class Data>
constexpr void write_signature(const plan::execution_plan& plan, const graph& declared, Data& to) {
  to.declared_axes = declared.axis_count;
  for (int i = 0; i < plan.g.axis_count; ++i) to.axes.add(plan.g.axes[i]);
  const input_flags read = inputs_of(plan.g), declared_there = inputs_of(declared);
  for (int i = 0; i < plan.g.input_count; ++i) {
    const input_entry& input = plan.g.inputs[i];
    to.operands.add({input.name, input.type, input.rank, std::int16_t(to.orders.count), read[i], declared_there[i]});
    for (int k = 0; k < input.rank; ++k) to.orders.add(input.order[k]);
  }
  for (int k = 0; k < plan.result_count; ++k)
    for (int i = 0; i < plan.buffer_count; ++i) {
      const plan::buffer& b = plan.buffers[i];
      if (b.result != k) continue;
      to.results.add(
          {plan.declared.named_after[k], stored(b.type), std::int8_t(b.order.count), std::int16_t(to.orders.count)});
      for (int a = 0; a < b.order.count; ++a) to.orders.add(b.order.of[a]);
    }
}

template <class Data>
struct call_table_writer {
  const plan::execution_plan& plan;
  Data& to;
  fixed_array<std::int16_t, graph::capacity> buffer_of{};  // that a region computes a value into, number + 1; 0: none

  constexpr const node& at(int i) const { return plan.g[i]; }

  constexpr void write() {
    for (int i = 1; i < plan.g.size; ++i) {
      add_extent_rule(at(i));
      add_position_rule(at(i));
      to.needed_axes |= axes_needed_by(at(i));
    }
    for (int i = 0; i < plan.buffer_count; ++i) add_buffer(i);
    find_computed_values();
    for (int i = 0; i < plan.region_count; ++i) add_region(plan.regions[i]);
  }
  constexpr void add_buffer(int number) {
    const plan::buffer& b = plan.buffers[number];
    buffer_entry entry{.type = b.type, .result = b.result, .first = b.first, .last = b.last};
    entry.order = b.order, entry.staged = b.staged;
    entry.in_place = in_place(number);
    to.buffers.add(entry);
  }
  // Of two regions that compute a value the first counts: it has run when others read.
  constexpr void find_computed_values() {
    for (int i = plan.region_count - 1; i >= 0; --i) {
      const plan::outline& region = plan.regions[i];
      if (copies(region)) continue;
      for (int k = 0; k < region.write_count; ++k)
        buffer_of[region.writes[k].value] = std::int16_t(region.writes[k].into + 1);
    }
  }
  constexpr void add_region(const plan::outline& region) {
    region_entry entry{.first_read = std::int16_t(to.places.count)};
    for (int k = 0; k < region.read_count; ++k) to.places.add(place_of(region.reads[k]));
    entry.first_write = std::int16_t(to.places.count), entry.write_count = std::int16_t(region.write_count);
    for (int k = 0; k < region.write_count; ++k) to.places.add(written(region.writes[k].value, region.writes[k].into));
    to.regions.add(entry);
  }

  static constexpr axis_set axes_needed_by(const node& x) {
    const bool names_an_axis = x.code == op::size || x.code == op::gather || x.code == op::scatter ||
                               x.code == op::slice || x.code == op::pick;
    return x.axes | x.over | (names_an_axis ? plan::bit(x.first) : 0);
  }
  constexpr void add_extent_rule(const node& x) {
    if (x.code == op::rename || x.code == op::split || x.code == op::merge || x.code == op::concat)
      to.extent_rules.add({x.code, std::int8_t(x.first), std::int8_t(x.second), std::int8_t(x.third)});
  }
  // Indices that are computed need no check: regions keep them inside.
  constexpr void add_position_rule(const node& x) {
    position_rule rule{.code = x.code, .first = std::int8_t(x.first), .second = std::int8_t(x.second)};
    if (x.code == op::slice) {
      const node& from = at(plan::source_of_view(plan.g, x.a));
      rule.offset = extent_t(x.value);
      if (from.code == op::input) rule.at.operand = from.first;
    } else if (x.code == op::gather || x.code == op::scatter) {
      node_id indices = x.b;
      while (at(indices).code == op::merge) indices = at(indices).a;  // all elements of what is merged
      if (at(plan::source_of_view(plan.g, indices)).code != op::input) return;
      rule.at = place_in_operand(indices);
      rule.type = at(indices).type, rule.over = at(indices).axes;
    } else if (const plan::product_of_extents both = plan::product_of_extents_in(plan.g, x); both.first >= 0) {
      rule.first = std::int8_t(both.first), rule.second = std::int8_t(both.second);
    } else if (x.code != op::index && x.code != op::size) {
      return;
    }
    to.position_rules.add(rule);
  }

  constexpr void add_step(const node& x) {
    view_step step{x.code, std::int8_t(x.first), std::int8_t(x.second), std::int8_t(x.third)};
    if (x.code == op::slice || x.code == op::pick) step.offset = extent_t(x.value) * byte_size(stored(x.type));
    to.steps.add(step);
  }
  constexpr value_place memory_of(int operand, int buffer) const {
    return {std::int16_t(operand), std::int16_t(buffer), std::int16_t(to.steps.count), 0};
  }
  // An input, through views of whatever kind.
  constexpr value_place place_in_operand(node_id i) {
    if (at(i).code == op::input) return memory_of(at(i).first, -1);
    value_place r = place_in_operand(at(i).a);
    add_step(at(i)), ++r.step_count;
    return r;
  }
  // Where the copy that a buffer is could be read in an operand, if the caller's memory lets it: its number, -1:
  // nowhere.
  constexpr std::int16_t in_place(int buffer) {
    const plan::buffer& b = plan.buffers[buffer];
    if (b.result >= 0 || !plan::lies_in_input(plan.g, b.value)) return -1;
    for (int r = 0; r < plan.region_count; ++r) {
      const plan::outline& region = plan.regions[r];
      if (!copies(region) || region.writes[0].into != buffer) continue;
      to.places.add(place_in_operand(b.value));
      return std::int16_t(to.places.count - 1);
    }
    return -1;
  }
  // The memory of a value that lies in buffer `into`, perhaps below merges and renames: those the other way round.
  constexpr value_place written(node_id value, int into) {
    value_place r = memory_of(-1, into);
    for (node_id i = plan.buffers[into].value; i != value; i = at(i).a) {
      const node& x = at(i);
      const auto first = std::int8_t(x.first), second = std::int8_t(x.second), third = std::int8_t(x.third);
      if (x.code == op::merge) to.steps.add({op::split, first, second, third});
      else if (x.code == op::rename) to.steps.add({op::rename, second, first});
      else break;  // a copy: the buffer is the value's own
      ++r.step_count;
    }
    return r;
  }
  // A value that a region reads: views are followed down to an input or a buffer; a value computed into a merged or
  // renamed buffer is found by walking from the buffer down to it.
  constexpr value_place place_of(node_id i) {
    const node& x = at(i);
    if (x.code == op::input) return memory_of(x.first, -1);
    if (buffer_of[i]) return written(i, buffer_of[i] - 1);
    if (x.code == op::merge)  // a copy, or written in parts: read where it lies merged
      for (int b = 0; b < plan.buffer_count; ++b)
        if (plan.buffers[b].value == i) return memory_of(-1, b);
    value_place r = place_of(x.a);
    add_step(x), ++r.step_count;
    return r;
  }
};
template <class Data>
constexpr void write_call_table(const plan::execution_plan& plan, Data& to) {
  call_table_writer<Data>{plan, to}.write();
}

// ---- of results: written twice, the first time to count
template <const expression&... Outs> constexpr signature_sizes sizes_of_signature() {
  signature_data<> counted;
  write_signature(plan::plan_of<Outs...>, plan::merged_of<Outs...>.g, counted);
  return counted.sizes();
}
template <const expression&... Outs>
inline constexpr auto signature_data_of = [] {
  signature_data<sizes_of_signature<Outs...>()> data;
  write_signature(plan::plan_of<Outs...>, plan::merged_of<Outs...>.g, data);
  return data;
}();
template <const expression&... Outs> constexpr call_table_sizes sizes_of_call_table() {
  call_table_data<> counted;
  write_call_table(plan::plan_of<Outs...>, counted);
  return counted.sizes();
}
template <const expression&... Outs>
inline constexpr auto call_table_data_of = [] {
  call_table_data<sizes_of_call_table<Outs...>()> data;
  write_call_table(plan::plan_of<Outs...>, data);
  return data;
}();

template <const expression&... Outs> inline constexpr signature signature_of = signature_data_of<Outs...>.view();
template <const expression&... Outs>
inline constexpr call_table call_table_of = call_table_data_of<Outs...>.view(signature_of<Outs...>);

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
