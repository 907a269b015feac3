// HEED_KERNEL as a source for a library has it (`#include <heed/export.hpp>` before anything else of heed): the line
// that says what is a kernel for other programs defines it, for the instruction set that the source is compiled for.
// HEED_KERNEL_PART names it: an identifier, x86_64_v3.
#pragma once
#include "functions.hpp"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// The part of a kernel; empty where the declaration has been refused.
template <class Kernel> constexpr heed_kernel_part part_of() {
  heed_kernel_part p{};
  if constexpr (is_well_formed<Kernel::declared.results>())
    if constexpr (code_of<Kernel::declared.results>::fusible())
      plain_functions<kernel_graphs<Kernel, typename decltype(Kernel::declared)::wrt>>::put(p);
  return p;
}

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET

#ifndef HEED_KERNEL_PART
#define HEED_KERNEL_PART native
#endif
#define HEED_KERNEL_DEFINED(NAME, SYMBOL, ...)                                                         \
  struct heed_kernel_##NAME {                                                                          \
    static constexpr char name[] = #NAME;                                                              \
    static constexpr auto declared = ::heed::internal::declared_kernel(__VA_ARGS__);                   \
  };                                                                                                   \
  extern "C" {                                                                                         \
  extern const heed_kernel_part SYMBOL;                                                                \
  constinit const heed_kernel_part SYMBOL = ::heed::internal::exported::part_of<heed_kernel_##NAME>(); \
  }
#define HEED_KERNEL_OF_PART(NAME, PART, ...) HEED_KERNEL_DEFINED(NAME, heed_part_##NAME##__##PART, __VA_ARGS__)
#define HEED_KERNEL_EXPANDED(NAME, PART, ...) HEED_KERNEL_OF_PART(NAME, PART, __VA_ARGS__)
#undef HEED_KERNEL
#define HEED_KERNEL(NAME, ...) HEED_KERNEL_EXPANDED(NAME, HEED_KERNEL_PART, __VA_ARGS__)
