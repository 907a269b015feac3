// A list with room for a fixed number of elements. Two are equal if they hold the same elements: what lies in the rest
// of the room is not looked at, which planning would take many steps for.
#pragma once
#include "fixed_array.hpp"

namespace heed::internal {

template <class T, std::size_t Room> struct static_list {
  fixed_array<T, Room> of{};
  int count = 0;

  constexpr T& operator[](int i) { return of[i]; }
  constexpr const T& operator[](int i) const { return of[i]; }
  constexpr void add(const T& x) { of[count++] = x; }
  constexpr T* begin() { return of.begin(); }
  constexpr T* end() { return of.begin() + count; }
  constexpr const T* begin() const { return of.begin(); }
  constexpr const T* end() const { return of.begin() + count; }
  constexpr bool operator==(const static_list& other) const {
    if (count != other.count) return false;
    for (int i = 0; i < count; ++i)
      if (!(of[i] == other.of[i])) return false;
    return true;
  }
};

}  // namespace heed::internal
