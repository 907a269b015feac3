// A compiled graph: what its arguments are checked against while compiling, the frame that they are bound in with the
// checks before the first write, the run. What fuse, reference and differentiable have in common.
#pragma once
#include "checks/call_checks.hpp"
#include "execute.hpp"
#include "rules/call_rules.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Who evaluates: the kernels of the plan, or the oracle, which reads all operands of the declared graph and whose
// results are in double.
enum class evaluator : std::uint8_t { kernels, oracle };

template <evaluator By, const expression&... Outs>
struct compiled {
  static constexpr const call_table& table = call_table_of<Outs...>;
  static constexpr bool doubles = By == evaluator::oracle;

  // While compiling: a call asks operands<doubles>() and results<doubles, Outs...>() itself, for every step between is
  // another line of what a compiler says of a mistake.
  template <class... Args> using rules = call_rules<signature_of<Outs...>, Args...>;

  // The frame of one call: where operands and results lie, checked. Throws heed::error; nothing has been written then.
  struct frame : frame_for<call_table_of<Outs...>> {
    template <class Map> explicit frame(const Map& arguments) {
      locate_operands<signature_of<Outs...>>(*this, arguments);
      locate_results<Outs...>(*this, into_in(arguments));
      check_call(table, *this, doubles);
    }
  };

  // In a workspace of the caller's, or in one of its own.
  template <class Map> static void run(const frame& call, const Map& arguments) {
    workspace own;
    execute<Outs...>(call, workspace_in(arguments, own));
  }
};

// What calling an ill-formed expression gives: a call that does nothing, because the mistake has been reported.
struct ill_formed_call {
  template <class... Args> constexpr void operator()(Args&&...) const {}
};

// The call of a list of results: Call<*R.of[0], *R.of[1], ...>.
template <result_list R, template <const expression&...> class Call, class I> struct call_of_results {
  using type = ill_formed_call;
};
template <result_list R, template <const expression&...> class Call, std::size_t... I> requires(is_well_formed<R>())
struct call_of_results<R, Call, std::index_sequence<I...>> {
  using type = Call<*R.of[I]...>;
};
template <result_list R, template <const expression&...> class Call>
using call_of = typename call_of_results<R, Call, std::make_index_sequence<std::size_t(R.count)>>::type;

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
