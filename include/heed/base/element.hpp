// Element types: what one number of a tensor is. `integer` and `real` are numbers whose width is still open: constants,
// axis indices and what is computed from them; they take the width of what they meet.
#pragma once
#include <cstdint>
#include <type_traits>

namespace heed::internal {

enum class element : std::uint8_t { boolean, integer, i8, i32, i64, real, f32, f64 };

constexpr bool is_real(element e) { return e >= element::real; }
constexpr bool is_integer(element e) { return e >= element::integer && e <= element::i64; }

// The element in which something is computed: int8 is a type of memory alone.
constexpr element widened(element e) { return e == element::i8 ? element::i32 : e; }
// The element of a combination of two numbers. f32 and f64 do not mix (checked where expressions are built).
constexpr element joined(element a, element b) { return widened(a < b ? b : a); }

constexpr int byte_size(element e) {
  switch (e) {
    case element::boolean:
    case element::i8: return 1;
    case element::integer:
    case element::i64:
    case element::f64: return 8;
    default: return 4;
  }
}

constexpr const char* name_of(element e) {
  switch (e) {
    case element::boolean: return "bool";
    case element::integer: return "integer";
    case element::i8: return "int8";
    case element::i32: return "int32";
    case element::i64: return "int64";
    case element::real: return "real";
    case element::f32: return "float";
    case element::f64: return "double";
  }
  return "?";
}

// The element that a C++ type stores; `real` for types that heed cannot store.
template <class T> inline constexpr bool is_storable = false;
template <class T> inline constexpr element element_of = element::real;
template <> inline constexpr bool is_storable<bool> = true;
template <> inline constexpr element element_of<bool> = element::boolean;
template <> inline constexpr bool is_storable<std::int8_t> = true;
template <> inline constexpr element element_of<std::int8_t> = element::i8;
template <> inline constexpr bool is_storable<std::int32_t> = true;
template <> inline constexpr element element_of<std::int32_t> = element::i32;
template <> inline constexpr bool is_storable<long> = sizeof(long) == 8;
template <> inline constexpr element element_of<long> = element::i64;
template <> inline constexpr bool is_storable<long long> = true;
template <> inline constexpr element element_of<long long> = element::i64;
template <> inline constexpr bool is_storable<float> = true;
template <> inline constexpr element element_of<float> = element::f32;
template <> inline constexpr bool is_storable<double> = true;
template <> inline constexpr element element_of<double> = element::f64;

// The type in which results of an element are stored: open widths take the default.
constexpr element stored(element e) {
  return e == element::real ? element::f32 : e == element::integer ? element::i64 : e;
}
template <element E> struct storage_of {
  using type = float;
};
template <> struct storage_of<element::boolean> {
  using type = bool;
};
template <> struct storage_of<element::integer> {
  using type = std::int64_t;
};
template <> struct storage_of<element::i8> {
  using type = std::int8_t;
};
template <> struct storage_of<element::i32> {
  using type = std::int32_t;
};
template <> struct storage_of<element::i64> {
  using type = std::int64_t;
};
template <> struct storage_of<element::f64> {
  using type = double;
};
template <element E> using storage = typename storage_of<E>::type;

}  // namespace heed::internal
