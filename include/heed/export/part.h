// A kernel, compiled for one instruction set: what the source that holds a HEED_KERNEL line defines for it, as
// heed_part_<NAME>__<part>. A library puts the parts of a kernel together and picks one at the first call.
#ifndef HEED_KERNEL_PART_1
#define HEED_KERNEL_PART_1
#include "interface.h"

typedef int32_t heed_call_function(const heed_tensor* operands, int32_t count, void* workspace, size_t workspace_bytes,
                                   heed_error* error);
typedef int32_t heed_forward_function(const heed_tensor* operands, int32_t count, void* saved, size_t saved_bytes,
                                      void* workspace, size_t workspace_bytes, heed_error* error);
typedef int32_t heed_backward_function(const heed_tensor* operands, int32_t count, const void* saved,
                                       size_t saved_bytes, void* workspace, size_t workspace_bytes, heed_error* error);
typedef int32_t heed_bytes_function(const heed_tensor* operands, int32_t count, size_t* bytes, heed_error* error);
typedef int32_t heed_reference_function(const heed_tensor* operands, int32_t count, heed_error* error);
typedef int32_t heed_operations_function(const heed_tensor* operands, int32_t count, double* flops, heed_error* error);
typedef double heed_peak_function(int32_t threads, int32_t bits);

// Functions are NULL where a kernel has none: those of the two passes, of one without gradients.
typedef struct heed_kernel_part {
  const heed_metadata* metadata;  // without instruction sets and JSON, which are a library's
  heed_call_function* call;
  heed_bytes_function* workspace_bytes;
  heed_forward_function* forward;
  heed_bytes_function* forward_workspace_bytes;
  heed_bytes_function* saved_bytes;
  heed_backward_function* backward;
  heed_bytes_function* backward_workspace_bytes;
  heed_reference_function* reference;
  heed_reference_function* backward_reference;
  heed_operations_function* operations;
  heed_operations_function* backward_operations;
  heed_peak_function* peak;
} heed_kernel_part;
#endif
