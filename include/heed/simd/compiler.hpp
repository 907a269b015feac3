// What g++ and clang are told, each in its own words: to inline, to unroll, to leave sums as they are written; and what
// their flags say about the machine.
#pragma once
#include "../base/instruction_set.hpp"

// Without optimisation, where somebody has said that it is meant, inlining only costs time of the compiler.
#if defined(HEED_UNOPTIMISED) && !defined(__OPTIMIZE__)
#define HEED_INLINE inline
#define HEED_INLINED
#else
#define HEED_INLINE inline __attribute__((always_inline))
#define HEED_INLINED __attribute__((always_inline))  // for lambdas: [&]() HEED_INLINED { ... }
#endif
#define HEED_NOINLINE __attribute__((noinline))
// Sums are rounded as they are written, also where the compiler may reassociate and says so by no macro
// (-fassociative-math): what rounds to integers or is split into a high and a low part relies on it. clang is told in
// front of a function's statements, g++ by `as_written`; an fma that a sum must not look into is `settled`, for around
// every fma it costs kernels registers.
#ifdef __clang__
#define HEED_IN_ORDER _Pragma("clang fp reassociate(off)")
#else
#define HEED_IN_ORDER
#endif
#ifdef __clang__
#define HEED_UNROLL _Pragma("clang loop unroll(full)")
#define HEED_KEEP_LOOP _Pragma("clang loop unroll(disable)")  // its body fills the register file
#else
#define HEED_UNROLL _Pragma("GCC unroll 64")
#define HEED_KEEP_LOOP _Pragma("GCC unroll 1")
#endif

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

// A number or a vector, for g++: not to be taken apart. A barrier around the registers of AVX-512 g++ 12 makes one of
// 16 elements, each taken out and put back, so that these are said to be read and written by no instruction at all.
template <class V> HEED_INLINE V as_written(V v) {
#ifdef __clang__
  return v;
#else
#ifdef __AVX512F__
  if constexpr (sizeof(V) == 64) {
    asm("" : "+v"(v));
    return v;
  } else
#endif
    return __builtin_assoc_barrier(v);
#endif
}

// Width of a vector register in bytes and number of vector registers, as the target flags of the compiler say.
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, register_count = 32;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32, register_count = 16;
#else
inline constexpr int vector_bytes = 16, register_count = 16;
#endif

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
