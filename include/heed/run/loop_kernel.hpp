// The loop region: whatever no other region takes, in plain double-precision scalars, one output element after another,
// reductions as nested loops in a fixed order. Correct and parallel; fast it is not, and explain says so.
#pragma once
#include "evaluate.hpp"
#include "memory.hpp"
#include "team.hpp"
#include <cmath>

namespace heed::run::inline HEED_INSTRUCTION_SET {

// A program at one point: an index by axis number.
template <const auto& Region>
struct scalar_environment {
  using real_wide = double;
  using real_narrow = double;
  using whole_wide = std::int64_t;
  using whole_narrow = std::int64_t;
  using truth_wide = bool;
  using truth_narrow = bool;
  using constant = double;
  static constexpr bool wide(const instruction&) { return false; }
  static constexpr bool given(const instruction&) { return false; }

  const environment& call;
  extent_t index[max_axes];

  extent_t offset(const view& v, axis_set axes) const {
    extent_t r = 0;
    for (int i = 0; axes >> i; ++i)
      if (axes >> i & 1) r += index[i] * v.stride[std::size_t(i)];
    return r;
  }
  template <int I> auto get() const {
    constexpr instruction x = Region.code[I];
    if constexpr (x.code == op::load) {
      const view& v = call.operands[x.operand];
      constexpr operand o = Region.operands[std::size_t(x.operand)];
      return element_at<o.type, value_type<I>>(v.data, offset(v, o.axes));
    } else if constexpr (x.code == op::index) {
      return index[x.axis];
    } else if constexpr (x.code == op::size) {
      return call.extent[x.axis];
    } else {
      return reduce<I>();
    }
  }
  template <int I> auto gather(std::int64_t at) const {
    constexpr instruction x = Region.code[I];
    constexpr operand o = Region.operands[std::size_t(x.operand)];
    const view& v = call.operands[x.operand];
    const extent_t top = call.extent[x.axis] - 1;
    if (top < 0) return value_type<I>(0);
    at = at < 0 ? 0 : at > top ? top : at;
    return element_at<o.type, value_type<I>>(
        v.data, offset(v, o.axes & ~(axis_set(1) << x.axis)) + at * v.stride[std::size_t(x.axis)]);
  }

 private:
  template <int I> using value_type =
      std::conditional_t<class_of(Region.code[I].type) == value_class::real, double,
                         std::conditional_t<class_of(Region.code[I].type) == value_class::whole, std::int64_t, bool>>;

  template <int I> value_type<I> reduce() const {
    constexpr instruction x = Region.code[I];
    using V = value_type<I>;
    V r = x.code == op::sum ? V(0) : x.code == op::max ? std::numeric_limits<V>::lowest() : std::numeric_limits<V>::max();
    if constexpr (std::is_floating_point_v<V>)
      if (x.code != op::sum) r = x.code == op::max ? -INFINITY : INFINITY;
    scalar_environment inner = *this;
    int axes[max_axes], rank = 0;
    for (int i = 0; i < max_axes; ++i)
      if (x.over >> i & 1) {
        if (call.extent[i] == 0) return r;
        axes[rank++] = i, inner.index[i] = 0;
      }
    for (;;) {
      const V v = evaluate<Region, x.a>(inner);
      if constexpr (x.code == op::sum) r += v;
      else if constexpr (x.code == op::max) r = v > r || v != v ? v : r;
      else r = v < r || v != v ? v : r;
      int k = rank - 1;
      for (; k >= 0; --k) {
        if (++inner.index[axes[k]] < call.extent[axes[k]]) break;
        inner.index[axes[k]] = 0;
      }
      if (k < 0) return r;
    }
  }
};

template <const auto& Region>
struct loop_kernel {
  static scratch_need need(const environment&) { return {}; }
  static void run(const environment& call, const scratch&) noexcept {
    const extent_t total = count_of(Region.rows, call.extent);
    constexpr extent_t grain = 16;
    for_each_item((total + grain - 1) / grain, call.threads, [&](extent_t item, int) {
      scalar_environment<Region> at{call, {}};
      for (extent_t k = item * grain; k < total && k < (item + 1) * grain; ++k) {
        extent_t rest = k;
        for (int i = Region.rows.count - 1; i >= 0; --i) {
          const extent_t e = call.extent[Region.rows[i]];
          at.index[Region.rows[i]] = rest % e, rest /= e;
        }
        constexpr output o = Region.outputs[0];
        put_element<o.type>(call.outputs[0].data, at.offset(call.outputs[0], o.axes), evaluate<Region, o.result>(at));
      }
    });
  }
};

}  // namespace heed::run
