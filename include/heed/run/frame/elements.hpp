// Reading and writing elements of any type, one by one or by lanes.
#pragma once
#include "../../simd/pack.hpp"
#include "../../plan/data/region.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <element E, class To>
HEED_INLINE To element_at(const void* base, extent_t at) {
  storage<E> v;
  __builtin_memcpy(&v, static_cast<const char*>(base) + at * extent_t(sizeof v), sizeof v);
  return To(v);
}
template <element E, class From>
HEED_INLINE void put_element(void* base, extent_t at, From value) {
  const storage<E> v = storage<E>(value);
  __builtin_memcpy(static_cast<char*>(base) + at * extent_t(sizeof v), &v, sizeof v);
}

// Lanes of a value at base[at], base[at + stride], ...; `count` of them exist, the others repeat 0. Those that lie
// apart are read out of line: g++ works out where all of them lie, ahead of a loop that reads them where they lie side
// by side.
template <element E, class P>
HEED_NOINLINE P load_spread(const void* base, extent_t at, extent_t stride, int count) {
  using T = typename P::element;
  alignas(64) T v[P::lanes];
  for (int i = 0; i < P::lanes; ++i) v[i] = i < count ? element_at<E, T>(base, at + i * stride) : T(0);
  return P::load(v);
}
template <element E, class P>
HEED_INLINE P load_lanes(const void* base, extent_t at, extent_t stride, int count) {
  using T = typename P::element;
  constexpr int lanes = P::lanes;
  if constexpr (std::is_same_v<T, storage<E>>) {
    const T* p = static_cast<const T*>(base) + at;
    if (stride == 1) return count >= lanes ? P::load(p) : P::load_partial(p, count);
  }
  if constexpr (E == element::i8)
    if (stride == 1 && count >= lanes) return P::load_widened(static_cast<const std::int8_t*>(base) + at);
  if (stride == 0) return P(element_at<E, T>(base, at));
  return load_spread<E, P>(base, at, stride, count);
}
template <element E, class P>
HEED_INLINE void store_lanes(void* base, extent_t at, extent_t stride, int count, P value) {
  using T = typename P::element;
  if constexpr (std::is_same_v<T, storage<E>>) {
    T* p = static_cast<T*>(base) + at;
    if (stride == 1) {
      if (count >= P::lanes) value.store(p);
      else value.store_partial(p, count);
      return;
    }
  }
  for (int i = 0; i < count && i < P::lanes; ++i) put_element<E>(base, at + i * stride, value[i]);
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
