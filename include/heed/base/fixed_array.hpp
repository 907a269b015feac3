// A fixed number of elements, subscripted by int. Planning takes most of its steps in subscripts: std::array's are
// three calls each in a constant expression.
#pragma once
#include <cstddef>

namespace heed::internal {

template <class T, std::size_t N> struct fixed_array {
  T element[N == 0 ? 1 : N];

  constexpr T& operator[](int i) { return element[i]; }
  constexpr const T& operator[](int i) const { return element[i]; }
  constexpr T& operator[](std::size_t i) { return element[i]; }
  constexpr const T& operator[](std::size_t i) const { return element[i]; }
  static constexpr std::size_t size() { return N; }
  constexpr T* data() { return element; }
  constexpr const T* data() const { return element; }
  constexpr T* begin() { return element; }
  constexpr T* end() { return element + N; }
  constexpr const T* begin() const { return element; }
  constexpr const T* end() const { return element + N; }
  constexpr bool operator==(const fixed_array&) const = default;
};

}  // namespace heed::internal
