// What a library of heed kernels takes and hands out, in C99. The header of every library (NAME.h) contains this text,
// so that a C compiler needs nothing of heed; several such headers may stand in one file.
#ifndef HEED_KERNEL_INTERFACE_1
#define HEED_KERNEL_INTERFACE_1
#include <stddef.h>
#include <stdint.h>

// An array in memory: the layout of DLPack's DLTensor.
typedef struct heed_device {
  int32_t type;  // 1: the processor's memory, which is all that kernels take
  int32_t id;
} heed_device;
typedef struct heed_dtype {
  uint8_t code;    // 0: signed integer, 2: floating point, 6: bool
  uint8_t bits;    // 32 or 64; of bool 8
  uint16_t lanes;  // 1
} heed_dtype;
typedef struct heed_tensor {
  void* data;  // may be NULL where an extent is 0, and of operands that a function does not read
  heed_device device;
  int32_t ndim;
  heed_dtype dtype;
  int64_t* shape;        // of ndim extents
  int64_t* strides;      // in elements; NULL: dense, the last axis fastest
  uint64_t byte_offset;  // from data to the first element
} heed_tensor;

// What a function returns. Whatever is not HEED_OK leaves results, saved values and the workspace's owner untouched.
enum heed_code {
  HEED_OK = 0,
  HEED_WRONG_COUNT = 1,  // not as many operands as the function has
  HEED_WRONG_RANK = 2,
  HEED_WRONG_DTYPE = 3,
  HEED_WRONG_DEVICE = 4,
  HEED_WRONG_EXTENT = 5,  // against a declaration, against another operand, or negative
  HEED_WRONG_MEMORY = 6,  // null, not aligned to its elements, beyond 64 bits
  HEED_OVERLAP = 7,       // of a result with itself, another result or an operand
  HEED_WRONG_VALUE = 8,   // an index outside its table, a whole number beyond 32 bits
  HEED_WORKSPACE_TOO_SMALL = 9,
  HEED_WRONG_SAVED = 10,  // not what the forward pass of this kernel has kept, or too small
  HEED_OUT_OF_MEMORY = 11,
  HEED_UNKNOWN_INSTRUCTION_SET = 12,  // HEED_ISA names none of the library's, or one that this processor lacks
  HEED_INTERNAL = 13
};

// What was wrong: the sentence, and its parts for programs; a part that does not apply is empty.
typedef struct heed_error {
  int32_t code;
  char operand[64];
  char axis[64];
  char expected[256];
  char got[256];
  char message[768];  // heed: operand 'k', axis 'd': expected 64, got 32
} heed_error;

// What an operand of a function is.
enum heed_role {
  HEED_INPUT = 0,
  HEED_EXTENT = 1,     // an axis that no array carries: a single int64, the axis's extent
  HEED_COTANGENT = 2,  // of the result of the same number
  HEED_RESULT = 3,
  HEED_GRADIENT = 4  // with respect to the input that it is named after
};
typedef struct heed_axis {
  const char* name;
  int64_t extent;  // -1: a call brings it
} heed_axis;
typedef struct heed_operand {
  const char* name;  // of results: result, or result1, result2, ... where there are several
  int32_t role;
  heed_dtype dtype;
  int32_t rank;
  const int32_t* axes;  // numbers of axes, in memory order
  int32_t is_read;      // 0: its memory is not looked at, and may be NULL; extents are checked
  int32_t index_of;     // of whole numbers that index a table: the axis that they stay inside; -1: none
} heed_operand;
// A function of a kernel. Operands lie in one array, in this order.
typedef struct heed_function {
  const char* name;  // attend, attend_forward, attend_backward, attend_reference: the symbol
  int32_t operand_count;
  const heed_operand* operands;
} heed_function;
typedef struct heed_metadata {
  int32_t interface_version;  // 1
  const char* heed_version;
  const char* name;
  int32_t axis_count;
  const heed_axis* axes;
  int32_t function_count;
  const heed_function* functions;
  const char* const* instruction_sets;  // in the library, the least first; NULL ends the list
  const char* instruction_set;          // that is used on this machine; NULL if HEED_ISA is wrong
  const char* json;                     // all of this as JSON
} heed_metadata;
#endif
