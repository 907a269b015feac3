// The call: `constexpr auto attend = fuse<out>; attend(q = Q, k = K, v = V, into(O));`. What can be known while
// compiling is checked while compiling, one mistake at a time (rules/graph_rules.hpp, rules/call_rules.hpp); the rest
// by checks/call_checks.hpp.
#pragma once
#include "compiled.hpp"
#include "rules/graph_rules.hpp"

namespace heed::internal::inline HEED_INSTRUCTION_SET {

// A compiled graph. Calls may run at the same time from several threads; each has a workspace of its own.
template <options O, const expression&... Outs>
struct fused {
  static constexpr bool ok = run::fusible<O, Outs...>();
  static_assert(ok || !ok);  // checks the graph where it is fused, not where it is called

  // Operands as name = value in any order, into(...) with one operand a result, optionally with(axis, extent) and a
  // workspace. Throws heed::error before anything is written.
  template <class... Args>
  void operator()(Args&&... args) const {
    if constexpr (ok) {
      using compiled = run::compiled<run::evaluator::kernels, Outs...>;
      using rules = typename compiled::template rules<Args...>;
      if constexpr (rules::template operands<false>())
        if constexpr (rules::template results<false, Outs...>()) {
          const auto arguments = run::arguments_by_key(args...);
          compiled::run(typename compiled::frame(arguments), arguments);
        }
    }
  }
};

template <options O> struct fused_with {
  template <const expression&... Outs> using call = fused<O, Outs...>;
};

// fuse<out>, fuse<results(out, lse)>, fuse<out, strict>: compiled where it is named, called like a function.
template <result_list R, options O = options{}>
inline constexpr run::call_of<R, fused_with<O>::template call> fuse{};

}  // namespace heed::internal::inline HEED_INSTRUCTION_SET
