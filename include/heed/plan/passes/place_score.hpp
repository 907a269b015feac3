// Places score regions: softmax over the scores of queries and keys, the values that it weighs, and the statistics of
// the rows that come out of the same loops.
#pragma once
#include "find_gradients.hpp"

namespace heed::internal::plan {

struct score_placing : gradient_placing {
  // Places the region that gives i, if there is one. Otherwise says why not, where i looks like the result of one.
  constexpr bool place_score(node_id i, const char*& reason) {
    node_id values = 0;
    const node_id score = score_under(i, values);
    if (!score) return false;
    const int column = only_axis(plan.g[i].over);
    score_match match = match_score(plan.g, score, values, column);
    // Weights that may be stored are, and weigh values as any product of two values in memory does.
    if (!match.ok() && values && uses.unstorable[weighted(plan.g, i).weights]) reason = match.reason;
    if (!match.ok() || (!values && !match.rows)) return false;
    if (const char* why = refusal(match, score, values); *why) {
      reason = why;
      return false;
    }
    const node_id product = values ? i : product_beside(i, score);
    if (!product && lies_in_memory(score))
      return false;  // a pass over what is stored is less than the contraction once more
    if (!product && is_compared_in_memory(i, match)) return false;
    if (product && !values) {
      values = weighted(plan.g, product).values;
      match = match_score(plan.g, score, values, column);
    }
    outline& region = new_region(region_kind::score, score);
    if (product) write(region, product);
    write_statistics(region, match, values);
    read(region, match.x);
    read(region, match.w);
    for (const pair_contraction& c : match.terms) read(region, c.x), read(region, c.w);
    if (values) read(region, values);
    node_stack open;
    open.push(score);
    for (const pair_contraction& c : match.terms) open.push(c.index);
    read_program(region, open, match);
    lay_pairs_along(region, match);
    return true;
  }

 private:
  // The value before softmax that node i is a result of, if it is one that a score region gives; 0 if not.
  constexpr node_id score_under(node_id i, node_id& values) const {
    const weighted_values product = weighted(plan.g, i);
    values = product.values;
    if (product.weights) return plan.g[product.weights].a;
    const node& x = plan.g[i];
    if ((x.code == op::logsumexp || x.code == op::max) && count_of(x.over) == 1) return x.a;
    return 0;
  }
  // Why no region computes a score that looks like one: it would have to read what is not stored, or to compare its
  // scores with what another region makes of them. Empty: one does.
  constexpr const char* refusal(const score_match& match, node_id score, node_id values) const {
    if (uses.compared.in_program(plan.g, score, match.tile, given))
      return "scores are compared with what is made of them";
    bool over_pairs = needs_pairs(match.x) || needs_pairs(match.w) || (values && needs_pairs(values)) ||
                      program_needs_pairs(score, match);
    for (const pair_contraction& c : match.terms) over_pairs = over_pairs || needs_pairs(c.x) || needs_pairs(c.w);
    return over_pairs ? values_over_pairs : "";
  }
  // Everything that reads the same score in the same way comes out of the same loops: beside a statistic i the last
  // product with the weights, unless it needs i itself. 0: there is none.
  constexpr node_id product_beside(node_id i, node_id score) const {
    for (int j = i - 1; j > score; --j) {
      const weighted_values product = weighted(plan.g, node_id(j));
      if (!uses.used[j] || !product.weights || plan.g[product.weights].a != score) continue;
      if (plan.g[j].over == plan.g[i].over &&
          match_score(plan.g, score, product.values, only_axis(plan.g[i].over)).ok() && !comes_from(product.values, i))
        return node_id(j);
    }
    return 0;
  }
  // The log-sum-exp and the maximum of the region's score.
  constexpr void write_statistics(outline& region, const score_match& match, node_id values) {
    const node_id score = region.core;
    const int end = uses.last[score] < plan.g.size ? uses.last[score] : plan.g.size - 1;
    for (const op kind : {op::logsumexp, op::max})
      for (int j = end; j > score; --j) {
        const node& x = plan.g[j];
        if (x.code != kind || x.a != score || x.over != bit(match.column) || !uses.used[j] || placed[j]) continue;
        if ((x.axes & match.batch & ~plan.g[score].axes) || comes_from(values, node_id(j))) continue;
        if (is_compared_in_memory(node_id(j), match)) continue;
        write(region, node_id(j));
        break;
      }
  }
  // A maximum that is compared with the scores it is made of, where their contraction is stored, or what it is on the
  // way to: whoever compares may read both, so that it has to be made of what is stored, and not of tiles contracted
  // once more in units of log 2.
  // mutants: maximum_contracted_again
  constexpr bool is_compared_in_memory(node_id i, const score_match& match) const {
    const auto made_of_tile = [&](node_id j) {
      return walk(plan.g, {j}, [&](node_id k, const node&) {
        return k == match.tile ? step::stop : k < match.tile ? step::skip : step::descend;
      });
    };
    return plan.g[i].code == op::max && uses.compared.compares(i) &&
           walk(plan.g, {plan.g[i].a}, [&](node_id j, const node& x) {
             if (lies_in_memory(j) && made_of_tile(j)) return step::stop;
             return j == match.tile ? step::skip : within_program(x);
           });
  }
  // Does a value come from another one, by way of the regions that have been placed? One that writes several values
  // reads for all of them.
  constexpr bool comes_from(node_id value, node_id source) const {
    node_stack open;
    open.push(value);
    return walk(plan.g, open, [&](node_id i, const node& x) {
      if (i == source) return step::stop;
      if (gradient_of[i]) {
        const gradient_match& match = plan.gradients[gradient_of[i] - 1];
        open.push(match.log_sum_exp);
        for (int k = 0; k < match.sink_count; ++k) open.push(match.sinks[k].core);
      }
      if (placed[i] && (x.code == op::logsumexp || x.code == op::max))
        for (int k = 0; k < plan.region_count; ++k) {
          const outline& region = plan.regions[k];
          if (region.kind != region_kind::score || !writes(region, i)) continue;
          for (int j = 0; j < region.read_count; ++j) open.push(region.reads[j]);
        }
      return step::descend;
    });
  }
  static constexpr bool writes(const outline& region, node_id i) {
    for (int k = 0; k < region.write_count; ++k)
      if (region.writes[k].value == i) return true;
    return false;
  }
};

}  // namespace heed::internal::plan
