// What a kernel sees of a call: extents by axis number, and where the operands and outputs of its region lie. Memory
// that it asks for besides comes in pieces (pieces.hpp).
#pragma once
#include "../../plan/data/region.hpp"
#include <array>

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

// A kernel of a region is a class template over the region's plan:
//   template <const auto& Region> struct score_kernel {
//     static scratch_need need(const environment&);
//     static void run(const environment&, const scratch&) noexcept;   // parallel inside; never throws
//   };

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
