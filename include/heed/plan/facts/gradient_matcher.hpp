// Recognises what a score-gradient region computes: everything that is reduced out of the pairs (rows x columns) of one
// softmax and vanishes with its weights, which is the shape of every gradient that passes through attention. Such a
// value is a *sink*: queries' gradients dot<m>(pair, keys), keys' and values' dot<n>(pair, queries), sums for captured
// operands (for a table that the score reads at a computed index, a sum for each of its elements), or the pairs
// themselves. The weights are recomputed tile by tile from the log-sum-exp (Dao et al. 2022, FlashAttention), so that
// nothing over pairs is stored unless it is a result.
#pragma once
#include "../data/gradient_match.hpp"
#include "uses.hpp"
#include "vanishing.hpp"
#include "walk.hpp"

namespace heed::internal::plan {

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
  const uses& u;
  gradient_match r{};
  const node_flags& taken;                                   // what other regions give already
  const fixed_array<gradient_match, max_gradients>& others;  // ... and these
  int other_count;
  node_flags vanishes{};

  constexpr gradient_matcher(const graph& graph_, const uses& uses_, const node_flags& taken_,
                             const fixed_array<gradient_match, max_gradients>& others_, int count)
      : g(graph_),
        u(uses_),
        taken(taken_),
        others(others_),
        other_count(count) {}

  constexpr axis_set pairs() const { return r.batch | r.rows | bit(r.column); }
  constexpr bool is_pairwise(node_id i) const { return (g[i].axes & bit(r.column)) && (g[i].axes & r.rows); }
  // Whether the program of a value can be computed at pairs; `product` is the second contraction it needs. Without one
  // it is an index, which no contraction and no weight may enter.
  constexpr bool computes(node_id value, node_id* product) const {
    return !walk(g, {value}, [&](node_id i, const node& x) {
      if (i == r.weights || i == r.tile) return product ? step::skip : step::stop;
      if (x.code == op::gather && is_pairwise(source_of_view(g, x.a)) && !lies_in_input(g, x.a)) return step::stop;
      if (is_inlined(x.code)) return within_program(x);
      if (!is_pairwise(i) || lies_in_input(g, i)) return step::skip;
      if (!product || (*product && *product != i) || !is_second_contraction(x)) return step::stop;
      *product = i;
      return step::skip;
    });
  }
  // Of one operand along the columns alone and one along the rows.
  constexpr bool is_second_contraction(const node& x) const {
    if (!is_contraction(g, x) || count_of(x.over) != 1) return false;
    const bool a = g[x.a].axes & bit(r.column), b = g[x.b].axes & bit(r.column);
    return a != b && (g[a ? x.a : x.b].axes & r.rows) == 0;
  }
  // What a scatter adds up: factor * sum over `over` of a pairwise value. Where the score broadcast the table, over a
  // batch say, its gradient was summed first.
  struct scattered_pair {
    node_id pair;
    axis_set over;
    double factor;
  };
  constexpr scattered_pair below_scatter(node_id scatter) const {
    scattered_pair s{g[scatter].a, g[scatter].over, 1};
    for (;;) {
      const node& x = g[s.pair];
      if (x.code == op::negate) s.factor = -s.factor, s.pair = x.a;
      else if (x.code == op::multiply && is_constant(g, x.a)) s.factor *= g[x.a].value, s.pair = x.b;
      else if (x.code == op::sum && is_pairwise(s.pair)) s.over |= x.over, s.pair = x.a;
      else break;
    }
    if (!vanishes[s.pair]) s.pair = 0;
    return s;
  }
  constexpr node_id pair_of(node_id core) const {
    const node& x = g[core];
    if (x.code == op::scatter) return below_scatter(core).pair;
    if (x.code == op::sum) return vanishes[x.a] ? x.a : node_id(0);
    if (x.code != op::dot) return vanishes[core] && u.result[core] ? core : node_id(0);
    if (weighted(g, core).weights) return 0;
    return vanishes[x.a] ? x.a : vanishes[x.b] ? x.b : node_id(0);
  }
  // The farthest multiple by a number that alone uses the core.
  constexpr void set_root(gradient_sink& s) const {
    s.root = s.core;
    while (!u.result[s.root]) {
      const node_id user = sole_user(g, u, s.root);
      if (!user || g[user].type != g[s.root].type) return;
      const node& y = g[user];
      if (y.code == op::negate) s.factor = -s.factor;
      else if (y.code == op::multiply && is_constant(g, y.a)) s.factor *= g[y.a].value;
      else return;
      s.root = user;
    }
  }
  constexpr bool classify(gradient_sink& s) {
    const node& x = g[s.core];
    const axis_set all = pairs(), column = bit(r.column);
    s.over = x.code == op::dot || x.code == op::sum ? x.over : axis_set(0);
    axis_set summed_batch = s.over & r.batch;
    if (x.code == op::dot) {
      s.other = x.a == s.pair ? x.b : x.a;
      const node& y = g[s.other];
      const axis_set width = y.axes & ~all;
      if (y.code == op::mask || vanishes[s.other] || count_of(width) > 1 || (s.over & ~all) || !is_real(y.type))
        return false;
      if (s.over == column) {
        s.kind = sink_kind::row_product;
        if ((y.axes & r.rows) || x.axes != (r.batch | r.rows | width)) return false;
      } else {
        s.kind = sink_kind::column_product;
        if ((y.axes & column) || (s.over & r.rows) != r.rows || (s.over & column)) return false;
        if (x.axes != ((r.batch & ~s.over) | column | width)) return false;
      }
    } else if (x.code == op::scatter) {
      const scattered_pair below = below_scatter(s.core);
      s.kind = sink_kind::table_sum, s.index = x.b, s.over = below.over, s.factor *= below.factor;
      if (g[s.pair].axes != all || (g[s.index].axes & ~all) || !computes(s.index, nullptr)) return false;
      if (!(s.over & column) || !(s.over & r.rows) || (r.rows & ~s.over & g[s.index].axes) || (s.over & ~all) ||
          (all & bit(x.first)))
        return false;
      summed_batch = 0;  // partial sums of the items are added at the end
    } else {
      if (g[s.pair].axes != all) return false;
      const bool columns = s.over & column, rows = (s.over & r.rows) == r.rows;
      s.kind = columns ? rows ? sink_kind::uniform_sum : sink_kind::row_sum
               : rows  ? sink_kind::column_sum
                       : sink_kind::pairs;
      if (s.kind == sink_kind::pairs && ((s.over & r.rows) || !(s.over == 0 || u.result[s.core]))) return false;
      if (s.kind != sink_kind::pairs) summed_batch = 0;  // partial sums of the items are added at the end
    }
    if (summed_batch) {
      if (r.serial && r.serial != summed_batch) return false;
      r.serial = summed_batch;
    }
    return true;
  }
  // Does a value that the region reads depend on this one?
  constexpr bool feeds_itself(const node_flags& before) {
    bool any = false;
    int kept = 0;
    for (int k = 0; k < r.sink_count; ++k) {
      if (before[r.sinks[k].core]) any = true;
      else r.sinks[kept++] = r.sinks[k];
    }
    r.sink_count = kept;
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
        const gradient_match& m = others[k];
        bool any = false, all = true;
        for (int j = 0; j < m.sink_count; ++j) {
          const bool here = reads[m.sinks[j].core];
          any = any || here, all = all && here;
        }
        if (!any || all) continue;
        for (int j = 0; j < m.sink_count; ++j) reads[m.sinks[j].core] = true;
        more = true;
      }
    }
    reads[0] = false;
    return reads;
  }

  constexpr node_flags operands_of_region() const {
    node_flags reads{};
    node_stack open;
    for (int k = 0; k < r.sink_count; ++k) {
      open.push(r.sinks[k].pair), open.push(r.sinks[k].index);
      reads[r.sinks[k].other] = true;
    }
    reads[r.g] = reads[r.v] = reads[r.x] = reads[r.w] = true;
    walk(g, open, [&](node_id i, const node& x) {
      if (i == r.weights) open.push(r.score);
      if (i == r.weights || i == r.tile || i == r.product) return step::skip;
      if (x.code == op::gather) reads[x.a] = true;
      if (!is_inlined(x.code)) reads[i] = true;
      return within_program(x);
    });
    return reads;
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
      if (r.rows & ~(items | axes)) items |= axes & r.rows;  // some rows are left
    };
    for (int k = 0; k < found.count; ++k) {
      const candidate& c = found.of[k];
      const node& x = g[c.core];
      if (x.code == op::dot && (x.over & bit(r.column))) without(g[x.a == c.pair ? x.b : x.a].axes);
      else if (x.over & r.rows & ~bit(r.column)) without(r.rows & ~x.over);
      walk(g, {c.pair}, [&](node_id i, const node& y) {
        if (i == r.weights || i == r.tile) return step::skip;
        if (y.code == op::dot && is_pairwise(i)) without(g[g[y.a].axes & bit(r.column) ? y.a : y.b].axes);
        return within_program(y);
      });
    }
    return items;
  }
  constexpr gradient_match with_rows(const candidates& found, axis_set rows) {
    const node_id weights = r.weights;
    r.rows = rows, r.product = r.g = r.v = 0, r.serial = 0, r.sink_count = 0;
    candidates fit = found;
    for (int k = 0; k < fit.count; ++k) {  // the second contraction, the same for all
      node_id product = r.product;
      if (!computes(fit.of[k].pair, &product)) fit.of[k].core = 0;
      else r.product = product;
    }
    axis_set batch = g[weights].axes;
    if (r.product) {
      const node& p = g[r.product];
      r.v = g[p.a].axes & bit(r.column) ? p.a : p.b, r.g = r.v == p.a ? p.b : p.a;
      const score_match m = match_score(g, r.score, r.v, r.column);
      if (!m.ok() || !(m.rows & rows)) return r;
      r.rows = m.rows & rows, batch = m.batch | m.rows | p.axes;
    }
    r.batch = batch & ~(r.rows | bit(r.column));
    for (int k = 0; k < fit.count && r.sink_count < max_outputs; ++k) {
      gradient_sink s;
      s.core = fit.of[k].core, s.pair = fit.of[k].pair;
      if (!s.core || !classify(s)) continue;
      set_root(s);
      r.sinks[r.sink_count++] = s;
    }
    while (r.sink_count && feeds_itself(read_by_region())) {}
    bool reduced = r.product != 0;  // else the weights themselves are wanted, over pairs
    for (int k = 0; k < r.sink_count; ++k) reduced = reduced || r.sinks[k].kind != sink_kind::pairs;
    if (!reduced) r.sink_count = 0;
    return r;
  }

  constexpr gradient_match run(node_id weights) {
    r.weights = weights, r.score = g[weights].a, r.column = only_axis(g[weights].over);
    if (count_of(g[weights].over) != 1 || !is_real(g[weights].type)) return r;
    const score_match m = match_score(g, r.score, 0, r.column);
    if (!m.ok() || !m.rows) return r;
    vanishes = vanishing_with(g, weights);
    r.tile = m.tile, r.rows = m.rows, r.depth = m.depth, r.x = m.x, r.w = m.w;
    candidates found;
    for (int i = weights + 1; i < g.size && found.count < int(found.of.size()); ++i) {
      if (!u.used[i] || taken[i]) continue;
      const node_id pair = pair_of(node_id(i));
      if (pair && is_pairwise(pair)) found.of[found.count++] = {node_id(i), pair};
    }
    const gradient_match whole = with_rows(found, m.rows);
    if (whole.sink_count == found.count) return whole;
    r.rows = m.rows;
    const axis_set items = apart(found);
    if (!items) return whole;
    const gradient_match parted = with_rows(found, m.rows & ~items);
    return parted.sink_count > whole.sink_count ? parted : whole;
  }
};

}  // namespace heed::internal::plan
