// The first pass over graphs with a softmax (logsumexp, max) over several axes, keys on a grid: these axes become one,
// so that all passes and kernels behind know softmaxes along one axis alone. (Where the graph merges them itself, above
// the score, they are one from below the score on.) Whatever lies over pairs of positions is computed along the merged
// axis from the start; what lies over keys alone is merged when it gets there (a contraction writes straight into the
// merged buffer), and the index along a key axis is a quotient or a remainder of the merged index, exact whole numbers
// that a mask's bounds follow. It runs behind differentiation, so that gradients are merged with it. Row axes stay as
// they are: a run of rows may have several.
#pragma once
#include "../../graph/presence.hpp"
#include "../facts/several_axes.hpp"
#include "simplify.hpp"

namespace heed::internal::plan {

// The same results with one softmax axis fewer.
struct merged_axes {
  graph g{};
  fixed_array<node_id, max_results> roots{};
  fixed_array<node_id, graph::capacity> to{};  // of every node of the graph: what became of it; merged where it lies
                                               // over pairs
  bool done = false;
};

class axes_merger {
 public:
  constexpr axes_merger(const graph& graph_, const node_flags& used_, const axes_to_merge& what_)
      : before(graph_),
        used(used_),
        keys(what_.keys),
        what(what_) {
    after.axes = before.axes, after.axis_hash = before.axis_hash, after.axis_count = before.axis_count;
    after.positions = before.positions;
    after.inputs = before.inputs, after.input_count = before.input_count;
    after.primitives = before.primitives, after.primitive_count = before.primitive_count;
  }

  template <std::size_t N> constexpr merged_axes run(const fixed_array<node_id, N>& roots, int count) {
    merged_axes r;
    if (what.whole >= 0) {
      key[0] = whole[0] = what.major, key[1] = what.minor, whole[1] = what.whole, key_count = 2;
    } else {
      order_keys();
      if (after.axis_count + key_count - 1 > max_axes) return r;
      name_axes();
    }
    find_pairs();
    for (int i = 1; i < before.size; ++i) {
      if (!used[i]) continue;
      if (paired[i]) merged[i] = is_given(before[i], op::split) ? plain_of(before[i].a) : rebuilt(before[i], true);
      else if (!deferred(node_id(i)) && !is_partial_sum(before[i])) plain_of(node_id(i));
    }
    for (int k = 0; k < count; ++k) r.roots[k] = plain_of(roots[k]);
    for (int i = 1; i < before.size; ++i) r.to[i] = paired[i] ? merged[i] : plain[i];
    r.done = has_extent(r.roots, count);
    r.g = after;
    return r;
  }

 private:
  const graph& before;
  const node_flags& used;
  const axis_set keys;
  const axes_to_merge what;
  graph after{};                              // what becomes of it
  fixed_array<int, max_axes> key{}, whole{};  // key axes from the slowest to the fastest; what so many of them are
                                              // merged to
  int key_count = 0;
  axis_set rows = 0;
  node_flags paired{};                                      // computed along the merged axis
  fixed_array<node_id, graph::capacity> plain{}, merged{};  // of a node of `before`: itself, the same along the merged
                                                            // axis; 0: not made yet
  // A sum over some of the keys of pairs, which waits for the others: `of` summed over `over`, present where a
  // condition holds (as it is, and along the merged axis; 0: everywhere). What is summed step by step would lie over
  // pairs between the steps.
  struct waiting_sum {
    node_id of{};
    axis_set over{};
    node_id keep{}, merged_keep{};
  };
  fixed_array<waiting_sum, graph::capacity> waiting{};
  presences present{};  // in `after`

  constexpr int one() const { return whole[key_count - 1]; }
  constexpr axis_set swapped(axis_set s) const { return s & keys ? (s & ~keys) | axis_bit(one()) : s; }
  constexpr bool has_all(node_id i) const { return (before[i].axes & keys) == keys; }
  constexpr bool is_partial(axis_set s) const { return (s & keys) && (s & keys) != keys; }
  constexpr bool is_partial_sum(const node& x) const { return x.code == op::sum && is_partial(x.over); }
  constexpr bool touches_keys(const node& x) const {  // by what it does to axes
    const bool two = x.code >= op::rename && x.code <= op::slice;
    const axis_set axes = axis_bit(x.first) | (two || x.code == op::concat ? axis_bit(x.second) : 0) |
                          (x.code == op::split || x.code == op::merge || x.code == op::concat ? axis_bit(x.third) : 0);
    return is_moving(x.code) && (axes & keys);
  }

  // The views that the graph itself merges or splits the keys by.
  constexpr bool is_given(const node& x, op view) const {
    return x.code == view && x.first == what.whole && x.second == what.major && x.third == what.minor;
  }

  // ---- axes
  // In the memory order of an operand that has all of them.
  constexpr void order_keys() {
    const auto append = [&](int axis) {
      for (int j = 0; j < key_count; ++j)
        if (key[j] == axis) return;
      key[key_count++] = axis;
    };
    for (int i = 1; i < before.size && !key_count; ++i) {
      if (!used[i] || before[i].code != op::input || !has_all(node_id(i)) || !is_real(before[i].type)) continue;
      const input_entry& in = before.inputs[before[i].first];
      for (int j = 0; j < in.rank; ++j)
        if (keys >> in.order[j] & 1) append(in.order[j]);
    }
    for (int a = 0; a < max_axes; ++a)
      if (keys >> a & 1) append(a);
  }
  // yk and xk become yk*xk.
  constexpr void name_axes() {
    whole[0] = key[0];
    for (int j = 1; j < key_count; ++j) whole[j] = add_product_axis(after, whole[j - 1], key[j]);
  }
  // The index along a key axis, of the merged index.
  constexpr node_id digit(int axis) {
    node_id left = add_index(after, one());
    for (int j = key_count - 1;; --j) {
      if (j == 0) return left;
      const node_id size = add_size(after, key[j]);
      // mutants: key_axes_confused
      if (key[j] == axis) return whole_number(op::remainder, left, size);
      left = whole_number(op::floor_divide, left, size);
    }
  }
  constexpr node_id whole_number(op o, node_id a, node_id b) { return add_pointwise(after, o, element::integer, a, b); }

  // ---- what is computed along the merged axis
  constexpr void find_pairs() {
    for (int i = 1; i < before.size; ++i) {
      const node& x = before[i];
      if (used[i] && is_given(x, op::merge)) {
        rows |= rows_of_score(before, x.a, keys);
        if (rows_of_score(before, x.a, keys)) each_of_score(before, x.a, keys, [&](node_id j) { mark(j); });
      }
      if (!used[i] || x.over != keys ||
          !(x.code == op::softmax || x.code == op::logsumexp || x.code == op::max || x.code == op::min))
        continue;
      rows |= rows_of_score(before, x.a, keys);
      if (x.code == op::softmax) paired[i] = true;
      each_of_score(before, x.a, keys, [&](node_id j) { mark(j); });
    }
    for (int i = 1; i < before.size; ++i)
      if (used[i] && is_given(before[i], op::split) && (before[i].axes & rows)) paired[i] = true;
    for (bool more = true; more;) {
      more = false;
      for (int i = 1; i < before.size; ++i)  // what is computed from pairs
        if (used[i] && !paired[i] && has_all(node_id(i)) && follows(before[i])) paired[i] = more = true;
      for (int i = before.size - 1; i > 0; --i) {  // and what that is computed from
        if (!paired[i] || (rows && !(before[i].axes & rows))) continue;
        const node& x = before[i];
        if (!is_pointwise(x.code) && x.code != op::mask && !is_distance(x)) continue;
        for (const node_id k : {x.a, x.b, x.c})
          if (mark(k)) more = true;
      }
    }
  }
  constexpr bool is_distance(const node& x) const { return summed_distance_of(before, x).of != 0; }
  constexpr bool mark(node_id i) {
    const node& x = before[i];
    if (!i || paired[i] || !has_all(i)) return false;
    const bool computed = is_pointwise(x.code) || x.code == op::mask || x.code == op::dot || is_distance(x) ||
                          (x.code == op::gather && !(before[x.a].axes & keys));
    return paired[i] = computed && !touches_keys(x);
  }
  // Is x over keys computed from pairs? What is reduced to the keys alone is so too, but what is computed from that is
  // no longer.
  constexpr bool follows(const node& x) const {
    const auto of_pairs = [&](node_id i) { return paired[i]; };
    if (!(of_pairs(x.a) || of_pairs(x.b) || of_pairs(x.c)) || touches_keys(x) || is_partial(x.over)) return false;
    const auto stays = [&](node_id i) { return !i || !has_all(i) || of_pairs(i); };
    if (is_pointwise(x.code) || x.code == op::mask) return (x.axes & rows) || (stays(x.a) && stays(x.b) && stays(x.c));
    const auto over_rows = [&](node_id i) { return of_pairs(i) && (!rows || (before[i].axes & rows)); };
    return over_rows(x.a) || over_rows(x.b);
  }

  // ---- the new graph
  constexpr node_id of(node_id i, bool along_one) {
    return !i ? node_id(0) : along_one ? merged_of_node(i) : plain_of(i);
  }
  constexpr node_id rebuilt(node x, bool along_one) {
    if (x.code != op::input) x.hash = 0;
    x.a = of(x.a, along_one), x.b = of(x.b, along_one), x.c = of(x.c, along_one);
    if (along_one) x.axes = swapped(x.axes), x.over = swapped(x.over);
    return after.add(x);
  }
  constexpr node_id plain_of(node_id i) {
    node_id& r = plain[i];
    if (r || !i) return r;
    const node& x = before[i];
    node_id made = 0;
    if (paired[i]) made = split_up(merged[i]);
    else if (is_given(x, op::merge)) made = merged_of_node(x.a);
    else if (waiting[i].of) made = summed_at_last(waiting[i]);
    else made = rebuilt(x, reduces_pairs(x));
    return plain[i] = made;
  }
  constexpr bool reduces_pairs(const node& x) const {
    return (x.over & keys) == keys && (paired[x.a] || paired[x.b] || x.code == op::softmax || x.code == op::logsumexp);
  }
  constexpr node_id merged_of_node(node_id i) {
    node_id& r = merged[i];
    if (r) return r;
    const node& x = before[i];
    const axis_set own = x.axes & keys;
    node_id made = 0;
    if (!own) made = plain_of(i);
    else if (x.code == op::index) made = digit(x.first);
    else if (is_followed_down(x)) made = rebuilt(x, true);
    else if (own == keys) made = merged_up(plain_of(i));
    else if (std::popcount(own) == 1) made = read_at(plain_of(i), only_axis(own), digit(only_axis(own)));
    else made = merged_up(over_all_keys(plain_of(i)));
    return merged[i] = made;
  }
  // Conditions, whole numbers and absence go along with the values that they decide about; numbers over all keys are
  // merged as they are.
  constexpr bool is_followed_down(const node& x) const {
    if (x.code == op::gather) return !(before[x.a].axes & keys);
    return x.code == op::mask || x.code == op::present ||
           (is_pointwise(x.code) && (!is_real(x.type) || (x.axes & keys) != keys));
  }
  constexpr node_id view(op o, node_id a, int first, int second, int third, axis_set axes) {
    return add_moved(after, o, a, axes, first, second, third);
  }
  constexpr node_id merged_up(node_id a) {
    for (int j = 1; j < key_count; ++j) {
      const int major = whole[j - 1], minor = key[j], both = whole[j];
      a = view(op::merge, a, both, major, minor,
               (after[a].axes & ~(axis_bit(major) | axis_bit(minor))) | axis_bit(both));
    }
    return a;
  }
  constexpr node_id split_up(node_id a) {
    for (int j = key_count - 1; j > 0; --j) {
      const int major = whole[j - 1], minor = key[j], both = whole[j];
      a = view(op::split, a, both, major, minor, (after[a].axes & ~axis_bit(both)) | axis_bit(major) | axis_bit(minor));
    }
    return a;
  }
  constexpr node_id read_at(node_id a, int axis, node_id index) { return add_read(after, a, index, axis); }
  // The same value, varying over the keys that it lacks.
  constexpr node_id over_all_keys(node_id a) {
    for (int j = 0; j < key_count; ++j) {
      if (after[a].axes & axis_bit(key[j])) continue;
      const node_id there =
          add_condition(after, op::less_equal, after.add_constant(0, element::integer), add_index(after, key[j]));
      a = after.add(node{.code = op::where,
                         .type = after[a].type,
                         .a = there,
                         .b = a,
                         .c = a,
                         .axes = after[a].axes | after[there].axes});
    }
    return a;
  }

  // ---- sums over some of the keys
  constexpr bool waits(node_id i) const { return waiting[i].of != 0; }
  // What is summed, absent where the sum is: sums and products leave it out one way or the other.
  constexpr node_id addends(const waiting_sum& s) { return add_mask(after, s.of, s.merged_keep); }
  constexpr node_id summed(node_id a, axis_set over) {
    return over ? add_reduction(after, op::sum, after[a].type, a, over) : a;
  }
  // Is i such a sum, or what is made of one alone and may be summed afterwards? Then it waits.
  constexpr bool deferred(node_id i) {
    const node& x = before[i];
    if (x.code == op::sum && paired[x.a] && is_partial_sum(x)) waiting[i] = {merged[x.a], x.over};
    else if (waits(x.a) || waits(x.b)) {
      if (!after_waiting(i)) return false;
    } else return false;
    if (waits(i) && (waiting[i].over & keys) == keys) {  // no other axis of the keys is left
      plain[i] = add_mask(after, summed(addends(waiting[i]), swapped(waiting[i].over)), waiting[i].keep);
      waiting[i] = {};
    }
    return true;
  }
  // What an operation on a waiting sum makes of it, as the same operation on what is summed: multiples, sums of two
  // that wait alike and products over other axes wait on; a table takes what is summed as it is. False: the sum has to
  // be there first.
  constexpr bool after_waiting(node_id i) {
    const node& x = before[i];
    const node_id a = waits(x.a) ? x.a : x.b, other = a == x.a ? x.b : x.a;
    const waiting_sum from = waiting[a];
    const auto wait = [&](node y, axis_set over, bool kept) {
      y.axes = (after[y.a].axes | after[y.b].axes) & ~y.over, y.hash = 0;
      waiting[i] = {after.add(y), over, kept ? from.keep : node_id(0), kept ? from.merged_keep : node_id(0)};
      return true;
    };
    node y = x;
    switch (x.code) {
      case op::sum: waiting[i] = {addends(from), from.over | x.over}; return true;
      case op::negate:
      case op::cast: y.a = from.of; return wait(y, from.over, true);
      case op::present: waiting[i] = {addends(from), from.over}; return true;
      case op::mask:
        if (a != x.a || (before[x.b].axes & from.over)) return false;
        waiting[i] = {from.of, from.over, all_of(after, from.keep, plain_of(x.b)),
                      all_of(after, from.merged_keep, merged_of_node(x.b))};
        return true;
      case op::add:
      case op::subtract: {                        // of the same keys, as of a table that two scores read
        const waiting_sum more = waiting[other];  // (a is the left operand)
        if (!more.of || more.over != from.over || more.keep != from.keep || after[more.of].axes != after[from.of].axes)
          return false;
        const bool together = present.of(after, from.of) == present.of(after, more.of);  // else what one of them lacks
                                                                                         // is 0 to the other
        y.a = together ? from.of : present.or_zero(after, from.of),
        y.b = together ? more.of : present.or_zero(after, more.of);
        return wait(y, from.over, true);
      }
      case op::multiply:
        if (before[other].axes || waits(other)) return false;
        y.a = waits(x.a) ? from.of : plain_of(x.a), y.b = waits(x.a) ? plain_of(x.b) : from.of;
        return wait(y, from.over, true);
      case op::dot:
        if (waits(other) || (before[other].axes & from.over) || (x.over & keys)) return false;
        y.a = waits(x.a) ? addends(from) : merged_of_node(x.a), y.b = waits(x.b) ? addends(from) : merged_of_node(x.b);
        return wait(y, from.over, false);
      case op::scatter:
        if (a != x.a || (before[x.b].axes & from.over) || ((from.over | x.over) & keys) != keys) return false;
        y.a = addends(from), y.b = merged_of_node(x.b), y.over = swapped(from.over | x.over), y.hash = 0;
        plain[i] = after.add(y);
        return true;
      default: return false;
    }
  }
  constexpr node_id summed_at_last(const waiting_sum& s) {
    return add_mask(after, summed(split_up(summed(s.of, s.over & ~keys)), s.over & keys), s.keep);
  }

  // Does a view that the results need say how long the merged axis is?
  template <std::size_t N> constexpr bool has_extent(const fixed_array<node_id, N>& roots, int count) const {
    const node_flags needed = reachable(after, roots, count);
    for (int i = 1; i < after.size; ++i)
      if (needed[i] && (after[i].code == op::merge || after[i].code == op::split) && after[i].first == one())
        return true;
    return false;
  }
};

// The pass: as often as there are such axes.
template <std::size_t N>
constexpr merged_axes with_merged_axes(const graph& g, const fixed_array<node_id, N>& roots, int count) {
  merged_axes r;
  axis_set tried = 0;
  for (bool more = true; more;) {
    more = false;
    const graph& now = r.done ? r.g : g;
    fixed_array<node_id, max_results> at{};
    for (int k = 0; k < count; ++k) at[k] = r.done ? r.roots[k] : roots[k];
    const node_flags used = reachable(now, at, count);
    const axes_to_merge what = several_axes(now, used, tried);
    if (!what.keys) break;
    tried |= what.keys, more = true;
    merged_axes next = axes_merger(now, used, what).run(at, count);
    if (!next.done) continue;
    if (r.done)
      for (node_id& i : r.to) i = next.to[i];
    else r.to = next.to;
    r.g = next.g, r.roots = next.roots, r.done = true;
  }
  return r;
}

}  // namespace heed::internal::plan
