// How many floating-point operations of a call are useful: two for each product of every contraction of the declared
// graph, where masks let it through. Masks are evaluated where their conditions are computed element by element from
// positions and operands (condition_values.hpp); where a contraction depends on another, the number is not known.
#pragma once
#include "condition_values.hpp"
#include <limits>
#include <vector>

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// How many indices over some axes satisfy conditions: halved, until a part satisfies them or not, or is small.
class satisfied_indices {
 public:
  using interval = plan::interval;
  satisfied_indices(const condition_values& values, run::stretch<const extent_t> extent)
      : values_(values),
        extent_(extent) {}
  HEED_CHECK double count(axis_set axes, const std::vector<int>& conditions) {
    conditions_ = &conditions;
    index_box all;
    axes_ = axes;
    for (int i = 0; axes >> i; ++i)
      if (axes >> i & 1) all.end[i] = extent_[i];
    return in(all);
  }

 private:
  static constexpr double small = 16;

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
    if (size == 1) return holds_at(box) ? 1 : 0;
    const interval all = bounds_in(box);
    if (all.hi <= 0) return 0;
    if (all.lo > 0) return size;
    if (size <= small) return one_by_one(box, 0);
    index_box low = box, high = box;
    low.end[longest] = high.first[longest] = (box.first[longest] + box.end[longest]) / 2;
    return in(low) + in(high);
  }
  double one_by_one(const index_box& box, int axis) {
    while (axes_ >> axis && !(axes_ >> axis & 1)) ++axis;
    if (!(axes_ >> axis)) return holds_at(box) ? 1 : 0;
    double n = 0;
    index_box one = box;
    for (extent_t i = box.first[axis]; i < box.end[axis]; ++i)
      one.first[axis] = i, one.end[axis] = i + 1, n += one_by_one(one, axis + 1);
    return n;
  }
  bool holds_at(const index_box& index) const {
    for (const int i : *conditions_)
      if (values_.number(i, index) == 0) return false;
    return true;
  }
  interval bounds_in(const index_box& box) const {
    interval all(1, 1);
    for (const int i : *conditions_) all = all && values_.bounds(i, box);
    return all;
  }

  const condition_values& values_;
  run::stretch<const extent_t> extent_;
  axis_set axes_ = 0;
  const std::vector<int>* conditions_ = nullptr;
};

// What is known of the values of a graph where conditions do not hold. A set of conditions is a bit for each; they are
// the parts of masks, as many as there is room for.
class useful_operations {
 public:
  useful_operations(const run::evaluated_graph& g, const run::signature& names, const run::call_frame& frame)
      : graph_(g),
        extent_(frame.extent),
        values_(g, names, frame),
        absent_(std::size_t(g.size)),
        zero_(std::size_t(g.size)),
        unneeded_(std::size_t(g.size), ~conditions(0)),
        used_(std::size_t(g.size)) {}

  // NaN where it is not known.
  HEED_CHECK double count() {
    for (int i = 1; i < graph_.size; ++i) find_nothing(i);
    if (parts_.size() > most_parts) return std::numeric_limits<double>::quiet_NaN();
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

  static constexpr std::size_t most_parts = 64;

  // ---- conditions. One that cannot be evaluated is a part of its own, which no contraction may depend on.
  HEED_CHECK conditions parts_of(int i) {
    if (graph_[i].code == op::both) return parts_of(graph_[i].a) | parts_of(graph_[i].b);
    std::size_t k = 0;
    while (k < parts_.size() && parts_[k] != i) ++k;
    if (k == parts_.size()) parts_.push_back(i);
    return k < most_parts ? conditions(1) << k : 0;
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
    } else if (is_view(x.code) || x.code == op::gather || x.code == op::shift || x.code == op::concat) {
      if (zero_[x.a] | zero_[x.b]) absent = parts_of(i);  // elsewhere than before: not known
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
    for (const int part : kept)
      if (!values_.has(part)) return std::numeric_limits<double>::quiet_NaN();
    double n = 2 * satisfied_indices(values_, extent_).count(looked_at, kept);
    for (int axis = 0; all >> axis; ++axis)
      if ((all & ~looked_at) >> axis & 1) n *= double(extent_[axis]);
    return n;
  }

  const run::evaluated_graph& graph_;
  run::stretch<const extent_t> extent_;
  condition_values values_;
  std::vector<int> parts_;  // conditions, by their nodes
  std::vector<conditions> absent_, zero_, unneeded_;
  std::vector<bool> used_;
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
