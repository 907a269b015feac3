// What a condition gives, at an index or anywhere in a part of an index space, where it is computed element by element
// from positions and from operands whose memory a call has brought. Numbers are computed in double.
#pragma once
#include "../call/frame/call_frame.hpp"
#include "../call/oracle/evaluated_graph.hpp"
#include "../plan/facts/interval.hpp"
#include "../run/frame/axes.hpp"
#include "../run/program/functions.hpp"
#include "../run/program/number.hpp"
#include "boundary.hpp"
#include <algorithm>
#include <array>
#include <vector>

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// Parts of an index space, each [first, end) along every axis.
struct index_box {
  std::array<extent_t, max_axes> first{}, end{};
};

class condition_values {
 public:
  using interval = plan::interval;
  condition_values(const run::evaluated_graph& g, const run::signature& names, const run::call_frame& frame)
      : graph_(g),
        extent_(frame.extent),
        steps_(std::size_t(g.size)) {
    for (const input_entry& input : g.inputs) operands_.push_back(operand_of(input, names, frame));
    for (int i = 1; i < g.size; ++i) steps_[i] = steps_of(g[i]);
  }

  // Whether a node is one that is computed here.
  bool has(int i) const { return steps_[i] > 0; }

  HEED_CHECK double number(int i, const index_box& at) const {
    const node& x = graph_[i];
    switch (x.code) {
      case op::constant: return x.value;
      case op::index: return double(at.first[x.first]);
      case op::size: return double(extent_[x.first]);
      case op::input: return element_of(x, at.first);
      case op::gather: {
        const double to = number(x.b, at);
        return extent_[x.first] > 0 ? number(x.a, gathered(x, to, to, at)) : 0;
      }
      default: break;
    }
    if (is_view(x.code)) return number(x.a, moved(x, at));
    const double a = number(x.a, at);
    if (x.code == op::cast && is_real(x.type)) return a;
    return run::number_of(x.code, a, x.b ? number(x.b, at) : 0, x.c ? number(x.c, at) : 0, x.value);
  }
  // What is not known here may be anything.
  HEED_CHECK interval bounds(int i, const index_box& box) const {
    const node& x = graph_[i];
    switch (x.code) {
      case op::constant: return x.value;
      case op::index: return interval(double(box.first[x.first]), double(box.end[x.first] - 1));
      case op::size: return double(extent_[x.first]);
      case op::input: return elements_in(x, box);
      case op::gather: {
        const interval to = bounds(x.b, box);
        return extent_[x.first] > 0 ? bounds(x.a, gathered(x, to.lo, to.hi, box)) : interval();
      }
      default: break;
    }
    if (is_view(x.code)) return bounds(x.a, moved(x, box));
    const interval a = bounds(x.a, box), b = x.b ? bounds(x.b, box) : interval(),
                   c = x.c ? bounds(x.c, box) : interval();
    switch (x.code) {
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
      case op::clamp: return run::function_bounds<op::clamp>(a, b, c);
      case op::cast: return is_real(x.type) ? a : interval();
      default: return x.type == element::boolean ? interval(0, 1) : interval();
    }
  }

 private:
  static constexpr double most_steps = 4096;      // of one value: what is shared is computed again
  static constexpr extent_t most_elements = 512;  // that are looked at for one interval

  static run::view operand_of(const input_entry& input, const run::signature& names, const run::call_frame& frame) {
    for (int k = 0; k < names.operands.size(); ++k)
      if (names.operands[k].name == input.name) return run::view_of_operand(names, frame, k);
    return {};
  }
  // How many nodes are visited for one value; 0: it is not computed here.
  double steps_of(const node& x) const {
    if (x.code == op::index || x.code == op::size || x.code == op::constant) return 1;
    if (x.code == op::input) return operands_[x.first].data ? 1 : 0;
    if (!is_view(x.code) && x.code != op::gather &&
        (!is_pointwise(x.code) || x.code == op::primitive || x.code == op::present))
      return 0;
    double steps = 1;
    for (const int j : {int(x.a), int(x.b), int(x.c)}) {
      if (j && !has(j)) return 0;
      if (j) steps += steps_[j];
    }
    return steps <= most_steps ? steps : 0;
  }

  double element_of(const node& x, const std::array<extent_t, max_axes>& index) const {
    return run::element_of_operand(graph_.inputs[x.first], operands_[x.first], index);
  }
  HEED_CHECK interval elements_in(const node& x, const index_box& box) const {
    const input_entry& declared = graph_.inputs[x.first];
    static_list<std::int8_t, max_axes> axes;
    std::array<extent_t, max_axes> length{}, index = box.first;
    extent_t count = 1;
    for (int k = 0; k < declared.rank; ++k) {
      const std::int8_t axis = declared.order[k];
      axes.add(axis), length[axis] = box.end[axis] - box.first[axis];
      if (length[axis] > most_elements || (count *= length[axis]) > most_elements)
        return declared.type == element::boolean ? interval(0, 1) : interval();
    }
    plan::bounds_of_values all;
    std::array<extent_t, max_axes> from{};
    run::each_index(axes, length.data(), from.data(), [&] {
      for (const std::int8_t axis : axes) index[axis] = box.first[axis] + from[axis];
      all.add(element_of(x, index));
    });
    return all.bounds();
  }

  // Where an operand of a view is read. An axis that is divided or put together from two may be wider than it has to.
  index_box moved(const node& x, index_box box) const {
    const int first = x.first, second = x.second, third = x.third;
    const auto put = [&](int axis, extent_t begin, extent_t end) { box.first[axis] = begin, box.end[axis] = end; };
    const extent_t begin = box.first[first], last = box.end[first] - 1;
    switch (x.code) {
      case op::rename: put(first, box.first[second], box.end[second]); break;
      case op::split:
        put(first, box.first[second] * extent_[third] + box.first[third],
            (box.end[second] - 1) * extent_[third] + box.end[third]);
        break;
      case op::merge: {
        const extent_t low = begin / extent_[third], high = last / extent_[third];
        put(second, low, high + 1);
        if (low == high) put(third, begin % extent_[third], last % extent_[third] + 1);
        else put(third, 0, extent_[third]);
        break;
      }
      case op::slice: put(first, box.first[second] + extent_t(x.value), box.end[second] + extent_t(x.value)); break;
      default: put(first, extent_t(x.value), extent_t(x.value) + 1);  // pick
    }
    return box;
  }
  // Outside the table, its nearest end.
  index_box gathered(const node& x, double lo, double hi, index_box box) const {
    const double top = double(extent_[x.first] - 1);
    box.first[x.first] = extent_t(std::clamp(lo, 0.0, top));
    box.end[x.first] = extent_t(std::clamp(hi, 0.0, top)) + 1;
    return box;
  }

  run::evaluated_graph graph_;
  run::stretch<const extent_t> extent_;
  std::vector<run::view> operands_;  // by input number of the graph; without memory: not known
  std::vector<double> steps_;
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
