// The operands of a call from another language, located: each descriptor against what the function declares of it, as
// far as that is of its own; what operands owe each other is checked as for calls from C++ (call/checks).
#pragma once
#include "../call/checks/call_checks.hpp"
#include "boundary.hpp"
#include "description.hpp"
#include <array>

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {
using run::bound;
using run::call_frame;

struct given_operands {
  const heed_tensor* first;
  std::int32_t count;
};

// ---- words
HEED_CHECK inline std::string written_dtype(const heed_dtype& x) {
  constexpr const char* kinds[] = {"int", "uint", "float", "handle", "bfloat", "complex", "bool"};
  std::string s = x.code < std::size(kinds) ? kinds[x.code] : written({"type ", long(x.code), " of "});
  if (x.code != 6 || x.bits != 8) s += std::to_string(x.bits);
  if (x.lanes != 1) s += written({" in ", long(x.lanes), " lanes"});
  return s;
}
HEED_CHECK inline std::string written_axes(const heed_metadata& kernel, const heed_operand& x) {
  std::string s = written({x.rank, x.rank == 1 ? " axis" : " axes"});
  for (int i = 0; i < x.rank; ++i) s.append(i ? ", " : " (").append(kernel.axes[x.axes[i]].name);
  return x.rank ? s + ")" : s;
}
HEED_CHECK inline std::string written_operands(const heed_function& f) {
  std::string s = written({long(f.operand_count), f.operand_count == 1 ? " operand (" : " operands ("});
  for (int i = 0; i < f.operand_count; ++i) s.append(i ? ", " : "").append(f.operands[i].name);
  return s + ")";
}

// ---- one operand
// Device, element type and rank; then extents can be read.
HEED_CHECK inline void check_kind(const heed_metadata& kernel, const heed_operand& declared, const heed_tensor& given) {
  if (given.device.type != 1)
    refuse(mistake::device, declared.name, {}, {"the processor's memory (device type 1)"},
           {"device type ", long(given.device.type)});
  const heed_dtype &want = declared.dtype, &got = given.dtype;
  if (want.code != got.code || want.bits != got.bits || want.lanes != got.lanes)
    refuse(mistake::element, declared.name, {}, {written_dtype(want)}, {written_dtype(got)});
  if (given.ndim != declared.rank)
    refuse(mistake::rank, declared.name, {}, {written_axes(kernel, declared)}, {long(given.ndim)});
  if (given.ndim > 0 && !given.shape)
    refuse(mistake::memory, declared.name, {}, {"an array of ", long(given.ndim), " extents"}, {"a null pointer"});
}
// Strides of axes that nothing moves along mean nothing, and may be anything: they become what they would be if the
// array lay densely, and so do those of an array without elements.
inline void settle_strides(bound& b, const std::int64_t* strides) {
  bool empty = false;
  for (int i = 0; i < b.rank; ++i) empty = empty || b.extents[i] == 0;
  extent_t dense = 1;
  for (int i = b.rank; i-- > 0;) {
    b.strides[i] = strides && !empty && b.extents[i] != 1 ? strides[i] : dense;
    if (__builtin_mul_overflow(b.strides[i], b.extents[i], &dense)) dense = std::numeric_limits<extent_t>::max();
  }
}
inline void* address_of(const heed_operand& declared, const heed_tensor& given) {
  if (!given.data) return nullptr;
  std::uintptr_t address;
  if (__builtin_add_overflow(reinterpret_cast<std::uintptr_t>(given.data), given.byte_offset, &address))
    refuse(mistake::memory, declared.name, {}, {"addresses within 64 bits"}, {"a byte offset beyond"});
  return reinterpret_cast<void*>(address);
}
// What stands for memory that is not looked at: a single element for all indices.
alignas(64) inline constexpr std::byte unread_memory[64]{};

// `looks`: the memory will be read or written; else it is left out.
HEED_CHECK inline bound bound_operand(const heed_metadata& kernel, const heed_operand& declared,
                                      const heed_tensor& given, bool looks) {
  check_kind(kernel, declared, given);
  bound b;
  b.rank = declared.rank;
  std::copy_n(given.shape, b.rank, b.extents.begin());
  settle_strides(b, given.strides);
  if (!looks) return b;
  if (declared.is_read) {
    b.data = address_of(declared, given);
  } else {
    b.data = const_cast<std::byte*>(unread_memory);
    b.strides = {};
  }
  return b;
}
// The number that an operand for an extent holds: read whatever a function looks at, for the rest depends on it.
HEED_CHECK inline extent_t given_extent(const heed_metadata& kernel, const heed_operand& declared,
                                        const heed_tensor& given) {
  check_kind(kernel, declared, given);
  const void* const from = address_of(declared, given);
  if (!from) refuse(mistake::memory, declared.name, {}, {"memory"}, {"a null pointer"});
  std::int64_t extent;
  std::memcpy(&extent, from, sizeof extent);
  if (extent < 0) refuse(mistake::extent, declared.name, {}, {"an extent that is not negative"}, {extent_t(extent)});
  return extent;
}

inline label label_of(const char* name) {
  label l{};
  for (std::size_t i = 0; name[i] && i < label_capacity; ++i)
    l.word[i / 8] |= std::uint64_t(static_cast<unsigned char>(name[i])) << (8 * (i % 8));
  return l;
}

// ---- all operands of a function, in the places that the frame has for them: inputs and cotangents in the order of the
// signature, results likewise, and extents.
HEED_CHECK inline void bind_operands(const heed_metadata& kernel, const heed_function& f, const signature& names,
                                     call_frame& frame, given_operands given, bool looks) {
  if (given.count != f.operand_count) refuse(mistake::count, {}, {}, {written_operands(f)}, {long(given.count)});
  if (!given.first && given.count > 0)
    refuse(mistake::memory, {}, {}, {"an array of ", long(given.count), " operands"}, {"a null pointer"});
  int input = 0, result = 0;
  for (int i = 0; i < f.operand_count; ++i) {
    const heed_operand& declared = f.operands[i];
    const heed_tensor& x = given.first[i];
    if (declared.role == HEED_EXTENT)
      frame.extent[names.find_axis(label_of(declared.name))] = given_extent(kernel, declared, x);
    else if (declared.role == HEED_INPUT || declared.role == HEED_COTANGENT)
      frame.operands[input++] = bound_operand(kernel, declared, x, looks);
    else frame.results[result++] = bound_operand(kernel, declared, x, looks);
  }
}

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
