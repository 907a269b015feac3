// Declared graphs as they are planned and differentiated: scores that no kernel takes as they stand, rewritten to what
// is exactly the same and has kernels. Each pass looks first, for most graphs have nothing for it.
#pragma once
#include "joined_axes.hpp"
#include "joined_contractions.hpp"
#include "mixed_heads.hpp"
#include "summed_products.hpp"
#include "unrolled_units.hpp"

namespace heed::internal {

constexpr bool may_be_rewritten(const graph& g) {
  return may_sum_products(g) || may_unroll_units(g) || may_mix_heads(g) || may_join_contractions(g) || may_join_axes(g);
}
// Sums that are contractions are that for all others. Shifted scores are joined before heads are mixed, and what a
// mixture is shifted to behind it.
constexpr merged_graph rewritten(const merged_graph& declared) {
  merged_graph r = may_sum_products(declared.g) ? with_summed_products(declared) : declared;
  if (may_unroll_units(r.g)) r = with_unrolled_units(r);
  if (may_join_contractions(r.g)) r = with_joined_contractions(r);
  if (may_mix_heads(r.g)) {
    r = with_mixed_heads(r);
    if (may_join_contractions(r.g)) r = with_joined_contractions(r);
  }
  return may_join_axes(r.g) ? with_joined_axes(r) : r;
}

}  // namespace heed::internal
