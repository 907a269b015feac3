// Statistics of rows in a score-gradient region: what a thread has seen of the pairs of a block waits until all keys
// have been met, and then passes go over it, without another contraction.
#pragma once
#include "../program/row_statistic.hpp"
#include "score_gradient_sinks.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T> struct row_statistics {
  using work = gradient_work<Region, T>;
  using sinks = gradient_sinks<Region, T>;
  using P = simd::pack<T>;
  using search = row_statistic<T, rows_in_lanes>;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes;

  // Of a pack of rows; each key of it behind the one before.
  static T* seen(const work& w, int output, int pack) { return w.seen.of[output] + w.extents.keys * lanes * pack; }

  // Pairs of some keys, for some packs of the block, from [keys][rows]. What none of them meets, and what is excluded,
  // is no element.
  template <int K>
  static HEED_NOINLINE void see(work& w, const T* from, const simd::some_packs& packs, int keys, bool mixed) {
    const P nothing(-search::infinity);
    for (int v = 0; v * lanes < rows; ++v) {
      T* const to = seen(w, K, v) + w.seen.count * lanes;
      const bool met = packs.has(v);
      const T* const pairs = from + v * lanes;
      for (int j = 0; j < keys; ++j) {
        P x = met ? P::load(pairs + j * rows) : nothing;
        // mutants: statistic_of_what_is_excluded
        if (mixed && met) x = simd::select(simd::is_excluded(x), nothing, x);
        x.store(to + j * lanes);
      }
    }
  }
  // Of a pack of rows which of the largest is wanted.
  template <int K> static P rank_of(const environment& call, const work& w, int row, int count) {
    constexpr sink k = Region.gradient.sinks[K];
    if constexpr (k.rank < 0) return P(T(k.told));
    else {
      const view& v = call.operands[k.rank];
      alignas(64) T rank[lanes]{};
      for (int r = 0; r < lanes && row + r < count; ++r)  // mutants: rank_of_one_row
        rank[r] = element_at<Region.operands[k.rank].type, T>(v.data, sinks::row_at(call, w, v, row + r));
      return P::load(rank);
    }
  }
  // The statistic of every row of the block.
  template <int K> static HEED_NOINLINE void store(const environment& call, work& w, int count) {
    constexpr sink k = Region.gradient.sinks[K];
    const view& v = call.outputs[K];
    for (int row = 0; row < count; row += lanes) {
      const T* const from = seen(w, K, row / lanes);
      const extent_t keys = w.seen.count;
      const P found =
          search::template of<k.statistic>(k.told, rank_of<K>(call, w, row, count), [&](const auto& next) HEED_INLINED {
            extent_t j = 0;
            for (; j + search::strands <= keys; j += search::strands) HEED_UNROLL
              for (int s = 0; s < search::strands; ++s) next(P::load(from + (j + s) * lanes), s);
            for (; j < keys; ++j) next(P::load(from + j * lanes), 0);
          });
      for (int r = 0; r < lanes && row + r < count; ++r)
        put_element<Region.outputs[K].type>(v.data, sinks::row_at(call, w, v, row + r), found[r]);
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
