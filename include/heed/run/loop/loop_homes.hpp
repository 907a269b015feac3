// What the loops of a region remember: of each value that is asked for again a row along the axis that a loop runs
// over, or one value where it does not vary along it. A loop region is bodies, one a reduction and one for its output,
// each a program along one axis; what a body needs of reductions, and what it would compute again for elements that do
// not ask for it, has a home.
#pragma once
#include "../../plan/facts/score_match.hpp"
#include "../program/evaluate.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

struct loop_home {
  std::int16_t value;
  std::int8_t along;  // -1: one value
};

template <const auto& Region>
struct loop_homes {
  static constexpr int size = Region.code.size;
  using flags = std::array<bool, std::size_t(size)>;
  static constexpr bool has(axis_set axes, int axis) { return axis >= 0 && (axes >> axis & 1); }

  // What is made of many elements always has a home.
  static constexpr bool is_made_of_many(op o) { return is_reduction(o) || o == op::running_sum; }
  // A running sum, seen from a body along another axis than its own: does its row there move on from index to index
  // along its own? Not if what it adds up would have to go the other way: then each element comes out of its own row.
  static constexpr bool moves_on(int sum) {
    const instruction& x = Region.code[sum];
    const auto below = plan::needed_by(Region.code, plan::instruction_id(sum));
    for (int i = 1; i < sum; ++i) {
      const instruction& y = Region.code[i];
      if (below[i] && y.code == op::running_sum && (y.over != x.over || y.value != x.value)) return false;
    }
    return true;
  }
  // Along which axis the loop of a reduction runs innermost: the one that most others run over, so that what they
  // remember is the same row.
  static constexpr int inner_axis(axis_set over) {
    int best = -1, most = -1;
    for (int a = 0; over >> a; ++a) {
      if (!has(over, a)) continue;
      int others = 0;
      for (int i = 1; i < size; ++i) others += is_reduction(Region.code[i].code) && has(Region.code[i].over, a);
      if (others >= most) best = a, most = others;
    }
    return best;
  }
  // The axes of the output in the order in which they are run through: those that many reductions vary over first.
  static constexpr axis_list order_of_rows() {
    axis_list r = Region.rows;
    const auto dependent = [](int axis) {
      int reductions = 0;
      for (int i = 1; i < size; ++i) {
        const instruction& x = Region.code[i];
        reductions += is_made_of_many(x.code) && has(x.axes & ~x.over, axis);
      }
      return reductions;
    };
    for (int i = 1; i < r.count; ++i)
      for (int j = i; j > 0 && dependent(r[j]) > dependent(r[j - 1]); --j) std::swap(r.of[j], r.of[j - 1]);
    return r;
  }
  static constexpr bool scatters = Region.scatter.index != 0;
  static constexpr axis_list rows = scatters ? Region.rows : order_of_rows();
  // The axis that the loop of the output runs along: its last, or the last that is scattered from.
  static constexpr int last = scatters     ? (Region.columns.count ? Region.columns[Region.columns.count - 1] : -1)
                              : rows.count ? rows[rows.count - 1]
                                           : -1;

  struct table {
    std::array<axis_set, std::size_t(size)> along{};
    flags single{};
    constexpr bool keeps(int i, int axis) const {
      return has(Region.code[i].axes, axis) ? has(along[i], axis) : single[i];
    }
  };
  struct search {
    table found{};
    // By how many bodies along each axis (0: along one that the value does not vary over), and in the search before
    // this one: rows along two axes are never the same one.
    std::array<std::array<std::uint8_t, max_axes + 1>, std::size_t(size)> reached{}, before{};
    std::array<axis_set, std::size_t(size)> filled_along{};
    flags filled{}, reduced{};
    std::array<bool, std::size_t(size)> heavy{};  // there is something costly in it, down to the next reduction
  };
  // One body along an axis: what is needed of it below some roots; `context`: the axes that it runs through.
  static constexpr void visit(search& s, std::array<int, 3> roots, int axis, axis_set context) {
    flags need{};
    for (const int i : roots) need[i] = true;
    flags at_home{};
    for (int i = size - 1; i > 0; --i) {
      if (!need[i]) continue;
      const instruction& x = Region.code[i];
      const std::size_t way = has(x.axes, axis) ? std::size_t(axis + 1) : 0;
      if (s.reached[i][way] < 2) ++s.reached[i][way];
      const bool again =
          (x.axes != context && s.heavy[i] && (context & ~x.axes)) || (facts_of(x.code).costly && s.before[i][way] > 1);
      if (is_made_of_many(x.code) || (again && !is_program_leaf(x.code))) {
        at_home[i] = true;
        if (has(x.axes, axis)) s.found.along[i] |= axis_set(1) << axis;
        else s.found.single[i] = true;
      } else if (!is_program_leaf(x.code)) {
        need[x.a] = need[x.b] = need[x.c] = true;
      }
    }
    for (int i = 1; i < size; ++i) {
      if (!at_home[i]) continue;
      const instruction& x = Region.code[i];
      if (is_reduction(x.code)) {
        if (!s.reduced[i]) s.reduced[i] = true, visit(s, {x.a, x.b, 0}, inner_axis(x.over), x.axes | x.over);
      } else if (x.code == op::running_sum) {
        const int own = plan::only_axis(x.over), along = has(x.axes, axis) && moves_on(i) ? axis : own;
        s.found.along[i] |= axis_set(1) << along;
        if (!has(s.filled_along[i], along))
          s.filled_along[i] |= axis_set(1) << along, visit(s, {x.a, 0, 0}, along, x.axes);
      } else if (has(x.axes, axis)) {
        if (!has(s.filled_along[i], axis))
          s.filled_along[i] |= axis_set(1) << axis, visit(s, {x.a, x.b, x.c}, axis, x.axes);
      } else if (!s.filled[i]) {
        s.filled[i] = true, visit(s, {x.a, x.b, x.c}, -1, x.axes);
      }
    }
  }
  static constexpr table found() {
    search s{};
    for (int pass = 0; pass < 2; ++pass) {
      const auto last_time = s.reached;
      s = {};
      s.before = last_time;
      for (int i = 1; i < size; ++i) {
        const instruction& x = Region.code[i];
        s.heavy[i] =
            !is_made_of_many(x.code) && (facts_of(x.code).costly || s.heavy[x.a] || s.heavy[x.b] || s.heavy[x.c]);
      }
      visit(s, {Region.outputs[0].result, Region.scatter.index, 0}, last,
            Region.outputs[0].axes | plan::set_of(Region.columns) | plan::set_of(Region.rows));
    }
    return s.found;
  }
  static constexpr table kept = found();
  static constexpr int count = [] {
    int n = 0;
    for (int i = 1; i < size; ++i) n += plan::count_of(kept.along[i]) + kept.single[i];
    return n;
  }();
  static constexpr auto all = [] {
    std::array<loop_home, std::size_t(count > 0 ? count : 1)> r{};
    int n = 0;
    for (int i = 1; i < size; ++i) {
      if (kept.single[i]) r[n++] = {std::int16_t(i), -1};
      for (int a = 0; kept.along[i] >> a; ++a)
        if (has(kept.along[i], a)) r[n++] = {std::int16_t(i), std::int8_t(a)};
    }
    return r;
  }();
  // The home of value i in a body along an axis.
  static constexpr int number(int i, int axis) {
    const int along = has(Region.code[i].axes, axis) ? axis : -1;
    for (int k = 0; k < count; ++k)
      if (all[k].value == i && all[k].along == along) return k;
    return -1;
  }
  // What a body along an axis has to find in its homes: for its roots, and for what is computed along the same axis to
  // fill them. `self`: what a body fills, which it computes itself.
  static constexpr flags wanted(std::array<int, 2> roots, int axis, int self) {
    flags need{}, r{};
    for (const int i : roots) need[i] = true;
    for (int i = size - 1; i > 0; --i) {
      if (!need[i]) continue;
      const instruction& x = Region.code[i];
      if (i != self && kept.keeps(i, axis)) {
        r[i] = true;
        if (is_made_of_many(x.code) || !has(x.axes, axis)) continue;
      } else if (is_program_leaf(x.code)) {
        continue;
      }
      need[x.a] = need[x.b] = need[x.c] = true;
    }
    return r;
  }
};

template <const auto& Region> struct loop_bodies;
// What takes several passes, in loop_statistic.hpp.
template <const auto& Region, int I> typename loop_bodies<Region>::template number_of<I> loop_statistic(
    loop_bodies<Region>& bodies);

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
