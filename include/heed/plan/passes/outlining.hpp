// The plan while it grows: regions that are being outlined, the buffers between them, which values must be stored, and
// what is asked of a value wherever a region is placed. The files that find and place regions of one kind build on it,
// one on the other: find_gradients.hpp, place_score.hpp, place_pointwise.hpp, and at the top split.hpp.
#pragma once
#include "../data/execution_plan.hpp"
#include "../facts/uses.hpp"
#include "../facts/walk.hpp"
#include "arrange.hpp"
#include "simplify.hpp"

namespace heed::internal::plan {

struct outlining {
  execution_plan plan;
  internal::plan::uses uses;
  fixed_array<node_id, max_results> roots{};
  fixed_array<node_id, graph::capacity> left_to_region{};  // see simplified_graph
  node_flags needed{};                                     // must be stored
  node_flags wanted{};                                     // stored if it is reached at all
  node_flags given{};                                      // the reductions of score-gradient regions
  buffer_numbers home{};
  node_flags placed{};                                       // its region exists
  fixed_array<std::int16_t, graph::capacity> gradient_of{};  // of a value that a score-gradient region writes: which,
                                                             // number + 1

  // ---- regions and buffers
  constexpr int new_buffer(node_id value, int result) {
    if (plan.buffer_count >= max_regions) {
      plan.fault = plan_fault::regions;
      return 0;
    }
    const std::size_t i = std::size_t(plan.buffer_count);
    plan.buffers[i].value = value;
    plan.buffers[i].type = plan.g[value].type;
    plan.buffers[i].result = std::int16_t(result);
    plan.buffers[i].over_pairs = result < 0 && uses.unstorable[value];
    plan.buffers[i].order = list_of(result < 0 ? plan.orders[value] : plan.declared.order[result]);
    return plan.buffer_count++;
  }
  constexpr outline& new_region(region_kind kind, node_id core, const char* reason = "") {
    if (plan.region_count >= max_regions) {
      plan.fault = plan_fault::regions;
      plan.region_count = max_regions - 1;
    }
    outline& region = plan.regions[plan.region_count++];
    region.kind = kind, region.core = core, region.reason = reason;
    return region;
  }
  // A value that a region reads where it lies: of the numbers of one table, picked one by one, the table. Its source is
  // stored, if it is not an input.
  constexpr void read(outline& region, node_id i) { list_read(region, i), need(i); }
  constexpr void list_read(outline& region, node_id i) {
    list(region, is_number_of_table(plan.g, i) ? plan.g[i].a : i);
  }
  constexpr void list(outline& region, node_id i) {
    for (int j = 0; j < region.read_count; ++j)
      if (region.reads[j] == i) return;
    if (region.read_count == max_reads) {
      plan.fault = plan_fault::operands;
      return;
    }
    region.reads[region.read_count++] = i;
  }
  constexpr void need(node_id i) {
    const node_id s = source_of_view(plan.g, i);
    if (plan.g[s].code != op::input) needed[s] = true;
  }
  constexpr void write(outline& region, node_id i) {
    if (!home[i]) home[i] = std::int16_t(new_buffer(i, -1) + 1);
    region.writes[region.write_count++] = {i, std::int16_t(home[i] - 1)};
    placed[i] = true;
  }
  // Values over pairs that a region over them reads, or gives to others, lie column by column where nobody has said
  // how: rows are read along their columns. The axes of a static extent are outside.
  constexpr void lay_along(node_id i, int column) {
    for (; plan.g[i].code == op::rename; i = plan.g[i].a)
      if (plan.g[i].second == column) column = plan.g[i].first;
    const node& x = plan.g[i];
    if (is_leaf(x.code) || is_view(x.code) || uses.result[i] || home[i] || !(x.axes & bit(column))) return;
    const std::uint64_t order = plan.orders[i];
    std::uint64_t along = 0;
    int rank = 0;
    for (const bool known : {true, false})
      for (int k = 0; k < max_rank && axis_at(order, k) >= 0; ++k) {
        const int axis = axis_at(order, k);
        if (axis != column && (plan.g.extent(axis) != runtime) == known) along = with_axis(along, rank++, axis);
      }
    plan.orders[i] = with_axis(along, rank, column);
  }
  template <class Match> constexpr void lay_pairs_along(const outline& region, const Match& match) {
    for (int k = 0; k < region.read_count; ++k)
      if (const axis_set axes = plan.g[region.reads[k]].axes; (axes & match.rows) && (axes & bit(match.column)))
        lay_along(region.reads[k], match.column);
  }
  // A region that copies a located value into a buffer.
  constexpr void copy(node_id from, int into) {
    outline& region = new_region(region_kind::row, 0);
    region.writes[0] = {from, std::int16_t(into)};
    region.write_count = 1;
    list(region, from), need(from);
  }
  // A merge, or a result that is a view: what it shows is computed straight into its buffer, or copied there if it lies
  // somewhere already.
  constexpr void place_view(node_id root) {
    const int into = home[root] ? home[root] - 1 : new_buffer(root, -1);
    home[root] = std::int16_t(into + 1);
    placed[root] = true;
    node_id i = root;
    std::uint64_t order = plan.orders[root];  // of the same memory, seen below merges and renames
    for (; plan.g[i].code == op::merge || plan.g[i].code == op::rename; i = plan.g[i].a)
      order = plan.g[i].code == op::merge ? replaced_order(order, plan.g[i].first, plan.g[i].second, plan.g[i].third)
                                          : replaced_order(order, plan.g[i].second, plan.g[i].first);
    const op shown = plan.g[i].code;
    const bool through = !is_leaf(shown) && !is_view(shown) && !home[i] && !placed[i];
    if (through) {  // computed straight into the merged buffer
      needed[i] = true;
      home[i] = std::int16_t(into + 1);
      plan.orders[i] = order;  // its lanes run along what is contiguous there
    } else {
      copy(i, into);
    }
  }

  // ---- what lies in memory
  constexpr bool lies_in_memory(node_id i) const { return wanted[i] || needed[i] || uses.result[i]; }
  constexpr void need_stored(node_id i) {
    if (!uses.unstorable[i] || uses.result[i] || is_view(plan.g[i].code)) wanted[i] = true;
  }

  // ---- values over pairs of positions
  static constexpr const char* values_over_pairs = "it reads a value over pairs of positions, which is not stored";
  // Is i a view of a value that would have to be stored over pairs of positions for it?
  constexpr bool needs_pairs(node_id i) const {
    const node_id s = source_of_view(plan.g, i);
    return uses.unstorable[s] && !uses.result[s];
  }
  // Does a program over pairs read such a value, apart from the contractions that the loops of a match compute?
  template <class Match> constexpr bool program_needs_pairs(node_id value, const Match& match) const {
    return walk(plan.g, {value}, [&](node_id i, const node& x) {
      if (match.gives(i)) return step::skip;
      if (match.adds_up(x)) return step::descend;
      const bool pairs = x.code == op::gather ? needs_pairs(x.a) : !is_inlined(x.code) && needs_pairs(i);
      return pairs ? step::stop : within_program(x);
    });
  }
  // Lists what a program over pairs reads, apart from what the loops of a match compute.
  template <class Match> constexpr void read_program(outline& region, node_stack& open, const Match& match) {
    walk(plan.g, open, [&](node_id i, const node& x) {
      if (match.gives(i)) return step::skip;
      if (match.adds_up(x)) return step::descend;
      if (x.code == op::gather) read(region, x.a);
      if (!is_inlined(x.code)) read(region, i);
      return within_program(x);
    });
  }
};

}  // namespace heed::internal::plan
