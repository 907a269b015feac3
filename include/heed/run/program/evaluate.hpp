// A program evaluated by `if constexpr` over its instructions, on any kind of value: packs in the kernels, intervals
// for what a mask is on a whole tile, plain numbers in the loop region. A new kind of value is a new environment, never
// a new branch here.
//
// An environment says what the outside of the program looks like:
//   types                                        what its values are: pack_types, uniform_types
//   static constexpr bool wide(const instruction&)    does this value vary over lanes?
//   static constexpr bool given(const instruction&)   is this instruction supplied, not computed?
//   static constexpr bool keeps(int)                  ... and this one, by its number? (not every environment has it)
//   template <int I> auto get() const            its value (leaves: load, index, size, tile are always given)
//   template <int I> auto gather(index) const    the value of gather I at an index
//   static constexpr bool passes                 does it take on running sums? (not every environment does)
//   template <int I> auto pass(element) const    ... the value of running sum I behind an element
// Constants are known to the evaluator. Instructions that reduce (sum, max, min) must be given.
#pragma once
#include "../../plan/data/region.hpp"
#include "../../simd/math.hpp"
#include "../../simd/pack.hpp"
#include "../../simd/quotient.hpp"
#include "../../simd/random.hpp"
#include "functions.hpp"
#include "instruction_list.hpp"
#include "primitive_value.hpp"
#include <array>
#include <algorithm>
#include <utility>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

constexpr bool is_program_leaf(op o) {
  return o == op::load || o == op::index || o == op::size || o == op::tile || is_reduction(o) || o == op::running_sum;
}

// A running sum that the environment takes on by the element, whenever its value is asked for.
template <class Env> constexpr bool is_passed(const instruction& x) {
  if constexpr (requires { Env::passes; }) return Env::passes && x.code == op::running_sum;
  else return false;
}
template <const auto& Region, class Env>
constexpr bool is_supplied(int i) {
  if constexpr (requires { Env::keeps(i); })
    if (Env::keeps(i)) return true;
  return Env::given(Region.code[i]) || (is_program_leaf(Region.code[i].code) && !is_passed<Env>(Region.code[i]));
}

// The types of an environment's values, by class: of those that vary over lanes (wide) and of the others, and what a
// constant is made as before it becomes one of them. Here packs, and plain numbers for what does not vary.
template <class T> struct pack_types {
  using real_wide = simd::pack<T>;
  using real_narrow = T;
  using whole_narrow = simd::integer_of_size<sizeof(T)>;
  using whole_wide = simd::pack<whole_narrow>;
  using truth_wide = typename real_wide::mask;
  using truth_narrow = bool;
  using constant = T;
};
// All values of a class alike.
template <class Real, class Whole, class Truth> struct uniform_types {
  using real_wide = Real;
  using real_narrow = Real;
  using whole_wide = Whole;
  using whole_narrow = Whole;
  using truth_wide = Truth;
  using truth_narrow = Truth;
  using constant = double;
};

// One array per type, indexed by constants only: the compilers keep the values in registers.
template <class Env, int N>
struct values {
  using types = typename Env::types;
  typename types::real_wide real_wide[N];
  typename types::real_narrow real_narrow[N];
  typename types::whole_wide whole_wide[N];
  typename types::whole_narrow whole_narrow[N];
  typename types::truth_wide truth_wide[N];
  typename types::truth_narrow truth_narrow[N];
};

template <const auto& Region, class Env, int I, int N>
HEED_INLINE auto& slot(values<Env, N>& v) {
  constexpr instruction x = Region.code[I];
  constexpr bool wide = Env::wide(x);
  if constexpr (class_of(x.type) == value_class::truth) {
    if constexpr (wide) return v.truth_wide[I];
    else return v.truth_narrow[I];
  } else if constexpr (class_of(x.type) == value_class::whole) {
    if constexpr (wide) return v.whole_wide[I];
    else return v.whole_narrow[I];
  } else {
    if constexpr (wide) return v.real_wide[I];
    else return v.real_narrow[I];
  }
}

// A constant that is no NaN.
constexpr bool is_number(const instruction& x) { return x.code == op::constant && x.value == x.value; }

// The exponent of a constant power of 2 below 2^31; -1: it is none.
constexpr int power_of_two(const instruction& x) {
  if (x.code != op::constant || class_of(x.type) != value_class::whole) return -1;
  for (int shift = 0; shift < 31; ++shift)
    if (x.value == double(std::int64_t(1) << shift)) return shift;
  return -1;
}

// The value of one operation. Called with packs, intervals or plain numbers; overloads are found where those live.
template <op Code, class A, class B, class C>
HEED_INLINE auto apply(const A& a, const B& b, const C& c, double value) {
  using simd::power, simd::min, simd::max, simd::select, simd::floor_divide, simd::remainder;
  using simd::random_key, simd::random_uniform;
  if constexpr (is_function(Code)) {
    if constexpr (!std::is_same_v<A, plan::interval>) return function_value<Code>(a, b, c);
    else return function_bounds<Code>(a, b, c);
  } else if constexpr (Code == op::negate) return -a;
  else if constexpr (Code == op::power) return power(a, value);
  else if constexpr (Code == op::present) return a;  // lowered to a choice where anything can be absent
  else if constexpr (Code == op::invert) return !a;
  else if constexpr (Code == op::add) return a + b;
  else if constexpr (Code == op::subtract) return a - b;
  else if constexpr (Code == op::multiply) return a * b;
  else if constexpr (Code == op::divide) return a / b;
  else if constexpr (Code == op::floor_divide) return floor_divide(a, b);
  else if constexpr (Code == op::remainder) return remainder(a, b);
  else if constexpr (Code == op::random_uniform) return random_uniform(a, b, c);
  else if constexpr (Code == op::random_key) return random_key(a, b, c);
  else if constexpr (Code == op::minimum || Code == op::maximum) {
    if constexpr (std::is_same_v<A, plan::interval>) {
      if constexpr (Code == op::minimum) return min(a, b);
      else return max(a, b);
    } else if constexpr (Code == op::minimum) return simd::minimum(a, b);
    else return simd::maximum(a, b);
  } else if constexpr (Code == op::less) return a < b;
  else if constexpr (Code == op::less_equal) return a <= b;
  else if constexpr (Code == op::equal) return a == b;
  else if constexpr (Code == op::both) return a && b;
  else if constexpr (Code == op::either) return a || b;
  else if constexpr (Code == op::where) return select(a, b, c);
}

// The value of an operation on numbers that decide, each rounded to T, whatever they are kept in: of packs by the
// functions of packs, and of plain numbers by the same, so that the bits are the same. What rounds nothing needs no
// care.
template <op Code, class T, class To, class A, class B, class C>
HEED_INLINE To decided(const A& a, const B& b, const C& c, double value) {
  if constexpr (facts_of(Code).exact || std::is_same_v<To, plan::interval>) return To(apply<Code>(a, b, c, value));
  else if constexpr (simd::is_pack<To>) {
    using E = typename To::element;
    using P = simd::pack<T, To::lanes>;
    const auto in_width = [](const auto& x) HEED_INLINED { return simd::convert<T>(To(x)); };
    P r = P(apply<Code>(in_width(a), in_width(b), P(), value));
    if constexpr (Code == op::multiply) r.x = simd::as_written(r.x);
    return To(simd::convert<E>(r));
  } else if constexpr (Code == op::add || Code == op::subtract || Code == op::multiply || Code == op::divide) {
    const T r = apply<Code>(T(a), T(b), T(), value);
    return To(simd::as_written(r));
  } else {
    using P = simd::pack<T>;
    return To(P(apply<Code>(P(T(a)), P(T(b)), P(), value))[0]);
  }
}

// Instruction I, from the values of earlier ones. In this order: what the environment supplies, constants, elements of
// a table, casts; a sum with a product as one fma; a minimum or maximum with a number in one instruction; primitives of
// the user's; what decides, in its own width; everything else by `apply`.
template <const auto& Region, class Env, int I, int N>
HEED_INLINE void step(values<Env, N>& v, const Env& env) {
  constexpr instruction x = Region.code[I];
  auto& to = slot<Region, Env, I>(v);
  using To = std::remove_reference_t<decltype(to)>;
  if constexpr (is_supplied<Region, Env>(I)) to = To(env.template get<I>());
  else if constexpr (x.code == op::constant) {
    if constexpr (simd::is_pack<To> && class_of(x.type) == value_class::whole)
      to = To(static_cast<typename To::element>(x.value));
    else to = To(typename Env::types::constant(x.value));
  } else if constexpr (is_passed<Env>(x)) to = To(env.template pass<I>(slot<Region, Env, x.a>(v)));
  else if constexpr (x.code == op::gather) to = To(env.template gather<I>(slot<Region, Env, x.a>(v)));
  else if constexpr (x.code == op::cast) {
    using simd::to_integer, simd::to_real;
    auto& a = slot<Region, Env, x.a>(v);
    constexpr value_class from = class_of(Region.code[x.a].type), into = class_of(x.type);
    using T = storage<x.type>;
    if constexpr (from == into) to = To(a);
    else if constexpr (into == value_class::real) to = To(to_real(a));
    else to = To(to_integer(a));
    if constexpr (x.decides && !std::is_same_v<To, plan::interval>)
      to = To(simd::convert<typename Env::types::constant>(simd::convert<T>(to)));
  } else {
    constexpr int ib = x.b ? x.b : x.a, ic = x.c ? x.c : x.a;
    auto& a = slot<Region, Env, x.a>(v);
    auto& b = slot<Region, Env, ib>(v);
    auto& c = slot<Region, Env, ic>(v);
    // A product that feeds a sum is one fma; where nothing else reads it the lone product disappears as dead code.
    constexpr bool real = class_of(x.type) == value_class::real && !x.decides;
    constexpr auto product = [](int i) {
      return i != 0 && Region.code[i].code == op::multiply && !is_supplied<Region, Env>(i);
    };
    using simd::fma, simd::fnma;
    if constexpr (real && (x.code == op::add || x.code == op::subtract) && product(x.b)) {
      auto& p = slot<Region, Env, Region.code[x.b].a>(v);
      auto& q = slot<Region, Env, Region.code[x.b].b>(v);
      if constexpr (x.code == op::add) to = To(fma(p, q, a));
      else to = To(fnma(p, q, a));
    } else if constexpr (real && x.code == op::add && product(x.a)) {
      to = To(fma(slot<Region, Env, Region.code[x.a].a>(v), slot<Region, Env, Region.code[x.a].b>(v), b));
    } else if constexpr (real && !std::is_same_v<To, plan::interval> &&
                         (x.code == op::minimum || x.code == op::maximum) &&
                         (is_number(Region.code[x.a]) || is_number(Region.code[x.b]))) {
      // One instruction where an operand is known to be no NaN: max and min of simd give the second where either is.
      auto& p = slot<Region, Env, is_number(Region.code[x.a]) ? int(x.a) : ib>(v);
      auto& q = slot<Region, Env, is_number(Region.code[x.a]) ? ib : int(x.a)>(v);
      if constexpr (x.code == op::minimum) to = To(simd::min(p, q));
      else to = To(simd::max(p, q));
    } else if constexpr (x.code == op::primitive) {
      if constexpr (x.decides && !std::is_same_v<To, plan::interval> &&
                    sizeof(storage<x.type>) != sizeof(typename Env::types::constant)) {
        using T = storage<x.type>;
        const auto in_width = [](const auto& y) HEED_INLINED { return simd::convert<T>(y); };
        using P = decltype(in_width(to));
        to = To(simd::convert<typename Env::types::constant>(
            primitive_value<Region.primitives[int(x.value)], P>(in_width(a), in_width(b))));
      } else to = primitive_value<Region.primitives[int(x.value)], To>(a, b);
    } else if constexpr (simd::is_pack<To> && (x.code == op::floor_divide || x.code == op::remainder) &&
                         power_of_two(Region.code[ib]) >= 0) {
      constexpr int shift = power_of_two(Region.code[ib]);
      if constexpr (x.code == op::floor_divide) to = simd::floor_divide_by_power<shift>(To(a));
      else to = simd::remainder_by_power<shift>(To(a));
    } else if constexpr (x.decides) {
      to = decided<x.code, storage<x.type>, To>(a, b, c, x.value);
    } else {
      to = To(apply<x.code>(a, b, c, x.value));
    }
  }
}

using instruction_set = std::array<bool, program::capacity>;

// Which instructions some roots need, not looking behind those that the environment supplies.
template <const auto& Region, class Env, int... Roots>
constexpr instruction_set needed() {
  instruction_set r{};
  ((r[Roots] = true), ...);
  for (int i = Region.code.size - 1; i > 0; --i) {
    const instruction& x = Region.code[i];
    if (!r[i] || is_supplied<Region, Env>(i)) continue;
    for (int j : {int(x.a), int(x.b), int(x.c)})
      if (j) r[j] = true;
  }
  return r;
}

// All values that the roots need; shared ones are computed once.
template <const auto& Region, int... Roots, class Env>
HEED_INLINE auto compute(const Env& env) {
  constexpr int count = std::max({Roots..., 0}) + 1;
  static constexpr auto used = listed<count>([is = needed<Region, Env, Roots...>()](int i) { return is[i]; });
  values<Env, count> v;
  [&]<int... K>(std::integer_sequence<int, K...>)
      HEED_INLINED { (step<Region, Env, used.of[K]>(v, env), ...); }(std::make_integer_sequence<int, used.count>{});
  return v;
}
template <const auto& Region, int Root, class Env>
HEED_INLINE auto evaluate(const Env& env) {
  auto v = compute<Region, Root>(env);
  return slot<Region, Env, Root>(v);
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
