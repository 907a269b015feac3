// Aligned memory, and the one rounding of its sizes: whatever lies in it begins on a boundary of 64 bytes, a cache line
// and the widest pack.
#pragma once
#include "../base/instruction_set.hpp"
#include <cstddef>
#include <new>
#include <utility>

namespace heed::internal::run {

// 64-byte aligned memory that is freed with its owner. Not a std::unique_ptr: <memory> costs every file a tenth of a
// second.
class aligned_memory {
 public:
  aligned_memory() = default;
  explicit aligned_memory(std::size_t bytes)
      : data_(static_cast<std::byte*>(::operator new(bytes ? bytes : 64, std::align_val_t(64)))) {}
  aligned_memory(aligned_memory&& o) noexcept : data_(std::exchange(o.data_, nullptr)) {}
  aligned_memory& operator=(aligned_memory&& o) noexcept {
    std::swap(data_, o.data_);
    return *this;
  }
  ~aligned_memory() { ::operator delete(data_, std::align_val_t(64)); }
  std::byte* get() const { return data_; }

 private:
  std::byte* data_ = nullptr;
};

inline namespace HEED_INSTRUCTION_SET {
constexpr std::size_t rounded_up(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
}  // namespace HEED_INSTRUCTION_SET

}  // namespace heed::internal::run
