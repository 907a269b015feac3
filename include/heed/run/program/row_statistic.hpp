// What a row knows of all its elements after several passes over them: the k-th largest, the threshold of entmax. One
// algorithm for packs of rows (a row a lane) and for a row along the lanes: `each` calls a function with every pack of
// elements, in an order that is its own, and `fold` makes of what lanes have found what a row has. -inf is no element.
//
// A row's result does not depend on the rows beside it: what they still search for changes nothing that is found.
#pragma once
#include "../../simd/math.hpp"
#include "../../simd/over_lanes.hpp"
#include "../../graph/operations.hpp"
#include <limits>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Lanes that are rows of their own have found what they have found; lanes of one row join it.
struct rows_in_lanes {
  template <op O, class P> static HEED_INLINE P fold(P a) { return a; }
};
struct row_along_lanes {
  template <op O, class P> static HEED_INLINE P fold(P a) {
    if constexpr (O == op::sum) return P(simd::sum(a));
    else
      return P(simd::fold(a, [](auto u, auto v) HEED_INLINED {
        if constexpr (O == op::max) return simd::maximum(u, v);
        else return simd::minimum(u, v);
      }));
  }
};

template <class T, class Rows> struct row_statistic {
  using P = simd::pack<T>;
  using M = typename P::mask;
  using W = simd::pack<simd::integer_of_size<sizeof(T)>>;
  using word = typename W::element;
  static constexpr T infinity = std::numeric_limits<T>::infinity();
  // Elements of a row are taken in turns by so many sums that do not wait for each other, as far as `each` says whose
  // turn it is.
  static constexpr int strands = 4;
  struct sums {
    P of[strands] = {P(T(0)), P(T(0)), P(T(0)), P(T(0))};
    HEED_INLINE void add(P x, int strand) { of[strand] = of[strand] + x; }
    HEED_INLINE P all() const { return Rows::template fold<op::sum>((of[0] + of[1]) + (of[2] + of[3])); }
  };

  // The largest of a row, NaN where one is.
  template <class Each> static P largest(const Each& each) {
    P top(-infinity);
    each([&](P x, int) HEED_INLINED { top = simd::maximum(top, x); });
    return Rows::template fold<op::max>(top);
  }

  // ---- the k-th largest
  // Numbers in their order as whole numbers.
  static HEED_INLINE W ordered(P x) {
    const typename W::vector bits = (typename W::vector)x.x;
    return W(bits ^ ((bits >> (8 * sizeof(T) - 1)) & std::numeric_limits<word>::max()));
  }
  static HEED_INLINE P number(W ordered) {
    const typename W::vector bits = ordered.x ^ ((ordered.x >> (8 * sizeof(T) - 1)) & std::numeric_limits<word>::max());
    return P((typename P::vector)bits);
  }
  // The middle of two ordered numbers; of their values, where that lies between them: elements of a row are spread over
  // values, few of them near 0, where most numbers are.
  static constexpr int value_sweeps = 16;
  static HEED_INLINE W between(W from, W to, bool by_value) {
    const W middle((from.x & to.x) + ((from.x ^ to.x) >> 1));
    if (!by_value) return middle;
    const W value = ordered(number(from) * P(T(0.5)) + number(to) * P(T(0.5)));
    return simd::select(value > from && value < to, value, middle);
  }
  // Bisection over the numbers in their order, between the smallest and the largest, by counting how many are not below
  // the middle: until they are as many as wanted, whose smallest it is, or until there is no number in between.
  template <class Each> static P kth_largest(P rank, const Each& each) {
    const P top = largest(each);
    P low(infinity);
    sums present;
    each([&](P x, int strand) HEED_INLINED {
      const M there = x != P(-infinity);
      low = simd::select(there && x < low, x, low), present.add(simd::select(there, P(T(1)), P(T(0))), strand);
    });
    low = Rows::template fold<op::min>(low);
    const P count = present.all();
    // mutants: kth_largest_of_one_more
    const P wanted = simd::min(rank, count);
    const M none = count == P(T(0)) || top != top || rank < P(T(1));
    // From `from` up there are as many as wanted, from `to` up fewer.
    W from = ordered(simd::select(none, P(T(0)), low)), to = ordered(simd::select(none, P(T(0)), top)) + W(word(1));
    for (int sweeps = 0;; ++sweeps) {
      const W middle = between(from, to, sweeps < value_sweeps);
      const M open = middle != from;
      if (!simd::any(open)) break;
      const P at = number(middle);
      sums there;
      each([&](P x, int strand) HEED_INLINED { there.add(simd::select(x >= at, P(T(1)), P(T(0))), strand); });
      const P above = there.all();
      const M enough = above >= wanted, exactly = above == wanted;
      from = simd::select(open && enough, middle, from);
      to = simd::select(open && exactly, middle + W(word(1)), simd::select(open && !enough, middle, to));
    }
    // The smallest of those: where as many as wanted were found, the search has ended below it.
    const P at = number(from);
    P found(infinity);
    each([&](P x, int) HEED_INLINED { found = simd::select(x >= at && x < found, x, found); });
    found = Rows::template fold<op::min>(found);
    found = simd::select(count == P(T(0)), P(-infinity), found);
    return simd::select(top != top, top, simd::select(rank < P(T(1)), P(infinity), found));
  }

  // ---- entmax: with p = 1 / (alpha - 1), the p-norm of max(z - tau, 0), z = (alpha - 1) (x - the largest), is convex
  // in tau, and nearly straight, so that steps to where its tangent is 1 end below the tau where it is 1 itself, few of
  // them, from wherever they start. Near sparsemax it has corners: there a step from half of tau saves many.
  static constexpr int most_steps = 40;
  template <class Each> static P entmax_threshold(double alpha, const Each& each) {
    const P top = simd::maximum(largest(each), P(T(std::numeric_limits<float>::lowest())));
    const P scale(T(alpha - 1));
    P tau(T(-1));
    // mutants: one_step_to_the_threshold
    for (int steps = 0; steps < most_steps; ++steps) {
      P next = simd::maximum(tau, step(alpha, tau, top, scale, each));
      if (alpha > 1.5) next = simd::maximum(next, step(alpha, tau * P(T(0.5)), top, scale, each));
      const M moved = next > tau;
      if (!simd::any(moved)) break;
      tau = simd::select(moved, next, tau);
    }
    return top + tau / scale;
  }
  template <class Each>
  static HEED_NOINLINE P step(double alpha, P tau, P top, P scale, const Each& each) {
    sums totals, all_slopes;
    const auto above = [&](P x) HEED_INLINED { return simd::max((x - top) * scale - tau, P(T(0))); };
    if (alpha == 2) {
      each([&](P x, int strand) HEED_INLINED {
        const P r = above(x);
        totals.add(r, strand), all_slopes.add(simd::select(r > P(T(0)), P(T(1)), P(T(0))), strand);
      });
    } else if (alpha == 1.5) {
      each([&](P x, int strand) HEED_INLINED {
        const P r = above(x);
        totals.add(r * r, strand), all_slopes.add(r, strand);
      });
    } else {
      each([&](P x, int strand) HEED_INLINED {
        const P r = above(x), u = simd::power(r, (2 - alpha) / (alpha - 1));
        totals.add(u * r, strand), all_slopes.add(u, strand);
      });
    }
    const P total = totals.all(), slopes = all_slopes.all();
    const P target = alpha == 2 ? P(T(1)) : alpha == 1.5 ? simd::sqrt(total) : simd::power(total, 2 - alpha);
    return tau + (total - target) / simd::max(slopes, P(std::numeric_limits<T>::min()));
  }

  // `rank`: of each row, where O asks for one.
  template <op O, class Each> static P of(double value, P rank, const Each& each) {
    if constexpr (O == op::kth_largest) return kth_largest(rank, each);
    else return entmax_threshold(value, each);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
