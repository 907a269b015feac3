// Places every other region: contractions with what follows them, rows with their reductions, scatters, and loops that
// compute whatever none of the others takes.
#pragma once
#include "place_score.hpp"

namespace heed::internal::plan {

// A region while it is placed. `tile`: the contraction that it holds (0: none); `over`: the axes that its reductions
// run along; `recomputed`: what it must not read, because it compares it: found on the way.
struct pointwise_region {
  node_id root{}, tile{};
  axis_set over{};
  bool loop = false;
  node_flags recomputed{};
  int alone = 0;  // how many products have no region without it; see execution_plan
};

struct pointwise_placing : score_placing {
  // `reason`: why it has to be a loop; empty: it need not be one. Whether a region reads values over pairs of
  // positions, which only loops can compute again, shows when its reads are listed; then they are listed once more.
  constexpr void place_pointwise(node_id root, const char* reason) {
    const bool runs = running_sum_of(root) != 0;  // a row region
    if (runs) reason = "";
    pointwise_region of{.root = root, .loop = *reason != 0, .alone = plan.alone.count};
    node_id core = 0;
    if (!of.loop) core = of.tile = contraction_of(root);
    if (!of.loop && !of.tile) {
      const reduction first = first_reduction(root);
      core = first.core, of.over = first.over;
    }
    if (count_of(of.over) > 1) of.loop = true, reason = "a reduction over several axes at once";
    const region_kind fused = plan.g[root].code == op::scatter ? region_kind::scatter
                              : of.tile                        ? region_kind::matmul
                                                               : region_kind::row;
    outline& region = new_region(of.loop ? region_kind::loop : fused, core, reason);
    write(region, root);
    while (!list_reads(region, of)) {}
    if (!of.loop && !runs && reads_pairs(region)) {
      region.kind = region_kind::loop, region.reason = values_over_pairs, region.core = 0;
      of.loop = true, of.tile = 0, of.over = 0;
      while (!list_reads(region, of)) {}
    }
    for (int k = 0; k < region.read_count; ++k) need(region.reads[k]);
  }
  // Does the region of root compute a value whose memory would lie over pairs of positions that root itself lacks?
  constexpr bool holds_pairs(node_id root) const {
    return walk(plan.g, {root}, [&](node_id i, const node& x) {
      if (i == root) return needs_loop(i, root) ? step::stop : step::descend;
      if (x.code == op::input || (uses.result[i] && !uses.absent[i]) || gradient_of[i]) return step::skip;
      if (needs_loop(i, root)) return step::stop;
      return is_contraction(plan.g, x) || (wanted[i] && !uses.pairwise[i]) ? step::skip : step::descend;
    });
  }
  // Why it is a loop, if it adds up such values on the way; empty: it does not. Where a softmax runs along other axes
  // they are added up along its rows.
  constexpr const char* why_sums_loop(node_id root) const {
    axis_set summed = 0, columns = 0;
    walk(plan.g, {root}, [&](node_id i, const node& x) {
      if (x.code == op::running_sum && uses.unstorable[i]) summed |= x.over;
      if (x.code == op::softmax) columns |= x.over;
      return step::descend;
    });
    return !summed ? "" : columns && (summed & ~columns) ? running_sum_of_rows : running_sum_over_pairs;
  }

 private:
  // Of contractions a matmul takes products alone; others are reductions of a row.
  constexpr bool is_product(const node& x) const { return x.code == op::dot && is_contraction(plan.g, x); }
  // The contraction whose tile the region of root holds: root itself, whoever else has it on the way to a summit, or
  // the one that root is the summit of, unless that is stored for somebody else, or given by a gradient region (a
  // multiple of it), and read like any other value.
  constexpr node_id contraction_of(node_id root) const {
    if (is_product(plan.g[root])) return root;
    const node_id below = uses.below[root];
    if (!below || !is_product(plan.g[below])) return 0;
    return lies_in_memory(below) || given[below] ? node_id(0) : below;
  }
  // The running sum that the region of root makes: root itself, or what root is the summit of. All others read it, but
  // for loops over pairs of positions, which add up their own.
  constexpr node_id running_sum_of(node_id root) const {
    if (plan.g[root].code == op::running_sum) return root;
    const node_id below = uses.below[root];
    if (plan.g[below].code != op::running_sum || uses.unstorable[below]) return 0;
    return lies_in_memory(below) ? node_id(0) : below;
  }
  // The first reduction below root that covers its rows: along its axes all reductions of the region run.
  struct reduction {
    node_id core{};
    axis_set over{};
  };
  constexpr reduction first_reduction(node_id root) const {
    reduction found;
    if (const node_id sum = running_sum_of(root)) return {sum, plan.g[sum].over};
    walk(plan.g, {root}, [&](node_id i, const node& x) {
      if (i != root && !uses.absent[i] && (wanted[i] || needed[i])) return step::skip;
      if (!is_heavy(x.code)) return within_program(x);
      if (!fuses(i, root, x.over)) return step::skip;
      found = {i, x.over};
      return x.over ? step::stop : step::skip;
    });
    return found;
  }
  // May reduction i be computed inside the region of root, whose reductions run along `over`?
  constexpr bool fuses(node_id i, node_id root, axis_set over) const {
    const node& x = plan.g[i];
    if (x.code == op::running_sum && i != running_sum_of(root)) return false;
    return !is_product(x) && x.over == over && (x.axes & ~over) == (plan.g[root].axes & ~over);
  }

  // ---- what it reads
  // Goes from the root of a region down to what it reads; false: a comparison on the way forbids to read what may have
  // been listed.
  constexpr bool list_reads(outline& region, pointwise_region& of) {
    region.read_count = 0, plan.alone.count = of.alone;
    return !walk(plan.g, {of.root}, [&](node_id i, const node& x) {
      if (is_leaf(x.code) && x.code != op::input) return step::skip;
      if (uses.compared.count && is_comparison(x.code) && uses.compared.add_recomputed(plan.g, i, of.recomputed))
        return step::stop;
      if (i != of.root && reads(of, i)) return list_read(region, i), step::skip;
      // mutants: product_left_to_no_region
      if (left_to_region[i] && plan.alone.count < int(plan.alone.of.size())) plan.alone.add(left_to_region[i]);
      if (i == of.tile || x.code == op::concat) return list_read(region, x.a), list_read(region, x.b), step::skip;
      if (x.code == op::shift) return list_read(region, x.a), step::skip;
      if (x.code == op::gather) return list_read(region, x.a), step::index_only;
      return is_view(x.code) || x.code == op::input ? step::skip : step::descend;
    });
  }
  // Does the region read i from memory, instead of computing it?
  constexpr bool reads(const pointwise_region& of, node_id i) const {
    const node& x = plan.g[i];
    if (is_view(x.code) || x.code == op::input) return true;
    const bool there = of.loop ? loop_reads(i, of.root) : stored(i, of);
    if (there && !of.recomputed[i]) return true;
    const bool looped = of.loop && (x.code != op::running_sum || uses.unstorable[i]);
    const bool computable = looped || !is_heavy(x.code) || fuses(i, of.root, of.over);
    return !computable && (there || i != of.tile);
  }
  // Is i (or what it is the summit of) a stored value seen from the region of root?
  constexpr bool stored(node_id i, const pointwise_region& of) const {
    if (uses.absent[i]) return false;
    if (lies_in_memory(i)) return true;
    const node_id below = uses.below[i];
    return below && below != of.tile && !fuses(below, of.root, of.over) && !is_leaf(plan.g[i].code);
  }
  // Does the loop of root read i? What would have to be stored over pairs for it is computed again.
  constexpr bool loop_reads(node_id i, node_id root) const {
    if (uses.absent[i]) return false;
    if (uses.result[i] || gradient_of[i]) return uses.result[i] || wanted[i];
    return wanted[i] && !needs_loop(i, root) && !needs_pairs(i);
  }
  constexpr bool reads_pairs(const outline& region) const {
    for (int k = 0; k < region.read_count; ++k)
      if (needs_pairs(region.reads[k])) return true;
    return false;
  }
  // Would storing i take memory over pairs of positions that the root itself does not have?
  constexpr bool needs_loop(node_id i, node_id root) const {
    return uses.pairwise[i] && (plan.g[i].axes & ~plan.g[root].axes);
  }
};

}  // namespace heed::internal::plan
