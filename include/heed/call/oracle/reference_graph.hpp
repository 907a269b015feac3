// The oracle: a declared graph (not its plan) evaluated node by node in double, every node a dense array, every loop
// plain. Whether an element is absent (see mask) is kept beside its value, so nothing here depends on how infinity
// behaves. Sums are added up in long double: equal terms all round alike, and the sum of some thousand of them would be
// off by as many units, more than a kernel in double, which adds side by side. Beside a value that decides
// (graph/decisions.hpp) stands the one that comparisons and casts to whole numbers look at: computed as kernels do.
// Slow and large by design: it allocates every intermediate value, pairs of positions included.
#pragma once
#include "../../graph/decisions.hpp"
#include "../../run/frame/axes.hpp"
#include "../../run/program/evaluate.hpp"
#include "../../run/program/number.hpp"
#include "evaluated_graph.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

struct dense_value {
  axis_set axes = 0;
  std::array<extent_t, max_axes> stride{};  // row-major over ascending axis numbers
  std::vector<double> number;
  std::vector<double> decided;  // empty where it decides nothing
  std::vector<unsigned char> absent;
};

class reference_graph {
 public:
  using extents = std::array<extent_t, max_axes>;

  // inputs: by input number of the graph, strides by axis number of the graph, element types as declared.
  reference_graph(const evaluated_graph& g, const extents& extent, const view* inputs)
      : graph_(g),
        extent_(extent),
        inputs_(inputs),
        decides_(deciding(g)),
        in_double_(computed_in_double(g)) {
    values_.resize(std::size_t(g.size));
  }
  virtual ~reference_graph() = default;
  // Evaluates what a node needs; its value stays valid as long as this object lives.
  const dense_value& operator[](int root) {
    std::vector<bool> used(std::size_t(root) + 1);
    used[root] = true;
    for (int i = root; i > 0; --i)
      if (used[i])
        for (const int j : {int(graph_[i].a), int(graph_[i].b), int(graph_[i].c)}) used[j] = true;
    for (int i = 1; i <= root; ++i)
      if (used[i] && !done(i)) evaluate(i), known(graph_[i], values_[i]);
    return values_[root];
  }

  // The element of node `i` at an index by axis number, -inf where it is absent.
  double at(int i, const extents& index) const {
    const dense_value& value = values_[i];
    const extent_t place = offset(value, index);
    return value.absent[place] == is_absent ? -INFINITY : value.number[place];
  }

  // Calls f(index) for every index over some axes, the last axis number fastest.
  template <class F>
  void each(axis_set axes, const F& f) const {
    extents index{};
    along(axes, index, [&] { f(index); });
  }

 protected:
  // All elements of a node, before anything reads them: an evaluation that rounds changes them here.
  virtual void known(const node&, dense_value&) {}

  // Takes an index along some axes, from 0 on: f() at each.
  template <class F> void along(axis_set axes, extents& index, const F& f) const {
    each_index(listed(axes), extent_.data(), index.data(), f);
  }
  static extent_t offset(const dense_value& value, const extents& index) {
    extent_t place = 0;
    for (std::size_t i = 0; value.axes >> i; ++i) place += value.stride[i] * index[i];
    return place;
  }

 private:
  // Marks: absent, or a softmax weight of something absent and what vanishes with it, which take no part in a product,
  // whatever they meet.
  static constexpr unsigned char is_absent = 1, is_weightless = 2;

  static static_list<std::int8_t, max_axes> listed(axis_set axes) {
    static_list<std::int8_t, max_axes> list;
    for (int i = 0; axes >> i; ++i)
      if (axes >> i & 1) list.add(std::int8_t(i));
    return list;
  }

  bool done(int i) const { return !values_[i].number.empty() || values_[i].axes != 0; }
  double number(int i, const extents& index) const { return values_[i].number[offset(values_[i], index)]; }
  // What a comparison or a cast to a whole number sees.
  double looked_at(int i, const extents& index) const {
    const dense_value& value = values_[i];
    return value.decided.empty() ? number(i, index) : value.decided[offset(value, index)];
  }
  unsigned char mark(int i, const extents& index) const { return values_[i].absent[offset(values_[i], index)]; }
  bool absent(int i, const extents& index) const { return i && mark(i, index) == is_absent; }

  double input(const node& x, const extents& index) const {
    return element_of_operand(graph_.inputs[x.first], inputs_[x.first], index);
  }

  double pointwise(const node& x, double a, double b, double c) const {
    if (x.code == op::primitive) return primitive_number(*graph_.primitives[int(x.value)], a, b);
    if (x.code == op::cast && is_real(x.type)) return a;
    return number_of(x.code, a, b, c, x.value);
  }

  // All elements of a node from those of its operands: its number at each index, what a decision sees of it where
  // something is decided by it, and whether it is there.
  void evaluate(int i) {
    const node& x = graph_[i];
    dense_value& value = values_[i];
    value.axes = x.axes;
    extent_t size = 1;
    for (int axis = max_axes - 1; axis >= 0; --axis)
      if (x.axes >> axis & 1) value.stride[axis] = size, size *= extent_[axis];
    value.number.assign(std::size_t(size), 0);
    value.absent.assign(std::size_t(size), 0);
    if (decides_[i]) value.decided.assign(std::size_t(size), 0);
    const auto put = [&](const extents& index, double number, bool gone) {
      const std::size_t place = std::size_t(offset(value, index));
      value.number[place] = number;
      if (!value.decided.empty())
        value.decided[place] =
            in_double_[i] ? decided_element<double>(x, index, number) : decided_element<float>(x, index, number);
      value.absent[place] = gone ? is_absent : weightless(x, index) ? is_weightless : 0;
    };
    if (x.code == op::softmax) {  // what its weights are divided by is the same for all of a row
      each(x.axes & ~x.over, [&](extents index) {
        const exponentials all = exponentials_of(x, index);
        along(x.over, index, [&] { put(index, weight(x, index, all), false); });
      });
    } else if (x.code == op::running_sum) {
      running_sum(x, put);
    } else if (x.code == op::scatter) {
      scatter(x, value);
      each(x.axes, [&](const extents& index) { put(index, value.number[offset(value, index)], false); });
    } else {
      each(x.axes, [&](const extents& index) {
        bool gone = false;
        const double number = element_of_node(x, index, gone);
        put(index, number, gone);
      });
    }
  }
  bool weightless(const node& x, extents index) const {
    if (x.code == op::softmax) return absent(x.a, index);
    if (x.code == op::rename) {
      index[x.first] = index[x.second];
      return mark(x.a, index) == is_weightless;
    }
    if (!is_real(x.type)) return false;
    const auto is = [&](int i) { return i && mark(i, index) == is_weightless; };
    const auto is_or_zero = [&](int i) { return is(i) || (graph_[i].code == op::constant && graph_[i].value == 0); };
    switch (x.code) {
      case op::multiply: return is(x.a) || is(x.b);
      case op::divide:
      case op::mask:
      case op::negate:
      case op::cast:
      case op::present: return is(x.a);
      case op::add:
      case op::subtract: return is(x.a) && is(x.b);
      case op::where: return (is(x.b) || is(x.c)) && is_or_zero(x.b) && is_or_zero(x.c);
      default: return false;
    }
  }

  // What a comparison or an index sees of an element: rounded to the width T of its type operation by operation, by the
  // functions that kernels take, so that both see the same keys.
  template <class T> double decided_element(const node& x, const extents& index, double number_of_it) const {
    if (x.code == op::constant) return x.value;  // as wide as what it meets
    if (x.code == op::present) return absent(x.a, index) ? 0 : T(looked_at(x.a, index));
    if (x.code == op::mask) return T(looked_at(x.a, index));
    if (is_view(x.code) || x.code == op::gather || x.code == op::shift || x.code == op::concat) {
      bool gone = false;
      return T(moved(x, index, gone, true));
    }
    if (x.code == op::max || x.code == op::min || x.code == op::kth_largest)
      return T(reduced(x, index, true));  // one of the values it is compared with
    if (!is_pointwise(x.code)) return T(number_of_it);
    const double a = looked_at(x.a, index), b = x.b ? looked_at(x.b, index) : 0, c = x.c ? looked_at(x.c, index) : 0;
    switch (x.code) {
#define HEED_DECIDED(CODE, ...) \
  case op::CODE: return run::decided<op::CODE, T, T>(T(a), T(b), T(c), x.value);
      HEED_DECIDED(add)
      HEED_DECIDED(subtract)
      HEED_DECIDED(multiply)
      HEED_DECIDED(divide)
      HEED_DECIDED(minimum)
      HEED_DECIDED(maximum)
      HEED_DECIDED(negate)
      HEED_DECIDED(power)
      HEED_FUNCTIONS(HEED_DECIDED)
#undef HEED_DECIDED
      case op::where: return T(a != 0 ? b : c);
      case op::random_uniform: return T(number_of_it);
      case op::primitive: return primitive_number<T>(*graph_.primitives[int(x.value)], T(a), T(b));
      default: return T(a);  // cast
    }
  }

  // Numbers are compared as floats unless one of them is computed in double.
  double compared(const node& x, const extents& index) const {
    const auto in_double = [&](int i) {
      return graph_[i].code != op::constant && is_real(graph_[i].type) && in_double_[i];
    };
    const bool real = is_real(graph_[x.a].type) || is_real(graph_[x.b].type);
    const double a = looked_at(x.a, index), b = looked_at(x.b, index);
    return real && !in_double(x.a) && !in_double(x.b) ? pointwise(x, float(a), float(b), 0) : pointwise(x, a, b, 0);
  }

  // One element of a node, from those of its operands. `gone`: it is absent.
  double element_of_node(const node& x, const extents& index, bool& gone) const {
    if (x.code == op::present) return absent(x.a, index) ? 0 : number(x.a, index);
    if (is_pointwise(x.code)) {
      const double a = number(x.a, index), b = x.b ? number(x.b, index) : 0, c = x.c ? number(x.c, index) : 0;
      gone = absent(x.a, index) ||
             (x.code == op::where ? absent(a != 0 ? x.b : x.c, index) : absent(x.b, index) || absent(x.c, index));
      if (is_comparison(x.code)) return compared(x, index);
      if (x.code == op::cast && is_integer(x.type)) return pointwise(x, looked_at(x.a, index), 0, 0);
      return pointwise(x, a, b, c);
    }
    switch (x.code) {
      case op::input: return input(x, index);
      case op::constant: return x.value;
      case op::index: return double(index[x.first]);
      case op::size: return double(extent_[x.first]);
      case op::mask:
        gone = absent(x.a, index) || absent(x.b, index) || number(x.b, index) == 0;
        return number(x.a, index);
      default:
        return is_view(x.code) || x.code == op::gather || x.code == op::shift || x.code == op::concat
                   ? moved(x, index, gone)
                   : reduced(x, index);
    }
  }

  // An element that is one of an operand's, at another index: views, shifts, concatenations, tables.
  double moved(const node& x, extents index, bool& gone, bool decided = false) const {
    const int first = x.first, second = x.second, third = x.third;
    int from = x.a;
    switch (x.code) {
      case op::rename: index[first] = index[second]; break;
      case op::split: index[first] = index[second] * extent_[third] + index[third]; break;
      case op::merge:
        index[second] = index[first] / extent_[third], index[third] = index[first] % extent_[third];
        break;
      case op::slice: index[first] = index[second] + extent_t(x.value); break;
      case op::pick: index[first] = extent_t(x.value); break;
      case op::shift:
        index[first] -= extent_t(x.value);
        if (index[first] < 0 || index[first] >= extent_[first]) return 0;
        break;
      case op::concat:
        if (index[first] < extent_[second]) index[second] = index[first];
        else from = x.b, index[third] = index[first] - extent_[second];
        break;
      default: {  // gather: outside the table, its nearest end
        gone = absent(x.b, index);
        const double at = number(x.b, index), top = double(extent_[first] - 1);
        index[first] = extent_t(at < 0 ? 0 : at > top ? top : at);
      }
    }
    gone = gone || absent(from, index);
    return decided ? looked_at(from, index) : number(from, index);
  }

  // Calls f(value) for what a node reduces at an index, which is 0 along what is reduced; absent values are left out.
  // Values of a dot are products.
  template <class F> void reduce(const node& x, const extents& index, bool decided, const F& f) const {
    const dense_value &a = values_[x.a], &b = values_[x.b];
    const extent_t first = offset(a, index), second = offset(b, index);
    const std::vector<double>& numbers = decided && !a.decided.empty() ? a.decided : a.number;
    const auto of_one = [&](extent_t at) {
      if (a.absent[first + at] != is_absent) f(numbers[first + at]);
    };
    const auto of_two = [&](extent_t at, extent_t other) {
      if (!a.absent[first + at] && !b.absent[second + other]) f(numbers[first + at] * b.number[second + other]);
    };
    if (x.code == op::dot) each_offset(listed(x.over), extent_.data(), of_two, a.stride.data(), b.stride.data());
    else each_offset(listed(x.over), extent_.data(), of_one, a.stride.data());
  }
  struct extrema {
    double low = INFINITY, top = -INFINITY, count = 0;
  };
  extrema extrema_of(const node& x, const extents& at, bool decided = false) const {
    extrema r;
    reduce(x, at, decided, [&](double a) {
      r.top = a > r.top || a != a ? a : r.top, r.low = a < r.low || a != a ? a : r.low, ++r.count;
    });
    return r;
  }
  // The sum of exponentials of what is reduced, the largest of them taken off first.
  struct exponentials {
    double shift;
    long double total = 0;
  };
  exponentials exponentials_of(const node& x, const extents& at) const {
    const double top = extrema_of(x, at).top;
    exponentials r{.shift = top == -INFINITY ? 0 : top};
    reduce(x, at, false, [&](double a) { r.total += std::exp(a - r.shift); });
    return r;
  }
  double weight(const node& x, const extents& at, const exponentials& all) const {
    if (absent(x.a, at) || all.total == 0) return 0;
    return std::exp(number(x.a, at) - all.shift) / double(all.total);
  }

  // All of a row that is greater than -inf, from the largest down; a NaN comes first.
  std::vector<double> sorted_row(const node& x, const extents& at, bool decided) const {
    std::vector<double> r;
    reduce(x, at, decided, [&](double a) {
      if (a != -INFINITY) r.push_back(a);
    });
    std::sort(r.begin(), r.end(), [](double a, double b) { return a != a ? b == b : a > b; });
    return r;
  }
  double kth_largest(const node& x, const extents& at, bool decided) const {
    const std::vector<double> row = sorted_row(x, at, decided);
    if (!row.empty() && row[0] != row[0]) return row[0];
    const double rank = x.b ? number(x.b, at) : x.value;
    if (rank < 1) return INFINITY;
    return row.empty() ? -INFINITY : row[std::min(row.size(), std::size_t(rank)) - 1];
  }
  // By bisection, to the last bit.
  double entmax_threshold(const node& x, const extents& at) const {
    const std::vector<double> row = sorted_row(x, at, false);
    const double scale = x.value - 1, top = row.empty() ? std::numeric_limits<float>::lowest() : row[0];
    if (row.empty() || top - top != 0) return top - (row.empty() ? 0 : top - top);
    double low = -1, high = 0;
    for (;;) {
      const double middle = low + (high - low) / 2;
      if (middle == low || middle == high) break;
      double total = 0;
      for (const double a : row) {
        if (const double above = (a - top) * scale - middle; above > 0) total += std::pow(above, 1 / scale);
        else break;
      }
      (total >= 1 ? low : high) = middle;
    }
    return top + low / scale;
  }

  // An element that many of an operand make: sums, products, extrema, log-sum-exp.
  double reduced(const node& x, const extents& at, bool decided = false) const {
    if (x.code == op::max) return extrema_of(x, at, decided).top;
    if (x.code == op::min) return extrema_of(x, at, decided).low;
    if (x.code == op::kth_largest) return kth_largest(x, at, decided);
    if (x.code == op::entmax_threshold) return entmax_threshold(x, at);
    if (x.code == op::logsumexp) {
      const exponentials all = exponentials_of(x, at);
      return all.shift + std::log(double(all.total));
    }
    long double total = 0, count = 0;
    reduce(x, at, decided, [&](double a) { total += a, ++count; });
    return double(x.code != op::mean ? total : count > 0 ? total / count : 0);
  }
  // At each position the sum of what is present up to it, or from it on.
  template <class Put> void running_sum(const node& x, const Put& put) const {
    const int axis = std::countr_zero(x.over);
    const extent_t length = extent_[axis];
    each(x.axes & ~x.over, [&](extents index) {
      long double total = 0;
      for (extent_t i = 0; i < length; ++i) {
        index[axis] = x.value == 0 ? i : length - 1 - i;
        if (!absent(x.a, index)) total += number(x.a, index);
        put(index, double(total), false);
      }
    });
  }
  // A table of sums: every value is added at its index; outside the table, at its nearest end.
  void scatter(const node& x, dense_value& table) const {
    std::vector<long double> sums(table.number.size());
    each((x.axes & ~axis_bit(x.first)) | x.over, [&](extents index) {
      if (extent_[x.first] == 0 || absent(x.a, index) || absent(x.b, index)) return;
      const double to = number(x.b, index), last = double(extent_[x.first] - 1), added = number(x.a, index);
      index[x.first] = extent_t(to < 0 ? 0 : to > last ? last : to);
      sums[offset(table, index)] += added;
    });
    for (std::size_t i = 0; i < sums.size(); ++i) table.number[i] = double(sums[i]);
  }

  const evaluated_graph graph_;
  const extents& extent_;
  const view* inputs_;
  node_marks decides_, in_double_;
  std::vector<dense_value> values_;
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
