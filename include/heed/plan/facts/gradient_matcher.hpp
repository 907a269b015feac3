// Recognises what a score-gradient region computes: everything that is reduced out of the pairs (rows x columns) of one
// softmax and vanishes with its weights, which is the shape of every gradient that passes through attention. Such a
// value is a *sink*: queries' gradients dot<m>(pair, keys), keys' and values' dot<n>(pair, queries), sums for captured
// operands (for a table that the score reads at a computed index, a sum for each of its elements), or the pairs
// themselves. The weights are recomputed tile by tile from the log-sum-exp (Dao et al. 2022, FlashAttention), so that
// nothing over pairs is stored unless it is a result.
#pragma once
#include "distances.hpp"
#include "uses.hpp"
#include "vanishing.hpp"
#include "walk.hpp"

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
// Where is a value 0 because the weights are?
constexpr node_flags vanishing_with(const graph& g, node_id weights) {
  node_flags r{};
  r[weights] = true;
  for (int i = weights + 1; i < g.size; ++i) {
    const node& x = g[i];
    r[i] = vanishes_with_operands(g, x, r[x.a], r[x.b], r[x.c]);
  }
  return r;
}

struct gradient_matcher {
  const graph& g;
  const internal::plan::uses& uses;
  gradient_match match{};
  const node_flags& taken;                                   // what other regions give already
  const fixed_array<gradient_match, max_gradients>& others;  // ... and these
  int other_count;
  node_flags vanishes{};
  bool finds_statistics = false;    // of rows, in several passes, and nothing else
  further_contractions of_score{};  // the contractions that the score is made of, but for the first

  constexpr gradient_matcher(const graph& graph_, const internal::plan::uses& uses_, const node_flags& taken_,
                             const fixed_array<gradient_match, max_gradients>& others_, int count)
      : g(graph_),
        uses(uses_),
        taken(taken_),
        others(others_),
        other_count(count) {}

  constexpr axis_set pairs() const { return match.batch | match.rows | bit(match.column); }
  constexpr bool has_weights() const { return match.weights != 0; }
  constexpr bool is_pairwise(node_id i) const { return (g[i].axes & bit(match.column)) && (g[i].axes & match.rows); }
  // Whether the program of a value can be computed at pairs. `with` grows by the contractions that it needs beside
  // those of the score: a second one, then as many as a region has. Without any it is an index, which no contraction
  // and no weight may enter.
  struct contractions {
    node_id product;
    further_contractions terms;
  };
  constexpr bool computes(node_id value, contractions* with) const {
    return !walk(g, {value}, [&](node_id i, const node& x) {
      if (i == match.weights || i == match.tile) return with ? step::skip : step::stop;
      if (x.code == op::gather && is_pairwise(source_of_view(g, x.a)) && !lies_in_input(g, x.a)) return step::stop;
      if (is_inlined(x.code)) return within_program(x);
      if (!is_pairwise(i) || lies_in_input(g, i)) return step::skip;
      if (!with) return step::stop;
      if (match.adds_up(x)) return is_real(x.type) && !uses.decides[i] ? step::descend : step::stop;
      if (with->product == i || with->terms.have(i)) return step::skip;
      if (!is_contraction(g, x) || count_of(x.over) != 1) return step::stop;
      const pair_contraction c = contraction_of(g, i, match.column);
      if (!c.tile || (c.columns & match.rows)) return step::stop;
      if (!with->product && !c.index) {
        with->product = i;
        return step::skip;
      }
      if (with->terms.count == max_terms) return step::stop;
      with->terms.add(c);
      return step::skip;
    });
  }
  // What a scatter adds up: factor * sum over `over` of a pairwise value. Where the score broadcast the table, over a
  // batch say, its gradient was summed first.
  struct scattered_pair {
    node_id pair;
    axis_set over;
    double factor;
  };
  constexpr scattered_pair below_scatter(node_id scatter) const {
    scattered_pair below{g[scatter].a, g[scatter].over, 1};
    for (;;) {
      const node& x = g[below.pair];
      if (x.code == op::negate) below.factor = -below.factor, below.pair = x.a;
      else if (x.code == op::multiply && is_constant(g, x.a)) below.factor *= g[x.a].value, below.pair = x.b;
      else if (x.code == op::sum && is_pairwise(below.pair)) below.over |= x.over, below.pair = x.a;
      else break;
    }
    if (!vanishes[below.pair]) below.pair = 0;
    return below;
  }
  // Without a softmax a product says 0 in both operands where one is absent, which the region leaves out.
  struct guarded {
    node_id value, keep;
  };
  constexpr guarded without_guard(node_id i) const {
    const node& x = g[i];
    if (has_weights()) return {i, 0};
    if (x.code == op::present && g[x.a].code == op::mask) return {g[x.a].a, g[x.a].b};
    if (x.code == op::where && is_constant(g, x.c, 0)) return {x.b, x.a};
    return {i, 0};
  }
  // What a scatter adds up where it is a product of a pairwise value and one along the rows: factor * sum over `over`.
  struct scattered_product {
    node_id pair, other;
    axis_set over;
    double factor;
    node_id keep = 0;  // elsewhere it is 0
  };
  constexpr scattered_product product_below_scatter(node_id scatter) const {
    scattered_product below{0, 0, g[scatter].over, 1};
    for (node_id i = g[scatter].a;;) {
      const node& x = g[i];
      if (x.code == op::negate) below.factor = -below.factor, i = x.a;
      else if (x.code == op::multiply && is_constant(g, x.a)) below.factor *= g[x.a].value, i = x.b;
      else if (x.code == op::sum && is_pairwise(i)) below.over |= x.over, i = x.a;
      else if (const guarded bare = without_guard(i); bare.keep && !below.keep) below.keep = bare.keep, i = bare.value;
      else if (x.code == op::dot || x.code == op::multiply) {
        const node &a = g[x.a], &b = g[x.b];  // an axis that the other factor lacks may have been summed before
        const bool in_a = a.code == op::sum && vanishes[a.a] && !(b.axes & a.over),
                   in_b = b.code == op::sum && vanishes[b.a] && !(a.axes & b.over);
        below.over |= x.over | (in_a ? a.over : in_b ? b.over : axis_set(0));
        below.pair = vanishes[x.a] ? x.a : vanishes[x.b] ? x.b : in_a ? a.a : in_b ? b.a : node_id(0);
        below.other = vanishes[x.a] || (!vanishes[x.b] && in_a) ? x.b : x.a;
        return below;
      } else return below;
    }
  }
  // Has the other factor a width, which the pairs have not?
  constexpr bool adds_products(const scattered_product& below) const {
    return below.pair && (g[below.other].axes & ~g[below.pair].axes);
  }
  constexpr node_id pair_of(node_id core) const {
    const node& x = g[core];
    if (takes_passes(x.code)) return finds_statistics && vanishes[x.a] && is_real(x.type) ? x.a : node_id(0);
    if (finds_statistics) return 0;
    if (x.code == op::scatter) {
      const scattered_product below = product_below_scatter(core);
      return adds_products(below) ? below.pair : below_scatter(core).pair;
    }
    if (x.code == op::sum) return vanishes[x.a] ? x.a : node_id(0);
    if (x.code != op::dot) return vanishes[core] && uses.result[core] && is_real(x.type) ? core : node_id(0);
    if (const weighted_values w = weighted(g, core);
        w.weights && !table_at_distance_of(g, w.values, match.column).table)
      return 0;
    return vanishes[x.a] ? x.a : vanishes[x.b] ? x.b : node_id(0);
  }
  // The farthest multiple by a number that alone uses the core.
  constexpr void set_root(gradient_sink& sink) const {
    sink.root = sink.core;
    if (sink.kind == sink_kind::row_statistic) return;
    while (!uses.result[sink.root]) {
      const node_id user = sole_user(g, uses, sink.root);
      if (!user || g[user].type != g[sink.root].type) return;
      const node& y = g[user];
      if (y.code == op::negate) sink.factor = -sink.factor;
      else if (y.code == op::multiply && is_constant(g, y.a)) sink.factor *= g[y.a].value;
      else return;
      sink.root = user;
    }
  }
  // What the region makes of a pairwise value, by what the core below the sink sums; false: not what it can make. Sums
  // over items of a batch are added by one thread in order, the same items for all sinks, unless each item has a
  // partial sum of its own.
  constexpr bool classify(gradient_sink& sink) {
    const op code = g[sink.core].code;
    sink.over = code == op::dot || code == op::sum ? g[sink.core].over : axis_set(0);
    if (takes_passes(code)) return is_statistic(sink);
    if (code == op::scatter) {
      const scattered_product below = product_below_scatter(sink.core);
      return adds_products(below) ? is_table_product(sink, below) && adds_serially(sink) : is_table_sum(sink);
    }
    if (code != op::dot) return is_sum(sink) && (sink.kind != sink_kind::pairs || adds_serially(sink));
    return is_product(sink) && adds_serially(sink);
  }
  constexpr bool adds_serially(const gradient_sink& sink) {
    const axis_set summed_batch = sink.over & match.batch;
    if (summed_batch && match.serial && match.serial != summed_batch) return false;
    if (summed_batch) match.serial = summed_batch;
    return true;
  }
  constexpr bool is_product(gradient_sink& sink) {
    const node& x = g[sink.core];
    const axis_set all = pairs(), column = bit(match.column);
    sink.other = x.a == sink.pair ? x.b : x.a;
    const node& other = g[sink.other];
    const axis_set width = other.axes & ~all;
    if (other.code == op::mask || vanishes[sink.other] || !is_real(other.type)) return false;
    if (count_of(width) > 1 || (sink.over & ~all)) return false;
    const guarded bare = without_guard(sink.other);
    if (const table_at_distance from = table_at_distance_of(g, bare.value, match.column);
        from.table && sink.over == column) {
      sink.keep = bare.keep;
      sink.kind = sink_kind::skewed_row_product, sink.other = from.table, sink.index = from.index;
      sink.table = from.axis;
      const axis_set own = g[from.table].axes & ~all & ~bit(from.axis);
      return is_at_distance(from) && count_of(own) == 1 && x.axes == (match.batch | match.rows | own);
    }
    if (sink.over == column) {
      sink.kind = sink_kind::row_product;
      return !(other.axes & match.rows) && x.axes == (match.batch | match.rows | width);
    }
    sink.kind = sink_kind::column_product;
    return !(other.axes & column) && (sink.over & match.rows) == match.rows && !(sink.over & column) &&
           x.axes == ((match.batch & ~sink.over) | column | width);
  }
  // Is a distance that of the region's rows? The first table decides which of them it is.
  constexpr bool is_at_distance(const table_at_distance& from) {
    if (!(match.rows & bit(from.position)) || (from.columns & match.rows) || !computes(from.index, nullptr))
      return false;
    if (match.position < 0) match.position = from.position;
    return match.position == from.position;
  }
  constexpr bool is_table_product(gradient_sink& sink, const scattered_product& below) {
    const node& x = g[sink.core];
    const axis_set all = pairs(), column = bit(match.column), width = g[below.other].axes & ~all;
    const table_at_distance from = table_at_distance_of(g, 0, x.b, x.first, match.column);
    sink.kind = sink_kind::table_product, sink.other = below.other, sink.index = x.b, sink.table = x.first;
    sink.over = below.over, sink.factor *= below.factor, sink.keep = below.keep;
    const node& other = g[sink.other];
    if (other.code == op::mask || vanishes[sink.other] || !is_real(other.type) || (other.axes & column)) return false;
    if (g[sink.pair].axes != all || count_of(width) != 1 || (sink.over & ~all)) return false;
    if ((sink.over & (match.rows | column)) != (match.rows | column)) return false;
    return from.position >= 0 && is_at_distance(from) && x.axes == ((match.batch & ~sink.over) | bit(x.first) | width);
  }
  constexpr bool is_table_sum(gradient_sink& sink) const {
    const node& x = g[sink.core];
    const axis_set all = pairs();
    const scattered_pair below = below_scatter(sink.core);
    sink.kind = sink_kind::table_sum, sink.index = x.b, sink.table = x.first, sink.over = below.over,
    sink.factor *= below.factor;
    const axis_set index = g[sink.index].axes, kept_rows = match.rows & ~sink.over;
    if (g[sink.pair].axes != all || (index & ~all) || !computes(sink.index, nullptr)) return false;
    if (!(sink.over & bit(match.column)) || !(sink.over & match.rows) || (sink.over & ~all)) return false;
    return !(kept_rows & index) && !(all & bit(x.first));
  }
  constexpr bool is_statistic(gradient_sink& sink) const {
    sink.kind = sink_kind::row_statistic, sink.over = g[sink.core].over;
    return sink.over == bit(match.column) && g[sink.pair].axes == pairs();
  }
  constexpr bool is_sum(gradient_sink& sink) const {
    if (g[sink.pair].axes != pairs()) return false;
    const bool columns = sink.over & bit(match.column), rows = (sink.over & match.rows) == match.rows;
    sink.kind = columns ? rows ? sink_kind::uniform_sum : sink_kind::row_sum
                : rows  ? sink_kind::column_sum
                        : sink_kind::pairs;
    return sink.kind != sink_kind::pairs || (!(sink.over & match.rows) && (sink.over == 0 || uses.result[sink.core]));
  }
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

  // A region without a softmax leaves out the pairs that one condition excludes, so that all its sinks must be absent
  // or 0 where it does not hold, and nothing else may be absent in them. The first sink chooses it, or that there is
  // none.
  constexpr bool leaves_out_the_same(node_id pair) {
    node_id keep = 0;
    const bool several = walk(g, {pair}, [&](node_id i, const node& x) {
      if (match.contracts(i)) return step::skip;
      if (x.code == op::mask && keep && x.b != keep) return step::stop;
      if (x.code == op::mask) keep = x.b;
      return within_program(x);
    });
    if (several || (keep && !is_left_out(g, match.tile, pair, keep, !finds_statistics)) || !sums_leave_out(pair, keep))
      return false;
    if (match.sink_count == 0) match.keep = keep;
    return keep == match.keep;
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

  // Running sums in a region: those that go along with its visit of the columns are carried from one to the next. One
  // that goes against it is what its row's total has left, and the total takes a visit before, for which the second
  // contraction is not made. The direction that leaves no totals, or else one in which they can be had.
  constexpr bool choose_direction() {
    node_flags inside{};
    bool runs[2]{};  // from the start, from the end
    int count = 0;
    node_stack open;
    for (int k = 0; k < match.sink_count; ++k) open.push(match.sinks[k].pair);
    walk(g, open, [&](node_id i, const node& x) {
      inside[i] = true;
      if (match.contracts(i)) return step::skip;
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
      needs_product[i] = i == match.product;
      if (match.contracts(node_id(i))) continue;
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
      if (sink.keep && sink.keep != match.keep) continue;
      set_root(sink);
      match.sinks[match.sink_count++] = sink;
    }
    while (match.sink_count && feeds_itself(read_by_region())) {}
    if (!has_weights() && !choose_direction()) match.sink_count = 0;
    bool reduced = has_weights() && match.product != 0;  // else the weights themselves are wanted, over pairs
    for (int k = 0; k < match.sink_count; ++k) reduced = reduced || match.sinks[k].kind != sink_kind::pairs;
    if (!reduced) match.sink_count = 0;
    return match;
  }

  constexpr gradient_match run(node_id weights) {
    match.weights = weights, match.score = g[weights].a, match.column = only_axis(g[weights].over);
    if (count_of(g[weights].over) != 1 || !is_real(g[weights].type)) return match;
    vanishes = vanishing_with(g, weights);
    return matched(weights);
  }
  // Without a softmax: what is reduced out of pointwise programs over a contraction, columns along one of its axes.
  constexpr gradient_match run(node_id tile, int column) {
    match.score = tile, match.column = column;
    vanishes = computed_from(g, tile, column);
    return matched(tile);
  }

 private:
  constexpr gradient_match matched(node_id from) {
    const score_match score = match_score(g, match.score, 0, match.column);
    if (!score.ok() || !score.rows || score.runs) return match;
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
