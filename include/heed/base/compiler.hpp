// What heed asks of a compilation, before anything else is read. An include that cannot be found ends the compilation
// there: without C++20 or OpenMP everything behind would be an error too, in heed's lines or, after a quarter of a
// minute, the linker's.
#pragma once

#if __cplusplus < 202002L
#error "heed: needs C++20: compile with -std=c++20"
#include <heed needs -std=c++20>
#elif !defined(_OPENMP)
#error "heed: needs OpenMP: compile and link with -fopenmp"
#include <heed needs -fopenmp>
#endif

// Infinity and NaN mean something here, and sums are rounded in the order in which they are written.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error \
    "heed: compile without -ffast-math, -Ofast, -fassociative-math and -ffinite-math-only: results rest on infinity, NaN and the order of sums"
#endif

// A remark, no warning: -Werror lets it pass.
#if !defined(__OPTIMIZE__) && !defined(HEED_UNOPTIMISED)
#pragma message( \
    "heed: compiled without optimisation, kernels are many times slower: use -O3 -march=native (-DHEED_UNOPTIMISED: no word of this)")
#endif
