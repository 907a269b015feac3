// Memory between regions and for threads: one allocation a call, or memory that the caller keeps between calls.
#pragma once
#include "../plan/plan.hpp"
#include "environment.hpp"
#include "tensor.hpp"

namespace heed {

// attend(q = Q, ..., into(O), memory): calls reuse the memory; it grows when a call needs more and never shrinks.
class workspace {
 public:
  std::size_t bytes() const { return size_; }
  std::byte* at_least(std::size_t bytes) {
    if (bytes > size_ || !memory_.get()) memory_ = run::aligned_memory(bytes), size_ = bytes;
    return memory_.get();
  }

 private:
  run::aligned_memory memory_;
  std::size_t size_ = 0;
};

namespace run {

inline std::size_t rounded_up(std::size_t n) { return (n + 63) / 64 * 64; }

// Where the buffers of a plan lie: first fit among those alive at the same time. Offsets of results stay 0.
struct buffer_places {
  std::array<std::size_t, middle::max_regions> offset{};
  std::size_t bytes = 0;
};
inline buffer_places place_buffers(const middle::plan& p, const extent_t* extent) {
  buffer_places r;
  std::array<std::size_t, middle::max_regions> size{};
  for (int i = 0; i < p.buffer_count; ++i) {
    const middle::buffer& b = p.buffers[std::size_t(i)];
    if (b.result >= 0) continue;
    std::size_t n = std::size_t(byte_size(stored(b.type)));
    for (int k = 0; k < b.order.count; ++k) n *= std::size_t(extent[b.order[k]]);
    size[std::size_t(i)] = n = rounded_up(n);
    std::size_t at = 0;
    for (bool moved = true; moved;) {                      // past everything that lives at the same time and is in the way
      moved = false;
      for (int j = 0; j < i; ++j) {
        const middle::buffer& o = p.buffers[std::size_t(j)];
        const std::size_t first = r.offset[std::size_t(j)], end = first + size[std::size_t(j)];
        if (o.result < 0 && o.first <= b.last && b.first <= o.last && at < end && first < at + n) at = end, moved = true;
      }
    }
    r.offset[std::size_t(i)] = at;
    r.bytes = std::max(r.bytes, at + n);
  }
  return r;
}

}  // namespace run
}  // namespace heed
