// Where the values of a call lie in memory: those that regions read and write, operands seen through their views and
// buffers in the workspace. An operand whose merged axes step as one in the caller's memory is read there: the region
// that would copy it has nothing to do.
#pragma once
#include "places.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

struct locator {
  const call_table& table;
  const call_frame& frame;
  std::size_t bytes = 0;        // of all buffers together
  std::byte* memory = nullptr;  // of the buffers; none yet while kernels say what they need

  // The frame has been checked; its places are filled.
  locator(const call_table& of, const call_frame& call) : table(of), frame(call) {
    for (int i = 0; i < table.buffers.size(); ++i) {
      view seen;
      frame.places[i].read_in_place = table.buffers[i].in_place >= 0 && operand_at(table.buffers[i].in_place, seen);
      frame.places[i].staged = !frame.places[i].read_in_place &&
                               is_staged(table.buffers[i].staged, table.buffers[i].type, frame.extent.first);
    }
    bytes = place_buffers(table, frame);
  }

  // A value that a region reads or writes.
  view at(int place) const {
    const value_place& x = table.places[place];
    view v = x.buffer >= 0 ? in_buffer(x.buffer) : view_of_operand(table.names, frame, x.operand);
    see_through(table.steps_to(x), frame.extent, v);
    return v;
  }
  // So many of them, to an array: out of line, for every region of every call asks for some, more than once.
  HEED_NOINLINE void find(int first, int count, view* to) const {
    for (int k = 0; k < count; ++k) to[k] = at(first + k);
  }
  // A region that copies what is read in place, or makes what is staged.
  bool has_nothing_to_do(const region_entry& region) const {
    return !frame.places[table.places[region.first_write].buffer].is_stored();
  }

 private:
  // An operand through its views: false where it is not bound, or where merged axes do not step as one.
  bool operand_at(int place, view& v) const {
    const value_place& x = table.places[place];
    if (frame.operands[x.operand].rank < 0) return false;
    v = view_of_operand(table.names, frame, x.operand);
    return see_through(table.steps_to(x), frame.extent, v);
  }
  view in_buffer(int number) const {
    const buffer_entry& buffer = table.buffers[number];
    const buffer_place& place = frame.places[number];
    view v;
    if (place.read_in_place) operand_at(buffer.in_place, v);
    else if (buffer.result >= 0) v = in_result(buffer);
    else v = in_workspace(buffer, place);
    return v;
  }
  view in_result(const buffer_entry& buffer) const {
    const bound& result = frame.results[buffer.result];
    view v;
    v.data = result.data;
    for (int k = 0; k < buffer.order.count; ++k) v.stride[buffer.order[k]] = result.strides[k];
    return v;
  }
  // Of what is staged, the keys of one item: where they lie says whoever reads them.
  view in_workspace(const buffer_entry& buffer, const buffer_place& place) const {
    view v;
    if (memory && !place.staged) v.data = memory + place.offset;
    extent_t stride = 1;
    for (int k = buffer.order.count - 1; k >= 0; --k) {
      if (place.staged && (buffer.staged.item >> buffer.order[k] & 1)) continue;
      v.stride[buffer.order[k]] = stride;
      stride *= frame.extent[buffer.order[k]];
    }
    return v;
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
