// Memory that a kernel works with: what it asks for before it runs, what it gets, and how it lays that out. A layout is
// one function of pieces, which counts where there is no memory yet, so that it cannot ask for less than it takes.
#pragma once
#include "../../memory/aligned.hpp"
#include "../../plan/data/region.hpp"
#include <cstddef>
#include <utility>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

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

// Memory handed out piece by piece, 64-byte aligned. From null: only counted.
struct pieces {
  std::byte* from = nullptr;
  std::size_t used = 0;
  std::byte* bytes(std::size_t size) {
    const std::size_t start = std::exchange(used, used + rounded_up(size));
    return from ? from + start : nullptr;
  }
  template <class E> E* of(extent_t elements) { return reinterpret_cast<E*>(bytes(std::size_t(elements) * sizeof(E))); }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
