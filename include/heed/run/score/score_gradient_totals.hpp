// The totals of running sums that go against the visit of a block: visits of the same columns before it, in the same
// order, in which the contractions that a score is made of are made once more, and of the program what is added up.
#pragma once
#include "score_group_sums.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// How groups are contracted, masked and visited the loops of the region say.
template <const auto& Region, class T, class Loops> struct running_totals {
  using loops = Loops;
  using work = gradient_work<Region, T>;
  using program_type = score_program<Region, T>;
  using sums_along = running_sums<Region, T>;
  using sums_of_group = sums_of_groups<Region, T, Loops>;
  static constexpr bool has_sums_ahead = sums_along::ahead.count > 0;
  using pack_environment = typename score_gradient_program<Region, T>::template environment<false, has_sums_ahead>;
  using P = simd::pack<T>;
  static constexpr int lanes = P::lanes, group = simd::group, rows = simd::block_rows<T>;
  static constexpr bool falling = Region.gradient.falling;

  static void find(work& w) {
    [&]<int... V>(std::integer_sequence<int, V...>) {
      (
          [&] {
            sums_along::begin_visit(w.running);
            loops::visit(w, [&](extent_t first, int count, bool mixed, const simd::some_packs& packs) {
              program_type::load_pairs_at(*w.state, first, mixed || count < group || packs.count < simd::vectors);
              with_packs(packs.count, mixed || count < group, [&]<bool Mixed, int Packs>() {
                totals_of_group<V + 1, Mixed, Packs>(w, first, count, packs);
              });
            });
            sums_along::end_totals(w.running);
          }(),
          ...);
    }(std::make_integer_sequence<int, sums_along::visits>{});
  }

 private:
  // What the totals of visit V take of a group of keys: the contractions that a score is made of, and the program.
  template <int V, bool Mixed, int Packs>
  static HEED_NOINLINE void totals_of_group(work& w, extent_t first, int count, simd::some_packs packs) {
    const int row = Packs == simd::vectors ? 0 : packs.first * lanes,
              apart = int(simd::packs_apart<Packs, T>(packs.step));
    [[maybe_unused]] term_tiles<T, Region.terms.count> terms;
    if constexpr (Region.terms.count > 0)
      loops::template contract_terms<Mixed, Packs>(w, first, count, row, packs.step, terms);
    P a[group][Packs];
    if constexpr (loops::shape::has_keys)
      loops::template contract_first<Mixed, Packs>(w, first, count, row, packs.step, a);
    static constexpr auto& ahead = sums_along::template totals_of<V, true>;
    static constexpr auto& others = sums_along::template totals_of<V, false>;
    if constexpr (ahead.count > 0) {
      group_sums<Region, T, ahead.count> of;
      sums_of_group::template add_to_totals<ahead, Mixed, Packs>(w, first, count, row, apart, a, terms, of);
    }
    if constexpr (others.count > 0) {
      [[maybe_unused]] group_sums<Region, T, sums_along::ahead.count> of;
      if constexpr (has_sums_ahead)
        sums_of_group::template pass<Mixed, Packs>(w, first, count, row, apart, a, terms, of);
      HEED_UNROLL for (int k = 0; k < group; ++k) {
        const int i = falling ? group - 1 - k : k;
        const extent_t key = Mixed && i >= count ? first + count - 1 : first + i;
        HEED_UNROLL for (int v = 0; v < Packs; ++v) {
          const int at = row + v * apart;
          pack_environment env{{{*w.state, at, key, a[i][v], {terms, i, at}}}, P(T(0)), nullptr, 0};
          if constexpr (has_sums_ahead) env.sums.ahead = of.of + i * rows + v * lanes;
          P there = P(T(0));
          if constexpr (Mixed) there = loops::present(env, there, i < count);
          [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
            auto all = compute<Region, Region.code[others.of[K]].a...>(loops::with_sums(w, env, there));
            (sums_along::template add_to_total<others.of[K]>(
                 w.running, at, key,
                 simd::select(simd::is_excluded(there), P(T(0)),
                              P(slot<Region, pack_environment, Region.code[others.of[K]].a>(all)))),
             ...);
          }(std::make_integer_sequence<int, others.count>{});
        }
      }
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
