// Memory between regions and for threads: one allocation a call, or memory that the caller keeps between calls.
#pragma once
#include "tensor.hpp"
#include <utility>

namespace heed {

// attend(q = Q, ..., into(O), memory): calls reuse the memory; it grows when a call needs more and never shrinks. One
// call at a time: a second one that begins meanwhile throws heed::error.
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
      if (__atomic_test_and_set(&of_.taken_, __ATOMIC_ACQUIRE))
        internal::refuse("workspace", {}, {"one for each call that runs"}, {"one that another call is using"});
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
  bool taken_ = false;  // touched through atomic builtins: <atomic> costs every file 0.05 s
};

}  // namespace heed
