// The loop region: whatever no other region takes, in plain double-precision scalars, one output element after another,
// reductions as nested loops in a fixed order. Correct and parallel; fast it is not, and explain says so. A reduction is computed
// once where it is asked for again: the scores of a query, their maximum and their sum, for every key and every element of the values.
#pragma once
#include "evaluate.hpp"
#include "memory.hpp"
#include "team.hpp"
#include <bit>
#include <cmath>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// What a thread remembers of the reductions of a region: of each a row of values along an axis that a later one runs over (a score along
// the keys), or one value where there is none. It is forgotten when the index along another axis changes.
template <const auto& Region>
struct reduction_memory {
  struct entry { std::int64_t bits; std::uint64_t epoch; };
  struct row {
    entry* entries;
    std::uint64_t epoch;                                   // of the entries that hold; 0: none
    extent_t at[max_axes];
  };
  row rows[std::size_t(Region.code.size)];

  static constexpr int along(int i) {
    axis_set later = 0;
    for (int k = i + 1; k < Region.code.size; ++k)
      if (is_reduction(Region.code[k].code)) later |= Region.code[k].over;
    const axis_set own = Region.code[i].axes & later;
    return own ? std::bit_width(own) - 1 : -1;
  }
  template <class F> static void each_reduction(const F& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) {
      ([&] { if constexpr (is_reduction(Region.code[I].code)) f.template operator()<I>(); }(), ...);
    }(std::make_integer_sequence<int, Region.code.size>{});
  }
  template <int I> static std::size_t length(const environment& call) {
    constexpr int axis = along(I);
    return axis < 0 ? 1 : std::size_t(call.extent[axis < 0 ? 0 : axis]);
  }
  static std::size_t bytes(const environment& call) {
    std::size_t entries = 0;
    each_reduction([&]<int I>() { entries += length<I>(call); });
    return entries ? (sizeof(reduction_memory) + entries * sizeof(entry) + 63) / 64 * 64 : 0;
  }
  // In `bytes` of memory; nothing is remembered.
  static reduction_memory* begin(const environment& call, std::byte* at) {
    reduction_memory* const m = new (at) reduction_memory;
    entry* next = reinterpret_cast<entry*>(at + sizeof(reduction_memory));
    each_reduction([&]<int I>() {
      row& r = m->rows[I];
      r.entries = next, r.epoch = 0;
      next = std::fill_n(next, length<I>(call), entry{});
    });
    return m;
  }
  // Where the value of reduction I at an index is kept, or is to be.
  template <int I> entry& find(const extent_t* index) {
    constexpr int axis = along(I);
    constexpr axis_set others = Region.code[I].axes & ~(axis < 0 ? axis_set(0) : axis_set(1) << axis);
    row& r = rows[I];
    bool same = r.epoch != 0;
    for (int a = 0; others >> a; ++a)
      if (others >> a & 1) same = same && r.at[a] == index[a], r.at[a] = index[a];
    if (!same) ++r.epoch;
    return r.entries[axis < 0 ? 0 : index[axis < 0 ? 0 : axis]];
  }
};

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
  reduction_memory<Region>* memory = nullptr;              // none: every reduction is computed when it is asked for

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
    } else if (memory) {
      auto& kept = memory->template find<I>(index);
      const std::uint64_t epoch = memory->rows[I].epoch;
      if (kept.epoch != epoch) {
        const value_type<I> v = reduce<I>();
        __builtin_memcpy(&kept.bits, &v, sizeof v);
        kept.epoch = epoch;
      }
      value_type<I> v;
      __builtin_memcpy(&v, &kept.bits, sizeof v);
      return v;
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
  static scratch_need need(const environment& call) { return {0, reduction_memory<Region>::bytes(call)}; }
  static void run(const environment& call, const scratch& s) noexcept {
    const extent_t total = count_of(Region.rows, call.extent);
    const extent_t grain = std::clamp<extent_t>(total / (8 * call.threads), 16, 4096);   // neighbours share reductions
    const bool remembers = reduction_memory<Region>::bytes(call) > 0;
    for_each_item((total + grain - 1) / grain, call.threads, [&](extent_t item, int thread) {
      scalar_environment<Region> at{call, {}, remembers ? reduction_memory<Region>::begin(call, s.of(thread)) : nullptr};
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

}  // namespace heed::internal::run
