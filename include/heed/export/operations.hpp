// How many floating-point operations of a call are useful: two for each product of every contraction of the declared
// graph, where masks let it through. Masks of positions alone are counted exactly; others are taken to let all through.
#pragma once
#include "../call/oracle/evaluated_graph.hpp"
#include "../plan/facts/interval.hpp"
#include "../run/program/functions.hpp"
#include "../run/program/number.hpp"
#include "boundary.hpp"
#include <array>
#include <vector>

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// Parts of an index space, each [first, end) along every axis.
struct index_box {
  std::array<extent_t, max_axes> first{}, end{};
};

// How many indices over some axes satisfy conditions of positions: halved, until a part satisfies them or not.
class satisfied_indices {
 public:
  using interval = plan::interval;
  satisfied_indices(const run::evaluated_graph& g, run::stretch<const extent_t> extent)
      : graph_(g),
        extent_(extent),
        values_(std::size_t(g.size)),
        numbers_(std::size_t(g.size)) {}
  HEED_CHECK double count(axis_set axes, const std::vector<int>& conditions) {
    conditions_ = &conditions;
    needed_.assign(std::size_t(graph_.size), false);
    for (const int i : conditions) needed_[i] = true;
    for (int i = graph_.size - 1; i > 0; --i)
      for (const int j : {int(graph_[i].a), int(graph_[i].b), int(graph_[i].c)})
        if (needed_[i]) needed_[j] = true;
    index_box all;
    axes_ = axes;
    for (int i = 0; axes >> i; ++i)
      if (axes >> i & 1) all.end[i] = extent_[i];
    return in(all);
  }

 private:
  HEED_CHECK double in(const index_box& box) {
    double size = 1;
    int longest = -1;
    for (int i = 0; axes_ >> i; ++i) {
      if (!(axes_ >> i & 1)) continue;
      const extent_t length = box.end[i] - box.first[i];
      size *= double(length);
      if (longest < 0 || length > box.end[longest] - box.first[longest]) longest = i;
    }
    if (size == 0) return 0;
    if (size == 1) return holds_at(box.first) ? 1 : 0;
    const interval all = bounds_in(box);
    if (all.hi <= 0) return 0;
    if (all.lo > 0) return size;
    index_box low = box, high = box;
    low.end[longest] = high.first[longest] = (box.first[longest] + box.end[longest]) / 2;
    return in(low) + in(high);
  }
  HEED_CHECK bool holds_at(const std::array<extent_t, max_axes>& index) {
    for (int i = 1; i < graph_.size; ++i) {
      if (!needed_[i]) continue;
      const node& x = graph_[i];
      numbers_[i] = x.code == op::constant ? x.value
                    : x.code == op::index  ? double(index[x.first])
                    : x.code == op::size   ? double(extent_[x.first])
                    : x.code == op::cast && is_real(x.type)
                        ? numbers_[x.a]
                        : run::number_of(x.code, numbers_[x.a], numbers_[x.b], numbers_[x.c], x.value);
    }
    for (const int i : *conditions_)
      if (numbers_[i] == 0) return false;
    return true;
  }
  HEED_CHECK interval bounds_in(const index_box& box) {
    interval all(1, 1);
    for (int i = 1; i < graph_.size; ++i)
      if (needed_[i]) values_[i] = bounds_of(graph_[i], box);
    for (const int i : *conditions_) all = all && values_[i];
    return all;
  }
  // What is not known here may be anything: then a part is halved on.
  HEED_CHECK interval bounds_of(const node& x, const index_box& box) const {
    const interval &a = values_[x.a], &b = values_[x.b], &c = values_[x.c];
    switch (x.code) {
      case op::constant: return x.value;
      case op::size: return double(extent_[x.first]);
      case op::index: return interval(double(box.first[x.first]), double(box.end[x.first] - 1));
      case op::negate: return -a;
      case op::invert: return !a;
      case op::add: return a + b;
      case op::subtract: return a - b;
      case op::multiply: return a * b;
      case op::floor_divide: return plan::floor_divide(a, b);
      case op::remainder: return plan::remainder(a, b);
      case op::minimum: return plan::min(a, b);
      case op::maximum: return plan::max(a, b);
      case op::less: return a < b;
      case op::less_equal: return a <= b;
      case op::equal: return a == b;
      case op::both: return a && b;
      case op::either: return a || b;
      case op::abs: return run::function_bounds<op::abs>(a, b, c);
      default: return x.type == element::boolean ? interval(0, 1) : interval();
    }
  }

  const run::evaluated_graph& graph_;
  run::stretch<const extent_t> extent_;
  axis_set axes_ = 0;
  const std::vector<int>* conditions_ = nullptr;
  std::vector<bool> needed_;
  std::vector<interval> values_;
  std::vector<double> numbers_;
};

// What is known of the values of a graph where conditions of positions do not hold. A set of conditions is a bit for
// each; they are the parts of masks, as many as there is room for.
class useful_operations {
 public:
  useful_operations(const run::evaluated_graph& g, run::stretch<const extent_t> extent)
      : graph_(g),
        extent_(extent),
        absent_(std::size_t(g.size)),
        zero_(std::size_t(g.size)),
        unneeded_(std::size_t(g.size), ~conditions(0)),
        used_(std::size_t(g.size)) {}

  HEED_CHECK double count() {
    for (int i = 1; i < graph_.size; ++i) find_nothing(i);
    for (const int root : graph_.roots) used_[root] = true, unneeded_[root] = 0;
    double total = 0;
    for (int i = graph_.size - 1; i > 0; --i) {
      if (!used_[i]) continue;
      hand_down(i);
      if (graph_[i].code == op::dot) total += of_contraction(i);
    }
    return total;
  }

 private:
  using conditions = std::uint64_t;

  // ---- conditions: those of positions alone
  bool of_positions(int i) const {
    const node& x = graph_[i];
    if (x.code == op::index || x.code == op::size || x.code == op::constant) return true;
    if (!is_pointwise(x.code) || x.code == op::primitive || x.code == op::present) return false;
    return (!x.a || of_positions(x.a)) && (!x.b || of_positions(x.b)) && (!x.c || of_positions(x.c));
  }
  HEED_CHECK conditions parts_of(int i) {
    if (graph_[i].code == op::both) return parts_of(graph_[i].a) | parts_of(graph_[i].b);
    if (!of_positions(i)) return 0;
    std::size_t k = 0;
    while (k < parts_.size() && parts_[k] != i) ++k;
    if (k == 64) return 0;
    if (k == parts_.size()) parts_.push_back(i);
    return conditions(1) << k;
  }
  // Those that look at no other axes.
  conditions over(conditions all, axis_set axes) const {
    for (std::size_t k = 0; k < parts_.size(); ++k)
      if (graph_[parts_[k]].axes & ~axes) all &= ~(conditions(1) << k);
    return all;
  }

  // ---- upwards: where a value is absent, where it is 0 or absent
  HEED_CHECK void find_nothing(int i) {
    const node& x = graph_[i];
    conditions &absent = absent_[i], &zero = zero_[i];
    if (x.code == op::mask) {
      absent = absent_[x.a] | parts_of(x.b);
    } else if (x.code == op::softmax) {
      zero = absent_[x.a];
    } else if (x.code == op::present) {
      zero = absent_[x.a] | zero_[x.a];
    } else if (is_pointwise(x.code)) {
      absent = absent_[x.a] | (x.code == op::where ? 0 : absent_[x.b] | absent_[x.c]);
      if (x.code == op::multiply) zero = zero_[x.a] | zero_[x.b];
      if (x.code == op::negate || x.code == op::cast || x.code == op::divide) zero = zero_[x.a];
      if (x.code == op::add || x.code == op::subtract) zero = zero_[x.a] & zero_[x.b];
    }
    zero |= absent;
  }
  // ---- downwards: where a value is not needed
  HEED_CHECK void hand_down(int i) {
    const node& x = graph_[i];
    const conditions here = unneeded_[i] | zero_[i];
    for (const int j : {int(x.a), int(x.b), int(x.c)}) {
      if (!j) continue;
      conditions there = 0;
      if (is_pointwise(x.code) || x.code == op::mask) there = here;
      else if (x.code == op::dot) there = over(unneeded_[i], x.axes) | zero_[j == x.a ? x.b : x.a];
      else if (is_reduction(x.code)) there = over(unneeded_[i], x.axes & ~x.over);
      used_[j] = true;
      unneeded_[j] &= over(there, graph_[j].axes);
    }
  }
  HEED_CHECK double of_contraction(int i) const {
    const node& x = graph_[i];
    const axis_set all = x.axes | x.over;
    const conditions hold = over(zero_[x.a] | zero_[x.b] | unneeded_[i], all);
    std::vector<int> kept;
    axis_set looked_at = 0;
    for (std::size_t k = 0; k < parts_.size(); ++k)
      if (hold >> k & 1) kept.push_back(parts_[k]), looked_at |= graph_[parts_[k]].axes;
    double n = 2 * satisfied_indices(graph_, extent_).count(looked_at, kept);
    for (int axis = 0; all >> axis; ++axis)
      if ((all & ~looked_at) >> axis & 1) n *= double(extent_[axis]);
    return n;
  }

  const run::evaluated_graph& graph_;
  run::stretch<const extent_t> extent_;
  std::vector<int> parts_;  // conditions, by their nodes
  std::vector<conditions> absent_, zero_, unneeded_;
  std::vector<bool> used_;
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
