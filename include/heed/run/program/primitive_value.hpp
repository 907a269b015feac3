// What a primitive of the user's (graph/primitive.hpp) is on packs and on intervals, called through its entry: a
// constant in kernels, so that they call and inline its value directly; a pointer for whoever holds a graph as a value.
#pragma once
#include "../../plan/facts/interval.hpp"
#include "../../simd/math.hpp"
#include "../../simd/pack.hpp"
#include <concepts>

namespace heed::internal {

inline namespace HEED_INSTRUCTION_SET {
template <class T> struct pack_argument {
  simd::pack<T> x;
};
}  // namespace HEED_INSTRUCTION_SET

template <class F, int Operands> struct on_packs {
  template <class T> static constexpr bool gives_packs = [] {
    using P = simd::pack<T>;
    if constexpr (Operands == 1)
      return requires(const P& a) {
        { F::value(a) } -> std::convertible_to<P>;
      };
    else
      return requires(const P& a) {
        { F::value(a, a) } -> std::convertible_to<P>;
      };
  }();
  static constexpr bool has_value = gives_packs<float> && gives_packs<double>;
};
template <class F, int Operands, class T>
HEED_INLINE void value_on_packs(pack_argument<T>& to, const pack_argument<T>& a, const pack_argument<T>& b) {
  (void)b;
  if constexpr (Operands == 1) to.x = F::value(a.x);
  else to.x = F::value(a.x, b.x);
}
// What could be NaN is unknown; else what F says, a little wider, for kernels round. Without bounds everything is
// possible.
template <class F, int Operands>
void bounds_on_intervals(plan::interval& to, const plan::interval& a, const plan::interval& b) {
  const auto wider = [](plan::interval x) { return plan::widened(x, x.lo, x.hi); };
  (void)b, (void)wider;
  to = {};
  if constexpr (Operands == 1) {
    if constexpr (requires { F::bounds(a); })
      if (!is_unknown(a)) to = wider(F::bounds(a));
  } else {
    if constexpr (requires { F::bounds(a, b); })
      if (!is_unknown(a) && !is_unknown(b)) to = wider(F::bounds(a, b));
  }
}

namespace run::inline HEED_INSTRUCTION_SET {

// Of packs; of a number that does not vary over lanes, as a pack of it; of intervals.
template <const primitive_entry* Entry, class To, class A, class B>
HEED_INLINE To primitive_value(const A& a, const B& b) {
  if constexpr (std::is_same_v<To, plan::interval>) {
    To r;
    Entry->bounds(r, a, b);
    return r;
  } else if constexpr (simd::is_pack<To>) {
    pack_argument<typename To::element> r;
    constexpr auto value = [] {
      if constexpr (std::is_same_v<typename To::element, float>) return Entry->of_floats;
      else return Entry->of_doubles;
    }();
    value(r, {To(a)}, {To(b)});
    return r.x;
  } else return primitive_value<Entry, simd::pack<To>>(a, b)[0];
}
template <class T = double> T primitive_number(const primitive_entry& p, T a, T b) {
  pack_argument<T> r;
  if constexpr (std::is_same_v<T, float>) p.of_floats(r, {simd::pack<T>(a)}, {simd::pack<T>(b)});
  else p.of_doubles(r, {simd::pack<T>(a)}, {simd::pack<T>(b)});
  return r.x[0];
}

}  // namespace run::inline HEED_INSTRUCTION_SET
}  // namespace heed::internal
