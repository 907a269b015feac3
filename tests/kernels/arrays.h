// What the tests in C fill operands with.
#ifndef HEED_TESTS_ARRAYS_H
#define HEED_TESTS_ARRAYS_H
#include <stdio.h>
#include <stdlib.h>

#include "checks.h"

enum { H = 3, N = 37, M = 41, D = 16 };

// Numbers from -1 to 1 that look like chance and are the same everywhere.
static inline void fill(float* data, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (float)(int32_t)seed / 2147483648.0f;
  }
}

static inline heed_tensor array_of(void* data, uint8_t code, uint8_t bits, int32_t ndim, int64_t* shape) {
  heed_tensor made;
  made.data = data;
  made.device.type = 1;
  made.device.id = 0;
  made.ndim = ndim;
  made.dtype.code = code;
  made.dtype.bits = bits;
  made.dtype.lanes = 1;
  made.shape = shape;
  made.strides = NULL;
  made.byte_offset = 0;
  return made;
}

static inline void expect(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "WRONG: %s\n", what);
  exit(1);
}
static inline void succeeds(int32_t code, const heed_error* error, const char* what) {
  if (code == HEED_OK) return;
  fprintf(stderr, "WRONG: %s: %d, %s\n", what, (int)code, error->message);
  exit(1);
}

// The operands of step in their order (that of the expression) and all that it gives, in memory of a program's own.
typedef struct arrays {
  float q[H * N * D], k[H * M * D], v[H * M * D], slope[H], result[H * N * D], cotangent[H * N * D];
  float dq[H * N * D], dk[H * M * D], dv[H * M * D], dslope[H];
  int64_t over_n[3], over_m[3], over_h[1];
  heed_tensor forward[5], backward[9];
} arrays;

static inline arrays* new_arrays(void) {
  arrays* all = (arrays*)calloc(1, sizeof(arrays));
  const int64_t over_n[3] = {H, N, D}, over_m[3] = {H, M, D};
  expect(all != NULL, "memory for the operands");
  for (int i = 0; i < 3; ++i) all->over_n[i] = over_n[i], all->over_m[i] = over_m[i];
  all->over_h[0] = H;
  fill(all->q, H * N * D, 1);
  fill(all->k, H * M * D, 2);
  fill(all->v, H * M * D, 3);
  fill(all->slope, H, 4);
  fill(all->cotangent, H * N * D, 5);
  all->forward[0] = all->backward[0] = array_of(all->q, 2, 32, 3, all->over_n);
  all->forward[1] = all->backward[1] = array_of(all->k, 2, 32, 3, all->over_m);
  all->forward[2] = all->backward[2] = array_of(all->slope, 2, 32, 1, all->over_h);
  all->forward[3] = all->backward[3] = array_of(all->v, 2, 32, 3, all->over_m);
  all->forward[4] = array_of(all->result, 2, 32, 3, all->over_n);
  all->backward[4] = array_of(all->cotangent, 2, 32, 3, all->over_n);
  all->backward[5] = array_of(all->dq, 2, 32, 3, all->over_n);
  all->backward[6] = array_of(all->dk, 2, 32, 3, all->over_m);
  all->backward[7] = array_of(all->dv, 2, 32, 3, all->over_m);
  all->backward[8] = array_of(all->dslope, 2, 32, 1, all->over_h);
  return all;
}
#endif
