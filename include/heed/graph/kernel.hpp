// HEED_KERNEL(attend, out), HEED_KERNEL(step, results(out, lse), wrt(q, k, v)): says beside a declaration that it is to
// be a kernel for other programs. Here the line is checked and makes no code; export/kernel.hpp has a macro that does.
#pragma once
#include "gradient.hpp"

namespace heed::internal {

// A kernel as it was declared: its results and, as a type, the inputs that its backward pass gives the gradients of.
struct no_gradients {};
template <class Wrt> struct kernel_declaration {
  using wrt = Wrt;
  result_list results;
};
template <class T> inline constexpr bool is_wrt = is_ill_formed<T> || std::is_same_v<T, no_gradients>;
template <class... Inputs> inline constexpr bool is_wrt<wrt_list<Inputs...>> = true;
template <class T> constexpr bool require_wrt() {
  static_assert(given<is_wrt<T>, T>,
                "heed: a kernel is HEED_KERNEL(name, results) or HEED_KERNEL(name, results, wrt(inputs))");
  return is_wrt<T>;
}
template <class Out, class Wrt = no_gradients>
consteval auto declared_kernel(Out&& out, const Wrt& = {}) {
  using Result = std::remove_cvref_t<Out>;
  using refused = kernel_declaration<ill_formed>;
  if constexpr (!require_wrt<Wrt>()) return refused{};
  else if constexpr (std::is_base_of_v<expression, Result> && !std::is_lvalue_reference_v<Out>)
    return require_name<typename Result::shape_type>(), refused{};
  else return kernel_declaration<Wrt>{results(out)};
}

// What can be said of a kernel without compiling it.
template <result_list R> constexpr bool is_kernel(no_gradients) { return is_well_formed<R>(), true; }
template <result_list R> constexpr bool is_kernel(ill_formed) { return true; }
template <result_list R, class... Inputs> constexpr bool is_kernel(wrt_list<Inputs...>) {
  if constexpr (is_well_formed<R>())
    if constexpr (differentiable_results<R>()) (differentiable_input<R, Inputs>(), ...);
  return true;
}
template <kernel_declaration Declared> constexpr bool is_kernel() {
  return is_kernel<Declared.results>(typename decltype(Declared)::wrt{});
}

}  // namespace heed::internal

#define HEED_KERNEL(NAME, ...) \
  static_assert(::heed::internal::is_kernel<::heed::internal::declared_kernel(__VA_ARGS__)>());
