// The run-time half of binding: every operand against its declaration, every axis against every operand. All of it happens
// before anything is written, and each mistake is one heed::error that names the operand, the axis, what was expected and
// what came.
#pragma once
#include "../plan/score_match.hpp"
#include "memory.hpp"
#include "operand.hpp"

namespace heed::run {
using middle::bit;

struct call_frame {
  std::array<extent_t, max_axes> extent{};                 // by axis number of the plan's graph; -1: not known yet
  std::array<int, max_axes> source{};                      // which operand gave it (index into names), for messages
  std::vector<bound> inputs;                               // by input number
  std::vector<bound> outputs;
};

inline std::string input_name(const graph& g, int i) { return g.inputs[std::size_t(i)].name.text(); }
inline std::string axis_name(const graph& g, int a) { return g.axes[std::size_t(a)].name.text(); }

// One axis of one operand against what is known of it.
inline void agree_on(const graph& g, call_frame& f, const std::string& operand, int axis, extent_t got) {
  extent_t& e = f.extent[std::size_t(axis)];
  if (got < 0) throw error(operand, axis_name(g, axis), "an extent that is not negative", std::to_string(got));
  if (e == runtime) e = got;
  if (e != got) throw error(operand, axis_name(g, axis), std::to_string(e), std::to_string(got));
}

// The addresses that a bound operand covers, in bytes: [first, end).
struct address_range { const char *first, *end; };
inline address_range range_of(const bound& b, int bytes) {
  extent_t low = 0, high = 0;
  for (int i = 0; i < b.rank; ++i) {
    const std::size_t k = std::size_t(i);
    if (b.extents[k] == 0) return {nullptr, nullptr};
    extent_t span;
    if (__builtin_mul_overflow(b.extents[k] - 1, b.strides[k], &span)) throw error("", "", "addresses within 64 bits", "more");
    (span < 0 ? low : high) += span;
  }
  const char* p = static_cast<const char*>(b.data);
  return {p + low * bytes, p + (high + 1) * bytes};
}

inline bool is_empty(const bound& b) {
  for (int i = 0; i < b.rank; ++i)
    if (b.extents[std::size_t(i)] == 0) return true;
  return false;
}
inline void check_memory(const bound& b, const std::string& operand) {
  if (!is_empty(b) && !b.data) throw error(operand, "", "memory", "a null pointer");
}

// Extents that follow from others: views keep the number of elements.
inline void derive_extents(const graph& g, call_frame& f) {
  const auto e = [&](int a) -> extent_t& { return f.extent[std::size_t(a)]; };
  const auto same = [&](int a, int b) {
    if (e(a) == runtime) e(a) = e(b);
    if (e(b) == runtime) e(b) = e(a);
    if (e(a) != e(b))
      throw error("", axis_name(g, b), std::to_string(e(a)) + ", as axis '" + axis_name(g, a) + "' that is renamed to it", std::to_string(e(b)));
  };
  for (int round = 0; round < 3; ++round)
    for (int i = 1; i < g.size; ++i) {
      const node& x = g[i];
      if (x.code == op::rename) same(x.first, x.second);
      if (x.code == op::split || x.code == op::merge) {
        extent_t &whole = e(x.first), &major = e(x.second), &minor = e(x.third);
        if (whole == runtime && major != runtime && minor != runtime) whole = major * minor;
        if (major == runtime && whole != runtime && minor > 0 && whole % minor == 0) major = whole / minor;
        if (minor == runtime && whole != runtime && major > 0 && whole % major == 0) minor = whole / major;
        if (whole != runtime && major != runtime && minor != runtime && whole != major * minor)
          throw error("", axis_name(g, x.first), std::to_string(major) + " x " + std::to_string(minor) + " (axes '" + axis_name(g, x.second) + "' and '" + axis_name(g, x.third) + "')", std::to_string(whole));
      }
      if (x.code == op::concat) {
        if (e(x.first) == runtime && e(x.second) != runtime && e(x.third) != runtime) e(x.first) = e(x.second) + e(x.third);
        if (e(x.first) != runtime && e(x.second) != runtime && e(x.third) != runtime && e(x.first) != e(x.second) + e(x.third))
          throw error("", axis_name(g, x.first), std::to_string(e(x.second)) + " + " + std::to_string(e(x.third)), std::to_string(e(x.first)));
      }
    }
}

template <class F> void each_element(const bound& b, const F& f) {
  std::array<extent_t, max_rank> index{};
  for (int i = 0; i < b.rank; ++i)
    if (b.extents[std::size_t(i)] == 0) return;
  for (extent_t at = 0;;) {
    f(at);
    int k = b.rank - 1;
    for (; k >= 0; --k) {
      const std::size_t a = std::size_t(k);
      at += b.strides[a];
      if (++index[a] < b.extents[a]) break;
      at -= b.extents[a] * b.strides[a], index[a] = 0;
    }
    if (k < 0) return;
  }
}
inline std::int64_t whole_at(const bound& b, element type, extent_t at) {
  return type == element::i32 ? element_at<element::i32, std::int64_t>(b.data, at) : element_at<element::i64, std::int64_t>(b.data, at);
}

// Everything that can be wrong with a call. Fills f.extent.
inline void check_call(const middle::plan& p, call_frame& f) {
  const graph& g = p.g;
  for (int i = 0; i < g.axis_count; ++i)
    if (g.extent(i) != runtime) {
      extent_t& e = f.extent[std::size_t(i)];
      if (e != runtime && e != g.extent(i)) throw error("", axis_name(g, i), std::to_string(g.extent(i)), std::to_string(e));
      e = g.extent(i);
    }
  for (int i = 0; i < g.input_count; ++i) {
    const bound& b = f.inputs[std::size_t(i)];
    const input_entry& in = g.inputs[std::size_t(i)];
    if (b.rank < 0) continue;                              // an input that simplification has removed
    const std::string name = input_name(g, i);
    if (b.rank != in.rank) throw error(name, "", std::to_string(in.rank) + " axes", std::to_string(b.rank));
    for (int k = 0; k < in.rank; ++k) agree_on(g, f, name, in.order[std::size_t(k)], b.extents[std::size_t(k)]);
    check_memory(b, name);
  }
  const auto result_name = [&](int k) { return p.result_count == 1 ? std::string("into") : "into, result " + std::to_string(k + 1); };
  std::array<const middle::buffer*, max_results> results{};
  for (int i = 0; i < p.buffer_count; ++i)
    if (p.buffers[std::size_t(i)].result >= 0) results[std::size_t(p.buffers[std::size_t(i)].result)] = &p.buffers[std::size_t(i)];
  derive_extents(g, f);
  for (int k = 0; k < p.result_count; ++k) {
    const bound& b = f.outputs[std::size_t(k)];
    const axis_list& order = results[std::size_t(k)]->order;
    if (b.rank != order.count) throw error(result_name(k), "", std::to_string(order.count) + " axes", std::to_string(b.rank));
    for (int i = 0; i < order.count; ++i) {
      agree_on(g, f, result_name(k), order[i], b.extents[std::size_t(i)]);
      if (b.strides[std::size_t(i)] == 0 && b.extents[std::size_t(i)] > 1 && !is_empty(b))   // dense strides of nothing are 0
        throw error(result_name(k), axis_name(g, order[i]), "a stride that keeps elements apart", "stride 0");
    }
    check_memory(b, result_name(k));
  }
  derive_extents(g, f);
  axis_set needed = 0;
  for (int i = 1; i < g.size; ++i) {
    needed |= g[i].axes | g[i].over;
    if (g[i].code == op::size || g[i].code == op::gather || g[i].code == op::slice) needed |= bit(g[i].first);
  }
  for (int i = 0; i < g.axis_count; ++i)
    if ((needed >> i & 1) && f.extent[std::size_t(i)] == runtime)
      throw error("", axis_name(g, i), "an operand that carries it, or with(" + axis_name(g, i) + ", extent)", "none");
  for (int i = 1; i < g.size; ++i) {
    const node& x = g[i];
    if (x.code == op::slice && extent_t(x.value) + f.extent[std::size_t(x.second)] > f.extent[std::size_t(x.first)])
      throw error(g[x.a].code == op::input ? input_name(g, g[x.a].first) : "", axis_name(g, x.first),
                  "at least " + std::to_string(extent_t(x.value) + f.extent[std::size_t(x.second)]) + " elements, to be read at axis '" + axis_name(g, x.second) + "'",
                  std::to_string(f.extent[std::size_t(x.first)]));
    if (x.code == op::index && f.extent[std::size_t(x.first)] > extent_t(1) << 31)
      throw error("", axis_name(g, x.first), "at most 2^31 positions where indices are computed with", std::to_string(f.extent[std::size_t(x.first)]));
    if (x.code != op::gather || g[x.b].code != op::input) continue;
    const bound& b = f.inputs[std::size_t(g[x.b].first)];
    const extent_t top = f.extent[std::size_t(x.first)];
    each_element(b, [&](extent_t at) {
      const std::int64_t v = whole_at(b, g[x.b].type, at);
      if (v < 0 || v >= top)
        throw error(input_name(g, g[x.b].first), axis_name(g, x.first), "indices from 0 to " + std::to_string(top - 1), std::to_string(v));
    });
  }
  for (int i = 0; i < g.input_count; ++i) {
    const bound& b = f.inputs[std::size_t(i)];
    if (b.rank >= 0 && g.inputs[std::size_t(i)].type == element::i64)
      each_element(b, [&](extent_t at) {
        const std::int64_t v = whole_at(b, element::i64, at);
        if (v != std::int32_t(v)) throw error(input_name(g, i), "", "whole numbers within 32 bits", std::to_string(v));
      });
  }
  for (int k = 0; k < p.result_count; ++k) {
    const address_range o = range_of(f.outputs[std::size_t(k)], byte_size(stored(results[std::size_t(k)]->type)));
    const auto apart = [&](const address_range& x, const std::string& other) {
      if (o.first && x.first && o.first < x.end && x.first < o.end)
        throw error(result_name(k), "", "memory of its own", "memory that operand '" + other + "' lies in");
    };
    for (int i = 0; i < g.input_count; ++i)
      if (f.inputs[std::size_t(i)].rank >= 0)
        apart(range_of(f.inputs[std::size_t(i)], byte_size(g.inputs[std::size_t(i)].type)), input_name(g, i));
    for (int j = 0; j < k; ++j) apart(range_of(f.outputs[std::size_t(j)], byte_size(stored(results[std::size_t(j)]->type))), result_name(j));
  }
}

}  // namespace heed::run
