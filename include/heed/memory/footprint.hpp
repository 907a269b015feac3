// Which bytes an operand covers: whether they can exist at all, whether the elements of a result lie apart, whether two
// operands share memory. Nothing here reads or writes an element.
#pragma once
#include "operand.hpp"
#include <array>
#include <cstdint>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

inline bool is_empty(const bound& b) {
  for (int i = 0; i < b.rank; ++i)
    if (b.extents[i] == 0) return true;
  return false;
}

// The offsets of some axes of an operand, in elements: from the lowest to the highest, both of which exist.
struct span_of_offsets {
  extent_t low = 0, high = 0;
  bool overflow = false;  // beyond 64 bits
  constexpr void add(extent_t extent, extent_t stride) {
    extent_t span;
    overflow = overflow || __builtin_mul_overflow(extent - 1, stride, &span);
    if (!overflow) overflow = __builtin_add_overflow(span < 0 ? low : high, span, span < 0 ? &low : &high);
  }
};
inline span_of_offsets offsets_of(const bound& b) {
  span_of_offsets r;
  for (int i = 0; i < b.rank; ++i) r.add(b.extents[i], b.strides[i]);
  return r;
}

// The bytes of an operand that is neither empty nor beyond 64 bits: [first, end) as addresses. False where they would
// wrap.
struct byte_range {
  std::uintptr_t first = 0, end = 0;
};
inline bool range_of(const bound& b, int element_bytes, byte_range& r) {
  const span_of_offsets o = offsets_of(b);
  extent_t below, above, last;
  const std::uintptr_t p = reinterpret_cast<std::uintptr_t>(b.data);
  return !o.overflow && !__builtin_add_overflow(o.high, extent_t(1), &last) &&
         !__builtin_mul_overflow(o.low, extent_t(element_bytes), &below) &&
         !__builtin_mul_overflow(last, extent_t(element_bytes), &above) &&
         !__builtin_add_overflow(p, below, &r.first) && !__builtin_add_overflow(p, above, &r.end);
}

// The first axis, from the smallest stride to the largest, that does not step over what the smaller ones cover: -1 if
// each does, and then no two elements share memory. `least` is the smallest stride that would do.
inline int axis_that_overlaps(const bound& b, extent_t& least) {
  std::array<bool, max_rank> done{};
  const auto length = [&](int i) { return b.strides[i] < 0 ? -b.strides[i] : b.strides[i]; };
  for (least = 1;;) {
    int next = -1;
    for (int i = 0; i < b.rank; ++i)
      if (!done[i] && b.extents[i] > 1 && (next < 0 || length(i) < length(next))) next = i;
    if (next < 0) return -1;
    if (length(next) < least) return next;
    least += (b.extents[next] - 1) * length(next);
    done[next] = true;
  }
}

// Do two operands share a byte? Ranges that are apart say no; so does a period, one of the strides, in which each keeps
// to its own part: columns, heads or packed q, k, v side by side in one buffer. A rare layout that is apart for no such
// reason counts as sharing.
inline bool share_memory(const bound& a, int a_bytes, const bound& b, int b_bytes) {
  byte_range x, y;
  if (is_empty(a) || is_empty(b) || !range_of(a, a_bytes, x) || !range_of(b, b_bytes, y)) return false;
  if (x.end <= y.first || y.end <= x.first) return false;
  // Where in a period an operand begins, and how many bytes of it it uses.
  struct part {
    std::uintptr_t at, bytes;
  };
  const auto part_of = [](const bound& o, int bytes, std::uintptr_t period) {
    span_of_offsets inner;
    for (int i = 0; i < o.rank; ++i)
      if (o.extents[i] > 1 && o.strides[i] * bytes % extent_t(period) != 0) inner.add(o.extents[i], o.strides[i]);
    return part{(reinterpret_cast<std::uintptr_t>(o.data) + std::uintptr_t(inner.low * bytes)) % period,
                std::uintptr_t((inner.high - inner.low + 1) * bytes)};
  };
  for (const bound* o : {&a, &b})
    for (int i = 0; i < o->rank; ++i) {
      const extent_t step = o->strides[i] * (o == &a ? a_bytes : b_bytes);
      if (o->extents[i] <= 1 || step == 0) continue;
      const std::uintptr_t period = std::uintptr_t(step < 0 ? -step : step);
      const part p = part_of(a, a_bytes, period), q = part_of(b, b_bytes, period);
      const std::uintptr_t from_p_to_q = (q.at + period - p.at) % period;
      if (p.bytes <= from_p_to_q && q.bytes <= period - from_p_to_q) return false;
    }
  return true;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
