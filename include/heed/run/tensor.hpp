// heed's own tensor: owning, 64-byte aligned, row-major. Any other memory is bound through a view (operand.hpp).
#pragma once
#include "../axis/axis.hpp"
#include "../base/element.hpp"
#include "../base/error.hpp"
#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace heed {

namespace run {
// 64-byte aligned memory that is freed with its owner. Not a std::unique_ptr: <memory> costs every file a tenth of a second.
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
// The number of elements of some extents; throws heed::error for negative ones and for more than 2^63 bytes.
inline std::size_t checked_count(std::span<const extent_t> extents, std::size_t element_bytes) {
  extent_t n = 1;
  for (const extent_t e : extents) {
    if (e < 0) refuse({}, {}, {"extents that are not negative"}, {e});
    if (__builtin_mul_overflow(n, e, &n)) refuse({}, {}, {"at most 2^63 elements"}, {"more"});
  }
  extent_t bytes;
  if (__builtin_mul_overflow(n, extent_t(element_bytes), &bytes)) refuse({}, {}, {"at most 2^63 bytes"}, {"more"});
  return std::size_t(n);
}
}  // namespace run

// tensor<float> q(2, 8, 512, 64): elements are 0 at first. T: float, double, std::int32_t, std::int64_t, bool.
template <class T>
class tensor {
  static_assert(is_storable<T>, "heed: a tensor holds float, double, std::int32_t, std::int64_t or bool");

 public:
  using value_type = T;
  tensor() : tensor(std::span<const extent_t>()) {}
  explicit tensor(std::span<const extent_t> extents)
      : extents_(extents.begin(), extents.end()), strides_(extents.size()),
        size_(run::checked_count(extents, sizeof(T))), memory_(size_ * sizeof(T)) {
    extent_t s = 1;
    for (std::size_t i = extents_.size(); i-- > 0; s *= extents_[i]) strides_[i] = s;
    std::fill(begin(), end(), T(0));
  }
  template <class... E> requires(sizeof...(E) > 0 && (std::is_convertible_v<E, extent_t> && ...))
  explicit tensor(E... extents) : tensor(std::span<const extent_t>(std::array<extent_t, sizeof...(E)>{extent_t(extents)...})) {}
  tensor(const tensor& o) : tensor(std::span<const extent_t>(o.extents_)) { std::copy(o.begin(), o.end(), begin()); }
  tensor(tensor&&) noexcept = default;
  tensor& operator=(tensor o) noexcept {
    std::swap(extents_, o.extents_), std::swap(strides_, o.strides_), std::swap(size_, o.size_), std::swap(memory_, o.memory_);
    return *this;
  }

  T* data() { return reinterpret_cast<T*>(memory_.get()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.get()); }
  std::size_t size() const { return size_; }
  int rank() const { return int(extents_.size()); }
  std::span<const extent_t> extents() const { return extents_; }
  std::span<const extent_t> strides() const { return strides_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  // The element at an index of every axis; unchecked.
  template <class... I> T& operator()(I... index) { return data()[offset(index...)]; }
  template <class... I> const T& operator()(I... index) const { return data()[offset(index...)]; }

 private:
  template <class... I> std::size_t offset(I... index) const {
    extent_t o = 0;
    std::size_t k = 0;
    ((o += extent_t(index) * strides_[k++]), ...);
    return std::size_t(o);
  }
  std::vector<extent_t> extents_, strides_;
  std::size_t size_ = 0;
  run::aligned_memory memory_;
};

}  // namespace heed
