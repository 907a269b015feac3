// Where the buffers of a plan lie in the workspace of a call.
#pragma once
#include "../memory/workspace.hpp"
#include "../plan/data/execution_plan.hpp"
#include <array>
#include <bitset>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

inline constexpr extent_t largest_buffer = extent_t(1) << 48;  // bytes: more than a process can address, and sums still
                                                               // fit

// Where the buffers of a plan lie: first fit among those alive at the same time. Offsets of results stay 0, and of
// `unused` ones. Throws heed::error where sizes leave 64 bits.
struct buffer_places {
  std::array<std::size_t, plan::max_regions> offset;
  std::size_t bytes = 0;
};
inline std::size_t bytes_of_buffer(const plan::buffer& b, const extent_t* extent) {
  extent_t n = byte_size(stored(b.type));
  bool fits = true;
  for (int k = 0; k < b.order.count; ++k) {
    if (extent[b.order[k]] == 0) return 0;
    fits = fits && !__builtin_mul_overflow(n, extent[b.order[k]], &n);
  }
  if (!fits || n > largest_buffer) refuse({}, {}, {"intermediate values of at most 2^48 bytes"}, {"more"});
  return rounded_up(std::size_t(n));
}
inline buffer_places place_buffers(const plan::execution_plan& p, const extent_t* extent,
                                   const std::bitset<plan::max_regions>& unused = {}) {
  buffer_places r;
  struct placed {
    std::size_t first, end;
    int last;
  };  // bytes, and the region after which they are free
  std::array<placed, plan::max_regions> alive;  // by address
  int count = 0;
  const auto place = [&](int i) {
    const plan::buffer& b = p.buffers[i];
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
  for (int i = 0; i < p.region_count; ++i)  // in the order in which buffers begin to live
    for (int k = 0; k < p.regions[i].write_count; ++k) {
      const int b = p.regions[i].writes[k].into;
      if (p.buffers[b].result < 0 && p.buffers[b].first == i && !unused[b]) place(b);
    }
  return r;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
