// Turns an outline into the region that a kernel takes: its program, with everything composite written out in
// primitives (softmax, mean, logsumexp, mask, shift, concat), its axes by job, its operands. A mask becomes a condition
// beside the value ("keep"): whatever is computed from an absent value is absent, and reductions leave it out.
#pragma once
#include "split.hpp"

namespace heed::internal::plan {

struct kept_value {
  instruction_id value{}, keep{};  // keep 0: always there
};

struct lowering {
  const execution_plan& p;
  const outline& o;
  graph g;  // grows while a score is scaled
  region r{};
  node_id root{}, tile{};
  axis_set row_set{}, column_set{};
  fixed_array<kept_value, graph::capacity> memo{};
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  constexpr lowering(const execution_plan& plan_, const outline& outline_) : p(plan_), o(outline_), g(plan_.g) {}

  constexpr bool scores() const { return r.kind == region_kind::score || r.kind == region_kind::score_gradient; }

  // ---- instructions ----
  constexpr element typed(element e) const { return is_real(e) ? r.real : e == element::boolean ? e : element::i64; }
  constexpr instruction_id emit(instruction x) {
    if (!x.decides) x.type = typed(x.type);
    if (x.code != op::load && x.code != op::gather && x.code != op::index && x.code != op::tile)
      x.axes = (r.code[x.a].axes | r.code[x.b].axes | r.code[x.c].axes) & ~x.over;
    if (x.code == op::gather) x.axes |= r.code[x.a].axes;
    x.where =
        r.kind == region_kind::loop || (scores() && x.code == op::tile)
            ? role::pair  // a tile lies in lanes even where there are no row axes (one query)
            : joined(x.axes & row_set ? role::row : role::uniform, x.axes & column_set ? role::column : role::uniform);
    if (scores())
      for (const instruction_id i : {x.a, x.b, x.c}) x.where = joined(x.where, r.code[i].where);
    return r.code.add(x);
  }
  constexpr instruction_id emit(op code, element type, instruction_id a, instruction_id b = 0, instruction_id c = 0,
                                double value = 0) {
    return emit(instruction{.code = code, .type = type, .a = a, .b = b, .c = c, .value = value});
  }
  constexpr instruction_id number(double v, element type = element::real) {
    return emit(instruction{.code = op::constant, .type = type, .value = v});
  }
  constexpr instruction_id real(instruction_id i) {
    return is_real(r.code[i].type) ? i : emit(op::cast, element::real, i);
  }
  // A value that decides, as a real number of its own width.
  constexpr instruction_id decided(instruction_id i, element width) {
    const instruction& x = r.code[i];
    if (x.code == op::constant) return number(width == element::f32 ? double(float(x.value)) : x.value);
    if (is_real(x.type) && (x.type == width || x.code == op::load || x.code == op::gather))
      return i;  // memory holds its width
    return emit(instruction{.code = op::cast, .type = width, .a = i, .decides = true});
  }
  constexpr element width_of(node_id a, node_id b = 0) const {
    return g[a].type == element::f64 || g[b].type == element::f64 ? element::f64 : element::f32;
  }
  constexpr bool decides(node_id i) const { return p.decides[i]; }
  constexpr instruction_id reduce(op code, instruction_id i, axis_set over) {
    return emit(instruction{.code = code, .type = r.code[i].type, .a = i, .over = over});
  }
  constexpr instruction_id both(instruction_id a, instruction_id b) {
    return !a || a == b ? b : !b ? a : emit(op::both, element::boolean, a, b);
  }
  constexpr instruction_id chosen(instruction_id keep, instruction_id value, double otherwise) {
    return keep ? emit(op::where, r.code[value].type, keep, value, number(otherwise, r.code[value].type)) : value;
  }
  constexpr instruction_id index_of(int axis) {
    return emit(instruction{.code = op::index, .type = element::i64, .axis = std::int16_t(axis), .axes = bit(axis)});
  }
  constexpr instruction_id size_of(int axis) {
    return g.extent(axis) != runtime
               ? number(double(g.extent(axis)), element::i64)
               : emit(instruction{.code = op::size, .type = element::i64, .axis = std::int16_t(axis)});
  }

  // ---- operands ----
  constexpr int operand_of(node_id i) const {
    for (int k = 0; k < o.read_count; ++k)
      if (o.reads[k] == i) return k;
    return -1;
  }
  constexpr instruction_id load(int k) {
    const operand& x = r.operands[k];
    return emit(instruction{.code = op::load, .type = x.type, .operand = std::int16_t(k), .axes = x.axes});
  }
  constexpr instruction_id gathered(int k, int axis, instruction_id index) {
    const operand& x = r.operands[k];
    return emit(instruction{.code = op::gather,
                            .type = x.type,
                            .a = index,
                            .operand = std::int16_t(k),
                            .axis = std::int16_t(axis),
                            .axes = x.axes & ~bit(axis)});
  }

  // ---- values ----
  constexpr kept_value value_of(node_id i) {
    kept_value& m = memo[i];
    if (!m.value) {
      const kept_value v = computed(i);
      memo[i] = v;
      return v;
    }
    return m;
  }
  constexpr kept_value computed(node_id i) {
    const node x = g[i];
    if (i == tile) return {emit(instruction{.code = op::tile, .type = element::real, .axes = x.axes}), 0};
    if (const int k = operand_of(i); k >= 0 && (i != root || copies(o))) return {load(k), 0};
    if (x.code == op::constant) return {number(x.value, x.type), 0};
    if (x.code == op::index) return {index_of(x.first), 0};
    if (x.code == op::size) return {size_of(x.first), 0};
    if (x.code == op::gather) {
      const kept_value index = value_of(x.b);
      return {gathered(operand_of(x.a), x.first, index.value), index.keep};
    }
    if (is_number_of_table(g, i)) return {gathered(operand_of(x.a), x.first, number(x.value, element::i64)), 0};
    if (x.code == op::shift) return shifted(x);
    if (x.code == op::concat) return concatenated(x);
    if (r.kind == region_kind::score_gradient) {  // what the mask excludes is left out anyway
      if (is_guard(x) && implied(value_of(x.a).value)) return value_of(x.b);
      if (x.code == op::present && implied(value_of(x.a).keep)) return {value_of(x.a).value, 0};
    }
    if (x.code == op::mask) {
      const kept_value a = value_of(x.a), keep = value_of(x.b);
      const instruction_id here = both(keep.keep, keep.value),
                           value = decides(i) ? decided(a.value, width_of(i)) : real(a.value);
      return {value, implied(a.keep, here) ? here : both(a.keep, here)};
    }
    if (x.code == op::present) {
      const kept_value a = value_of(x.a);
      return {x.type == element::boolean ? both(a.keep, a.value) : chosen(a.keep, a.value, 0), 0};
    }
    if (is_heavy(x.code)) return reduced(x);
    return pointwise(x, i);
  }
  // where(condition, a, b) is present where the branch that is taken is.
  constexpr instruction_id kept_branch(instruction_id condition, instruction_id a, instruction_id b) {
    if (!a && !b) return 0;
    const instruction_id other = emit(op::invert, element::boolean, condition);
    if (!b) return emit(op::either, element::boolean, other, a);
    if (!a) return emit(op::either, element::boolean, condition, b);
    return emit(op::either, element::boolean, both(condition, a), both(other, b));
  }
  constexpr kept_value pointwise(const node& x, node_id i) {
    const kept_value a = value_of(x.a), b = x.b ? value_of(x.b) : kept_value{}, c = x.c ? value_of(x.c) : kept_value{};
    const instruction_id keep =
        x.code == op::where ? both(a.keep, kept_branch(a.value, b.keep, c.keep)) : both(both(a.keep, b.keep), c.keep);
    const bool own_width = decides(i) && is_real(x.type);
    if (x.code == op::cast) {
      if (own_width) return {decided(a.value, width_of(i)), keep};
      if (is_integer(x.type) && is_real(g[x.a].type))
        return {emit(op::cast, x.type, decided(a.value, width_of(x.a))), keep};
      return {emit(op::cast, x.type, a.value), keep};
    }
    instruction_id p0 = a.value, p1 = b.value, p2 = c.value;
    const auto class_at = [&](instruction_id operand) { return class_of(r.code[operand].type); };
    if (own_width) {
      const element width = width_of(i);
      if (x.code != op::where) p0 = decided(p0, width);
      if (p1) p1 = decided(p1, width);
      if (p2) p2 = decided(p2, width);
      return {emit(instruction{
                  .code = x.code, .type = width, .a = p0, .b = p1, .c = p2, .value = x.value, .decides = true}),
              keep};
    }
    if (x.code == op::where) {
      if (is_real(x.type)) p1 = real(p1), p2 = real(p2);
    } else if (is_condition(x.code)) {
      if (p1 && (class_at(p0) == value_class::real || class_at(p1) == value_class::real)) {
        const element width = width_of(x.a, x.b);
        p0 = decided(p0, width), p1 = decided(p1, width);
      }
    } else if (is_real(x.type)) {
      p0 = real(p0);
      if (p1) p1 = real(p1);
      if (p2) p2 = real(p2);
    }
    // mutants: softcap_after_mask
    return {emit(x.code, x.type, p0, p1, p2, x.value), keep};
  }
  constexpr kept_value reduced(const node& x) {
    kept_value a = value_of(x.a);
    if (x.code == op::dot) {  // not a contraction of this region: the sum of a product
      const kept_value b = value_of(x.b);
      instruction_id keep = both(a.keep, b.keep);
      for (const node_id i : {x.a, x.b})  // the weight of what is absent meets nothing
        if (g[i].code == op::softmax && operand_of(i) < 0) keep = both(keep, value_of(g[i].a).keep);
      const instruction_id product = emit(op::multiply, element::real, real(a.value), real(b.value));
      return {reduce(op::sum, chosen(keep, product, 0), x.over), 0};
    }
    if (x.code == op::sum) return {reduce(op::sum, chosen(a.keep, a.value, 0), x.over), 0};
    if (x.code == op::max) return {reduce(op::max, chosen(a.keep, a.value, -infinity), x.over), 0};
    if (x.code == op::min) return {reduce(op::min, chosen(a.keep, a.value, infinity), x.over), 0};
    a.value = real(a.value);
    if (x.code == op::mean) {
      const instruction_id total = reduce(op::sum, chosen(a.keep, a.value, 0), x.over);
      double known = 1;  // how many elements: static, or known when the call begins
      instruction_id count = 0;
      for (int i = 0; i < g.axis_count; ++i)
        if (x.over >> i & 1) {
          if (g.extent(i) != runtime) known *= double(g.extent(i));
          else count = count ? emit(op::multiply, element::i64, count, size_of(i)) : size_of(i);
        }
      if (!a.keep && !count) {
        if (known == 0 || is_power_of_two(known))
          return {emit(op::multiply, element::real, number(known > 0 ? 1 / known : 0), total), 0};
        return {emit(op::divide, element::real, total, number(known)), 0};
      }
      if (a.keep) count = reduce(op::sum, chosen(a.keep, number(1), 0), x.over);
      else if (known != 1) count = emit(op::multiply, element::i64, count, number(known, element::i64));
      return {emit(op::divide, element::real, total, emit(op::maximum, element::real, real(count), number(1))), 0};
    }
    // softmax and logsumexp: shifted by the maximum; a row with nothing left has maximum -inf and is shifted by 0
    const instruction_id top = reduce(op::max, chosen(a.keep, a.value, -infinity), x.over);
    const instruction_id nothing = emit(op::equal, element::boolean, top, number(-infinity));
    const instruction_id safe = emit(op::where, element::real, nothing, number(0), top);
    const instruction_id weight =
        chosen(a.keep, emit(op::exp, element::real, emit(op::subtract, element::real, a.value, safe)), 0);
    const instruction_id total = reduce(op::sum, weight, x.over);
    if (x.code == op::logsumexp) return {emit(op::add, element::real, safe, emit(op::log, element::real, total)), 0};
    const instruction_id empty = emit(op::equal, element::boolean, total, number(0));
    return {emit(op::where, element::real, empty, number(0), emit(op::divide, element::real, weight, total)), 0};
  }
  constexpr kept_value shifted(const node& x) {
    const instruction_id at = emit(op::subtract, element::i64, index_of(x.first), number(x.value, element::i64));
    const instruction_id inside = both(emit(op::less_equal, element::boolean, number(0, element::i64), at),
                                       emit(op::less, element::boolean, at, size_of(x.first)));
    return {chosen(inside, gathered(operand_of(x.a), x.first, at), 0), 0};
  }
  constexpr kept_value concatenated(const node& x) {
    const instruction_id at = index_of(x.first), length = size_of(x.second);
    const instruction_id first = emit(op::less, element::boolean, at, length);
    const instruction_id a = gathered(operand_of(x.a), x.second, at);
    const instruction_id b = gathered(operand_of(x.b), x.third, emit(op::subtract, element::i64, at, length));
    return {emit(op::where, r.code[a].type, first, a, b), 0};
  }

  // ---- axes ----
  constexpr void list_axes(axis_list& to, axis_set s, std::uint64_t order) const {
    for (int i = 0; i < max_rank && axis_at(order, i) >= 0; ++i)
      if (s >> axis_at(order, i) & 1) to.add(axis_at(order, i));
    for (int i = 0; i < max_axes; ++i)
      if ((s >> i & 1) && !to.contains(i)) to.add(i);
  }
  // A product of whole numbers that may need more than 32 bits: of two that vary, or of one with a large constant.
  // Kernels of float have whole numbers of 32 bits, those of double have 64.
  constexpr bool is_long_product(const node& x) const {
    if (x.code != op::multiply || is_real(x.type)) return false;
    const node &a = p.g[x.a], &b = p.g[x.b];
    const auto is_small = [](const node& y) { return y.code == op::constant && y.value > -1024 && y.value < 1024; };
    return !is_small(a) && !is_small(b);
  }
  // Any double on the way makes the whole region double; so does a reduction of whole numbers, which is taken in real
  // ones and must stay exact.
  constexpr element precision() const {
    node_stack s;
    for (int k = 0; k < o.write_count; ++k) s.push(o.writes[k].value);
    while (s.count) {
      const node_id i = s.pop();
      if (p.g[i].type == element::f64) return element::f64;
      if (operand_of(i) >= 0) continue;
      if (is_reduction(p.g[i].code) && is_integer(p.g[i].type)) return element::f64;
      if (is_long_product(p.g[i])) return element::f64;
      for (const node_id j : {p.g[i].a, p.g[i].b, p.g[i].c}) s.push(j);
    }
    for (int k = 0; k < o.read_count; ++k)
      if (p.g[o.reads[k]].type == element::f64) return element::f64;
    return element::f32;
  }
  constexpr void add_output(node_id i, instruction_id result) { r.outputs.add({stored(g[i].type), g[i].axes, result}); }
  constexpr void finish(node_id i) {  // an absent result is stored as -inf
    const kept_value v = value_of(i);
    add_output(i, chosen(v.keep, v.value, -infinity));
  }

  // ---- kinds ----
  // The score in units of log2, its mask, the row axes and the factor that queries take. `others`: values that are
  // computed beside it at the same pairs.
  constexpr void score_program(node_id x_node, const fixed_array<node_id, 2 * max_outputs>& others) {
    const node_id scaled_score = scaled(g, o.core, 1.4426950408889634074);
    axis_set positions = 0;  // row axes that the score looks at as indices
    node_id user = 0;
    int users = 0;
    node_stack s;
    s.push(scaled_score);
    for (const node_id i : others) s.push(i);
    while (s.count) {
      const node_id i = s.pop();
      const node& x = g[i];
      if (i == tile || memo[i].value) continue;
      if (x.code == op::index) positions |= x.axes & row_set;
      if (operand_of(i) >= 0 || x.code == op::gather) {
        if (x.code == op::gather) s.push(x.b);
        continue;
      }
      for (const node_id j : {x.a, x.b, x.c})
        if (j) {
          if (j == tile) ++users, user = i;
          s.push(j);
        }
    }
    if (!positions) positions = row_set & runtime_axes(g);
    list_axes(r.rows, row_set & positions, p.orders[x_node]);
    list_axes(r.rows, row_set & ~positions, p.orders[x_node]);

    // If the tile's only use multiplies it by something uniform, the queries take the factor.
    if (users == 1 && g[user].code == op::multiply) {
      const node_id other = g[user].a == tile ? g[user].b : g[user].a;
      if (other != tile && !(g[other].axes & (row_set | column_set))) {
        const kept_value f = value_of(other);
        if (!f.keep) r.pair.scale = real(f.value), tile = user;
      }
    }
    const kept_value v = value_of(scaled_score);
    r.pair.score = real(v.value), r.pair.keep = v.keep;
  }
  constexpr void score() {
    node_id values = 0, product = 0;
    for (int k = 0; k < o.write_count; ++k)
      if (const weighted_values w = weighted(p.g, o.writes[k].value); w.weights)
        values = w.values, product = o.writes[k].value;
    const int column = only_axis(p.g[o.writes[0].value].over);
    const score_match m = match_score(p.g, o.core, values, column);
    row_set = m.rows, column_set = bit(column), tile = m.tile;
    list_axes(r.batch, m.batch, p.orders[product ? product : o.core]);
    r.columns.add(column), r.depth.add(m.depth);
    if (m.width >= 0) r.width.add(m.width);
    r.tile = {operand_of(m.x), operand_of(m.w)};
    if (values) r.score.values = operand_of(values);

    score_program(m.x, {});
    for (int k = 0; k < o.write_count; ++k) {
      const node_id i = o.writes[k].value;
      (i == product ? r.score.weighted : p.g[i].code == op::logsumexp ? r.score.log_sum_exp : r.score.maximum) = k;
      add_output(i, 0);
    }
  }
  // where(keep, a, 0) is a in a region that leaves out what its mask excludes anyway.
  constexpr bool is_guard(const node& x) const { return x.code == op::where && is_constant(g, x.c, 0); }
  constexpr bool implied(instruction_id condition, instruction_id by) const {
    if (!condition || condition == by) return true;
    const instruction& x = r.code[condition];
    if (x.code == op::both) return implied(x.a, by) && implied(x.b, by);
    if (x.code == op::either && (implied(x.a, by) || implied(x.b, by))) return true;
    if (x.code == op::either && r.code[x.a].code == op::both && r.code[x.b].code == op::both &&
        r.code[r.code[x.b].a].code == op::invert && r.code[r.code[x.b].a].a == r.code[x.a].a)  // of a choice: see
                                                                                               // kept_branch
      return implied(r.code[x.a].b, by) && implied(r.code[x.b].b, by);
    const instruction& y = r.code[by];
    return by && y.code == op::both && (implied(condition, y.a) || implied(condition, y.b));
  }
  constexpr bool implied(instruction_id condition) const { return implied(condition, r.pair.keep); }

  constexpr void score_gradient() {
    const gradient_match& m = p.gradients[o.gradient];
    row_set = m.rows, column_set = bit(m.column), tile = m.tile;
    const std::uint64_t order = p.orders[m.g ? m.g : m.x];
    list_axes(r.batch, m.batch & ~m.serial, order);
    list_axes(r.batch, m.serial, order);
    r.gradient.serial_axes = count_of(m.serial);
    r.columns.add(m.column), r.depth.add(m.depth);
    r.tile = {operand_of(m.x), operand_of(m.w)};
    r.gradient.log_sum_exp = operand_of(m.log_sum_exp);
    if (m.product) {
      r.gradient.cotangents = operand_of(m.g), r.gradient.values = operand_of(m.v);
      r.width.add(only_axis(g[m.product].over));
      memo[m.product] = {
          emit(instruction{.code = op::tile, .type = element::real, .operand = 1, .axes = g[m.product].axes}), 0};
    }
    memo[m.weights] = {
        emit(instruction{.code = op::tile, .type = element::real, .operand = 2, .axes = g[m.weights].axes}), 0};
    fixed_array<node_id, 2 * max_outputs> pairs{};
    for (int k = 0; k < m.sink_count; ++k) pairs[2 * k] = m.sinks[k].pair, pairs[2 * k + 1] = m.sinks[k].index;
    score_program(m.x, pairs);
    for (int k = 0; k < m.sink_count; ++k) {
      const gradient_sink& from = m.sinks[k];
      sink to;
      to.kind = from.kind, to.over = from.over, to.factor = from.factor;
      to.other = std::int16_t(from.other ? operand_of(from.other) : -1);
      node_id i = from.pair;  // numbers move from the pairs to the output
      for (bool more = true; more;) {
        const node& x = g[i];
        more = true;
        if (x.code == op::multiply && is_constant(g, x.a)) to.factor *= g[x.a].value, i = x.b;
        else if (x.code == op::multiply && !(g[x.a].axes & ~m.batch) && !(g[x.a].axes & to.over) &&
                 !value_of(x.a).keep) {
          const instruction_id f = real(value_of(x.a).value);
          to.scale = to.scale ? emit(op::multiply, element::real, to.scale, f) : f, i = x.b;
        } else if (x.code == op::negate) to.factor = -to.factor, i = x.a;
        else if (is_guard(x) && implied(value_of(x.a).value)) i = x.b;
        else if (x.code == op::mask && implied(value_of(x.b).value) && implied(value_of(x.b).keep)) i = x.a;
        else if (x.code == op::present && implied(value_of(x.a).keep)) i = x.a;
        else more = false;
      }
      kept_value v = value_of(i);
      if (from.index) {  // where there is no index, nothing is added
        const kept_value index = value_of(from.index);
        to.index = index.value, to.table = g[from.core].first;
        v.keep = both(v.keep, index.keep);
      }
      to.pair = chosen(implied(v.keep) ? instruction_id(0) : v.keep, real(v.value), 0);
      r.gradient.sinks.add(to);
      add_output(from.root, 0);
    }
  }
  constexpr void matmul() {
    const node& d = p.g[o.core];
    const std::uint64_t order = p.orders[root];
    const axis_set a = p.g[d.a].axes & ~d.over, b = p.g[d.b].axes & ~d.over;
    bool b_in_lanes = true;  // the operand that holds the fastest axis of the result
    for (int i = 0; i < max_rank && axis_at(order, i) >= 0; ++i) {
      const axis_set x = bit(axis_at(order, i));
      if ((a & x) != (b & x)) b_in_lanes = b & x;
    }
    const node_id x = b_in_lanes ? d.a : d.b, w = b_in_lanes ? d.b : d.a;
    const axis_set rows = (b_in_lanes ? a & ~b : b & ~a), columns = (b_in_lanes ? b & ~a : a & ~b);
    row_set = rows, column_set = columns, tile = o.core;
    list_axes(r.batch, a & b, order);
    list_axes(r.rows, rows, order);
    list_axes(r.columns, columns, order);
    list_axes(r.depth, d.over, p.orders[w]);
    r.tile = {operand_of(x), operand_of(w)};
    finish(root);
  }
  constexpr void row() {
    const std::uint64_t order = p.orders[root];
    const axis_set all = g[root].axes, over = o.core && !copies(o) ? p.g[o.core].over : axis_set(0);
    row_set = all & ~over, column_set = over;
    list_axes(r.rows, row_set, order);
    const int rank = rank_of(order);
    const int last = rank ? axis_at(order, rank - 1) : -1;
    if (over) {
      const std::uint64_t below = p.orders[p.g[o.core].a];
      list_axes(r.columns, over, below);
      const auto lies_along = [&](std::uint64_t order_of) {
        return rank_of(order_of) && (over & bit(axis_at(order_of, rank_of(order_of) - 1)));
      };
      const node_id second = p.g[o.core].b;  // of weights and values with a width: lanes lie along the width
      r.row.lanes_along = (all & over)
                              ? last >= 0 && (over & bit(last))
                              : lies_along(below) && (!(p.g[second].axes & over) || lies_along(p.orders[second]));
      if (!row_set) r.row.lanes_along = true;
    } else {
      r.row.lanes_along = false;
    }
    r.row.lane_axis = r.row.lanes_along || r.rows.count == 0 ? -1 : r.rows[r.rows.count - 1];
    finish(root);
  }
  constexpr void loop() {
    if (g[root].code == op::scatter) return scatter();
    list_axes(r.rows, g[root].axes, p.orders[root]);
    finish(root);
  }
  constexpr void scatter() {
    const node& x = g[root];
    row_set = x.axes & ~bit(x.first), column_set = x.over;
    list_axes(r.rows, row_set, p.orders[root]);
    list_axes(r.columns, column_set, p.orders[x.a]);
    r.depth.add(x.first);
    const kept_value v = value_of(x.a), at = value_of(x.b);
    r.scatter.index = at.value;
    add_output(root, chosen(both(v.keep, at.keep), real(v.value), 0));
  }

  constexpr region run() {
    r.kind = o.kind, r.primitives = p.g.primitives;
    root = o.writes[0].value;
    r.real = precision();
    for (int k = 0; k < o.read_count; ++k) {
      const node& x = p.g[o.reads[k]];
      r.operands.add({stored(x.type), x.axes});
    }
    switch (o.kind) {
      case region_kind::score: score(); break;
      case region_kind::matmul: matmul(); break;
      case region_kind::row: row(); break;
      case region_kind::loop: loop(); break;
      case region_kind::score_gradient: score_gradient(); break;
      case region_kind::scatter: scatter(); break;
    }
    return r;
  }
};

constexpr region lowered(const execution_plan& p, int i) { return lowering(p, p.regions[i]).run(); }

}  // namespace heed::internal::plan
