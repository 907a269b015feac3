// What a score-gradient region may make of a pairwise value, by the axes that are summed: the sinks of
// gradient_matcher.hpp.
#pragma once
#include "differences.hpp"
#include "distances.hpp"
#include "uses.hpp"
#include "vanishing.hpp"
#include "walk.hpp"

namespace heed::internal::plan {

struct sink_matcher {
  const graph& g;
  const internal::plan::uses& uses;
  gradient_match match{};
  node_flags vanishes{};
  bool finds_statistics = false;  // of rows, in several passes, and nothing else

  constexpr sink_matcher(const graph& graph_, const internal::plan::uses& uses_) : g(graph_), uses(uses_) {}

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
      if (!is_pairwise(i) || lies_over_pairs_of_an_input(g, i, match.rows, match.column)) return step::skip;
      if (!with) return step::stop;
      if (match.adds_up(x)) return is_real(x.type) && (has_weights() || !uses.decides[i]) ? step::descend : step::stop;
      if (with->product == i || with->terms.have(i)) return step::skip;
      if (!is_contraction(g, x) || count_of(x.over) != 1) return step::stop;
      const pair_contraction c = contraction_of(g, i, match.column);
      if (!c.tile || (c.columns & match.rows)) return step::stop;
      if (!with->product && !c.index && x.code == op::dot) {
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
    if (x.code != op::dot)
      return vanishes[core] && is_real(x.type) && (uses.result[core] || is_read_as_pairs(core)) ? core : node_id(0);
    if (const weighted_values w = weighted(g, core);
        w.weights && !table_at_distance_of(g, w.values, match.column).table)
      return 0;
    const node_id pair = vanishes[x.a] ? x.a : vanishes[x.b] ? x.b : node_id(0);
    return pair && reads_as_pairs(x, pair, pair == x.a ? x.b : x.a) ? node_id(0) : pair;
  }
  // Is a product one of pairs in memory with what lies over the same pairs, or does it leave the pairs as they are?
  // Memory may hold them because an operand lies over them; of the axes of rows those count whose extents are not
  // known.
  constexpr bool reads_as_pairs(const node& product, node_id pairs, node_id other) const {
    if (uses.unstorable[pairs] || !is_pairwise(pairs)) return false;
    axis_set counted = runtime_axes(g) | bit(match.column);
    if (!(counted & match.rows)) counted |= match.rows;
    return is_product_of_stored_pairs(g, g[pairs].axes & counted, product, other);
  }
  // The same of a value: some product, a view, or what has a width besides, reads it where it lies.
  constexpr bool is_read_as_pairs(node_id core) const {
    if (!is_pairwise(core) || uses.unstorable[core]) return false;
    for (int j = core + 1; j <= uses.last[core] && j < g.size; ++j) {
      const node& y = g[j];
      if (!uses.used[j] || (y.a != core && y.b != core && y.c != core)) continue;
      const bool widened = is_pointwise(y.code) && (y.axes & ~pairs());
      if (is_view(y.code) || widened || reads_as_pairs(y, core, y.a == core ? y.b : y.a)) return true;
    }
    return false;
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
  // Pairs times something along the columns, or along the rows: which of its axes are summed says which. A table at a
  // distance, and differences, are products of their own.
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
    if (const weighed_difference d = weighed_difference_of(g, bare.value, match); d.row)
      return is_product_of_differences(sink, d, bare.keep);
    if (sink.over == column) {
      sink.kind = sink_kind::row_product;
      return !(other.axes & match.rows) && x.axes == (match.batch | match.rows | width);
    }
    sink.kind = sink_kind::column_product;
    return !(other.axes & column) && (sink.over & match.rows) == match.rows && !(sink.over & column) &&
           x.axes == ((match.batch & ~sink.over) | column | width);
  }
  constexpr bool is_product_of_differences(gradient_sink& sink, const weighed_difference& d, node_id keep) const {
    const axis_set all = pairs(), column = bit(match.column), axes = g[sink.core].axes, width = g[d.row].axes & ~all;
    const bool into_rows = sink.over == column;
    sink.kind = into_rows ? sink_kind::row_product : sink_kind::column_product;
    sink.other = into_rows ? d.column : d.row, sink.own = into_rows ? d.row : d.column;
    sink.slope = d.slope, sink.keep = keep;
    if (d.column_less == into_rows) sink.factor = -sink.factor;  // kernels take other - own
    if (into_rows) return axes == (match.batch | match.rows | width);
    return (sink.over & match.rows) == match.rows && !(sink.over & column) &&
           axes == ((match.batch & ~sink.over) | column | width);
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
  // Of a table that each row has for itself the entry may be made of what the pairs are made of.
  constexpr bool is_row_table_sum(gradient_sink& sink) const {
    const node& x = g[sink.core];
    contractions with{match.product, match.terms};
    if (!computes(sink.index, &with) || with.product != match.product) return false;
    sink.kind = sink_kind::row_table_sum;
    return with.terms.count == match.terms.count && !(pairs() & bit(x.first)) &&
           x.axes == (match.batch | match.rows | bit(x.first));
  }
  constexpr bool is_table_sum(gradient_sink& sink) const {
    const node& x = g[sink.core];
    const axis_set all = pairs();
    const scattered_pair below = below_scatter(sink.core);
    sink.kind = sink_kind::table_sum, sink.index = x.b, sink.table = x.first, sink.over = below.over,
    sink.factor *= below.factor;
    const axis_set index = g[sink.index].axes, kept_rows = match.rows & ~sink.over;
    if (g[sink.pair].axes != all || (index & ~all)) return false;
    if (sink.over == bit(match.column)) return is_row_table_sum(sink);
    if (!computes(sink.index, nullptr)) return false;
    if (!(sink.over & bit(match.column)) || !(sink.over & match.rows) || (sink.over & ~all)) return false;
    return !(kept_rows & index) && !(all & bit(x.first));
  }
  constexpr bool is_statistic(gradient_sink& sink) const {
    sink.kind = sink_kind::row_statistic, sink.over = g[sink.core].over;
    sink.index = g[sink.core].b;
    const op told = g[sink.index].code;  // which it is lies in memory, along the rows
    if (sink.index && ((is_leaf(told) && told != op::input) || (g[sink.index].axes & ~(match.batch | match.rows))))
      return false;
    return sink.over == bit(match.column) && g[sink.pair].axes == pairs();
  }
  constexpr bool is_sum(gradient_sink& sink) const {
    if (g[sink.pair].axes != pairs()) return false;
    const bool columns = sink.over & bit(match.column), rows = (sink.over & match.rows) == match.rows;
    sink.kind = columns ? rows ? sink_kind::uniform_sum : sink_kind::row_sum
                : rows  ? sink_kind::column_sum
                        : sink_kind::pairs;
    return sink.kind != sink_kind::pairs || !(sink.over & match.rows);
  }
};

}  // namespace heed::internal::plan
