// Heads that are mixed (talking heads, Shazeer et al. 2020): scores before a softmax, or before whatever else makes
// weights of them, and weights behind it. As declared, a score is a sum over the scores of all heads at the same pair,
// which no kernel takes. It is rewritten, before anything is differentiated, so that the gradient is that of the
// rewritten graph:
//   before  sum<g>(mix[h, g] * dot<d>(q[g, n], k[g, m]))  is  dot<g x d>(mix * q, k): one contraction, as deep as all
//           heads together, its row operand stored for each head (h, n, g x d). Factors, and sums with what is no
//           contraction (a slope of each head times the distance), go along.
//   behind  dot<m>(sum<g>(mix[j, g] * w[g, n, m]), v[j, m, e])  is  sum<g>(mix * dot<m>(w, v)): the values of all heads
//           are one wide value (m, j x e), whose weighted sums (g, n, j x e) are mixed; a mask goes to the weights.
// Nothing lies over pairs. The products grow by the number of heads and run in kernels, as they did in loops. Where an
// operand or a result lies over the pairs, the scores may be stored: nothing is rewritten. Without a softmax positions
// are known by what queries and keys share, which the mixed heads may have been: the graph notes which they are.
#pragma once
#include "rewriting.hpp"

namespace heed::internal {

class head_mixer : rewriting {
 public:
  constexpr explicit head_mixer(const merged_graph& graph_) : rewriting(graph_, true) {}
  constexpr merged_graph run() {
    return rewritten_by([&](const node& x, axis_set column) { return rewritten(x, column); });
  }

 private:
  node_marks of_mixed{};  // a node that scores have become

  // What a node, whose operands have been rewritten, becomes; 0: what it is. A softmax or a sum runs along `column` (0:
  // none) over what is made of it.
  constexpr node_id rewritten(const node& x, axis_set column) {
    if (x.code == op::rename && column && of_mixed[x.a]) return renamed(x.a, x.first, x.second);
    if ((x.code != op::dot && x.code != op::sum) || !is_real(x.type)) return 0;
    node_id r = 0;
    const axis_set over_pairs = pairs.of[x.a] | pairs.of[x.b];
    if (!over_pairs) return 0;
    if (column && !(x.over & over_pairs)) {
      if (present.of(g, x.a) || present.of(g, x.b)) return 0;
      factors none;
      if (x.code == op::sum) r = mixed(x.a, none, x.over, column);
      for (const bool left : {true, false}) {
        const node_id scores = left ? x.a : x.b, mix = left ? x.b : x.a;
        if (x.code != op::dot || r || !pairs.of[scores] || pairs.of[mix]) continue;
        factors one;
        one.add({mix, false});
        r = mixed(scores, one, x.over, column);
      }
    } else if (x.code == op::dot && (x.over & over_pairs)) {
      const bool left = pairs.of[x.a] & x.over;
      r = weighted(left ? x.a : x.b, left ? x.b : x.a, x.over, x.type);
    }
    if (!r || g[r].axes != x.axes || g[r].type != x.type) return 0;
    return of_mixed[r] = column != 0, r;
  }
  // Mixed scores under another name, which changes at the operands of their contractions.
  constexpr node_id renamed(node_id i, int from, int to_axis) {
    const axis_set old = axis_bit(from), fresh = axis_bit(to_axis);
    node x = g[i];
    if (!(x.axes & old)) return i;
    const bool contracts = x.code == op::dot && !(x.over & fresh);
    if (!contracts && !is_pointwise(x.code)) return under_name(i, from, to_axis);
    for (node_id* const operand : {&x.a, &x.b, &x.c})
      *operand = contracts ? under_name(*operand, from, to_axis) : renamed(*operand, from, to_axis);
    x.axes = (x.axes & ~old) | fresh, x.hash = 0;
    return g.add(x);
  }
  constexpr node_id under_name(node_id i, int from, int to_axis) {
    const axis_set old = axis_bit(from), axes = g[i].axes;
    return axes & old ? add_moved(g, op::rename, i, (axes & ~old) | axis_bit(to_axis), from, to_axis) : i;
  }

  // ---- before the softmax
  // The sum over heads of some factors times i; 0: it is none that a kernel takes.
  constexpr node_id mixed(node_id i, factors f, axis_set heads, axis_set column) {
    const node x = g[i];
    pairs.extend(g);
    if (!pairs.of[i]) return mixed_beside(i, f, heads);
    const auto further = [&](node_id rest, const factor& more) {
      if (f.count == int(f.of.size()) || pairs.of[more.of]) return node_id(0);
      f.add(more);
      return mixed(rest, f, heads, column);
    };
    switch (x.code) {
      case op::negate: return further(x.a, {g.add_constant(-1), false});
      case op::multiply: return pairs.of[x.a] ? further(x.a, {x.b, false}) : further(x.b, {x.a, false});
      case op::divide: return further(x.a, {x.b, true});
      case op::add:
      case op::subtract: {
        const node_id a = mixed(x.a, f, heads, column), b = a ? mixed(x.b, f, heads, column) : node_id(0);
        return b ? add_pointwise(g, x.code, x.type, a, b) : node_id(0);
      }
      case op::dot: return contraction(x, f, heads, column);
      default: return 0;
    }
  }
  // The same of a value over no pairs: what does not vary over the heads is a factor of the sum, a table is mixed
  // before it is read.
  constexpr node_id mixed_beside(node_id i, const factors& f, axis_set heads) {
    const node x = g[i];
    const auto lacks_heads = [&](node_id j) { return !(g[j].axes & heads); };
    const auto of_product = [&](node_id rest, node_id factor_of, op o) {
      const node_id a = mixed_beside(rest, f, heads);
      return a ? add_pointwise(g, o, x.type, a, factor_of) : node_id(0);
    };
    if (x.code == op::multiply && lacks_heads(x.a)) return of_product(x.b, x.a, op::multiply);
    if ((x.code == op::multiply || x.code == op::divide) && lacks_heads(x.b)) return of_product(x.a, x.b, x.code);
    if (x.code == op::gather && lacks_heads(x.b)) {
      for (const factor& one : f)
        if (g[one.of].axes & (axis_bit(x.first) | g[x.b].axes)) return 0;
      const node_id table = mixed_beside(x.a, f, heads);
      return table ? add_read(g, table, x.b, x.first) : node_id(0);
    }
    if (std::popcount(pairs_of_graph::positions(g, x.axes & ~heads)) > 1) return 0;
    node_id mix = 0;
    for (const factor& one : f) mix = times(real_type(x.type), mix, one);
    return summed(mix, i, heads);
  }
  static constexpr element real_type(element e) { return is_real(e) ? e : element::real; }
  // The sum of mix * i over some axes, which both have, or only one of them. 0: some of them are the one's, some the
  // other's.
  constexpr node_id summed(node_id mix, node_id i, axis_set over) {
    const element type = real_type(mix ? joined(g[mix].type, g[i].type) : g[i].type);
    if (!mix) return over ? add_reduction(g, op::sum, type, i, over) : i;
    if (!over) return add_pointwise(g, op::multiply, type, mix, i);
    const axis_set there = g[mix].axes & over, here = g[i].axes & over;
    if (there == over && here == over) return add_dot(g, type, mix, i, over);
    if (there == over && !here) mix = add_reduction(g, op::sum, g[mix].type, mix, over);
    else if (here == over && !there) i = add_reduction(g, op::sum, g[i].type, i, over);
    else return 0;
    return add_pointwise(g, op::multiply, type, mix, i);
  }

  // The sum over heads of factors times the contraction x. Factors go to the operand whose positions they do not share
  // with the other, to the rows if they may; what has no axes stays outside.
  constexpr node_id contraction(const node& x, const factors& f, axis_set heads, axis_set column) {
    const bool swapped = own_positions(x.a, x.b) & column;
    node_id rows = swapped ? x.b : x.a, keys = swapped ? x.a : x.b;
    const axis_set of_rows = own_positions(rows, keys), of_keys = own_positions(keys, rows);
    if (!of_rows || !(of_keys & column) || lie_in_memory(of_rows, of_keys)) return 0;
    if (present.of(g, rows) || present.of(g, keys)) return 0;
    const axis_set shared = heads & g[rows].axes & g[keys].axes, rows_alone = heads & g[rows].axes & ~shared,
                   keys_alone = heads & g[keys].axes & ~shared, elsewhere = heads & ~(g[rows].axes | g[keys].axes);
    node_id mix_of_rows = 0, mix_of_keys = 0;
    for (const factor& one : f) {
      const axis_set axes = g[one.of].axes;
      if ((axes & x.over) || present.of(g, one.of)) return 0;
      if (!axes) continue;
      if (!(axes & (of_keys | keys_alone))) mix_of_rows = times(x.type, mix_of_rows, one);
      else if (!(axes & (of_rows | rows_alone | elsewhere))) mix_of_keys = times(x.type, mix_of_keys, one);
      else return 0;
    }
    if ((g[mix_of_rows].axes & elsewhere) != elsewhere) return 0;
    if (elsewhere) mix_of_rows = add_reduction(g, op::sum, x.type, mix_of_rows, elsewhere);
    rows = summed(mix_of_rows, rows, rows_alone), keys = summed(mix_of_keys, keys, keys_alone);
    if (!rows || !keys) return 0;
    axis_set depth = x.over;
    if (shared) {
      const merging all = all_as_one(shared, x.over);
      if (!all.count) return 0;
      rows = merged(rows, all), keys = merged(keys, all), depth = axis_bit(all.whole[all.count - 1]);
    }
    g.positions |= of_rows | of_keys;  // rows and keys may share nothing any more
    const bool in_order = !swapped;    // as declared, so that the memory order of results stays
    node_id r = add_dot(g, x.type, in_order ? rows : keys, in_order ? keys : rows, depth);
    for (const factor& one : f)
      if (!g[one.of].axes) r = times(x.type, r, one);
    return r;
  }

  // ---- behind it
  // The sum over some axes of weights times values, where the weights are a mixture, and `keep` holds (0: everywhere);
  // 0: they are none.
  constexpr node_id weighted(node_id weights, node_id values, axis_set over, element type, node_id keep = 0) {
    const node x = g[weights];
    if (x.code == op::mask) return keep || present.of(g, x.b) ? node_id(0) : weighted(x.a, values, over, type, x.b);
    if (present.of(g, weights) || present.of(g, values)) return 0;
    const auto beside = [&](node_id rest, node_id f) {
      if (!(pairs.of[rest] & over) || pairs.of[f] || (g[f].axes & over)) return node_id(0);
      const node_id sum = weighted(rest, values, over, type, keep);
      return sum ? add_pointwise(g, x.code, type, sum, f) : node_id(0);
    };
    switch (x.code) {
      case op::rename: {
        if ((g[values].axes | g[keep].axes) & axis_bit(x.first)) return 0;
        values = under_name(values, x.second, x.first), keep = keep ? under_name(keep, x.second, x.first) : keep;
        const node_id sum = weighted(x.a, values, over, type, keep);
        return sum ? under_name(sum, x.first, x.second) : node_id(0);
      }
      case op::negate: return beside(x.a, 0);
      case op::divide: return beside(x.a, x.b);
      case op::multiply: return pairs.of[x.a] ? beside(x.a, x.b) : beside(x.b, x.a);
      case op::sum: {
        const node product = g[x.a];
        return product.code == op::multiply ? mixture(product, x.over, values, over, type, keep) : node_id(0);
      }
      case op::dot: return mixture(x, x.over, values, over, type, keep);
      case op::softmax: return x.over == over && !keep ? of_wide(weights, values, over, type) : node_id(0);
      default: return 0;
    }
  }
  // x: the product of weights and their mixture.
  constexpr node_id mixture(const node& x, axis_set heads, node_id values, axis_set over, element type, node_id keep) {
    const bool left = pairs.of[x.a];
    node_id weights = left ? x.a : x.b;
    const node_id mix = left ? x.b : x.a;
    const axis_set rows = pairs.of[weights] & ~over;
    if (pairs.of[mix] || !(pairs.of[weights] & over) || (g[mix].axes & over) || (heads & (g[values].axes | over)))
      return 0;
    if ((heads & g[mix].axes) != heads || (heads & g[weights].axes) != heads || lie_in_memory(rows, over)) return 0;
    if (present.of(g, weights) || present.of(g, mix) || (g[keep].axes & ~g[weights].axes)) return 0;
    node_id sum = weighted(weights, values, over, type, keep);
    if (keep) weights = add_mask(g, weights, keep);
    if (!sum) sum = of_wide(weights, values, over, type, g[mix].axes);
    if (!sum) sum = add_dot(g, type, weights, values, over);
    return add_dot(g, type, mix, sum, heads);
  }
  // dot<m>(weights, values), of values with several axes of their own as one: the weights are computed once for all of
  // them. Their extents are known, or they are those of a mixture and one more, the width. 0: there are no such.
  constexpr node_id of_wide(node_id weights, node_id values, axis_set over, element type, axis_set of_mixture = 0) {
    const axis_set own = g[values].axes & ~g[weights].axes & ~over, mixed = own & of_mixture, width = own & ~of_mixture;
    if (std::popcount(own) < 2 || present.of(g, values)) return 0;
    if (!is_static(width) && (!mixed || std::popcount(width) > 1)) return 0;
    const merging all = is_static(width) ? all_as_one(own, 0) : all_as_one(mixed, width);
    return all.count ? split_up(add_dot(g, type, weights, merged(values, all), over), all) : node_id(0);
  }
};

// May there be something to rewrite? A sum over axes of known extents of what lies over pairs, or values of several
// widths. It is asked of every graph.
constexpr bool may_mix_heads(const graph& g) {
  pairs_of_graph pairs;
  pairs.extend(g);
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if ((x.code != op::dot && x.code != op::sum) || !(pairs.of[x.a] | pairs.of[x.b])) continue;
    if (!(x.over & (pairs.of[x.a] | pairs.of[x.b]))) return true;
    for (const auto& [weights, values] : {std::pair(x.a, x.b), std::pair(x.b, x.a)}) {
      if (g[weights].code != op::softmax) continue;
      const axis_set own = g[values].axes & ~g[weights].axes;
      if (std::popcount(own) > 1 && !pairs_of_graph::positions(g, own)) return true;
    }
  }
  return false;
}
constexpr merged_graph with_mixed_heads(const merged_graph& declared) { return head_mixer(declared).run(); }

}  // namespace heed::internal
