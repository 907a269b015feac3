// Everything that a call of a graph needs to know while it runs, and nothing else: rules between extents, what is to be
// checked of indices, where the values lie that regions read and write. Written while compiling from the plan, which no
// program holds (make_call_table.hpp). Like a signature it is a view for all graphs, over memory of exact size.
#pragma once
#include "../../plan/data/region.hpp"
#include "../../plan/data/staging.hpp"
#include "signature.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// How a view shows memory (op::rename, split, merge, slice or pick): axes as in a node.
struct view_step {
  op code{};
  std::int8_t first = 0, second = 0, third = 0;
  extent_t offset = 0;  // slice, pick: bytes, to be multiplied by the stride
};
// Where a value lies: an operand of the call or a buffer, seen through steps from the memory outwards.
struct value_place {
  std::int16_t operand = -1, buffer = -1;  // one of the two
  std::int16_t first_step = 0, step_count = 0;
};
// A value kept in memory, dense and row-major over `order`.
struct buffer_entry {
  element type{};
  std::int16_t result = -1;      // which result it is; -1: it lies in the workspace
  std::int16_t first{}, last{};  // the regions between which it lives
  std::int16_t in_place = -1;    // a copy of an operand: the place where it might be read instead
  axis_list order{};
  staging staged{};
};
// A region: where what it reads lies, and what it writes, as ranges of places.
struct region_entry {
  std::int16_t first_read = 0, first_write = 0, write_count = 0;
};

// rename: two axes are as long as each other; split, merge: `first` is `second` x `third`; concat: their sum.
struct extent_rule {
  op code{};
  std::int8_t first = 0, second = 0, third = 0;
};
// What must hold of positions along axis `first` before they are read.
// slice:           so many follow `offset` as axis `second` has; `at`: of the operand that is cut, if one is.
// index, size:     they are computed with, in 32 bits.
// multiply:        so is the product of an index or an extent and the extent of axis `second`.
// gather, scatter: the indices, of type `type` over `over`, lie at `at` in an operand and inside the axis.
struct position_rule {
  op code{};
  element type{};
  std::int8_t first = 0, second = 0;
  axis_set over = 0;
  extent_t offset = 0;
  value_place at{};
};

struct call_table {
  signature names;
  axis_set needed_axes = 0;  // without their extents nothing can be computed
  stretch<const extent_rule> extent_rules;
  stretch<const position_rule> position_rules;
  stretch<const view_step> steps;
  stretch<const value_place> places;
  stretch<const buffer_entry> buffers;
  stretch<const region_entry> regions;

  stretch<const view_step> steps_to(const value_place& x) const { return steps.part(x.first_step, x.step_count); }
  stretch<const value_place> writes_of(const region_entry& x) const {
    return places.part(x.first_write, x.write_count);
  }
};

struct call_table_sizes {
  int extent_rules = counting, position_rules = counting, steps = counting, places = counting, buffers = counting,
      regions = counting;
};
template <call_table_sizes Sizes = call_table_sizes{}>
struct call_table_data {
  axis_set needed_axes = 0;
  exact_list<extent_rule, Sizes.extent_rules> extent_rules{};
  exact_list<position_rule, Sizes.position_rules> position_rules{};
  exact_list<view_step, Sizes.steps> steps{};
  exact_list<value_place, Sizes.places> places{};
  exact_list<buffer_entry, Sizes.buffers> buffers{};
  exact_list<region_entry, Sizes.regions> regions{};

  constexpr call_table_sizes sizes() const {
    return {extent_rules.count, position_rules.count, steps.count, places.count, buffers.count, regions.count};
  }
  constexpr call_table view(const signature& names) const {
    return {names,       needed_axes,  extent_rules.all(), position_rules.all(),
            steps.all(), places.all(), buffers.all(),      regions.all()};
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
