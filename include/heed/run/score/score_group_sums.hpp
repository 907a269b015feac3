// Running sums of a whole group of columns, before the program of its pairs: what is added up is worked out for all of
// them first, then the sums are taken. A pack after the other, each would wait for its exponential, for the sum and for
// another exponential, more steps than a processor looks ahead.
#pragma once
#include "score_gradient_block.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// The sums that are known ahead, of a group: [sum][key][row].
template <const auto& Region, class T, int Count> struct group_sums {
  static constexpr int rows = simd::block_rows<T>;
  alignas(64) T of[Count * simd::group * rows];
};
template <const auto& Region, class T> struct group_sums<Region, T, 0> {};

// How groups are contracted and masked the loops of the region say.
template <const auto& Region, class T, class Loops> struct sums_of_groups {
  using loops = Loops;
  using work = gradient_work<Region, T>;
  using pack_environment = typename score_gradient_program<Region, T>::template environment<false>;
  using sums_along = running_sums<Region, T>;
  using P = simd::pack<T>;
  static constexpr int lanes = P::lanes, group = simd::group, rows = simd::block_rows<T>;
  static constexpr bool falling = Region.gradient.falling;

  static constexpr int key_at(int turn) { return falling ? group - 1 - turn : turn; }
  template <bool Mixed> static HEED_INLINE extent_t key_of(extent_t first, int count, int i) {
    return Mixed && i >= count ? first + count - 1 : first + i;
  }
  // What the sums number K of `Of` add, 0 where the mask excludes a pair: [sum][key][row].
  template <const auto& Of, bool Mixed, int Packs, int... K>
  static HEED_INLINE void elements(work& w, extent_t first, int count, int row, int apart, const P (&a)[group][Packs],
                                   const term_tiles<T, Region.terms.count>& terms, T* to,
                                   std::integer_sequence<int, K...>) {
    HEED_UNROLL for (int turn = 0; turn < group; ++turn) {
      const int i = key_at(turn);
      const extent_t key = key_of<Mixed>(first, count, i);
      HEED_UNROLL for (int v = 0; v < Packs; ++v) {
        const int at = row + v * apart;
        const pack_environment env{{{*w.state, at, key, a[i][v], {terms, i, at}}}, P(T(0)), nullptr, 0};
        P there = P(T(0));
        if constexpr (Mixed) there = loops::present(env, there, i < count);
        auto all = compute<Region, Region.code[Of.of[K]].a...>(loops::with_sums(w, env, there));
        (
            [&]() HEED_INLINED {
              P x = P(slot<Region, pack_environment, Region.code[Of.of[K]].a>(all));
              // mutants: group_sum_of_excluded
              if constexpr (Mixed) x = simd::select(simd::is_excluded(there), P(T(0)), x);
              x.store(to + (K * group + i) * rows + v * lanes);
            }(),
            ...);
      }
    }
  }
  // The elements of a sum and a pack of rows in the order of the visit, given to `take`, and back.
  template <int Packs, class Take> static HEED_INLINE void each_pack(T* of, const Take& take) {
    HEED_UNROLL for (int v = 0; v < Packs; ++v) {
      P x[group];
      HEED_UNROLL for (int turn = 0; turn < group; ++turn)
        x[turn] = P::load(of + key_at(turn) * rows + v * lanes);
      take(v, x);
      HEED_UNROLL for (int turn = 0; turn < group; ++turn)
        x[turn].store(of + key_at(turn) * rows + v * lanes);
    }
  }
  template <bool Mixed, int Packs>
  static HEED_INLINE void pass(work& w, extent_t first, int count, int row, int apart, const P (&a)[group][Packs],
                               const term_tiles<T, Region.terms.count>& terms,
                               group_sums<Region, T, sums_along::ahead.count>& to) {
    static constexpr auto& all = sums_along::ahead;
    const auto each = std::make_integer_sequence<int, all.count>{};
    elements<all, Mixed, Packs>(w, first, count, row, apart, a, terms, to.of, each);
    const auto column = [&](int turn) { return key_of<Mixed>(first, count, key_at(turn)); };
    [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
      (each_pack<Packs>(to.of + K * group * rows,
                        [&](int v, P(&x)[group]) HEED_INLINED {
                          sums_along::template pass_group<all.of[K]>(w.running, row + v * apart, column, x);
                        }),
       ...);
    }(each);
  }
  template <const auto& Of, bool Mixed, int Packs>
  static HEED_INLINE void add_to_totals(work& w, extent_t first, int count, int row, int apart,
                                        const P (&a)[group][Packs], const term_tiles<T, Region.terms.count>& terms,
                                        group_sums<Region, T, Of.count>& to) {
    const auto each = std::make_integer_sequence<int, Of.count>{};
    elements<Of, Mixed, Packs>(w, first, count, row, apart, a, terms, to.of, each);
    const auto column = [&](int turn) { return key_of<Mixed>(first, count, key_at(turn)); };
    [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
      (each_pack<Packs>(to.of + K * group * rows,
                        [&](int v, P(&x)[group]) HEED_INLINED {
                          sums_along::template add_group_to_total<Of.of[K]>(w.running, row + v * apart, column, x);
                        }),
       ...);
    }(each);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
