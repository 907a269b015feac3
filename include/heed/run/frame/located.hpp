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
  const extent_t* extent;                    // by axis number
  const view* operands;                      // by operand number of the region
  const view* outputs;                       // by output number of the region
  int threads;                               // how many threads will share the work
  const struct staged_rows* keys = nullptr;  // of a score region, where they are not stored
  const staged_rows* values = nullptr;
};

// What nobody has stored: a row region that makes some of its rows at a time. `make` writes those whose index along
// `column` is in [first, end), at `index` along the axes of `item`, to memory from `to` on.
struct staged_rows {
  void (*make)(const staged_rows& of, const extent_t* index, extent_t first, extent_t end, void* to) noexcept;
  const environment* call;  // of the row region
  axis_set item;
  int column;
  extent_t ahead;  // rows so many keys before will be wanted next
};

// A kernel of a region is a class template over the region's plan:
//   template <const auto& Region> struct score_kernel {
//     static scratch_need need(const environment&);
//     static void run(const environment&, const scratch&) noexcept;   // parallel inside; never throws
//   };

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
