// heed's own tensor: owning, 64-byte aligned, row-major. Any other memory is bound through a view (operand.hpp).
#pragma once
#include "../axis/axis.hpp"
#include "../base/element.hpp"
#include "../base/error.hpp"
#include "../base/facts.hpp"
#include "aligned.hpp"
#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace heed::internal::run {

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

// Extents or indices in words: (2, 8).
[[gnu::cold, gnu::noinline]] inline std::string in_parentheses(std::span<const extent_t> numbers) {
  std::string s = "(";
  for (const extent_t n : numbers) s.append(s.size() > 1 ? ", " : "").append(std::to_string(n));
  return s + ")";
}
// Is there one index for each extent, and every one inside it?
inline bool are_inside(std::span<const extent_t> extents, std::initializer_list<extent_t> index) {
  return std::equal(extents.begin(), extents.end(), index.begin(), index.end(),
                    [](extent_t extent, extent_t i) { return i >= 0 && i < extent; });
}
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_indices(std::span<const extent_t> extents,
                                                                  std::initializer_list<extent_t> index) {
  refuse(
      {}, {},
      {extent_t(extents.size()), extents.size() == 1 ? " index inside " : " indices inside ", in_parentheses(extents)},
      {in_parentheses({index.begin(), index.size()})});
}
template <int Axes, int Extents> constexpr bool require_extents() {
  static_assert(given < Axes < 0 || Axes == Extents, number_fact<"axes", Axes>, number_fact < "extents", Extents >>,
                "heed: a tensor takes one extent for each of its axes");
  return true;
}
template <int Axes, int Indices> constexpr bool require_indices() {
  static_assert(given < Axes < 0 || Axes == Indices, number_fact<"axes", Axes>, number_fact < "indices", Indices >>,
                "heed: an element of a tensor has one index for each axis");
  return true;
}
}  // namespace heed::internal::run

namespace heed {

// tensor<float> q(2, 8, 512, 64): elements are 0 at first. T: float, double, std::int8_t, std::int32_t, std::int64_t,
// bool. tensor<float, 4>: the number of axes is checked while compiling, where elements are read and where the tensor
// is bound.
template <class T, int Rank = -1>
class tensor {
  static_assert(internal::is_storable<T>,
                "heed: a tensor holds float, double, std::int8_t, std::int32_t, std::int64_t or bool");

 public:
  using value_type = T;
  tensor() : tensor(std::span<const extent_t>(std::array<extent_t, std::size_t(Rank < 0 ? 0 : Rank)>{})) {}
  explicit tensor(std::span<const extent_t> extents)
      : extents_(extents.begin(), extents.end()),
        strides_(extents.size()),
        size_(internal::run::checked_count(extents, sizeof(T))),
        memory_(size_ * sizeof(T)) {
    if (Rank >= 0 && rank() != Rank) internal::refuse({}, {}, {Rank, Rank == 1 ? " extent" : " extents"}, {rank()});
    extent_t s = 1;
    for (std::size_t i = extents_.size(); i-- > 0; s *= extents_[i]) strides_[i] = s;
    std::fill(begin(), end(), T(0));
  }
  template <class... E> requires(sizeof...(E) > 0 && (std::is_convertible_v<E, extent_t> && ...))
  explicit tensor(E... extents)
      : tensor(std::span<const extent_t>(std::array<extent_t, sizeof...(E)>{extent_t(extents)...})) {
    internal::run::require_extents<Rank, int(sizeof...(E))>();
  }
  tensor(const tensor& o) : tensor(std::span<const extent_t>(o.extents_)) { std::copy(o.begin(), o.end(), begin()); }
  tensor(tensor&&) noexcept = default;
  tensor& operator=(tensor o) noexcept {
    std::swap(extents_, o.extents_), std::swap(strides_, o.strides_), std::swap(size_, o.size_),
        std::swap(memory_, o.memory_);
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
  // The extent of an axis, counted from 0. What follows is checked by assert alone, in builds without NDEBUG.
  extent_t extent(int axis) const {
    assert(axis >= 0 && axis < rank() && "heed: a tensor has no such axis");
    return extents_[axis];
  }
  // An element by its place in memory.
  T& operator[](std::size_t i) { return data()[place(i)]; }
  const T& operator[](std::size_t i) const { return data()[place(i)]; }
  // The element at an index of every axis.
  template <class... I> T& operator()(I... index) { return data()[offset(index...)]; }
  template <class... I> const T& operator()(I... index) const { return data()[offset(index...)]; }
  // ... checked in every build: throws heed::error.
  template <class... I> T& at(I... index) { return data()[checked_offset(index...)]; }
  template <class... I> const T& at(I... index) const { return data()[checked_offset(index...)]; }

 private:
  std::size_t place(std::size_t i) const {
    assert(i < size_ && "heed: an index outside a tensor");
    return i;
  }
  template <class... I> std::size_t offset(I... index) const {
    internal::run::require_indices<Rank, int(sizeof...(I))>();
    assert(internal::run::are_inside(extents_, {extent_t(index)...}) &&
           "heed: indices outside a tensor, or not one for each axis");
    extent_t o = 0;
    std::size_t k = 0;
    ((o += extent_t(index) * strides_[k++]), ...);
    return std::size_t(o);
  }
  template <class... I> std::size_t checked_offset(I... index) const {
    if (!internal::run::are_inside(extents_, {extent_t(index)...}))
      internal::run::refuse_indices(extents_, {extent_t(index)...});
    return offset(index...);
  }
  std::vector<extent_t> extents_, strides_;
  std::size_t size_ = 0;
  internal::run::aligned_memory memory_;
};

}  // namespace heed
