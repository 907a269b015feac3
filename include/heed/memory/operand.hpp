// Operands: anybody's memory as a pointer, extents and strides. view(...) makes one of a pointer, a std::vector, a
// std::span; tensors, vectors, spans, arrays and plain numbers bind as they are. Specialise operand_traits to bind a
// tensor class of yours.
#pragma once
#include "../axis/shape.hpp"
#include "tensor.hpp"
#include <array>
#include <limits>

namespace heed {

// Elements of type T (const T: read only) at extents and strides, strides in elements; 0 and negative ones are fine.
// The pointer is where index 0, ..., 0 lies. A view does not know the operand it will be: extents and strides that
// cannot be are found when it is bound, and the error names the operand.
template <class T>
struct view {
  T* data = nullptr;
  int rank = 0;
  std::array<extent_t, internal::max_rank> extents{}, strides{};
  extent_t available = -1;  // elements that are there, from `data` on; -1: nobody has said

  view(T* pointer, std::initializer_list<extent_t> e) : view(pointer, std::span(e.begin(), e.size())) {}
  view(T* pointer, std::initializer_list<extent_t> e, std::initializer_list<extent_t> s)
      : view(pointer, std::span(e.begin(), e.size()), std::span(s.begin(), s.size())) {}
  view(T* pointer, std::span<const extent_t> e) : data(pointer), rank(checked_rank(e.size())) {
    extent_t s = 1;
    for (std::size_t i = e.size(); i-- > 0;) {
      extents[i] = e[i], strides[i] = s;
      if (__builtin_mul_overflow(s, e[i], &s)) s = std::numeric_limits<extent_t>::max();
    }
  }
  view(T* pointer, std::span<const extent_t> e, std::span<const extent_t> s)
      : data(pointer),
        rank(checked_rank(e.size())) {
    if (s.size() != e.size()) internal::refuse({}, {}, {extent_t(e.size()), " strides"}, {extent_t(s.size())});
    std::copy(e.begin(), e.end(), extents.begin());
    std::copy(s.begin(), s.end(), strides.begin());
  }
  // Of a vector or a span, flat or with extents and strides of its own: what lies outside it is found when the view is
  // bound.
  explicit view(std::span<T> s) : view(s, {extent_t(s.size())}) {}
  view(std::span<T> s, std::initializer_list<extent_t> e) : view(s.data(), e) { available = extent_t(s.size()); }
  view(std::span<T> s, std::initializer_list<extent_t> e, std::initializer_list<extent_t> strides_of_e)
      : view(s.data(), e, strides_of_e) {
    available = extent_t(s.size());
  }

 private:
  static int checked_rank(std::size_t n) {
    if (n > std::size_t(internal::max_rank))
      internal::refuse({}, {}, {"at most ", internal::max_rank, " axes"}, {extent_t(n)});
    return int(n);
  }
};
template <class T> view(std::vector<T>&) -> view<T>;
template <class T> view(const std::vector<T>&) -> view<const T>;
template <class T, std::size_t N> view(std::span<T, N>) -> view<T>;
template <class T> view(std::vector<T>&, std::initializer_list<extent_t>) -> view<T>;
template <class T> view(const std::vector<T>&, std::initializer_list<extent_t>) -> view<const T>;
template <class T, std::size_t N> view(std::span<T, N>, std::initializer_list<extent_t>) -> view<T>;
template <class T> view(std::vector<T>&, std::initializer_list<extent_t>, std::initializer_list<extent_t>) -> view<T>;
template <class T> view(const std::vector<T>&, std::initializer_list<extent_t>, std::initializer_list<extent_t>)
    -> view<const T>;
template <class T, std::size_t N> view(std::span<T, N>, std::initializer_list<extent_t>,
                                       std::initializer_list<extent_t>) -> view<T>;

}  // namespace heed
namespace heed::internal::run {

// What every operand becomes.
struct bound {
  void* data = nullptr;
  int rank = -1;  // -1: not bound
  std::array<extent_t, max_rank> extents{}, strides{};
  extent_t available = -1;  // elements from `data` on that are known to be there; -1: unknown
  void* (*grow)(void* owner, const bound& shape) = nullptr;  // a result that takes its shape from the call: gives its
                                                             // memory
  void* owner = nullptr;
};
template <class T> inline constexpr int static_rank_of_array = 0;
template <class T, std::size_t N> inline constexpr int static_rank_of_array<T[N]> = 1 + static_rank_of_array<T>;

}  // namespace heed::internal::run
namespace heed {

// How a type binds: its element, whether it can be written, its rank if that is static (-1: not), and the conversion,
// which gives a view where the type is one of a user's.
template <class T> struct operand_traits {
  static constexpr bool binds = false;
};

template <class T, int Rank>
struct operand_traits<tensor<T, Rank>> {
  using element_type = T;
  static constexpr bool binds = true;
  static constexpr int rank = Rank;
  template <class X> static internal::run::bound bind(X& t) {
    internal::run::bound b;
    b.data = const_cast<T*>(t.data());
    b.rank = t.rank();  // more axes than an input can have are found by the call
    const std::size_t kept = std::min(t.extents().size(), b.extents.size());
    std::copy_n(t.extents().begin(), kept, b.extents.begin());
    std::copy_n(t.strides().begin(), kept, b.strides.begin());
    return b;
  }
};
template <class T>
struct operand_traits<view<T>> {
  using element_type = T;
  static constexpr bool binds = true;
  static constexpr int rank = -1;
  static internal::run::bound bind(const view<T>& v) {
    internal::run::bound b;
    b.data = const_cast<std::remove_const_t<T>*>(v.data), b.rank = v.rank, b.extents = v.extents, b.strides = v.strides,
    b.available = v.available;
    return b;
  }
};
template <class T> requires(internal::is_storable<T> && !std::is_same_v<T, bool>)
struct operand_traits<std::vector<T>> {
  using element_type = T;
  static constexpr bool binds = true;
  static constexpr int rank = 1;
  template <class X> static internal::run::bound bind(X& v) {
    return {const_cast<T*>(v.data()), 1, {extent_t(v.size())}, {1}};
  }
};
template <class T, std::size_t N> requires internal::is_storable<T>
struct operand_traits<std::array<T, N>> {
  using element_type = T;
  static constexpr bool binds = true;
  static constexpr int rank = 1;
  template <class X> static internal::run::bound bind(X& a) {
    return {const_cast<T*>(a.data()), 1, {extent_t(N)}, {1}};
  }
};
template <class T, std::size_t N>
struct operand_traits<std::span<T, N>> {
  using element_type = T;
  static constexpr bool binds = true;
  static constexpr int rank = 1;
  static internal::run::bound bind(const std::span<T, N>& v) {
    return {const_cast<std::remove_const_t<T>*>(v.data()), 1, {extent_t(v.size())}, {1}};
  }
};
template <class T, std::size_t N>
struct operand_traits<T[N]> {
  using element_type = std::remove_all_extents_t<T>;
  static constexpr bool binds = true;
  static constexpr int rank = internal::run::static_rank_of_array<T[N]>;
  static constexpr std::array<extent_t, std::size_t(rank)> static_extents =
      []<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<extent_t, std::size_t(rank)>{extent_t(std::extent_v<T[N], I>)...};
      }(std::make_index_sequence<std::size_t(rank)>{});
  template <class X> static internal::run::bound bind(X& a) {
    internal::run::bound b;
    b.data = const_cast<std::remove_const_t<element_type>*>(reinterpret_cast<const element_type*>(&a));
    b.rank = rank;
    fill<T[N]>(b, 0);
    extent_t s = 1;
    for (int i = rank - 1; i >= 0; s *= b.extents[i--]) b.strides[i] = s;
    return b;
  }

 private:
  template <class A> static void fill(internal::run::bound& b, std::size_t i) {
    if constexpr (std::is_array_v<A>) {
      b.extents[i] = extent_t(std::extent_v<A>);
      fill<std::remove_extent_t<A>>(b, i + 1);
    }
  }
};
// A plain number, for an input without axes; it lives as long as the call.
template <class T> requires internal::is_storable<T>
struct operand_traits<T> {
  using element_type = T;
  static constexpr bool binds = true;
  static constexpr int rank = 0;
  static internal::run::bound bind(const T& v) { return {const_cast<T*>(&v), 0, {}, {}}; }
};

}  // namespace heed
