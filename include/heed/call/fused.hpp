// The call: `constexpr auto attend = fuse<out>; attend(q = Q, k = K, v = V, into(O));`. What can be known while
// compiling is checked while compiling, one mistake at a time (graph_rules.hpp, call_rules.hpp); the rest by
// call_checks.hpp.
#pragma once
#include "rules/call_rules.hpp"
#include "execute.hpp"

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
      using rules = run::call_rules<plan::plan_of<Outs...>.g, Args...>;
      if constexpr (rules::inputs())
        if constexpr (rules::template results<false, Outs...>()) {
          const auto arguments = run::arguments_by_key(args...);
          run::call_frame f = run::frame_of<plan::plan_of<Outs...>.g>(arguments);
          run::locate_results<Outs...>(f, run::into_in(arguments));
          run::check_call(plan::plan_of<Outs...>, f, false);
          workspace own;
          run::execute<Outs...>(f, run::workspace_in(arguments, own));
        }
    }
  }
};
// What fusing an ill-formed expression gives: a call that does nothing, because the mistake has been reported.
struct ill_formed_call {
  template <class... Args> constexpr void operator()(Args&&...) const {}
};

template <result_list R, options O, class I> struct make_fused {
  using type = ill_formed_call;
};
template <result_list R, options O, std::size_t... I> requires(is_well_formed<R>())
struct make_fused<R, O, std::index_sequence<I...>> {
  using type = fused<O, *R.of[I]...>;
};

// fuse<out>, fuse<results(out, lse)>, fuse<out, strict>: compiled where it is named, called like a function.
template <result_list R, options O = options{}>
inline constexpr typename make_fused<R, O, std::make_index_sequence<std::size_t(R.count)>>::type fuse{};

}  // namespace heed::internal::inline HEED_INSTRUCTION_SET
