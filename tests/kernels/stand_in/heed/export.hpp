// What the tests of the generator put in the place of heed: HEED_KERNEL makes a part that compiles in no time. Its one
// result is the vector length of the instruction set that it was compiled for, from a function that all parts share as
// far as a linker knows.
#pragma once
#include <heed/export/part.h>
#include <heed/export/interface.h>

namespace stand_in {

template <class T> [[gnu::noinline]] T instruction_set() {
#if defined __AVX512F__
  return 64;
#elif defined __AVX2__
  return 32;
#else
  return 16;
#endif
}
struct graph {
  int width;
};
struct wrt {};

constexpr heed_axis axes[] = {{"n", -1}, {"d", 64}};
constexpr int32_t over_n[] = {0}, over_n_and_d[] = {0, 1};
constexpr heed_operand operands[] = {{"ids", HEED_INPUT, {0, 32, 1}, 1, over_n, 1, 1},
                                     {"x", HEED_INPUT, {2, 32, 1}, 2, over_n_and_d, 0, -1},
                                     {"result", HEED_RESULT, {2, 64, 1}, 0, nullptr, 0, -1}};

inline int32_t call(const heed_tensor* tensors, int32_t count, void*, size_t, heed_error*) {
  if (count != 3) return HEED_WRONG_COUNT;
  *static_cast<double*>(tensors[2].data) = instruction_set<double>();
  return HEED_OK;
}
inline int32_t bytes(const heed_tensor*, int32_t, size_t* bytes, heed_error*) {
  *bytes = 0;
  return HEED_OK;
}

}  // namespace stand_in

#define HEED_KERNEL_NAME_(NAME, PART) heed_part_##NAME##__##PART
#define HEED_KERNEL_NAME(NAME, PART) HEED_KERNEL_NAME_(NAME, PART)
#define HEED_KERNEL(NAME, ...)                                                                      \
  struct heed_kernel_##NAME {                                                                       \
    static constexpr stand_in::graph graph = (__VA_ARGS__);                                         \
    static constexpr heed_function functions[] = {{#NAME, 3, stand_in::operands}};                  \
    static constexpr heed_metadata metadata = {1, "0.1.0", #NAME, 2, stand_in::axes, 1, functions}; \
  };                                                                                                \
  extern "C" constexpr heed_kernel_part HEED_KERNEL_NAME(NAME, HEED_KERNEL_PART) = {                \
      .metadata = &heed_kernel_##NAME::metadata, .call = stand_in::call, .workspace_bytes = stand_in::bytes};
