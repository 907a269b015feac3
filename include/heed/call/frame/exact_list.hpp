// A list that is filled once, while compiling, and has exactly the room that it needs: what fills it runs twice, first
// over lists that only count.
#pragma once
#include "../../base/fixed_array.hpp"
#include "../../base/instruction_set.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// A stretch of somebody's memory, subscripted by int.
template <class T> struct stretch {
  T* first = nullptr;
  int count = 0;

  constexpr T& operator[](int i) const { return first[i]; }
  constexpr T* begin() const { return first; }
  constexpr T* end() const { return first + count; }
  constexpr int size() const { return count; }
  constexpr int number_of(const T& x) const { return int(&x - first); }
  constexpr stretch part(int from, int length) const { return {first + from, length}; }
  constexpr operator stretch<const T>() const { return {first, count}; }
};

inline constexpr int counting = -1;

template <class T, int Room> struct exact_list {
  fixed_array<T, std::size_t(Room)> of{};
  int count = 0;
  constexpr void add(const T& x) { of[count++] = x; }
  constexpr stretch<const T> all() const { return {of.data(), count}; }
};
template <class T> struct exact_list<T, counting> {
  int count = 0;
  constexpr void add(const T&) { ++count; }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
