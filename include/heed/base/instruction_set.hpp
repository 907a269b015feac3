// The instruction set that a file is compiled for, as a name. Two files of one program may be compiled for different
// ones (-march), and a linker keeps one of all functions of a name: so whatever holds code or sizes that depend on the
// instruction set lies in an inline namespace of that name. What files hand to each other (tensor, view, workspace,
// error, graphs) does not.
#pragma once

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define HEED_INSTRUCTION_SET avx512
#elif defined(__AVX512F__)
#define HEED_INSTRUCTION_SET avx512f
#elif defined(__AVX2__) && defined(__FMA__)
#define HEED_INSTRUCTION_SET avx2_fma
#elif defined(__AVX2__)
#define HEED_INSTRUCTION_SET avx2
#elif defined(__AVX__) && defined(__FMA__)
#define HEED_INSTRUCTION_SET avx_fma
#elif defined(__AVX__)
#define HEED_INSTRUCTION_SET avx
#elif defined(__SSE4_1__)
#define HEED_INSTRUCTION_SET sse4
#elif defined(__SSE2__)
#define HEED_INSTRUCTION_SET sse2
#elif defined(__ARM_FEATURE_SVE)
#define HEED_INSTRUCTION_SET sve
#elif defined(__ARM_NEON)
#define HEED_INSTRUCTION_SET neon
#else
#define HEED_INSTRUCTION_SET scalar
#endif
