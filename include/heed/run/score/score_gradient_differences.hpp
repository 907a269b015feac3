// Products of pairs with differences of rows and columns: what the gradients of distances add up. The operands are
// those of the distance, so that a block of rows lies in lanes already, without a factor, and in natural order.
#pragma once
#include "score_gradient_block.hpp"
#include "../../simd/differences.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct difference_sinks {
  using work = gradient_work<Region, T>;
  static constexpr int rows = simd::block_rows<T>, lanes = simd::native_lanes<T>;

  // Where the rows of an operand stand in lanes, as the rows of a distance of this kind: the first contraction, or term
  // i.
  static constexpr int contraction_with_rows(int operand, contraction_kind kind) {
    if (Region.tile.row_operand == operand && Region.tile.kind == kind) return -1;
    for (int i = 0; i < Region.terms.count; ++i)
      if (Region.terms[i].row_operand == operand && Region.terms[i].kind == kind) return i;
    return -2;
  }
  template <int Operand, contraction_kind Kind> static const T* in_lanes(const work& w) {
    constexpr int number = contraction_with_rows(Operand, Kind);
    const T* at = w.queries;
    if constexpr (number >= 0) {
      at += w.extents.width[Region.tile.row_operand] * rows;
      for (int i = 0; i < number; ++i) at += w.extents.width[Region.terms[i].row_operand] * rows;
    }
    return at;
  }
  // What a segment of the batch, p, gives to output K. Where pairs are excluded, what is not finite in rows or columns
  // stays where it is.
  template <int K>
  static void give_rows(work& w, const T* p, const typename work::segment& s) {
    constexpr sink k = Region.gradient.sinks[K];
    const int row = s.packs.first * lanes;
    const T *const x = w.key[k.other] + s.first * w.key_stride[k.other], *const own = in_lanes<k.own, k.slope>(w) + row;
    const extent_t stride = w.key_stride[k.other], width = w.extents.width[k.other];
    // mutants: differences_of_what_is_excluded
    if ((s.mixed || k.keep) && !(w.finite[k.own] && simd::all_finite(x, stride, width, s.count)))
      simd::accumulate_present_differences<k.slope>(p, x, stride, own, w.sums[K] + row, width, s.count, s.packs.count);
    else simd::accumulate_all_differences<k.slope>(p, x, stride, own, w.sums[K] + row, width, s.count, s.packs.count);
  }
  // count: of rows.
  template <int K>
  static void give_columns(work& w, const T* p, const typename work::segment& s, int count) {
    constexpr sink k = Region.gradient.sinks[K];
    const extent_t padded = w.extents.padded[k.other], width = w.extents.width[k.other],
                   from = w.natural_stride[k.other], stride = w.key_stride[k.own];
    const T *const x = w.natural[k.other] + s.packs.first * lanes * from, *const own = w.key[k.own] + s.first * stride;
    T* const to = w.sums[K] + s.first * padded;
    if ((s.mixed || k.keep) && !(w.finite[k.other] && simd::all_finite(own, stride, width, s.count)))
      simd::outer_present_differences<k.slope>(p, x, from, own, stride, width, to, padded, count, s.count);
    else simd::outer_all_differences<k.slope>(p, x, from, own, stride, width, to, padded, count, padded, s.count);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
