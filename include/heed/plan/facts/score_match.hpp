// Recognises a score region: softmax along one column axis of a pointwise program over contractions of rows and
// columns, up to six. Says which contractions, which axes do what, or why it is none.
#pragma once
#include "distances.hpp"
#include "growth.hpp"
#include "nodes.hpp"
#include "order.hpp"
#include "pairs_of_operands.hpp"
#include "vanishing.hpp"
#include "walk.hpp"

namespace heed::internal::plan {

struct score_match {
  const char* reason = "";   // empty: it is a score region
  node_id tile{}, x{}, w{};  // the first contraction; its operand without and with the column axis. Where all are with
                             // tables at a distance it is a term as well
  int column = -1, depth = -1, width = -1;
  further_contractions terms{};
  int position = -1;  // the row axis whose distance from a column tables are read at
  axis_set rows{}, batch{};
  bool runs = false;  // it holds running sums, from the last column on as its kernel goes
  constexpr bool ok() const { return tile != 0; }
  constexpr bool contracts(node_id i) const { return i == tile || terms.have(i); }
  constexpr bool gives(node_id i) const { return contracts(i); }
  constexpr bool adds_up(const node& sum) const {
    return sum.code == op::running_sum && sum.over == bit(column) && (sum.axes & rows) && sum.value != 0 &&
           is_real(sum.type);
  }
};

// Is a contraction one of pairs that lie in memory (a bias of each head, from a representation of pairs), which may be
// stored itself? Its operand with the columns has the rows of another contraction.
constexpr bool contracts_pairs(const graph& g, const pair_contraction& c, const pair_contraction& other, int column) {
  const axis_set own_rows = g[c.x].axes & ~c.columns, other_rows = g[other.x].axes & ~other.columns;
  axis_set rows = other_rows & c.columns;
  if (own_rows & other_rows) rows &= runtime_axes(g);
  return rows && lies_over_pairs_of_an_input(g, c.tile, rows, column);
}
struct score_contractions {
  pair_contraction first{};
  further_contractions terms{};
  bool too_many = false;
};
// The contractions of queries and keys in a score: each of one operand that has the column axis and one that does not.
// Where some have rows of their own, those that have none (a bias that is a product over keys alone) are read instead,
// and so are those of pairs in memory.
constexpr score_contractions contractions_in(const graph& g, node_id score, int column) {
  static_list<pair_contraction, 2 * max_terms> all{};
  bool too_many = false;
  walk(g, {score}, [&](node_id i, const node& x) {
    if (is_inlined(x.code)) return within_program(x);
    const pair_contraction c = contraction_of(g, i, column);
    if (c.tile && all.count == 2 * max_terms) too_many = true;
    else if (c.tile) all.add(c);
    return step::skip;
  });
  score_contractions with_rows, thin;
  for (const pair_contraction& c : all) {
    bool of_pairs = false;
    for (const pair_contraction& other : all) of_pairs = of_pairs || contracts_pairs(g, c, other, column);
    if (of_pairs) continue;
    score_contractions& found = g[c.tile].axes & ~c.columns ? with_rows : thin;
    if (!found.first.tile) found.first = c;
    else if (found.first.index && !c.index && found.terms.count < max_terms) {  // a skewed one is a term
      found.terms.add(found.first);
      found.first = c;
    } else if (found.terms.count == max_terms) found.too_many = true;
    else found.terms.add(c);
  }
  score_contractions& found = with_rows.first.tile ? with_rows : thin;
  found.too_many = found.too_many || too_many;
  return found;
}
inline constexpr const char* running_sum_over_pairs = "a running sum over pairs of positions";
// Of columns that a block of rows goes through a sum is taken along; what earlier rows add up other blocks have met.
inline constexpr const char* running_sum_of_rows = "a running sum over pairs of positions, along the rows";
constexpr score_match match_score(const graph& g, node_id score, node_id values, int column);

// Why a contraction is none that a score region takes; empty: it is one. A softmax and the values it weights come out
// of one region, which is the only one that leaves out what the softmax excludes.
constexpr const char* refusal_of(const graph& g, const pair_contraction& c) {
  const node& t = g[c.tile];
  if (const weighted_values inner = weighted(g, c.tile);
      inner.weights && match_score(g, g[inner.weights].a, inner.values, only_axis(t.over)).ok())
    return "its scores come out of another softmax";
  if (count_of(t.over) != 1) return "the score contracts several axes at once";
  if (g[t.a].code == op::mask || g[t.b].code == op::mask) return "elements of queries or keys are masked one by one";
  return "";
}

// Do the running sums of a score add up nothing where it is absent, and does no condition look at one? The kernel
// leaves out what the score's mask does, and knows the mask before the score.
constexpr bool sums_fit(const graph& g, node_id score, const score_match& match) {
  node_flags made{}, sums{};  // of running sums; they themselves
  fixed_array<node_id, max_axes> keeps{};
  int keep_count = 0, count = 0;
  bool outside = true;  // above all sums
  const auto look = [&](node_id i, const node& x) {
    if (match.contracts(i)) return step::skip;
    if (match.adds_up(x)) {
      if (!sums[i]) sums[i] = true, ++count;
      return outside ? step::skip : step::descend;
    }
    if (outside && x.code == op::mask) {
      if (keep_count == int(keeps.size())) return step::stop;
      keeps[keep_count++] = x.b;
    }
    return within_program(x);
  };
  if (walk(g, {score}, look)) return false;
  outside = false;
  walk(g, {score}, look);
  if (count > max_running_sums || match.position >= 0) return false;
  for (int i = 1; i < score; ++i) {
    const node& x = g[i];
    made[i] = sums[i] || (is_inlined(x.code) && (made[x.a] || made[x.b] || made[x.c]));
    if (made[i] && x.type == element::boolean) return false;
    for (int k = 0; k < keep_count && sums[i]; ++k)
      if (!is_left_out(g, match.tile, x.a, keeps[k])) return false;
  }
  return true;
}

// Of the axes that values have alone one is their width: the fastest in memory, whether its extent is known or not. The
// others are items of a batch that shares its scores, which are computed again for each: less than a pass over stored
// weights takes, but for each element of a width it would be most of all that is done. -1: they have none.
// mutants: known_axis_taken_for_the_width
constexpr int width_of(const graph& g, node_id values, axis_set own) {
  if (count_of(own) < 2) return own ? only_axis(own) : -1;
  const axis_list order = list_of(orders_of(g)[values]);
  int fastest = order.count - 1;
  while (!(own & bit(order[fastest]))) --fastest;
  return order[fastest];
}

// `values` is the other operand of the product with the weights, 0 if only row statistics are wanted.
constexpr score_match match_score(const graph& g, node_id score, node_id values, int column) {
  score_match r;
  const auto no = [&](const char* why) {
    r.reason = why, r.tile = 0;
    return r;
  };
  const auto [first, terms, too_many] = contractions_in(g, score, column);
  if (!first.tile) return no("there is no contraction of queries and keys under the softmax");
  if (too_many) return no("more than six contractions in one score");
  if (const char* why = refusal_of(g, first); *why) return no(why);
  r.tile = first.tile, r.x = first.x, r.w = first.w, r.column = column, r.depth = first.depth, r.terms = terms;
  if (first.index) {
    if (terms.count == max_terms) return no("more than five contractions with tables at a distance alone");
    r.terms.add(first);
  }
  axis_set tiles = g[r.tile].axes, columns = first.columns, depths = 0;
  for (const pair_contraction& c : r.terms) {
    if (const char* why = refusal_of(g, c); *why) return no(why);
    tiles |= g[c.tile].axes, columns |= c.columns, depths |= bit(c.depth) | bit(r.depth);
  }
  if ((tiles & ~g[r.w].axes) && !(tiles & ~columns)) return no("its contractions have no rows in common");
  const axis_set all = g[score].axes, value_axes = values ? g[values].axes : 0;
  if (values && !(value_axes & bit(column))) return no("the values lack the axis of the softmax");
  if (values && g[values].code == op::mask) return no("the values are masked");
  r.width = width_of(g, values, value_axes & ~all & ~bit(column));
  const axis_set width = bit(r.width);
  r.rows = tiles & ~columns & ~value_axes;
  r.batch = (all | value_axes) & ~r.rows & ~bit(column) & ~width;
  if (r.batch & depths) return no("one contraction sums an axis that another keeps");
  r.position = position_of(r.terms);
  if (r.position == -2 || (r.position >= 0 && !(r.rows & bit(r.position))))
    return no("a table is read at the distance of what are no rows");

  // Whatever else the score reads must not itself be a pairwise value that would have to be stored.
  bool sums = false, across = false;
  const bool other_pairs = walk(g, {score}, [&](node_id i, const node& x) {
    if (r.contracts(i)) return step::skip;
    if (is_inlined(x.code)) return within_program(x);
    sums = x.code == op::running_sum, across = sums && x.over != bit(column);
    r.runs = r.runs || r.adds_up(x);
    if (r.adds_up(x)) return step::descend;
    const bool pairs = (x.axes & bit(column)) && (x.axes & r.rows);
    return pairs && !lies_over_pairs_of_an_input(g, i, r.rows, column) ? step::stop : step::skip;
  });
  if ((other_pairs && sums) || (r.runs && !sums_fit(g, score, r)))
    return no(across ? running_sum_of_rows : running_sum_over_pairs);
  if (other_pairs) return no("the score reads another value over pairs of positions that is not an input");
  return r;
}

inline constexpr const char* contraction_over_pairs =
    "a contraction over pairs of positions that no score region takes";
// Why the contraction under i runs in a loop. Weights that say what they leave out (see settled_absence) are those that
// no score region takes.
constexpr const char* why_no_score(const graph& g, node_id i) {
  const node& x = g[i];
  if (x.code == op::dot && count_of(x.over) == 1)
    for (const node_id j : {x.a, x.b}) {
      const node& w = g[g[j].a];
      if (g[j].code != op::mask || w.code != op::softmax || w.over != x.over) continue;
      const char* reason = match_score(g, w.a, j == x.a ? x.b : x.a, only_axis(x.over)).reason;
      if (*reason) return reason;
    }
  return contraction_over_pairs;
}

}  // namespace heed::internal::plan
