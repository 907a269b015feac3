// Axes in an order: the numbers that they have in the plan's graph, outermost first.
#pragma once
#include "../../graph/node.hpp"

namespace heed::internal::plan {

struct axis_list {
  fixed_array<std::int8_t, max_rank> of{};
  int count = 0;

  constexpr int operator[](int i) const { return of[i]; }
  constexpr void add(int axis) { of[count++] = std::int8_t(axis); }
  constexpr bool contains(int axis) const {
    for (int i = 0; i < count; ++i)
      if (of[i] == axis) return true;
    return false;
  }
  constexpr bool operator==(const axis_list&) const = default;
};

constexpr axis_set set_of(const axis_list& axes) {
  axis_set r = 0;
  for (int i = 0; i < axes.count; ++i) r |= axis_set(1) << axes[i];
  return r;
}

}  // namespace heed::internal::plan
