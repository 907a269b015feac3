// The running sum of a row region: of a program at most one, which is known where the result is written, element by
// element along the columns. It is added up in double, whatever its elements are: the rounding of a sum in float would
// grow with the length of the axis, and what is read of running sums are differences of them.
#pragma once
#include "../../plan/data/region.hpp"
#include "../../simd/pack.hpp"
#include <utility>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Which instruction it is; 0: there is none.
constexpr int running_sum_in(const region& r) {
  for (int i = 1; i < r.code.size; ++i)
    if (r.code[i].code == op::running_sum) return i;
  return 0;
}

struct no_running_sum {};

// Along: the lanes are elements of one row, else elements of as many rows.
template <class T, bool Along, bool FromTheEnd> struct running_sum {
  using P = simd::pack<T>;
  static constexpr int parts = sizeof(T) == sizeof(double) ? 1 : 2, lanes = P::lanes / parts;
  using D = simd::pack<double, lanes>;

  D carry[Along ? 1 : parts];  // the sum so far; along: the same in all lanes
  P here;                      // the sum with what was added last

  running_sum() {
    for (D& x : carry) x = D(0.);
  }
  HEED_INLINE void add(P v) {
    if constexpr (parts == 1) here = next<0>(v);
    else
      [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
        using half = simd::pack<T, lanes>;
        const D low = simd::convert<double>(half(__builtin_shufflevector(v.x, v.x, I...)));
        const D high = simd::convert<double>(half(__builtin_shufflevector(v.x, v.x, (I + lanes)...)));
        D first, last;
        if constexpr (FromTheEnd) last = next<1>(high), first = next<0>(low);
        else first = next<0>(low), last = next<1>(high);
        const half a = simd::convert<T>(first), b = simd::convert<T>(last);
        here = P(typename P::vector(__builtin_shufflevector(a.x, b.x, I..., (I + lanes)...)));
      }(std::make_integer_sequence<int, lanes>{});
  }

 private:
  template <int Part> HEED_INLINE D next(D v) {
    // mutants: carry_dropped
    if constexpr (!Along) return carry[Part] = carry[Part] + v;
    else {
      const D sums = with_lanes_before<1>(v) + carry[0];
      carry[0] = [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
        constexpr int edge = FromTheEnd ? 0 : lanes - 1;
        return D(typename D::vector(__builtin_shufflevector(sums.x, sums.x, (I * 0 + edge)...)));
      }(std::make_integer_sequence<int, lanes>{});
      return sums;
    }
  }
  // Each lane with the Step lanes before it (behind it), twice as many in every round: log2 of the lanes.
  template <int Step> static HEED_INLINE D with_lanes_before(D v) {
    if constexpr (Step >= lanes) return v;
    else {
      const D moved = [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
        const D none(0.);
        constexpr auto from = [](int i) { return FromTheEnd ? i + Step : i >= Step ? i - Step : lanes; };
        return D(typename D::vector(__builtin_shufflevector(v.x, none.x, from(I)...)));
      }(std::make_integer_sequence<int, lanes>{});
      return with_lanes_before<2 * Step>(v + moved);
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
