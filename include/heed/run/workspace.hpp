// Memory between regions and for threads: one allocation a call, or memory that the caller keeps between calls.
#pragma once
#include "../plan/plan.hpp"
#include "environment.hpp"
#include "tensor.hpp"
#include <array>
#include <bitset>
#include <utility>

namespace heed {

// attend(q = Q, ..., into(O), memory): calls reuse the memory; it grows when a call needs more and never shrinks. One call
// at a time: a second one that begins meanwhile throws heed::error.
class workspace {
 public:
  workspace() = default;
  workspace(workspace&& o) noexcept : memory_(std::move(o.memory_)), size_(std::exchange(o.size_, 0)) {}
  workspace& operator=(workspace&& o) noexcept {
    memory_ = std::move(o.memory_), size_ = std::exchange(o.size_, 0);
    return *this;
  }

  std::size_t bytes() const { return size_; }
  // 64-byte aligned; what was in it is gone when it grows. Throws std::bad_alloc and then keeps what it had.
  std::byte* at_least(std::size_t bytes) {
    if (bytes > size_ || !memory_.get()) memory_ = internal::run::aligned_memory(bytes), size_ = bytes;
    return memory_.get();
  }

  // Held by the call that uses the workspace.
  class lease {
   public:
    explicit lease(workspace& w) : of_(w) {
      if (__atomic_test_and_set(&of_.taken_, __ATOMIC_ACQUIRE)) internal::refuse("workspace", {}, {"one for each call that runs"}, {"one that another call is using"});
    }
    ~lease() { __atomic_clear(&of_.taken_, __ATOMIC_RELEASE); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;

   private:
    workspace& of_;
  };

 private:
  internal::run::aligned_memory memory_;
  std::size_t size_ = 0;
  bool taken_ = false;                                     // touched through atomic builtins: <atomic> costs every file 0.05 s
};

}  // namespace heed
namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

inline std::size_t rounded_up(std::size_t n) { return (n + 63) / 64 * 64; }
inline constexpr extent_t largest_buffer = extent_t(1) << 48;   // bytes: more than a process can address, and sums still fit

// Where the buffers of a plan lie: first fit among those alive at the same time. Offsets of results stay 0, and of `unused` ones. Throws
// heed::error where sizes leave 64 bits.
struct buffer_places {
  std::array<std::size_t, middle::max_regions> offset;
  std::size_t bytes = 0;
};
inline std::size_t bytes_of_buffer(const middle::buffer& b, const extent_t* extent) {
  extent_t n = byte_size(stored(b.type));
  bool fits = true;
  for (int k = 0; k < b.order.count; ++k) {
    if (extent[b.order[k]] == 0) return 0;
    fits = fits && !__builtin_mul_overflow(n, extent[b.order[k]], &n);
  }
  if (!fits || n > largest_buffer) refuse({}, {}, {"intermediate values of at most 2^48 bytes"}, {"more"});
  return rounded_up(std::size_t(n));
}
inline buffer_places place_buffers(const middle::plan& p, const extent_t* extent, const std::bitset<middle::max_regions>& unused = {}) {
  buffer_places r;
  struct placed { std::size_t first, end; int last; };     // bytes, and the region after which they are free
  std::array<placed, middle::max_regions> alive;           // by address
  int count = 0;
  const auto place = [&](int i) {
    const middle::buffer& b = p.buffers[i];
    const std::size_t bytes = bytes_of_buffer(b, extent);
    int kept = 0;
    for (int j = 0; j < count; ++j)
      if (alive[j].last >= b.first) alive[kept++] = alive[j];
    count = kept;
    std::size_t at = 0;
    int k = 0;
    while (k < count && alive[k].first < at + bytes) at = std::max(at, alive[k].end), ++k;
    for (int j = count++; j > k; --j) alive[j] = alive[j - 1];
    alive[k] = {at, at + bytes, b.last};
    r.offset[i] = at;
    r.bytes = std::max(r.bytes, at + bytes);
  };
  for (int i = 0; i < p.buffer_count; ++i) r.offset[i] = 0;
  for (int i = 0; i < p.region_count; ++i)                 // in the order in which buffers begin to live
    for (int k = 0; k < p.regions[i].write_count; ++k) {
      const int b = p.regions[i].writes[k].into;
      if (p.buffers[b].result < 0 && p.buffers[b].first == i && !unused[b]) place(b);
    }
  return r;
}

}  // namespace heed::internal::run
