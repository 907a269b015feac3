// Splits the graph into regions. Values are taken from the last to the first; each that must be stored gets a region,
// which swallows whatever it can compute on the way and asks for the rest to be stored in turn. At the end the regions
// are put into an order in which they can run, and every buffer learns when it lives.
#pragma once
#include "../facts/comparisons.hpp"
#include "../facts/gradient_matcher.hpp"
#include "../data/execution_plan.hpp"
#include "../facts/walk.hpp"
#include "simplify.hpp"

namespace heed::internal::plan {

struct splitter {
  execution_plan p;
  uses u;
  fixed_array<node_id, max_results> roots{};
  node_flags needed{};                                       // must be stored
  fixed_array<std::int16_t, graph::capacity> home{};         // the buffer of a value, number + 1
  node_flags placed{};                                       // its region exists
  fixed_array<std::int16_t, graph::capacity> gradient_of{};  // of a value that a score-gradient region writes: which,
                                                             // number + 1

  constexpr int new_buffer(node_id value, int result) {
    if (p.buffer_count >= max_regions) {
      p.fault = plan_fault::regions;
      return 0;
    }
    const std::size_t i = std::size_t(p.buffer_count);
    p.buffers[i].value = value;
    p.buffers[i].type = p.g[value].type;
    p.buffers[i].result = std::int16_t(result);
    p.buffers[i].over_pairs = result < 0 && u.unstorable[value];
    p.buffers[i].order = list_of(result < 0 ? p.orders[value] : p.declared.order[result]);
    return p.buffer_count++;
  }
  constexpr outline& new_region(region_kind kind, node_id core, const char* reason = "") {
    if (p.region_count >= max_regions) {
      p.fault = plan_fault::regions;
      p.region_count = max_regions - 1;
    }
    outline& o = p.regions[p.region_count++];
    o.kind = kind, o.core = core, o.reason = reason;
    return o;
  }
  // A value that a region reads where it lies: of the numbers of one table, picked one by one, the table. Its source is
  // stored, if it is not an input.
  constexpr void read(outline& o, node_id i) { list_read(o, i), need(i); }
  // Is i a view of a value that would have to be stored over pairs of positions for it?
  constexpr bool needs_pairs(node_id i) const {
    const node_id s = source_of_view(p.g, i);
    return u.unstorable[s] && !u.result[s];
  }
  // Does a program over pairs read such a value, apart from the contractions that its loops compute?
  constexpr bool program_needs_pairs(node_id value, std::initializer_list<node_id> computed) const {
    node_stack s;
    for (const node_id i : computed)
      if (i) s.seen[i] = true;
    s.push(value);
    while (s.count) {
      const node_id i = s.pop();
      const node& x = p.g[i];
      if (x.code == op::gather) {
        if (needs_pairs(x.a)) return true;
        s.push(x.b);
      } else if (is_inlined(x.code)) {
        s.push(x.a), s.push(x.b), s.push(x.c);
      } else if (needs_pairs(i)) {
        return true;
      }
    }
    return false;
  }
  constexpr void list_read(outline& o, node_id i) { list(o, is_number_of_table(p.g, i) ? p.g[i].a : i); }
  constexpr void list(outline& o, node_id i) {
    for (int j = 0; j < o.read_count; ++j)
      if (o.reads[j] == i) return;
    if (o.read_count == max_reads) {
      p.fault = plan_fault::operands;
      return;
    }
    o.reads[o.read_count++] = i;
  }
  constexpr void need(node_id i) {
    const node_id s = source_of_view(p.g, i);
    if (p.g[s].code != op::input) needed[s] = true;
  }
  constexpr void write(outline& o, node_id i) {
    if (!home[i]) home[i] = std::int16_t(new_buffer(i, -1) + 1);
    o.writes[o.write_count++] = {i, std::int16_t(home[i] - 1)};
    placed[i] = true;
  }
  // A region that copies a located value into a buffer.
  constexpr void copy(node_id from, int into) {
    outline& o = new_region(region_kind::row, 0);
    o.writes[0] = {from, std::int16_t(into)};
    o.write_count = 1;
    list(o, from), need(from);
  }

  // Operands that kernels read in place must be stored, whoever else would rather recompute them.
  constexpr void need_operands() {
    for (int i = 1; i < p.g.size; ++i) {
      if (!u.used[i]) continue;
      const node& x = p.g[i];
      if (is_contraction(p.g, x)) need_stored(x.a), need_stored(x.b);
      else if (x.code == op::gather || x.code == op::shift || is_view(x.code)) need_stored(x.a);
      else if (x.code == op::concat) need_stored(x.a), need_stored(x.b);
      else if (x.code == op::scatter) need_stored(x.a), need_stored(node_id(i));
    }
    // The log-sum-exp and the maximum that a score region gives: elsewhere they would have to be made from all pairs
    // again. (Not a maximum that a gradient compares with its scores, to the last bit.)
    for (int i = 1; i < p.g.size; ++i) {
      const node& x = p.g[i];
      const bool given_too = x.code == op::logsumexp || (x.code == op::max && !u.compared.compares(node_id(i)));
      if (!u.used[i] || !given_too || count_of(x.over) != 1 || lies_in_memory(x.a)) continue;
      const score_match m = match_score(p.g, x.a, 0, only_axis(x.over));
      if (m.ok() && m.rows && !lies_in_memory(m.tile)) need_stored(node_id(i));
    }
  }
  constexpr bool lies_in_memory(node_id i) const { return wanted[i] || needed[i] || u.result[i]; }
  node_flags wanted{};  // stored if it is reached at all
  constexpr void need_stored(node_id i) {
    if (!u.unstorable[i] || u.result[i] || is_view(p.g[i].code)) wanted[i] = true;
  }

  static constexpr const char* values_over_pairs = "it reads a value over pairs of positions, which is not stored";

  // ---- score regions ----
  constexpr int last_user(node_id i) const { return u.last[i] < p.g.size ? u.last[i] : p.g.size - 1; }
  // The value before softmax that node i is a result of, if it is one that a score region gives; 0 if not.
  constexpr node_id score_under(node_id i, node_id& values) const {
    const weighted_values w = weighted(p.g, i);
    values = w.values;
    if (w.weights) return p.g[w.weights].a;
    const node& x = p.g[i];
    if ((x.code == op::logsumexp || x.code == op::max) && count_of(x.over) == 1) return x.a;
    return 0;
  }
  // Does a value come from another one, by way of the regions that have been placed? One that writes several values
  // reads for all of them.
  constexpr bool comes_from(node_id value, node_id source) const {
    node_stack s;
    s.push(value);
    while (s.count) {
      const node_id i = s.pop();
      if (i == source) return true;
      s.push(p.g[i].a), s.push(p.g[i].b), s.push(p.g[i].c);
      if (gradient_of[i]) {
        const gradient_match& m = p.gradients[gradient_of[i] - 1];
        s.push(m.log_sum_exp);
        for (int k = 0; k < m.sink_count; ++k) s.push(m.sinks[k].core);
      }
      if (placed[i] && (p.g[i].code == op::logsumexp || p.g[i].code == op::max))
        for (int k = 0; k < p.region_count; ++k)
          if (p.regions[k].kind == region_kind::score && writes(p.regions[k], i))
            for (int j = 0; j < p.regions[k].read_count; ++j) s.push(p.regions[k].reads[j]);
    }
    return false;
  }
  static constexpr bool writes(const outline& o, node_id i) {
    for (int k = 0; k < o.write_count; ++k)
      if (o.writes[k].value == i) return true;
    return false;
  }
  constexpr bool place_score(node_id i, const char*& reason) {
    node_id values = 0;
    const node_id score = score_under(i, values);
    if (!score) return false;
    const int column = only_axis(p.g[i].over);
    const score_match m = match_score(p.g, score, values, column);
    if (!m.ok()) {
      if (values) reason = m.reason;
      return false;
    }
    if (!values && !m.rows) return false;
    if (u.compared.in_program(p.g, score, m.tile)) {
      reason = "scores are compared with what is made of them";
      return false;
    }
    if (needs_pairs(m.x) || needs_pairs(m.w) || (values && needs_pairs(values)) ||
        program_needs_pairs(score, {m.tile})) {
      reason = values_over_pairs;
      return false;
    }
    // Everything that reads the same score in the same way comes out of the same loops.
    node_id first = values ? i : node_id(0);
    node_id all_values = values;
    for (int j = i - 1; j > score && !first; --j) {
      const weighted_values w = weighted(p.g, node_id(j));
      if (u.used[j] && w.weights && p.g[w.weights].a == score && p.g[j].over == p.g[i].over &&
          match_score(p.g, score, w.values, column).ok() && !comes_from(w.values, i))
        first = node_id(j), all_values = w.values;
    }
    if (!first && lies_in_memory(score))
      return false;  // a pass over what is stored is less than the contraction once more
    const score_match whole = all_values == values ? m : match_score(p.g, score, all_values, column);
    outline& o = new_region(region_kind::score, score);
    const int number = p.region_count - 1;
    if (first) write(o, first);
    for (const op kind : {op::logsumexp, op::max})
      for (int j = last_user(score); j > score; --j) {
        const node& x = p.g[j];
        if (x.code != kind || x.a != score || x.over != p.g[i].over || !u.used[j] || placed[j]) continue;
        if ((x.axes & whole.batch & ~p.g[score].axes) || comes_from(all_values, node_id(j))) continue;
        write(p.regions[number], node_id(j));
        break;
      }
    read(p.regions[number], whole.x);
    read(p.regions[number], whole.w);
    if (all_values) read(p.regions[number], all_values);
    node_stack s;
    s.push(score);
    while (s.count) {
      const node_id j = s.pop();
      const node& x = p.g[j];
      if (j == whole.tile) continue;
      if (x.code == op::gather) read(p.regions[number], x.a), s.push(x.b);
      else if (is_inlined(x.code)) s.push(x.a), s.push(x.b), s.push(x.c);
      else read(p.regions[number], j);
    }
    return true;
  }

  // ---- score-gradient regions ----
  // Finds them before anything is placed: what they write is then nobody else's to recompute.
  constexpr void find_gradients() {
    for (int i = 1; i < p.g.size; ++i) {
      if (!u.used[i] || p.g[i].code != op::softmax) continue;
      node_id lse = p.g[i].b;  // known, or simplification put one behind the weights
      for (int j = 1; j < p.g.size && !lse; ++j)
        if (p.g[j].code == op::logsumexp && p.g[j].a == p.g[i].a && p.g[j].over == p.g[i].over) lse = node_id(j);
      if (!lse) continue;
      // What one region reads of the same pairs, another has to give before it.
      while (find_gradient(node_id(i), lse)) {}
    }
  }
  node_flags given{};  // the reductions of such regions
  constexpr bool find_gradient(node_id weights, node_id lse) {
    gradient_match m = gradient_matcher(p.g, u, given, p.gradients, p.gradient_count).run(weights);
    if (!m.sink_count) return false;
    if (u.compared.in_program(p.g, m.score, m.tile)) return false;
    for (const node_id i : {m.x, m.w, m.g, m.v})
      if (i && needs_pairs(i)) return false;
    if (program_needs_pairs(m.score, {m.tile})) return false;
    for (int k = 0; k < m.sink_count; ++k) {
      const gradient_sink& s = m.sinks[k];
      if ((s.other && needs_pairs(s.other)) || program_needs_pairs(s.pair, {m.tile, m.product, m.weights}))
        return false;
      if (u.compared.in_program(p.g, s.pair, m.tile)) return false;
    }
    if (p.gradient_count == max_gradients) {
      p.fault = plan_fault::gradients;
      return false;
    }
    m.log_sum_exp = lse;
    if (!u.used[lse]) {
      u.used[lse] = true;
      u.below[lse] = lse;
      node_id& last = u.last[m.score];
      if (last < lse) last = lse;
    }
    p.gradients[p.gradient_count++] = m;
    for (int k = 0; k < m.sink_count; ++k) {
      gradient_of[m.sinks[k].root] = std::int16_t(p.gradient_count);
      wanted[m.sinks[k].root] = given[m.sinks[k].core] = true;
    }
    return true;
  }
  // A sink that a merge alone uses, which will be stored: it is written there at once.
  constexpr void write_merged(node_id root) {
    if (home[root] || u.result[root]) return;
    node_id whole = 0;
    for (node_id i = root; !u.result[i];) {
      node_id user = 0;
      int count = 0;
      for (int j = i + 1; j <= u.last[i]; ++j)
        if (u.used[j] && (p.g[j].a == i || p.g[j].b == i || p.g[j].c == i)) ++count, user = node_id(j);
      if (count != 1 || (p.g[user].code != op::merge && p.g[user].code != op::rename)) break;
      i = user;
      if (p.g[i].code == op::merge && wanted[i] && !home[i]) whole = i;
    }
    if (whole) place(whole);
  }
  constexpr void place_gradient(int number) {
    const gradient_match& m = p.gradients[number];
    new_region(region_kind::score_gradient, m.score);
    outline& o = p.regions[p.region_count - 1];
    o.gradient = std::int16_t(number);
    for (int k = 0; k < m.sink_count; ++k) write_merged(m.sinks[k].root);
    node_stack s;
    s.push(m.score);
    for (int k = 0; k < m.sink_count; ++k) {
      write(o, m.sinks[k].root);
      s.push(m.sinks[k].pair), s.push(m.sinks[k].index);
      if (m.sinks[k].other) read(o, m.sinks[k].other);
    }
    for (const node_id i : {m.x, m.w, m.g, m.v, m.log_sum_exp})
      if (i) read(o, i);
    while (s.count) {
      const node_id i = s.pop();
      const node& x = p.g[i];
      if (i == m.weights || i == m.tile || i == m.product) continue;
      if (x.code == op::gather) read(o, x.a), s.push(x.b);
      else if (is_inlined(x.code)) s.push(x.a), s.push(x.b), s.push(x.c);
      else read(o, i);
    }
  }

  // ---- the others ----
  // May reduction i be computed inside the region of root, whose reductions run along `over`?
  constexpr bool fuses(node_id i, node_id root, axis_set over) const {
    const node& x = p.g[i];
    return !is_contraction(p.g, x) && x.over == over && (x.axes & ~over) == (p.g[root].axes & ~over);
  }
  // Is i (or what it is the summit of) a stored value seen from the region of root?
  constexpr bool stored(node_id i, node_id root, node_id dot, axis_set over) const {
    if (i == root || u.absent[i]) return false;
    if (wanted[i] || needed[i] || u.result[i]) return true;
    const node_id below = u.below[i];
    return below && below != dot && !fuses(below, root, over) && !is_leaf(p.g[i].code);
  }
  // The contraction whose tile the region of root holds: root itself, whoever else has it on the way to a summit, or
  // the one that root is the summit of, unless that is stored for somebody else, or given by a gradient region (a
  // multiple of it), and read like any other value.
  constexpr node_id contraction_of(node_id root) const {
    if (is_contraction(p.g, p.g[root])) return root;
    const node_id below = u.below[root];
    return below && is_contraction(p.g, p.g[below]) && !lies_in_memory(below) && !given[below] ? below : node_id(0);
  }
  constexpr void place_pointwise(node_id root, const char* reason) {
    const node_id dot = *reason ? node_id(0) : contraction_of(root);

    // Which axes do the reductions of this region run along? Those of the first that covers the root's rows.
    axis_set over = 0;
    node_id core = dot;
    bool loop = *reason != 0;
    node_stack s;
    if (!dot && !loop) {
      s.push(root);
      while (s.count && !over) {
        const node_id i = s.pop();
        const node& x = p.g[i];
        if (i != root && !u.absent[i] && (wanted[i] || needed[i])) continue;
        if (is_heavy(x.code)) {
          if (!is_contraction(p.g, x) && fuses(i, root, x.over)) over = x.over, core = i;
          continue;
        }
        if (x.code == op::gather) s.push(x.b);
        else if (is_inlined(x.code)) s.push(x.a), s.push(x.b), s.push(x.c);
      }
    }
    if (count_of(over) > 1) loop = true, reason = "a reduction over several axes at once";
    const region_kind fused = p.g[root].code == op::scatter ? region_kind::scatter
                              : dot                         ? region_kind::matmul
                                                            : region_kind::row;
    outline& o = new_region(loop ? region_kind::loop : fused, core, reason);
    const int number = p.region_count - 1;
    write(o, root);
    node_flags fresh{};  // what it must not read, because it compares it: found on the way
    while (!list_reads(p.regions[number], root, dot, over, fresh)) {}
    outline& r = p.regions[number];
    bool pairs = false;  // a loop computes them again
    for (int k = 0; k < r.read_count; ++k) pairs = pairs || needs_pairs(r.reads[k]);
    if (pairs && r.kind != region_kind::loop) {
      r.kind = region_kind::loop, r.reason = values_over_pairs, r.core = 0;
      while (!list_reads(r, root, 0, 0, fresh)) {}
    }
    for (int k = 0; k < r.read_count; ++k) need(r.reads[k]);
  }
  // Goes from the root of a region down to what it reads; false: a comparison on the way forbids to read what may have
  // been listed.
  constexpr bool list_reads(outline& r, node_id root, node_id dot, axis_set over, node_flags& fresh) {
    const bool loop = r.kind == region_kind::loop;
    r.read_count = 0;
    node_stack t;
    t.push(root);
    while (t.count) {
      const node_id i = t.pop();
      const node& x = p.g[i];
      if (is_leaf(x.code) && x.code != op::input) continue;
      if (u.compared.count && is_comparison(x.code) && u.compared.add_recomputed(p.g, i, fresh)) return false;
      const bool view = is_view(x.code) || x.code == op::input;
      const bool again = fresh[i] && (loop || !is_heavy(x.code) || fuses(i, root, over));
      if (i != root && (view || (!again && (loop ? loop_reads(i, root) : stored(i, root, dot, over))))) {
        list_read(r, i);
      } else if (i == dot) {
        list_read(r, x.a), list_read(r, x.b);
      } else if (is_heavy(x.code)) {
        if (!loop && !fuses(i, root, over) && i != root) {
          list_read(r, i);
        } else {
          t.push(x.a), t.push(x.b);
        }
      } else if (x.code == op::gather) {
        list_read(r, x.a), t.push(x.b);
      } else if (x.code == op::shift) {
        list_read(r, x.a);
      } else if (x.code == op::concat) {
        list_read(r, x.a), list_read(r, x.b);
      } else if (!view) {
        t.push(x.a), t.push(x.b), t.push(x.c);
      }
    }
    return true;
  }
  // Does the loop of root read i? What would have to be stored over pairs for it is computed again.
  constexpr bool loop_reads(node_id i, node_id root) const {
    if (u.absent[i]) return false;
    if (u.result[i] || gradient_of[i]) return u.result[i] || wanted[i];
    return wanted[i] && !needs_loop(i, root) && !needs_pairs(i);
  }
  // Would storing i take memory over pairs of positions that the root itself does not have?
  constexpr bool needs_loop(node_id i, node_id root) const { return u.pairwise[i] && (p.g[i].axes & ~p.g[root].axes); }
  // Does the region of root compute such a value?
  constexpr bool holds_pairs(node_id root) const {
    node_stack s;
    s.push(root);
    while (s.count) {
      const node_id i = s.pop();
      const node& x = p.g[i];
      if (i != root && ((u.result[i] && !u.absent[i]) || x.code == op::input || gradient_of[i])) continue;
      if (needs_loop(i, root)) return true;
      if (i != root && (is_contraction(p.g, x) || (wanted[i] && !u.pairwise[i]))) continue;
      s.push(x.a), s.push(x.b), s.push(x.c);
    }
    return false;
  }

  constexpr void place(node_id r) {
    const node& x = p.g[r];
    if (is_view(x.code)) {  // merge, or a result that is a view
      const int into = home[r] ? home[r] - 1 : new_buffer(r, -1);
      home[r] = std::int16_t(into + 1);
      placed[r] = true;
      node_id i = r;
      std::uint64_t order = p.orders[r];  // of the same memory, seen below merges and renames
      for (; p.g[i].code == op::merge || p.g[i].code == op::rename; i = p.g[i].a)
        order = p.g[i].code == op::merge ? replaced_order(order, p.g[i].first, p.g[i].second, p.g[i].third)
                                         : replaced_order(order, p.g[i].second, p.g[i].first);
      const op o = p.g[i].code;
      const bool through = !is_leaf(o) && !is_view(o) && !home[i] && !placed[i];
      if (through) {  // computed straight into the merged buffer
        needed[i] = true;
        home[i] = std::int16_t(into + 1);
        p.orders[i] = order;  // its lanes run along what is contiguous there
      } else {
        copy(i, into);
      }
      return;
    }
    if (gradient_of[r]) {
      place_gradient(gradient_of[r] - 1);
      return;
    }
    const char* reason = "";
    if (place_score(r, reason)) return;
    if (!*reason && holds_pairs(r)) reason = why_no_score(p.g, r);
    place_pointwise(r, reason);
  }

  // Whoever wants to see the steps is told behind each: its name, its file, and what there is now.
  template <class Seen> constexpr void run(const Seen& seen) {
    for (int k = 0; k < p.result_count; ++k) {
      const node_id r = roots[k];
      const int into = new_buffer(r, k);
      const op o = p.g[r].code;
      if (o == op::input || o == op::split || o == op::slice || o == op::pick || home[r]) {
        copy(r, into);
      } else {
        home[r] = std::int16_t(into + 1);
        needed[r] = true;
      }
    }
    if (u.compared.too_many) p.fault = plan_fault::comparisons;
    need_operands();
    seen("need_operands", "plan/passes/split.hpp", *this);
    find_gradients();
    seen("find_gradients", "plan/passes/split.hpp", *this);
    for (int i = p.g.size - 1; i > 0; --i)
      if (needed[i] && !placed[i]) place(node_id(i));
    seen("place", "plan/passes/split.hpp", *this);
    arrange();
  }

  // The buffer that a located value lies in, or -1: an input.
  constexpr int buffer_of(node_id i) const {
    while (!home[i] && is_view(p.g[i].code)) i = p.g[i].a;
    return home[i] - 1;
  }
  // Regions were made from the last to the first; a region runs when all it reads has been written.
  constexpr void arrange() {
    fixed_array<std::int16_t, max_regions> writer{}, order{};  // of a buffer: its region, number + 1
    for (int i = 0; i < p.region_count; ++i)
      for (int k = 0; k < p.regions[i].write_count; ++k) writer[p.regions[i].writes[k].into] = std::int16_t(i + 1);
    fixed_array<bool, max_regions> done{};
    int count = 0, high = p.region_count - 1;
    while (count < p.region_count) {
      const int before = count;
      while (high >= 0 && done[high]) --high;
      for (int i = high; i >= 0 && count == before; --i) {
        if (done[i]) continue;
        bool ready = true;
        const outline& o = p.regions[i];
        for (int k = 0; k < o.read_count && ready; ++k) {
          const int b = buffer_of(o.reads[k]);
          const int w = b < 0 ? 0 : writer[b];
          ready = !w || done[w - 1] || w - 1 == i;
        }
        if (ready) done[i] = true, order[count++] = std::int16_t(i);
      }
      if (count == before) {
        p.fault = plan_fault::circle;
        return;
      }
    }
    fixed_array<outline, max_regions> sorted{};
    for (int i = 0; i < count; ++i) sorted[i] = p.regions[order[i]];
    p.regions = sorted;
    for (int i = 0; i < count; ++i) {
      const outline& o = p.regions[i];
      for (int k = 0; k < o.write_count; ++k) {
        buffer& b = p.buffers[o.writes[k].into];
        b.first = b.last = std::int16_t(i);
      }
      for (int k = 0; k < o.read_count; ++k)
        if (const int b = buffer_of(o.reads[k]); b >= 0) p.buffers[b].last = std::int16_t(i);
    }
  }
};

// Nobody wants to see the steps.
struct unseen_steps {
  constexpr void operator()(const char*, const char*, const splitter&) const {}
};

// The plan of some results of a simplified graph.
template <class Seen = unseen_steps>
constexpr execution_plan split_into_regions(const simplified_graph& s, int count, const axis_orders& orders,
                                            const uses& u, const declared_results& declared, const Seen& seen = {}) {
  splitter x;
  x.p.g = s.g;
  x.p.decides = u.decides;
  x.p.orders = orders;
  x.p.result_count = count;
  x.p.declared = declared;
  x.roots = s.roots;
  x.u = u;
  x.run(seen);
  return x.p;
}

}  // namespace heed::internal::plan
