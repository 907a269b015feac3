// An axis is a name with an extent, static or bound at run time. It is also a value: used in an expression, an axis is
// the index along itself.
#pragma once
#include "../base/facts.hpp"
#include <type_traits>

namespace heed {
using extent_t = long;
}  // namespace heed

namespace heed::internal {

inline constexpr extent_t runtime = -1;

// In a function, not in the class: a class with a failed assertion is a second error wherever it is used.
template <extent_t Extent> constexpr extent_t checked_extent() {
  static_assert(Extent >= 0 || Extent == runtime, "heed: an extent is not negative");
  return Extent >= 0 ? Extent : runtime;
}

}  // namespace heed::internal
namespace heed {

template <internal::text Name, extent_t Extent = internal::runtime>
struct axis {
  static constexpr internal::label name = internal::make_label(Name);
  static constexpr extent_t extent = internal::checked_extent<Extent>();
};

}  // namespace heed
namespace heed::internal {

template <class T> inline constexpr bool is_axis = false;
template <text Name, extent_t Extent> inline constexpr bool is_axis<axis<Name, Extent>> = true;

// What is no axis is shown as the type it is.
template <class T> struct fact_of_axis {
  using type = T;
};
template <text Name, extent_t Extent>
struct fact_of_axis<axis<Name, Extent>> {
  using type = axis_fact<Name, Extent>;
};
template <class T> using axis_fact_of = typename fact_of_axis<T>::type;

template <auto Axis> using axis_type = std::remove_const_t<decltype(Axis)>;

// A name and an extent as a value.
struct axis_entry {
  label name;
  extent_t extent;
  bool operator==(const axis_entry&) const = default;
};

}  // namespace heed::internal
