// Reverse-mode differentiation, a pass from graph to graph. The nodes are taken from the last to the first; each hands
// what reaches it on to its operands by the rule of its operation, and equal values are one node, so the gradient of a
// graph is linear in it and shares with it what the forward has computed (tanh gives its own slope). A gradient may
// lack axes of its value: broadcasting by absence works backwards too, and only where an operand lacks an axis is there
// a sum.
//
// The rules that are not obvious:
//   absence      what reaches an absent element goes nowhere: a gradient is absent wherever its value is, stays absent
//   on its way
//                (times the slope of a NaN too), leaves sums and products as an absent element does, and is 0 in the
//                end. A sum all of whose addends are absent gives an absent gradient as well, so that the next product
//                leaves it out too; of a condition that says so, the parts that do not vary along the sum are known to.
//   softmax      dS = p (dp - delta), delta = sum of p dp; for dot<m>(p, v), the weighted values O, delta = sum over
//   the width of dO O. logsumexp    joins the softmax of the same score: delta - dL. max, min     over an axis or of
//   two values: shared evenly among those that are equal. abs, where   abs at 0 has slope 0; a condition has none.
//   running_sum  a running sum from the other end.
//   gather       a scatter: every element of the table sums what reaches its readers, in the order of the axes.
#pragma once
#include "presence.hpp"
#include "summed_distance.hpp"

namespace heed::internal {

// Does a gradient pass through values of this element?
constexpr bool is_differentiable(element e) { return is_real(e); }

struct differentiation {
  graph g;                                           // grows behind the declared graph
  int declared;                                      // nodes of the declared graph
  fixed_array<node_id, graph::capacity> gradient{};  // of declared nodes, as far as it is known; 0: none has reached
                                                     // them
  // Softmax and log-sum-exp of one score along the same axis, waiting until the score's turn comes.
  // keep: where something has reached them, if not everywhere.
  struct weights {
    node_id softmax{}, reached{}, delta{}, keep{};
    bool everywhere = false;
  };
  fixed_array<weights, 64> waiting{};
  presences present{};
  int waiting_count = 0;
  const primitive_entry* refused = nullptr;  // the first primitive that a gradient cannot pass
  derivative_fault fault{};                  // and why

  // ---- building
  constexpr node_id real(double v) { return g.add_constant(v); }
  constexpr bool is(node_id i, double v) const { return g[i].code == op::constant && g[i].value == v; }
  constexpr node_id add_op(op o, element type, node_id a, node_id b = 0, node_id c = 0, double value = 0) {
    return add_pointwise(g, o, type, a, b, c, value);
  }
  constexpr element joined_real(node_id a, node_id b) const {
    const element e = joined(g[a].type, g[b].type);
    return is_real(e) ? e : element::real;
  }
  constexpr node_id times(node_id a, node_id b) {
    if (is(a, 1) && is_real(g[b].type)) return b;  // 1 times a whole number (a size) is a real number
    if (is(b, 1) && is_real(g[a].type)) return a;
    return add_op(op::multiply, joined_real(a, b), a, b);
  }
  constexpr node_id plus(node_id a, node_id b) {
    if (!a || !b) return a ? a : b;
    return add_op(op::add, joined_real(a, b), a, b);
  }
  constexpr node_id minus(node_id a, node_id b) {
    if (!b) return a;
    if (!a) return negative(b);
    return add_op(op::subtract, joined_real(a, b), a, b);
  }
  constexpr node_id negative(node_id a) { return add_op(op::negate, g[a].type, a); }
  constexpr node_id over(node_id a, node_id b) { return add_op(op::divide, joined_real(a, b), a, b); }
  constexpr node_id where(node_id c, node_id a, node_id b) {
    return add_op(op::where, joined(g[a].type, g[b].type), c, a, b);
  }
  constexpr node_id compared(op o, node_id a, node_id b) { return add_op(o, element::boolean, a, b); }
  constexpr node_id index_of(int axis) { return add_index(g, axis); }
  constexpr node_id size_of(int axis) { return add_size(g, axis); }
  constexpr node_id whole(double v) { return g.add_constant(v, element::integer); }
  constexpr node_id view(op o, node_id a, int first, int second, int third, axis_set axes, double value = 0) {
    return add_moved(g, o, a, axes, first, second, third, value);
  }
  // The table a read along an axis at an index.
  constexpr node_id read_at(node_id a, int axis, node_id index) { return add_read(g, a, index, axis); }
  constexpr node_id with_axis(node_id a, int axis) {  // the same value, varying over an axis that it lacks
    if (g[a].axes & axis_bit(axis)) return a;
    return add_op(op::add, g[a].type, a, times(real(0), index_of(axis)));
  }

  // The sum of a value over some axes, one axis at a time. Over an axis that it lacks it is that many times the value.
  constexpr node_id summed(node_id a, axis_set axes) {
    const node_id keep = presence(a);
    const axis_set lacking = axes & ~g[a].axes;
    for (int i = max_axes - 1; i >= 0; --i)
      if (axes & g[a].axes & axis_bit(i)) a = add_reduction(g, op::sum, g[a].type, a, axis_bit(i));
    for (int i = 0; i < max_axes; ++i)
      if (lacking & axis_bit(i)) a = times(a, size_of(i));
    return kept(a, independent_of(g, keep, axes));
  }
  // The sum of a * b over some axes.
  constexpr node_id contracted(node_id a, node_id b, axis_set axes) {
    const axis_set both = axes & g[a].axes & g[b].axes, neither = axes & ~g[a].axes & ~g[b].axes;
    if (const axis_set own = axes & g[a].axes & ~g[b].axes) a = summed(a, own);
    if (const axis_set own = axes & g[b].axes & ~g[a].axes & ~both) b = summed(b, own);
    const node_id keep = all_of(g, present.of_factor(g, a), present.of_factor(g, b));
    node_id r = both ? kept(add_dot(g, joined_real(a, b), a, b, both), independent_of(g, keep, both)) : times(a, b);
    for (int i = 0; i < max_axes; ++i)
      if (neither & axis_bit(i)) r = times(r, size_of(i));
    return r;
  }

  constexpr node_id presence(node_id i) { return present.of(g, i); }
  constexpr node_id or_nothing(node_id value) { return value ? present.or_zero(g, value) : value; }
  // A value that is absent where keep does not hold. (A gradient that is absent there already stays as it is.)
  constexpr node_id kept(node_id value, node_id keep) {
    return implies(g, presence(value), keep) ? value : add_mask(g, value, keep);
  }

  // ---- handing on
  // A gradient is absent where its value has no part in the result. It stays absent on its way, and is not 0: a product
  // would not leave a 0 out, and 0 times the NaN of a masked key is NaN. Two that meet are present where one of them
  // is.
  constexpr void arrive(node_id to, node_id value) {
    node_id& sum = gradient[to];
    const node_id here = presence(sum), there = presence(value);
    if (!sum || here == there) {
      sum = plus(sum, value);
      return;
    }
    sum = plus(or_nothing(sum), or_nothing(value));
    if (here && there) sum = kept(sum, any_of(g, here, there));
  }
  // `value`, an element for each of those of `from` (or fewer axes), reaches the operand `to`.
  constexpr void reach(node_id to, node_id value, axis_set from) {
    if (!to || !is_differentiable(g[to].type)) return;
    arrive(to, summed(value, (from | g[value].axes) & ~g[to].axes));
  }
  constexpr void reach_product(node_id to, node_id a, node_id b, axis_set from) {
    if (!to || !is_differentiable(g[to].type)) return;
    arrive(to, contracted(a, b, (from | g[a].axes | g[b].axes) & ~g[to].axes));
  }

  // A choice between values that reach an operand: between dy and 0 it would be present where 0 is chosen.
  constexpr node_id chosen(node_id dy, node_id condition, node_id a, node_id b) {
    return kept(where(condition, a, b), presence(dy));
  }
  constexpr node_id both(node_id a, node_id b) { return add_op(op::both, element::boolean, a, b); }
  constexpr node_id either(node_id a, node_id b) { return add_op(op::either, element::boolean, a, b); }
  // A function of one operand, for slopes.
  constexpr node_id applied(op function, node_id a) { return add_op(function, g[a].type, a); }

  // What reaches a pointwise value reaches its operands times their slopes. Functions have theirs in operations.hpp,
  // primitives bring their own; conditions and whole numbers hand nothing on.
  constexpr void pointwise(const node& x, node_id y, node_id dy) {
    const node_id a = x.a, b = x.b;
    switch (x.code) {
      case op::negate: reach(a, negative(dy), x.axes); break;
      case op::power:
        if (x.value != 0)
          reach(a, times(dy, times(real(x.value), add_op(op::power, x.type, a, 0, 0, x.value - 1))), x.axes);
        break;
      case op::present: reach(a, dy, x.axes); break;
      case op::cast:
        if (is_real(x.type)) reach(a, x.type == g[a].type ? dy : add_op(op::cast, g[a].type, dy), x.axes);
        break;
      case op::add: reach(a, dy, x.axes), reach(b, dy, x.axes); break;
      case op::subtract: reach(a, dy, x.axes), reach(b, negative(dy), x.axes); break;
      case op::multiply: reach(a, times(dy, b), x.axes), reach(b, times(dy, a), x.axes); break;
      case op::divide:
        reach(a, over(dy, b), x.axes);
        reach(b, negative(over(times(dy, y), b)), x.axes);
        break;
      case op::minimum:
      case op::maximum: {
        const node_id first = x.code == op::minimum ? compared(op::less, a, b) : compared(op::less, b, a);
        const node_id tie = compared(op::equal, a, b), half = times(real(0.5), dy);
        reach(a, chosen(dy, tie, half, where(first, dy, real(0))), x.axes);
        reach(b, chosen(dy, tie, half, where(first, real(0), dy)), x.axes);
        break;
      }
      case op::where:
        reach(x.b, chosen(dy, a, dy, real(0)), x.axes);
        reach(x.c, chosen(dy, a, real(0), dy), x.axes);
        break;
      case op::primitive: user_defined(x, dy); break;
      default:  // of conditions nothing
        if (is_function(x.code)) hand_on_function(*this, x, y, dy);
    }
  }

  constexpr void user_defined(const node& x, node_id dy) {
    const primitive_entry& p = *g.primitives[int(x.value)];
    const node_id to[] = {x.a, x.b};
    for (int k = 0; k < p.operands; ++k) {
      if (!is_differentiable(g[to[k]].type)) continue;
      derivative_fault wrong{};
      const node_id slope = p.add_slope(g, k, x.a, x.b, wrong);
      if (wrong == derivative_fault::none) reach(to[k], times(dy, slope), x.axes);
      else if (!refused) refused = &p, fault = wrong;
    }
  }

  // A rule of the user's: what it says, with what reaches the value in the place of its stand-in.
  constexpr void by_rule(const node& x, node_id dy) {
    node_id value = x.a;
    for (int more = int(x.value); more > 0; --more) value = g[value].a;
    const node of = g[value];
    const node_id stand_in = g.add(node{.code = op::reached, .type = of.type, .a = value, .axes = of.axes});
    reach(x.b, with_in_place(x.c, stand_in, with_axes(dy, of.axes)), g[x.b].axes);
    if (x.value > 0) arrive(x.a, dy);
  }
  // A value with another one in the place of one that it is computed from, which has the same axes.
  constexpr node_id with_in_place(node_id i, node_id old, node_id fresh) {
    fixed_array<bool, graph::capacity> needed{};
    needed[i] = true;
    for (int k = i; k > old; --k)
      if (needed[k]) needed[g[k].a] = needed[g[k].b] = needed[g[k].c] = true;
    fixed_array<node_id, graph::capacity> to{};
    to[old] = fresh;
    for (int k = old + 1; k <= i; ++k) {
      node x = g[k];
      if (!needed[k] || !(to[x.a] || to[x.b] || to[x.c])) continue;
      for (node_id* const from : {&x.a, &x.b, &x.c})
        if (to[*from]) *from = to[*from];
      x.hash = 0;
      to[k] = g.add(x);
    }
    return to[i] ? to[i] : i;
  }

  // What moves elements is undone: what reaches the value goes back to where each element came from. An axis that dy
  // does not vary over need not be moved; where the operand has more elements than were taken (slice, shift), the rest
  // gets 0.
  constexpr void moved(const node& x, node_id dy) {
    const int first = x.first, second = x.second, third = x.third;
    const axis_set one = axis_bit(first), two = axis_bit(second), three = axis_bit(third), has = g[dy].axes;
    switch (x.code) {
      case op::rename:
        reach(x.a, has & two ? view(op::rename, dy, second, first, 0, (has & ~two) | one) : dy, g[x.a].axes);
        break;
      case op::split: {
        if (!(has & (two | three))) {
          reach(x.a, dy, g[x.a].axes);
          break;
        }
        const node_id d = with_axis(with_axis(dy, second), third);
        reach(x.a, view(op::merge, d, first, second, third, (g[d].axes & ~(two | three)) | one), g[x.a].axes);
        break;
      }
      case op::merge:
        reach(x.a, has & one ? view(op::split, dy, first, second, third, (has & ~one) | two | three) : dy, g[x.a].axes);
        break;
      case op::slice: {
        const node_id at =
            x.value == 0 ? index_of(first) : add_op(op::subtract, element::integer, index_of(first), whole(x.value));
        placed(x.a, dy, second, at);
        break;
      }
      case op::shift: {
        if (has & one) {
          reach(x.a, add_moved(g, op::shift, dy, has, x.first, 0, 0, -x.value), x.axes);
        } else {
          const node_id at = add_op(op::add, element::integer, index_of(first), whole(x.value));
          reach(x.a, where(inside(at, first), dy, real(0)), x.axes);
        }
        break;
      }
      case op::concat:
        reach(x.a, has & one ? read_at(dy, first, index_of(second)) : dy, g[x.a].axes);
        reach(x.b,
              has & one ? read_at(dy, first, add_op(op::add, element::integer, index_of(third), size_of(second))) : dy,
              g[x.b].axes);
        break;
      default: break;
    }
  }
  constexpr node_id up_to_end(node_id at, int axis) {  // not beyond the last position of an axis
    return add_op(op::minimum, element::integer, at, add_op(op::subtract, element::integer, size_of(axis), whole(1)));
  }
  constexpr node_id inside(node_id at, int axis) {
    return add_op(op::both, element::boolean, compared(op::less_equal, whole(0), at),
                  compared(op::less, at, size_of(axis)));
  }
  // dy, along `axis`, lies in the operand where `at` (an index along `axis`) is inside it; 0 elsewhere. A table read at
  // an axis itself is a view and must be as long as that axis; the operand's is longer, so such an index ends with dy.
  constexpr void placed(node_id to, node_id dy, int axis, node_id at) {
    const node_id value =
        g[dy].axes & axis_bit(axis) ? read_at(dy, axis, g[at].code == op::index ? up_to_end(at, axis) : at) : dy;
    reach(to, where(inside(at, axis), value, real(0)), g[to].axes);
  }
  constexpr void gathered(const node& x, node_id dy) {
    const node& index = g[x.b];
    if (index.code == op::index && index.first != x.first && !(g[x.a].axes & index.axes)) {  // read at an axis: its
                                                                                             // first elements
      placed(x.a, dy, index.first, index_of(x.first));
      return;
    }
    const axis_set table = axis_bit(x.first), readers = (x.axes | g[dy].axes) & ~(g[x.a].axes & ~table);
    if (readers) {
      const node_id bare = present.bare(g, dy), from = bare ? bare : dy;
      const node_id sums = g.add(node{.code = op::scatter,
                                      .type = g[dy].type,
                                      .a = from,
                                      .b = x.b,
                                      .axes = ((g[from].axes | index.axes) & ~readers) | table,
                                      .over = readers,
                                      .first = x.first});
      arrive(x.a, kept(sums, independent_of(g, presence(dy), readers)));
      return;
    }
    // One reader: a choice, which fuses with what surrounds it.
    const node_id at = up_to_end(add_op(op::maximum, element::integer, x.b, whole(0)), x.first);
    reach(x.a, kept(where(compared(op::equal, at, index_of(x.first)), dy, real(0)), presence(dy)), x.axes | table);
  }
  constexpr void scattered(const node& x, node_id dy) {
    const axis_set table = axis_bit(x.first);
    reach(x.a, g[dy].axes & table ? read_at(dy, x.first, x.b) : dy, (x.axes & ~table) | x.over);
  }

  constexpr weights& waiting_for(node_id softmax) {
    for (int i = 0; i < waiting_count; ++i)
      if (waiting[i].softmax == softmax) return waiting[i];
    waiting[waiting_count].softmax = softmax;  // too many: a compile error here
    return waiting[waiting_count++];
  }
  // dy reaches some weights: in which of their rows, as far as is known (0: in all).
  constexpr node_id reaches(weights& w, node_id dy) {
    const node_id keep = independent_of(g, presence(dy), ~(g[w.softmax].axes & ~g[w.softmax].over));
    w.keep = w.everywhere || !keep ? node_id(0) : w.keep ? any_of(g, w.keep, keep) : keep;
    w.everywhere = w.everywhere || !keep;
    return keep;
  }
  constexpr void dot_product(const node& x, node_id y, node_id dy) {
    const axis_set all = g[x.a].axes | g[x.b].axes;
    for (const auto& [to, other] : {std::pair(x.a, x.b), std::pair(x.b, x.a)}) {
      const bool weights_of =
          g[to].code == op::softmax && g[to].over == x.over && to < declared && g[other].code != op::softmax;
      if (!weights_of) {
        reach_product(to, dy, other, all);
        continue;
      }
      weights& w = waiting_for(to);
      const node_id keep = reaches(w, dy), d = implies(g, keep, presence(dy)) ? or_nothing(dy) : dy;
      w.reached = plus(w.reached, or_nothing(contracted(d, other, (all | g[d].axes) & ~g[to].axes)));
      w.delta = plus(w.delta, or_nothing(contracted(d, y, (x.axes | g[d].axes) & ~(g[to].axes & ~x.over))));
    }
  }
  // A reduction hands dy to all that it reduced: a mean divides by how many elements are present, a maximum or minimum
  // shares it out evenly among those that are equal to it, a log-sum-exp and a softmax weigh it by the weights, which
  // wait until all that reaches them is known.
  constexpr void reduced(const node& x, node_id y, node_id dy) {
    const axis_set all = g[x.a].axes;
    switch (x.code) {
      case op::sum: reach(x.a, dy, all); break;
      case op::mean: {
        const node_id keep = presence(x.a);
        node_id count;
        if (keep) {
          const node_id one = add_op(op::mask, element::real, with_axes(real(1), x.over), keep);
          count = add_op(op::maximum, element::real, summed(one, x.over), real(1));
        } else {
          count = add_count(g, x.over);
        }
        reach(x.a, over(dy, count), all);
        break;
      }
      case op::max:
      case op::min: {
        const node_id equal = compared(op::equal, x.a, y);
        const node_id count = summed(where(equal, real(1), real(0)), x.over);
        reach(x.a, kept(where(equal, over(dy, count), real(0)), presence(dy)), all);
        break;
      }
      case op::logsumexp: {
        const node_id p = g.add(node{.code = op::softmax, .type = x.type, .a = x.a, .axes = all, .over = x.over});
        weights& w = waiting_for(p);
        reaches(w, dy);
        w.delta = minus(w.delta, or_nothing(dy));
        break;
      }
      default: break;
    }
  }
  // Each element is part of the sums from its own position on: a running sum the other way. What has reached nobody
  // whatever the position reaches no element.
  constexpr void summed_on_the_way(const node& x, node_id dy) {
    const node_id keep = independent_of(g, presence(dy), x.over);
    const int axis = std::countr_zero(x.over);
    reach(x.a, kept(add_running_sum(g, g[dy].type, dy, axis, x.value == 0), keep), x.axes);
  }
  constexpr node_id with_axes(node_id a, axis_set axes) {
    for (int i = 0; i < max_axes; ++i)
      if (axes & axis_bit(i)) a = with_axis(a, i);
    return a;
  }
  // dS of everything that has waited for the score i.
  constexpr void scores(node_id i) {
    for (int k = 0; k < waiting_count; ++k) {
      weights w = waiting[k];
      if (g[w.softmax].a != i) continue;
      const node_id p = w.softmax;
      node_id reached = w.reached, delta = w.delta;
      const node_id keep = presence(i);
      if (const node_id other = p < declared ? or_nothing(gradient[p]) : node_id(0)) {  // it was used in other ways too
        reaches(w, gradient[p]);
        const node_id seen = keep ? add_op(op::mask, g[other].type, other, keep) : other;
        delta = plus(delta, summed(times(p, seen), g[p].over));
        reached = plus(reached, other);
      }
      // mutants: sign_of_score_gradient, delta_dropped
      const node_id d = times(p, minus(reached, delta));
      reach(i, kept(d, all_of(g, keep, w.keep)), g[p].axes);
    }
  }

  // A distance weighs differences, or their signs, which stay as they are: kernels form them of rows and columns.
  // False: it is none.
  constexpr bool distance(const node& x, node_id y, node_id dy) {
    summed_distance of = summed_distance_of(g, x);
    if (!of.of || presence(x.a)) return false;
    divide_by_count(g, x, of);
    const node t = g[of.of];
    const node_id each = of.power == 2 ? times(of.of, of.of) : applied(op::abs, of.of);
    const auto all_but = [&](int left_out, node_id value) {  // the factors and divisors, times a value
      value = times(real(of.factor), value);
      for (int k = 0; k < of.factors.count; ++k)
        if (k != left_out) value = times(value, of.factors[k]);
      for (const node_id divisor : of.divisors) value = times(over(real(1), divisor), value);
      return value;
    };
    for (int k = 0; k < of.factors.count; ++k)
      reach(of.factors[k], times(all_but(k, dy), add_reduction(g, op::sum, x.type, each, x.over)), x.axes);
    for (const node_id divisor : of.divisors) reach(divisor, negative(over(times(dy, y), divisor)), x.axes);
    const node_id slope = of.power == 2 ? of.of : applied(op::sign, of.of),
                  reached = times(real(of.power), all_but(-1, dy));
    reach_product(t.a, reached, slope, x.axes | x.over);
    reach_product(t.b, negative(reached), slope, x.axes | x.over);
    return true;
  }

  constexpr void hand_on(node_id i) {
    const node x = g[i];
    if (!gradient[i]) return;
    const node_id dy = kept(gradient[i], presence(i));
    if (x.code == op::mask) reach(x.a, dy, x.axes);
    else if (is_pointwise(x.code)) pointwise(x, i, dy);
    else if (x.code == op::dot) dot_product(x, i, dy);
    else if (x.code == op::softmax) waiting_for(i);
    else if (x.code == op::running_sum) summed_on_the_way(x, dy);
    else if (x.code == op::with_gradient) by_rule(x, dy);
    else if (is_reduction(x.code) && distance(x, i, dy)) return;
    else if (is_reduction(x.code)) reduced(x, i, dy);
    else if (x.code == op::gather) gathered(x, dy);
    else if (x.code == op::scatter) scattered(x, dy);
    else moved(x, dy);
  }
  constexpr void run() {
    for (int i = declared - 1; i > 0; --i) {
      scores(node_id(i));
      hand_on(node_id(i));
    }
  }
  // The gradient of an input with all of its axes and its element, also where no value of that element is part of it
  // (the sum of an input: ones); zeros if nothing has reached it.
  constexpr node_id of_input(node_id i) {
    const node_id d = with_axes(gradient[i] ? or_nothing(gradient[i]) : real(0), g[i].axes);
    return g[d].type == g[i].type ? d : add_op(op::cast, g[i].type, d);
  }
};

}  // namespace heed::internal
