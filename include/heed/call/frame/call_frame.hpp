// What a call brings, located in memory: operands and results as pointers, extents and strides, the extent of every
// axis and who has said so. `call_frame` is a view for all graphs; `frame_memory` holds it on the stack of the call,
// exactly as large as its graph wants.
#pragma once
#include "../../memory/operand.hpp"
#include "../../run/frame/located.hpp"
#include "call_table.hpp"
#include <algorithm>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Who has said how long an axis is.
struct extent_source {
  enum class kind : std::uint8_t { nobody, declaration, with, input, result, view } from = kind::nobody;
  int number = 0;  // of the operand, the result, the extent rule
};

// Where a buffer lies in the workspace of a call.
struct buffer_place {
  std::size_t offset = 0, end = 0;  // in bytes
  bool read_in_place = false;       // nowhere: what it would copy is read in the caller's memory
  bool staged = false;              // nowhere: whoever reads it has pieces of it made in memory of its threads
  bool is_stored() const { return !read_in_place && !staged; }
};

struct call_frame {
  stretch<extent_t> extent;  // by axis number; -1: not known yet
  stretch<extent_source> source;
  stretch<bound> operands, results;
  stretch<buffer_place> places;  // by buffer number
  stretch<std::int16_t> alive;   // room for the numbers of all buffers
};

template <int Axes, int Operands, int Results, int Buffers>
struct frame_memory : call_frame {
  frame_memory()
      : call_frame{{axis_extents, Axes},     {axis_sources, Axes},     {operand_memory, Operands},
                   {result_memory, Results}, {buffer_places, Buffers}, {alive_buffers, Buffers}} {
    std::fill_n(axis_extents, Axes, runtime);
  }
  frame_memory(const frame_memory&) = delete;

 private:
  static constexpr int at_least_one(int count) { return count > 0 ? count : 1; }
  extent_t axis_extents[at_least_one(Axes)];
  extent_source axis_sources[at_least_one(Axes)];
  bound operand_memory[at_least_one(Operands)], result_memory[at_least_one(Results)];
  buffer_place buffer_places[at_least_one(Buffers)];
  std::int16_t alive_buffers[at_least_one(Buffers)];
};
// ... of a graph.
template <const call_table& Table>
using frame_for = frame_memory<Table.names.axes.size(), Table.names.operands.size(), Table.names.results.size(),
                               Table.buffers.size()>;

// An operand by the axes of the graph.
inline view view_of_operand(const signature& names, const call_frame& f, int operand) {
  const bound& b = f.operands[operand];
  view v;
  v.data = b.data;
  int k = 0;
  for (const int axis : names.order_of(names.operands[operand])) v.stride[axis] = b.strides[k++];
  return v;
}

// A value as a step shows it. False: a merge of axes that do not step as one.
inline bool see_through(const view_step& step, stretch<const extent_t> extent, view& v) {
  extent_t &first = v.stride[step.first], &second = v.stride[step.second], &third = v.stride[step.third];
  if (step.code == op::merge) {
    const extent_t length = extent[step.third], major = second, minor = third;
    second = third = 0;
    first = length == 1 ? major : minor;
    return length == 1 || extent[step.second] == 1 || major == minor * length;
  }
  const extent_t stride = first;
  first = 0;
  if (step.code == op::split) third = stride, second = stride * extent[step.third];
  else if (step.code != op::pick) second = stride;
  if (v.data) v.data = static_cast<char*>(v.data) + step.offset * stride;
  return true;
}
inline bool see_through(stretch<const view_step> steps, stretch<const extent_t> extent, view& v) {
  for (const view_step& step : steps)
    if (!see_through(step, extent, v)) return false;
  return true;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
