// Instructions of a program that are of some kind, as a list that code is unrolled over: what is compiled is one
// function for each of them, and nothing for all the others.
#pragma once
#include "../../base/fixed_array.hpp"
#include "../../simd/compiler.hpp"
#include <cstdint>
#include <utility>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <int Size> struct instruction_list {
  fixed_array<std::int16_t, std::size_t(Size)> of{};
  int count = 0;
};

// Those of instructions 1 .. Size - 1 for which `is` holds, in order.
template <int Size, class F> constexpr instruction_list<Size> listed(const F& is) {
  instruction_list<Size> r;
  for (int i = 1; i < Size; ++i)
    if (is(i)) r.of[r.count++] = std::int16_t(i);
  return r;
}

// Calls f.template operator()<I>() for each I of a list.
template <const auto& List, class F> HEED_INLINE constexpr void each_of(const F& f) {
  [&]<int... K>(std::integer_sequence<int, K...>)
      HEED_INLINED { (f.template operator()<List.of[K]>(), ...); }(std::make_integer_sequence<int, List.count>{});
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
