/* A library with the interface of a heed kernel, written by hand: out[n, d] = a[n, d] * b[n] + m, where axis m is carried by
   no array; d is 3. It lets the call layer be tested without a C++ compilation. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "heed/export/interface.h"

static int32_t fault(heed_error* error, int32_t code, const char* operand, const char* axis, const char* expected,
                     const char* got) {
  if (error) {
    memset(error, 0, sizeof *error);
    error->code = code;
    snprintf(error->operand, sizeof error->operand, "%s", operand);
    snprintf(error->axis, sizeof error->axis, "%s", axis);
    snprintf(error->expected, sizeof error->expected, "%s", expected);
    snprintf(error->got, sizeof error->got, "%s", got);
    snprintf(error->message, sizeof error->message, "heed: operand '%s'%s%s%s: expected %s, got %s", operand,
             *axis ? ", axis '" : "", axis, *axis ? "'" : "", expected, got);
  }
  return code;
}
static int32_t extent(heed_error* error, const char* operand, const char* axis, int64_t expected, int64_t got) {
  char e[32], g[32];
  snprintf(e, sizeof e, "%lld", (long long)expected);
  snprintf(g, sizeof g, "%lld", (long long)got);
  return expected == got ? HEED_OK : fault(error, HEED_WRONG_EXTENT, operand, axis, e, g);
}
static int64_t stride(const heed_tensor* t, int axis) {
  int64_t s = 1;
  if (t->strides) return t->strides[axis];
  for (int i = t->ndim - 1; i > axis; --i) s *= t->shape[i];
  return s;
}
static float* at(const heed_tensor* t, int64_t i, int64_t k) {
  int64_t offset = (t->ndim > 0 ? i * stride(t, 0) : 0) + (t->ndim > 1 ? k * stride(t, 1) : 0);
  return (float*)((char*)t->data + t->byte_offset) + offset;
}

static int32_t checked(const heed_tensor* o, int32_t count, int32_t wanted, heed_error* error) {
  int32_t code;
  if (count != wanted) return fault(error, HEED_WRONG_COUNT, "", "", "as many operands as there are", "another number");
  if ((code = extent(error, "a", "d", 3, o[0].shape[1]))) return code;
  if ((code = extent(error, "b", "n", o[0].shape[0], o[1].shape[0]))) return code;
  if ((code = extent(error, wanted == 4 ? "result" : "cotangent", "n", o[0].shape[0], o[3].shape[0]))) return code;
  return extent(error, wanted == 4 ? "result" : "cotangent", "d", 3, o[3].shape[1]);
}

/* The workspace is wanted as an environment variable says, so that a test can let it grow. */
static size_t workspace(void) {
  const char* wanted = getenv("MIX_WORKSPACE");
  return wanted ? (size_t)atoll(wanted) : 64;
}

int32_t mix_workspace_bytes(const heed_tensor* o, int32_t count, size_t* bytes, heed_error* error) {
  *bytes = workspace();
  return checked(o, count, 4, error);
}
int32_t mix(const heed_tensor* o, int32_t count, void* memory, size_t bytes, heed_error* error) {
  const int32_t code = checked(o, count, 4, error);
  if (code) return code;
  if (bytes < workspace()) return fault(error, HEED_WORKSPACE_TOO_SMALL, "workspace", "", "more", "less");
  memset(memory, 255, workspace());
  if (o[0].data == o[3].data && o[0].shape[0]) return fault(error, HEED_OVERLAP, "result", "", "memory of its own", "that of 'a'");
  for (int64_t i = 0; i < o[0].shape[0]; ++i)
    for (int64_t k = 0; k < 3; ++k) *at(&o[3], i, k) = *at(&o[0], i, k) * *at(&o[1], i, 0) + (float)*(int64_t*)o[2].data;
  return HEED_OK;
}

int32_t mix_saved_bytes(const heed_tensor* o, int32_t count, size_t* bytes, heed_error* error) {
  *bytes = 16;
  return checked(o, count, 4, error);
}
int32_t mix_forward_workspace_bytes(const heed_tensor* o, int32_t count, size_t* bytes, heed_error* error) {
  return mix_workspace_bytes(o, count, bytes, error);
}
int32_t mix_forward(const heed_tensor* o, int32_t count, void* saved, size_t saved_bytes, void* memory, size_t bytes,
                    heed_error* error) {
  if (saved_bytes < 16) return fault(error, HEED_WRONG_SAVED, "saved", "", "16 bytes", "less");
  ((int64_t*)saved)[0] = 4711, ((int64_t*)saved)[1] = o[0].shape[0];
  return mix(o, count, memory, bytes, error);
}
int32_t mix_backward_workspace_bytes(const heed_tensor* o, int32_t count, size_t* bytes, heed_error* error) {
  *bytes = 0;
  return checked(o, count, 6, error);
}
/* Operands: a, b, m, cotangent, gradients of a and b. */
int32_t mix_backward(const heed_tensor* o, int32_t count, const void* saved, size_t saved_bytes, void* memory, size_t bytes,
                     heed_error* error) {
  const int32_t code = checked(o, count, 6, error);
  (void)memory, (void)bytes;
  if (code) return code;
  if (saved_bytes < 16 || ((const int64_t*)saved)[0] != 4711 || ((const int64_t*)saved)[1] != o[0].shape[0])
    return fault(error, HEED_WRONG_SAVED, "saved", "", "what forward has saved", "something else");
  for (int64_t i = 0; i < o[0].shape[0]; ++i) {
    float sum = 0;
    for (int64_t k = 0; k < 3; ++k) {
      *at(&o[4], i, k) = *at(&o[3], i, k) * *at(&o[1], i, 0);
      sum += *at(&o[3], i, k) * *at(&o[0], i, k);
    }
    *at(&o[5], i, 0) = sum;
  }
  return HEED_OK;
}
