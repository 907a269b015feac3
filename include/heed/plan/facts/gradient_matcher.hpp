// Recognises what a score-gradient region computes: everything that is reduced out of the pairs (rows x columns) of one
// softmax and vanishes with its weights, which is the shape of every gradient that passes through attention. Such a
// value is a *sink*: queries' gradients dot<m>(pair, keys), keys' and values' dot<n>(pair, queries), sums for captured
// operands (for a table that the score reads at a computed index, a sum for each of its elements), or the pairs
// themselves. The weights are recomputed tile by tile from the log-sum-exp (Dao et al. 2022, FlashAttention), so that
// nothing over pairs is stored unless it is a result.
#pragma once
#include "sink_matcher.hpp"

namespace heed::internal::plan {

// Where is a value made of a contraction at the same pairs, by pointwise operations and running sums along the columns?
constexpr node_flags computed_from(const graph& g, node_id tile, int column) {
  node_flags r{};
  r[tile] = true;
  for (int i = tile + 1; i < g.size; ++i) {
    const node& x = g[i];
    const bool pointwise =
        is_pointwise(x.code) || x.code == op::mask || (x.code == op::running_sum && x.over == bit(column));
    const bool decides = x.type == element::boolean;  // what is chosen by a comparison of scores is made of them
    r[i] = pointwise && (is_real(x.type) || decides) && (r[x.a] || r[x.b] || r[x.c]) && !(g[tile].axes & ~x.axes);
  }
  return r;
}
// Where a score is absent: where its one condition fails (0: nowhere), or it is not that simple.
struct score_absence {
  node_id keep{};
  bool simple = true;
};
constexpr score_absence absence_of(const graph& g, const score_match& match, node_id score) {
  score_absence found;
  walk(g, {score}, [&](node_id i, const node& x) {
    if (match.contracts(i) || match.adds_up(x)) return step::skip;
    if (x.code == op::where || x.code == op::present) found.simple = false;
    if (x.code == op::mask && found.keep && found.keep != x.b) found.simple = false;
    if (x.code == op::mask) found.keep = x.b;
    return within_program(x);
  });
  return found;
}
// Where is a value 0 because the weights are, or absent wherever their score is? A running sum of such values is a
// number at every pair, until the score's condition stands at what is made of it.
constexpr node_flags vanishing_with(const graph& g, node_id weights, const score_absence* score) {
  node_flags r{}, sums{};
  r[weights] = true;
  for (int i = weights + 1; i < g.size; ++i) {
    const node& x = g[i];
    r[i] = vanishes_with_operands(g, x, r[x.a], r[x.b], r[x.c]);
    if (!score || !is_real(x.type)) continue;
    const bool sum = x.code == op::running_sum && x.over == g[weights].over && r[x.a];
    sums[i] = sum || ((is_pointwise(x.code) || x.code == op::mask) && (sums[x.a] || sums[x.b] || sums[x.c]));
    r[i] = r[i] || (score->keep ? x.code == op::mask && x.b == score->keep && sums[x.a] : sum);
  }
  return r;
}

struct gradient_matcher : sink_matcher {
  const node_flags& taken;                                   // what other regions give already
  const fixed_array<gradient_match, max_gradients>& others;  // ... and these
  int other_count;
  further_contractions of_score{};  // the contractions that the score is made of, but for the first
  bool has_sums = false;            // there are running sums along the columns
  score_absence absence{};          // ... and of a softmax where its score is absent

  constexpr gradient_matcher(const graph& graph_, const internal::plan::uses& uses_, const node_flags& taken_,
                             const fixed_array<gradient_match, max_gradients>& others_, int count)
      : sink_matcher(graph_, uses_),
        taken(taken_),
        others(others_),
        other_count(count) {}

  // Does a value that the region reads depend on this one?
  constexpr bool feeds_itself(const node_flags& before) {
    bool any = false;
    int kept = 0;
    for (int k = 0; k < match.sink_count; ++k) {
      if (before[match.sinks[k].core]) any = true;
      else match.sinks[kept++] = match.sinks[k];
    }
    match.sink_count = kept;
    return any;
  }
  // What the region reads, and all that is computed for it.
  constexpr node_flags read_by_region() const {
    node_flags reads = operands_of_region();
    for (bool more = true; more;) {
      for (int i = g.size - 1; i > 0; --i)
        if (reads[i]) reads[g[i].a] = reads[g[i].b] = reads[g[i].c] = true;
      more = false;  // a region that gives one of its sums gives all of them
      for (int k = 0; k < other_count; ++k) {
        const gradient_match& other = others[k];
        bool any = false, all = true;
        for (int j = 0; j < other.sink_count; ++j) {
          const bool here = reads[other.sinks[j].core];
          any = any || here, all = all && here;
        }
        if (!any || all) continue;
        for (int j = 0; j < other.sink_count; ++j) reads[other.sinks[j].core] = true;
        more = true;
      }
    }
    reads[0] = false;
    return reads;
  }

  constexpr node_flags operands_of_region() const {
    node_flags reads{};
    node_stack open;
    for (int k = 0; k < match.sink_count; ++k) {
      open.push(match.sinks[k].pair), open.push(match.sinks[k].index);
      reads[match.sinks[k].other] = true;
    }
    reads[match.g] = reads[match.v] = reads[match.x] = reads[match.w] = true;
    for (const pair_contraction& c : match.terms) reads[c.x] = reads[c.w] = true, open.push(c.index);
    walk(g, open, [&](node_id i, const node& x) {
      if (i == match.weights) open.push(match.score);
      if (match.gives(i)) return step::skip;
      if (match.adds_up(x)) return step::descend;
      if (x.code == op::gather) reads[x.a] = true;
      if (!is_inlined(x.code)) reads[i] = true;
      return within_program(x);
    });
    return reads;
  }

  // The one condition that excludes pairs of a value, which all others follow from; false: there are several.
  constexpr bool has_one_condition(node_id value, node_id& keep) const {
    return !walk(g, {value}, [&](node_id i, const node& x) {
      if (match.gives(i)) return step::skip;
      if (x.code != op::mask) return within_program(x);
      if (keep && !implies(g, keep, x.b) && !implies(g, x.b, keep)) return step::stop;
      if (!implies(g, keep, x.b)) keep = x.b;
      return within_program(x);
    });
  }
  // A region without a softmax leaves out the pairs that one condition excludes, so that all its sinks must be absent
  // or 0 where it does not hold, and nothing else may be absent in them. The first sink chooses it, or that there is
  // none.
  constexpr bool leaves_out_the_same(node_id pair) {
    node_id keep = 0;
    if (!has_one_condition(pair, keep) || (keep && !is_left_out(g, match.tile, pair, keep, !finds_statistics)) ||
        !sums_leave_out(pair, keep))
      return false;
    if (match.sink_count == 0) match.keep = keep;
    return keep == match.keep;
  }
  // A region with weights leaves out what their score does, and besides what one more condition excludes, where all
  // sums are absent or 0 where it does not hold: what is there would be multiplied by 0. Not where running sums go
  // over all that the score has.
  constexpr node_id condition_of_all_sums() const {
    const auto holds_sums = [&](node_id value) {
      return walk(g, {value}, [&](node_id i, const node& x) {
        if (match.gives(i)) return step::skip;
        return match.adds_up(x) ? step::stop : within_program(x);
      });
    };
    if (holds_sums(match.score)) return 0;
    node_id keep = 0;
    for (int k = 0; k < match.sink_count; ++k) {
      const gradient_sink& sink = match.sinks[k];
      if (sink.kind == sink_kind::pairs || sink.kind == sink_kind::row_statistic || sink.index) return 0;
      node_id own = 0;
      if (holds_sums(sink.pair) || !has_one_condition(sink.pair, own) || (keep && own != keep)) return 0;
      keep = own;
      if (!keep || !is_left_out(g, match.tile, sink.pair, keep)) return 0;
    }
    return keep;
  }
  // A running sum is a number at every pair, whatever is absent in what it adds up; what the region leaves out must be
  // nothing to it. The condition itself is known before any pair is.
  constexpr bool sums_leave_out(node_id pair, node_id keep) const {
    const auto sums = [&](node_id i, const node& x) {
      if (match.contracts(i)) return step::skip;
      if (!match.adds_up(x)) return within_program(x);
      return keep && !is_left_out(g, match.tile, x.a, keep) ? step::stop : step::descend;
    };
    if (keep &&
        walk(g, {keep}, [&](node_id, const node& x) { return match.adds_up(x) ? step::stop : within_program(x); }))
      return false;
    return !walk(g, {pair}, sums);
  }

  // The same of what vanishes with weights.
  constexpr bool sums_vanish(node_id value) const {
    return !walk(g, {value}, [&](node_id i, const node& x) {
      if (match.gives(i)) return step::skip;
      if (!match.adds_up(x)) return within_program(x);
      const bool nothing = !absence.keep || vanishes[x.a] || is_left_out(g, match.tile, x.a, absence.keep);
      return nothing ? step::descend : step::stop;
    });
  }

  // Running sums in a region: those that go along with its visit of the columns are carried from one to the next. One
  // that goes against it is what its row's total has left, and the total takes a visit before, for which the second
  // contraction is not made, and weights are not. The direction that leaves no totals, or else one in which they can be
  // had.
  constexpr bool choose_direction() {
    node_flags inside{};
    bool runs[2]{};  // from the start, from the end
    int count = 0;
    node_stack open;
    if (has_weights()) open.push(match.score);
    for (int k = 0; k < match.sink_count; ++k) open.push(match.sinks[k].pair), open.push(match.sinks[k].index);
    walk(g, open, [&](node_id i, const node& x) {
      inside[i] = true;
      if (match.gives(i)) return step::skip;
      if (!match.adds_up(x)) return within_program(x);
      runs[x.value != 0] = true, ++count;
      return step::descend;
    });
    if (!count) return true;
    if (count > max_running_sums || match.position >= 0 || finds_statistics)
      return false;  // those have their own order
    match.falling = runs[1] && (!runs[0] || !has_totals(inside, false));
    return has_totals(inside, match.falling);
  }
  // Can the totals of all sums that go against a direction be had in few visits, without the second contraction?
  constexpr bool has_totals(const node_flags& inside, bool falling) const {
    node_flags needs_product{};
    fixed_array<std::int8_t, graph::capacity> visits{};  // that a value waits for
    for (int i = 1; i < g.size; ++i) {
      if (!inside[i]) continue;
      const node& x = g[i];
      needs_product[i] = i == match.product || i == match.weights;
      if (match.gives(node_id(i))) continue;
      for (const node_id j : {x.a, x.b, x.c}) {
        needs_product[i] = needs_product[i] || needs_product[j];
        if (visits[j] > visits[i]) visits[i] = visits[j];
      }
      if (!match.adds_up(x) || (x.value != 0) == falling) continue;
      if (needs_product[i] || ++visits[i] > max_total_visits) return false;
    }
    return true;
  }

  struct candidate {
    node_id core, pair;
  };
  struct candidates {
    fixed_array<candidate, 128> of{};
    int count = 0;
  };
  // Row axes that do not belong to one run of rows, because something along the columns varies over them (values of
  // each head beside keys that heads share) or a sum over the rows keeps them: they are items of a batch.
  constexpr axis_set apart(const candidates& found) const {
    axis_set items = 0;
    const auto without = [&](axis_set axes) {
      if (match.rows & ~(items | axes)) items |= axes & match.rows;  // some rows are left
    };
    for (int k = 0; k < found.count; ++k) {
      const candidate& c = found.of[k];
      const node& x = g[c.core];
      if (x.code == op::dot && (x.over & bit(match.column)))
        without(column_axes(g, without_guard(x.a == c.pair ? x.b : x.a).value, match.column));
      else if (x.over & match.rows & ~bit(match.column)) without(match.rows & ~x.over);
      walk(g, {c.pair}, [&](node_id i, const node& y) {
        if (i == match.weights || i == match.tile) return step::skip;
        if (match.adds_up(y)) return step::descend;
        if (y.code == op::dot && is_pairwise(i))
          without(column_axes(g, g[y.a].axes & bit(match.column) ? y.a : y.b, match.column));
        return within_program(y);
      });
    }
    return items;
  }
  // The match with these rows, or fewer of them if the second contraction has fewer; everything else is a batch. Of the
  // candidates those are left that can be computed from the same contractions and need none of the others.
  constexpr gradient_match with_rows(const candidates& found, axis_set rows) {
    const node_id weights = match.weights;
    match.rows = rows, match.product = match.g = match.v = match.keep = 0, match.serial = 0, match.sink_count = 0;
    match.falling = false;
    candidates fit = found;
    match.terms = of_score;
    for (int k = 0; k < fit.count; ++k) {  // the contractions, the same for all
      contractions with{match.product, match.terms};
      if (!computes(fit.of[k].pair, &with)) fit.of[k].core = 0;
      else match.product = with.product, match.terms = with.terms;
    }
    axis_set batch = g[weights ? weights : match.tile].axes;
    if (match.product) {
      const node& product = g[match.product];
      match.v = g[product.a].axes & bit(match.column) ? product.a : product.b,
      match.g = match.v == product.a ? product.b : product.a;
      const score_match score = match_score(g, match.score, match.v, match.column);
      if (!score.ok() || !(score.rows & rows)) return match;
      match.rows = score.rows & rows, batch = score.batch | score.rows | product.axes;
    }
    for (int k = of_score.count; k < match.terms.count; ++k) {
      const pair_contraction& c = match.terms[k];
      match.rows &= ~c.columns, batch |= g[c.tile].axes | rows;
      if (!match.rows || (batch & bit(c.depth))) return match;
    }
    match.batch = batch & ~(match.rows | bit(match.column));
    match.position = position_of(match.terms);
    if (match.position != -1 && (match.position < 0 || !(match.rows & bit(match.position)))) return match;
    for (int k = 0; k < fit.count && match.sink_count < max_outputs; ++k) {
      gradient_sink sink;
      sink.core = fit.of[k].core, sink.pair = fit.of[k].pair;
      if (!sink.core || !classify(sink)) continue;
      if (!has_weights() && !leaves_out_the_same(sink.pair)) continue;
      if (has_weights() && has_sums && !(sums_vanish(sink.pair) && sums_vanish(sink.index))) continue;
      if (!implies(g, match.keep, sink.keep)) continue;  // it says 0 where the region looks
      set_root(sink);
      match.sinks[match.sink_count++] = sink;
    }
    while (match.sink_count && feeds_itself(read_by_region())) {}
    if (has_weights()) match.keep = condition_of_all_sums();
    if (has_sums && !choose_direction()) match.sink_count = 0;
    bool reduced = has_weights() && match.product != 0;  // else the weights themselves are wanted, over pairs
    for (int k = 0; k < match.sink_count; ++k) reduced = reduced || match.sinks[k].kind != sink_kind::pairs;
    if (!reduced) match.sink_count = 0;
    return match;
  }

  constexpr gradient_match run(node_id weights) {
    match.weights = weights, match.score = g[weights].a, match.column = only_axis(g[weights].over);
    if (count_of(g[weights].over) != 1 || !is_real(g[weights].type)) return match;
    look_for_sums();
    return matched(weights);
  }
  // Without a softmax: what is reduced out of pointwise programs over a contraction, columns along one of its axes.
  constexpr gradient_match run(node_id tile, int column) {
    match.score = tile, match.column = column;
    look_for_sums();
    vanishes = computed_from(g, tile, column);
    return matched(tile);
  }

 private:
  constexpr void look_for_sums() {
    for (int i = 1; i < g.size; ++i)
      has_sums = has_sums || (g[i].code == op::running_sum && g[i].over == bit(match.column));
  }
  constexpr gradient_match matched(node_id from) {
    const score_match score = match_score(g, match.score, 0, match.column);
    if (!score.ok() || !score.rows || (score.runs && !has_weights())) return match;
    if (has_weights()) {
      if (has_sums) absence = absence_of(g, score, match.score);
      if (score.runs && !absence.simple) return match;
      vanishes = vanishing_with(g, match.weights, has_sums && absence.simple ? &absence : nullptr);
    }
    match.tile = score.tile, match.rows = score.rows, match.depth = score.depth, match.x = score.x, match.w = score.w;
    of_score = score.terms;
    candidates found;
    for (int i = from + 1; i < g.size && found.count < int(found.of.size()); ++i) {
      if (!uses.used[i] || taken[i] || uses.unstorable[i]) continue;
      const node_id pair = pair_of(node_id(i));
      if (pair && is_pairwise(pair)) found.of[found.count++] = {node_id(i), pair};
    }
    const gradient_match whole = with_rows(found, score.rows);
    if (whole.sink_count == found.count) return whole;
    match.rows = score.rows;
    const axis_set items = apart(found);
    if (!items) return whole;
    const gradient_match parted = with_rows(found, score.rows & ~items);
    return parted.sink_count > whole.sink_count ? parted : whole;
  }
};

}  // namespace heed::internal::plan
