// What a forward pass keeps for its backward pass, in one block of the caller's memory: a head that says whose it is
// and of which extents, behind it the values, each dense, 64 bytes or a multiple from each other.
#pragma once
#include "../call/places.hpp"
#include "bind.hpp"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// Which kernel and which values: both passes have the same.
struct kept_values {
  std::uint64_t kernel;                   // a hash of the declaration
  int axes;                               // declared ones
  stretch<const signature_entry> values;  // results of the forward pass or operands of the backward pass
  bool is_forward;
};

struct saved_head {
  std::uint64_t magic, kernel, bytes;
  std::int64_t axes, extents[max_axes];
};
inline constexpr std::uint64_t saved_magic = 0x6465766173646568;  // "hedsaved"

// Where the values lie, in bytes from the beginning of the block.
struct saved_layout {
  std::array<std::size_t, max_results> offsets{};
  std::size_t bytes = run::rounded_up(sizeof(saved_head));
};
HEED_CHECK inline saved_layout layout_of(const kept_values& kept, const signature& names,
                                         stretch<const extent_t> extent) {
  saved_layout r;
  for (const signature_entry& x : kept.values) {
    extent_t bytes = byte_size(x.type);
    bool fits = true;
    for (const int axis : names.order_of(x)) fits = fits && !__builtin_mul_overflow(bytes, extent[axis], &bytes);
    if (!fits || bytes > run::largest_buffer)
      refuse(mistake::memory, "saved", {}, {"values of at most 2^48 bytes"}, {"more"});
    r.offsets[kept.values.number_of(x)] = r.bytes;
    r.bytes += run::rounded_up(std::size_t(bytes));
  }
  return r;
}

// Puts what is kept into the frame of a call, whose extents are known. Without a block only its shape.
inline void place_saved(const kept_values& kept, const signature& names, const call_frame& frame,
                        const saved_layout& layout, std::byte* block) {
  const stretch<bound> all = kept.is_forward ? frame.results : frame.operands;
  const int first = all.size() - kept.values.size();
  for (int k = 0; k < kept.values.size(); ++k) {
    bound& b = all[first + k];
    const stretch<const std::int8_t> order = names.order_of(kept.values[k]);
    b.rank = order.size();
    for (int i = 0; i < b.rank; ++i) b.extents[i] = frame.extent[order[i]];
    settle_strides(b, nullptr);
    if (block) b.data = block + layout.offsets[k];
  }
}
// Results that have no memory before the extents are known.
inline void announce_saved(const kept_values& kept, const call_frame& frame) {
  for (int k = frame.results.size() - kept.values.size(); k < frame.results.size(); ++k) {
    bound& b = frame.results[k];
    b.rank = kept.values[k - (frame.results.size() - kept.values.size())].rank;
    b.grow = [](void*, const bound&) -> void* { return nullptr; };
  }
}

// ---- the block of a forward pass
HEED_CHECK inline void check_room(const void* block, std::size_t bytes, std::size_t needed) {
  if (!block) refuse(mistake::saved, "saved", {}, {"memory of ", long(needed), " bytes"}, {"a null pointer"});
  if (reinterpret_cast<std::uintptr_t>(block) % 8)
    refuse(mistake::saved, "saved", {}, {"memory aligned to 8 bytes"},
           {"an address that is ", long(reinterpret_cast<std::uintptr_t>(block) % 8), " past"});
  if (bytes < needed) refuse(mistake::saved, "saved", {}, {"at least ", long(needed), " bytes"}, {long(bytes)});
}
inline void write_head(const kept_values& kept, const call_frame& frame, std::size_t bytes, std::byte* block) {
  saved_head head{saved_magic, kept.kernel, bytes, kept.axes, {}};
  std::copy_n(frame.extent.begin(), kept.axes, head.extents);
  std::memcpy(block, &head, sizeof head);
}

// ---- ... of a backward pass, whose operands have said all extents
HEED_CHECK inline void check_saved(const kept_values& kept, const signature& names, const call_frame& frame,
                                   const void* block, std::size_t bytes, std::size_t needed) {
  check_room(block, bytes, sizeof(saved_head));
  saved_head head;
  std::memcpy(&head, block, sizeof head);
  if (head.magic != saved_magic) refuse(mistake::saved, "saved", {}, {"what a forward pass has kept"}, {"other bytes"});
  if (head.kernel != kept.kernel || head.axes != kept.axes)
    refuse(mistake::saved, "saved", {}, {"what the forward pass of this kernel has kept"}, {"what another has"});
  // mutants: saved_of_other_extents
  for (int axis = 0; axis < kept.axes; ++axis)
    if (head.extents[axis] != frame.extent[axis] && head.extents[axis] != runtime && frame.extent[axis] != runtime)
      refuse(mistake::saved, "saved", names.axis_name(axis), {frame.extent[axis], ", as in this call"},
             {extent_t(head.extents[axis]), " in the forward pass"});
  if (head.bytes != needed)
    refuse(mistake::saved, "saved", {}, {long(needed), " bytes that a forward pass has kept"}, {long(head.bytes)});
  check_room(block, bytes, needed);
}

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
