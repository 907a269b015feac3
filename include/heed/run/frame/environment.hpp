// What a kernel sees of a call: extents by axis number, and where the operands and outputs of its region lie.
#pragma once
#include "../../memory/aligned.hpp"
#include "../../plan/data/region.hpp"
#include <array>
#include <cstddef>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// A value in memory. Strides are in elements, by axis number; an axis the value lacks has stride 0: that is all of
// broadcasting.
struct view {
  void* data = nullptr;
  std::array<extent_t, max_axes> stride{};
};

struct environment {
  const extent_t* extent;  // by axis number
  const view* operands;    // by operand number of the region
  const view* outputs;     // by output number of the region
  int threads;             // how many threads will share the work
};

// Memory a kernel asks for besides its operands: for all threads together, and for each thread. In bytes, a multiple
// of 64.
struct scratch_need {
  std::size_t shared = 0;
  std::size_t per_thread = 0;
};
// The same memory, handed to the kernel: 64-byte aligned, uninitialised.
struct scratch {
  std::byte* shared;
  std::byte* threads;  // per_thread bytes for each thread
  std::size_t per_thread;
  std::byte* of(int thread) const { return threads + std::size_t(thread) * per_thread; }
};

// A kernel of a region is a class template over the region's plan:
//   template <const auto& Region> struct score_kernel {
//     static scratch_need need(const environment&);
//     static void run(const environment&, const scratch&) noexcept;   // parallel inside; never throws
//   };

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
