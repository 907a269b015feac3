// The functions of the language (graph/operations.hpp) by their operation: on packs and numbers what simd/math.hpp
// says, on intervals what the facts of the function say of its values on numbers.
#pragma once
#include "../../graph/operations.hpp"
#include "../../plan/facts/interval.hpp"
#include "../../simd/math.hpp"
#include <concepts>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Operands that the function does not have are not looked at.
template <op Code, class A, class B, class C>
HEED_INLINE auto function_value([[maybe_unused]] const A& a, [[maybe_unused]] const B& b, [[maybe_unused]] const C& c) {
#define HEED_FUNCTION(NAME, OPERANDS, ...) \
  if constexpr (Code == op::NAME) return simd::NAME(HEED_OPERANDS_##OPERANDS);
  HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
}

constexpr bool lies_in(number_range domain, plan::interval a) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (domain) {
    case number_range::not_negative: return a.lo >= 0;
    case number_range::positive: return a.lo > 0;
    case number_range::finite: return a.lo > -infinity && a.hi < infinity;
    default: return true;
  }
}

// Bounds of a function: its values at the ends of its operands, a little wider if it rounds, for kernels round
// otherwise than numbers do. Where an operand is unknown, or outside of what the rule is true for, nothing is known.
template <op Code>
plan::interval function_bounds(const plan::interval& a, const plan::interval& b, const plan::interval& c) {
  using plan::interval;
  constexpr op_facts facts = facts_of(Code);
  if (is_unknown(a) || (facts.operands > 1 && is_unknown(b)) || (facts.operands > 2 && is_unknown(c))) return {};
  if (!lies_in(facts.domain, a)) return {};
  const auto within = [&](double lo, double hi) {
    if constexpr (facts.exact) return interval(lo, hi);
    else return plan::widened(a, lo, hi);
  };
  const auto at = [](double p, double q, double r) { return function_value<Code>(p, q, r); };
  if constexpr (facts.bounds == bounds_rule::increasing) return within(at(a.lo, b.lo, c.lo), at(a.hi, b.hi, c.hi));
  else if constexpr (facts.bounds == bounds_rule::decreasing) return within(at(a.hi, b.hi, c.hi), at(a.lo, b.lo, c.lo));
  else if constexpr (facts.bounds == bounds_rule::monotone) {
    plan::bounds_of_values corners;
    for (const double p : {a.lo, a.hi})
      for (const double q : {b.lo, b.hi})
        for (const double r : {c.lo, c.hi}) corners.add(at(p, q, r));
    const interval found = corners.bounds();
    return is_unknown(found) ? found : within(found.lo, found.hi);
  } else if constexpr (facts.bounds == bounds_rule::even) {
    const double lo = at(a.lo, 0, 0), hi = at(a.hi, 0, 0);
    return a.lo >= 0 ? within(lo, hi) : a.hi <= 0 ? within(hi, lo) : within(at(0, 0, 0), std::max(lo, hi));
  } else if constexpr (facts.bounds == bounds_rule::one) return within(-1, 1);
  else return {};
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET

// The functions on intervals by their names, for the bounds of a user's primitive.
namespace heed::internal::plan::inline HEED_INSTRUCTION_SET {

#define HEED_INTERVALS_1 const A &a, [[maybe_unused]] const interval &b = 0, [[maybe_unused]] const interval &c = 0
#define HEED_INTERVALS_2 const A &a, const interval &b, [[maybe_unused]] const interval &c = 0
#define HEED_INTERVALS_3 const A &a, const interval &b, const interval &c
#define HEED_FUNCTION(NAME, OPERANDS, ...)          \
  template <std::same_as<interval> A>               \
  interval NAME(HEED_INTERVALS_##OPERANDS) {        \
    return run::function_bounds<op::NAME>(a, b, c); \
  }
HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
#undef HEED_INTERVALS_1
#undef HEED_INTERVALS_2
#undef HEED_INTERVALS_3

}  // namespace heed::internal::plan::inline HEED_INSTRUCTION_SET
