// HEED_KERNEL as a source for a library has it (`#include <heed/export.hpp>` before anything else of heed): the line
// that says what is a kernel for other programs defines it, for the instruction set that the source is compiled for.
// HEED_KERNEL_PART names it: an identifier, x86_64_v3.
#pragma once
#include "functions.hpp"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// Can it be compiled? What is wrong has been refused then.
template <result_list R> constexpr bool compilable(no_gradients) { return code_of<R>::fusible(); }
template <result_list R> constexpr bool compilable(ill_formed) { return false; }
template <result_list R, class... Inputs> constexpr bool compilable(wrt_list<Inputs...> inputs) {
  if constexpr (!code_of<R>::fusible()) return false;
  else if constexpr (!gradient<R>(inputs).well_formed) return false;
  else return run::require_room_for_saved<run::passes<R, wrt_list<Inputs...>>::fits>();
}
// The part of a kernel; empty where the declaration has been refused.
template <class Kernel> constexpr heed_kernel_part part_of() {
  constexpr result_list results = Kernel::declared.results;
  heed_kernel_part part{};
  if constexpr (is_well_formed<results>()) {
    using wrt = typename wrt_of<results, typename decltype(Kernel::declared)::wrt>::type;
    if constexpr (compilable<results>(wrt{})) {
      using graphs = kernel_graphs<Kernel, wrt>;
      plain_functions<graphs>::put(part);
      if constexpr (!std::is_same_v<wrt, no_gradients>) pass_functions<graphs>::put(part);
    }
  }
  return part;
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
