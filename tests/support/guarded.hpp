// Memory between two pages that may not be touched: an array that ends at (or begins right after) a page on which every
// access is a fault, so that reading or writing one element too far kills the test.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <new>

template <class T>
class guarded {
 public:
  enum class side { before, behind };

  // `count` elements; the forbidden page lies `where`. Elements start as `value`.
  guarded(std::size_t count, side where, T value = T(0)) : page_(std::size_t(sysconf(_SC_PAGESIZE))) {
    const std::size_t bytes = (count * sizeof(T) + page_ - 1) / page_ * page_;
    size_ = bytes + 2 * page_;
    base_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) throw std::bad_alloc();
    if (mprotect(base_, page_, PROT_NONE) || mprotect(base_ + page_ + bytes, page_, PROT_NONE)) throw std::bad_alloc();
    char* const begin = where == side::before ? base_ + page_ : base_ + page_ + bytes - count * sizeof(T);
    data_ = reinterpret_cast<T*>(begin);
    for (std::size_t i = 0; i < count; ++i) data_[i] = value;
  }
  guarded(const guarded&) = delete;
  guarded& operator=(const guarded&) = delete;
  ~guarded() { munmap(base_, size_); }

  T* data() { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  std::size_t page_, size_;
  char* base_;
  T* data_;
};
