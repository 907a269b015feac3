// What a processor does at its peak: chains of multiply-adds in registers and nothing else, for the instruction set
// that this is compiled for. Who calls it times it, on threads of its own.
#pragma once
#include "pack.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// Ten independent chains, more than a core has multiply-adds on their way; returns how many operations they were.
template <class T>
[[gnu::noinline]] double multiply_add_chains(long rounds) {
  using pack = simd::pack<T>;
  constexpr int chains = 10;
  // Opaque to the compiler, which would compute some of it in advance.
  pack a[chains], x = pack(T(0.999)), y = pack(T(1e-3));
  for (int i = 0; i < chains; ++i) a[i] = pack(T(i));
  asm volatile("" : "+m"(a), "+m"(x), "+m"(y));
  for (long r = 0; r < rounds; ++r) {
    HEED_UNROLL for (int i = 0; i < chains; ++i)
      a[i] = fma(a[i], x, y);
  }
  asm volatile("" : : "m"(a));
  return 2.0 * double(rounds) * chains * pack::lanes;
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
