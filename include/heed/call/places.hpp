// Where the buffers of a graph lie in the workspace of a call.
#pragma once
#include "../memory/workspace.hpp"
#include "../simd/tile.hpp"
#include "frame/call_frame.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

inline constexpr extent_t largest_buffer = extent_t(1) << 48;  // bytes: more than a process can address, and sums still
                                                               // fit

inline std::size_t bytes_of_buffer(const buffer_entry& buffer, stretch<const extent_t> extent) {
  extent_t bytes = byte_size(stored(buffer.type));
  bool fits = true;
  for (int k = 0; k < buffer.order.count; ++k) {
    const extent_t length = extent[buffer.order[k]];
    if (length == 0) return 0;
    fits = fits && !__builtin_mul_overflow(bytes, length, &bytes);
  }
  if (!fits || bytes > largest_buffer)
    refuse(error::mistake::memory, {}, {}, {"intermediate values of at most 2^48 bytes"}, {"more"});
  return rounded_up(std::size_t(bytes));
}

// Is a value staged in a call with these extents (by axis number)? What is cheap is, however often it is made. What is
// not is where it is made once, for one block of rows: a second time may take longer than a pass over memory.
constexpr extent_t rows_of_block(element e) {
  return e == element::f64 ? simd::block_rows<double> : simd::block_rows<float>;
}
inline bool is_staged(const staging& s, element type, const extent_t* extent) {
  if (!s.by || s.cheap) return s.by != 0;
  const auto at_most = [&](axis_set axes, extent_t most) {
    extent_t count = 1;
    for (int i = 0; axes >> i; ++i)
      if (axes >> i & 1) count *= std::min(extent[i], most + 1);
    return count <= most;
  };
  return at_most(s.again, 1) && at_most(s.rows, rows_of_block(type));
}

// First fit among the buffers that are alive at the same time: those in `alive`, `count` of them, by address. Returns
// how many they are with this one.
inline int place_buffer(const call_table& table, const call_frame& frame, int number, int count) {
  const buffer_entry& buffer = table.buffers[number];
  const std::size_t bytes = bytes_of_buffer(buffer, frame.extent);
  const stretch<std::int16_t> alive = frame.alive;
  int kept = 0;
  for (int j = 0; j < count; ++j)
    if (table.buffers[alive[j]].last >= buffer.first) alive[kept++] = alive[j];
  std::size_t at = 0;
  int before = 0;
  for (; before < kept && frame.places[alive[before]].offset < at + bytes; ++before)
    at = std::max(at, frame.places[alive[before]].end);
  for (int j = kept; j > before; --j) alive[j] = alive[j - 1];
  alive[before] = std::int16_t(number);
  frame.places[number].offset = at, frame.places[number].end = at + bytes;
  return kept + 1;
}

// Fills frame.places, in the order in which buffers begin to live, and returns the bytes of all. Results, what is
// read in place and what is staged have none. Throws heed::error where sizes leave 64 bits.
inline std::size_t place_buffers(const call_table& table, const call_frame& frame) {
  std::size_t bytes = 0;
  int alive = 0, region = 0;
  for (const region_entry& writer : table.regions) {
    for (const value_place& written : table.writes_of(writer)) {
      const buffer_entry& buffer = table.buffers[written.buffer];
      if (buffer.result >= 0 || buffer.first != region || !frame.places[written.buffer].is_stored()) continue;
      alive = place_buffer(table, frame, written.buffer, alive);
      bytes = std::max(bytes, frame.places[written.buffer].end);
    }
    ++region;
  }
  return bytes;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
