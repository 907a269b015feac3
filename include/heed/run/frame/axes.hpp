// Index arithmetic, in one place: several axes as one that runs through all their elements (the last runs fastest), an
// index by axis number, and the offset where it lies in a view.
#pragma once
#include "../../simd/compiler.hpp"
#include "located.hpp"
#include <tuple>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// The number of elements of some axes.
inline extent_t count_of(axis_list axes, const extent_t* extent) {
  extent_t n = 1;
  for (int i = 0; i < axes.count; ++i) n *= extent[axes[i]];
  return n;
}
// The index of element `number` of flattened axes, which have more elements than that. Nothing is divided for the first
// of them: kernels ask row by row, mostly of one axis.
HEED_INLINE void index_of(axis_list axes, const extent_t* extent, extent_t number, extent_t* index) {
  for (int i = axes.count - 1; i > 0; --i) {
    const extent_t e = extent[axes[i]];
    index[axes[i]] = number % e, number /= e;
  }
  if (axes.count > 0) index[axes[0]] = number;
}
// The same along one of the axes; 0 along another.
inline extent_t index_along(axis_list axes, const extent_t* extent, int axis, extent_t number) {
  for (int i = axes.count - 1; i >= 0; --i) {
    if (axes[i] == axis) return number % extent[axis];
    number /= extent[axes[i]];
  }
  return 0;
}
// The element of flattened axes at an index.
inline extent_t number_of(axis_list axes, const extent_t* extent, const extent_t* index) {
  extent_t r = 0;
  for (int i = 0; i < axes.count; ++i) r = r * extent[axes[i]] + index[axes[i]];
  return r;
}
// Calls f() at every index of some axes, in order. Axes: a list of their numbers, as long as there may be axes.
template <class Axes, class F>
HEED_INLINE void each_index(Axes axes, const extent_t* extent, extent_t* index, const F& f) {
  extent_t total = 1;
  for (int i = 0; i < axes.count; ++i) total *= extent[axes[i]], index[axes[i]] = 0;
  for (extent_t k = 0; k < total; ++k) {
    f();
    for (int i = axes.count - 1; i >= 0; --i) {
      if (++index[axes[i]] < extent[axes[i]]) break;
      index[axes[i]] = 0;
    }
  }
}

// Calls f(offset, ...) at every index of some axes, in order: the offset in each of some values, by their strides, from
// the one where all indices are 0. What is done at every element and needs no index.
template <class Axes, class F, class... Strides>
HEED_INLINE void each_offset(Axes axes, const extent_t* extent, const F& f, const Strides*... strides) {
  extent_t total = 1, index[max_axes];
  for (int i = 0; i < axes.count; ++i) total *= extent[axes[i]], index[i] = 0;
  std::array<extent_t, sizeof...(strides)> at{};
  const auto move = [&](int axis, extent_t steps) {
    std::size_t value = 0;
    ((at[value++] += steps * strides[axis]), ...);
  };
  for (extent_t k = 0; k < total; ++k) {
    std::apply(f, at);
    for (int i = axes.count - 1; i >= 0; --i) {
      move(axes[i], 1);
      if (++index[i] < extent[axes[i]]) break;
      move(axes[i], -index[i]);
      index[i] = 0;
    }
  }
}

// What some axes add to the offset of an index, in elements.
HEED_INLINE extent_t offset_at(axis_list axes, const extent_t* index, const view& v) {
  extent_t r = 0;
  for (int i = 0; i < axes.count; ++i) r += index[axes[i]] * v.stride[axes[i]];
  return r;
}
HEED_INLINE extent_t offset_at(axis_set axes, const extent_t* index, const view& v) {
  extent_t r = 0;
  for (int i = 0; axes >> i; ++i)
    if (axes >> i & 1) r += index[i] * v.stride[i];
  return r;
}
// The offset of element `number` of flattened axes, which have more elements than that.
inline extent_t offset_of(axis_list axes, const extent_t* extent, const view& v, extent_t number) {
  extent_t r = 0;
  for (int i = axes.count - 1; i > 0; --i) {
    const extent_t e = extent[axes[i]];
    r += number % e * v.stride[axes[i]];
    number /= e;
  }
  return axes.count > 0 ? r + number * v.stride[axes[0]] : r;
}

// Along an axis that there may not be (-1): one element, which goes nowhere.
HEED_INLINE extent_t extent_along(int axis, const extent_t* extent) { return axis < 0 ? 1 : extent[axis]; }
HEED_INLINE extent_t stride_along(int axis, const view& v) { return axis < 0 ? 0 : v.stride[axis]; }

// Flattened axes as one: whether a single stride reaches every element, and which.
struct flat_stride {
  bool single = true;
  extent_t stride = 0;
};
inline flat_stride flattened(axis_list axes, const extent_t* extent, const view& v) {
  flat_stride r;
  extent_t inner = 1;
  bool first = true;
  for (int i = axes.count - 1; i >= 0; --i) {
    const extent_t e = extent[axes[i]], s = v.stride[axes[i]];
    if (e == 1) continue;
    if (first) r.stride = s, first = false;
    else if (s != r.stride * inner) r.single = false;
    inner *= e;
  }
  return r;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
