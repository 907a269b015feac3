// The run-time half of binding: every operand against its declaration, every axis against every operand. All of it happens
// before anything is written, and each mistake is one heed::error that names the operand, the axis, what was expected (and
// who says so) and what came. A result is called `into`, or `into 1`, `into 2`, ... where there are several. Without a
// mistake nothing is allocated.
#pragma once
#include "../plan/score_match.hpp"
#include "footprint.hpp"
#include "memory.hpp"

namespace heed::run {
using middle::bit;

// A list of at most `Capacity` elements in place.
template <class T, std::size_t Capacity>
class short_list {
 public:
  short_list() : count_(0) {}
  void resize(std::size_t n) { while (count_ < n) push_back(T{}); }
  void push_back(const T& x) { at_[count_++] = x; }
  T& emplace_back() { return at_[count_++] = T{}; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return at_[i]; }
  const T& operator[](std::size_t i) const { return at_[i]; }

 private:
  std::size_t count_;
  union { T at_[Capacity]; };                              // not initialised until used: there is room for many
};

// Who has said how long an axis is.
struct extent_source {
  enum class kind : std::uint8_t { nobody, declaration, with, input, result, view } from = kind::nobody;
  int number = 0;                                          // of the input, the result, the node of the view
};

struct call_frame {
  std::array<extent_t, max_axes> extent{};                 // by axis number of the plan's graph; -1: not known yet
  std::array<extent_source, max_axes> source{};
  short_list<bound, graph::input_capacity> inputs;         // by input number
  short_list<bound, max_results> outputs;
};

inline view view_of_input(const graph& g, const call_frame& f, int input) {
  const input_entry& in = g.inputs[std::size_t(input)];
  const bound& b = f.inputs[std::size_t(input)];
  view v;
  v.data = b.data;
  for (int k = 0; k < in.rank; ++k) v.stride[std::size_t(in.order[std::size_t(k)])] = b.strides[std::size_t(k)];
  return v;
}

// Checks are compiled for size and out of line: at -O3 they were a quarter of the compile time of a small program, and cost a
// call a tenth of a microsecond less.
#define HEED_CHECK [[gnu::cold, gnu::noinline]]

// The checks of one call, in the order of the functions.
class call_check {
 public:
  using origin = extent_source::kind;
  // `doubles`: the results are stored in double whatever their element, as the oracle does.
  call_check(const middle::plan& p, call_frame& f, bool doubles) : p_(p), g_(p.g), f_(f), doubles_(doubles) {
    for (int i = 0; i < p.buffer_count; ++i)
      if (const int k = p.buffers[std::size_t(i)].result; k >= 0) results_[std::size_t(k)] = &p.buffers[std::size_t(i)];
  }
  HEED_CHECK void all() {
    declared_extents();
    inputs();
    derive_extents();
    results();
    derive_extents();
    nothing_unknown();
    views_and_indices();
    wide_whole_numbers();
    results_lie_apart();
  }

 private:
  // ---- words; made only when something is wrong
  std::string input_name(int i) const { return g_.inputs[std::size_t(i)].name.text(); }
  std::string result_name(int k) const { return p_.result_count == 1 ? "into" : "into " + std::to_string(k + 1); }
  std::string name(extent_source s) const { return s.from == origin::input ? input_name(s.number) : s.from == origin::result ? result_name(s.number) : ""; }
  std::string axis_name(int a) const { return g_.axes[std::size_t(a)].name.text(); }
  // The operand that carries an axis, as far as one does: to be named when the axis is wrong.
  std::string carrier(int axis) const { return name(source(axis)); }
  // An extent, and who has said so.
  std::string extent_and_source(int axis) const {
    const std::string e = std::to_string(f_.extent[std::size_t(axis)]);
    switch (const extent_source s = source(axis); s.from) {
      case origin::nobody: return e;
      case origin::declaration: return e + ", as declared";
      case origin::with: return e + ", as in with(" + axis_name(axis) + ", " + e + ")";
      case origin::input: return e + ", as in operand '" + name(s) + "'";
      case origin::result: return e + ", as in '" + name(s) + "'";
      case origin::view: {
        const node& x = g_[s.number];
        const auto other = [&](int a) { return "'" + axis_name(a) + "' (" + std::to_string(f_.extent[std::size_t(a)]) + ")"; };
        if (x.code == op::rename) return e + ", as along axis " + other(axis == x.first ? x.second : x.first);
        if (x.code == op::concat) return e + ", the sum of axes " + other(x.second) + " and " + other(x.third);
        if (axis == x.first) return e + ", the product of axes " + other(x.second) + " and " + other(x.third);
        return e + ", as axis " + other(x.first) + " over axis " + other(axis == x.second ? x.third : x.second);
      }
    }
    return e;
  }

  // ---- extents
  static constexpr extent_t largest_extent = extent_t(1) << 47;   // more than a process can address: sizes then fit into 64 bits
  extent_t& extent(int axis) { return f_.extent[std::size_t(axis)]; }
  extent_source& source(int axis) { return f_.source[std::size_t(axis)]; }
  const extent_source& source(int axis) const { return f_.source[std::size_t(axis)]; }

  HEED_CHECK void declared_extents() {
    for (int i = 0; i < g_.axis_count; ++i) {
      if (extent(i) != runtime) source(i) = {origin::with, 0};   // the call has begun with those
      if (extent(i) > largest_extent) throw error("", axis_name(i), "at most 2^47 positions", std::to_string(extent(i)));
      if (extent(i) != runtime && g_.extent(i) != runtime && extent(i) != g_.extent(i))
        throw error("", axis_name(i), std::to_string(g_.extent(i)) + ", as declared", std::to_string(extent(i)));
      if (g_.extent(i) != runtime) extent(i) = g_.extent(i), source(i) = {origin::declaration};
    }
  }
  // One axis of one operand against what is known of it.
  HEED_CHECK void agree(extent_source who, int axis, extent_t got) {
    if (got < 0) throw error(name(who), axis_name(axis), "an extent that is not negative", std::to_string(got));
    if (got > largest_extent) throw error(name(who), axis_name(axis), "at most 2^47 positions", std::to_string(got));
    if (extent(axis) == runtime) extent(axis) = got, source(axis) = who;
    if (extent(axis) != got) throw error(name(who), axis_name(axis), extent_and_source(axis), std::to_string(got));
  }
  HEED_CHECK void inputs() {
    for (int i = 0; i < g_.input_count; ++i) {
      const bound& b = f_.inputs[std::size_t(i)];
      const input_entry& in = g_.inputs[std::size_t(i)];
      if (b.rank < 0) continue;                            // an input that simplification has removed
      const extent_source who{origin::input, i};
      if (b.rank != in.rank) throw error(name(who), "", axes(in.rank), std::to_string(b.rank));
      for (int k = 0; k < in.rank; ++k) agree(who, in.order[std::size_t(k)], b.extents[std::size_t(k)]);
      check_memory(b, byte_size(in.type), who);
    }
  }
  HEED_CHECK void results() {
    for (int k = 0; k < p_.result_count; ++k) {
      const bound& b = f_.outputs[std::size_t(k)];
      const middle::axis_list& order = results_[std::size_t(k)]->order;
      const extent_source who{origin::result, k};
      if (b.rank != order.count) throw error(name(who), "", axes(order.count), std::to_string(b.rank));
      for (int i = 0; i < order.count; ++i) agree(who, order[i], b.extents[std::size_t(i)]);
      check_memory(b, result_bytes(k), who);
      extent_t least;
      if (is_empty(b)) continue;
      if (const int i = axis_that_overlaps(b, least); i >= 0)
        throw error(name(who), axis_name(order[i]), "a stride of at least " + std::to_string(least) + " either way, so that elements lie apart",
                    std::to_string(b.strides[std::size_t(i)]));
    }
  }
  static std::string axes(int count) { return std::to_string(count) + (count == 1 ? " axis" : " axes"); }
  int result_bytes(int k) const { return doubles_ ? 8 : byte_size(stored(results_[std::size_t(k)]->type)); }

  HEED_CHECK void check_memory(const bound& b, int bytes, extent_source who) const {
    if (is_empty(b)) return;
    extent_t count = 1;
    for (int i = 0; i < b.rank; ++i)
      if (__builtin_mul_overflow(count, b.extents[std::size_t(i)], &count)) throw error(name(who), "", "at most 2^63 elements", "more");
    if (!b.data) throw error(name(who), "", "memory", "a null pointer");
    if (reinterpret_cast<std::uintptr_t>(b.data) % std::uintptr_t(bytes))
      throw error(name(who), "", "memory aligned to its elements of " + std::to_string(bytes) + " bytes",
                  "an address that is " + std::to_string(reinterpret_cast<std::uintptr_t>(b.data) % std::uintptr_t(bytes)) + " past");
    const span_of_offsets o = offsets_of(b);
    if (byte_range r; !range_of(b, bytes, r)) throw error(name(who), "", "addresses within 64 bits", "extents and strides beyond");
    if (b.available < 0) return;
    if (o.low < 0) throw error(name(who), "", "elements from the first of its memory on", "one that lies " + std::to_string(-o.low) + " before");
    if (o.high >= b.available) throw error(name(who), "", "memory of at least " + std::to_string(o.high + 1) + " elements", std::to_string(b.available));
  }

  // Extents that follow from others: views keep the number of elements.
  HEED_CHECK void derive_extents() {
    for (bool learned = true; learned;) {
      learned = false;
      const auto learn = [&](int axis, extent_t e, extent_source who) { extent(axis) = e, source(axis) = who, learned = true; };
      for (int i = 1; i < g_.size; ++i) {
        const node& x = g_[i];
        if (x.code != op::rename && x.code != op::split && x.code != op::merge && x.code != op::concat) continue;
        const extent_source here{origin::view, i};
        const int one = x.first, two = x.second, three = x.third;
        if (x.code == op::rename) {
          if (extent(one) == runtime && extent(two) != runtime) learn(one, extent(two), here);
          if (extent(two) == runtime && extent(one) != runtime) learn(two, extent(one), here);
          if (extent(one) != extent(two))
            throw error(carrier(two), axis_name(two), extent_and_source(one) + " along axis '" + axis_name(one) + "', which is renamed to it", std::to_string(extent(two)));
        } else if (x.code == op::concat) {
          if (extent(two) == runtime || extent(three) == runtime) continue;
          const extent_t sum = extent(two) + extent(three);
          if (extent(one) == runtime) learn(one, sum, here);
          if (extent(one) != sum) throw error(carrier(one), axis_name(one), sides(two, " + ", three), std::to_string(extent(one)));
        } else {
          keep_count(x, here, learn);
        }
      }
    }
  }
  std::string sides(int a, const char* sign, int b) {
    return std::to_string(extent(a)) + sign + std::to_string(extent(b)) + " (axes '" + axis_name(a) + "' and '" + axis_name(b) + "')";
  }
  // split and merge: whole = major x minor.
  template <class Learn> void keep_count(const node& x, extent_source here, const Learn& learn) {
    const int whole = x.first, major = x.second, minor = x.third;
    if (extent(major) != runtime && extent(minor) != runtime) {
      extent_t product;
      if (__builtin_mul_overflow(extent(major), extent(minor), &product) || product > largest_extent)
        throw error(carrier(whole), axis_name(whole), "at most 2^47 positions", sides(major, " x ", minor));
      if (extent(whole) == runtime) learn(whole, product, here);
      if (extent(whole) != product) throw error(carrier(whole), axis_name(whole), sides(major, " x ", minor), std::to_string(extent(whole)));
      return;
    }
    for (const auto& [known, other] : {std::pair(major, minor), std::pair(minor, major)}) {
      if (extent(whole) == runtime || extent(known) == runtime || extent(other) != runtime) continue;
      if (extent(known) == 0 && extent(whole) == 0) continue;                  // anything would do
      if (extent(known) == 0 || extent(whole) % extent(known))
        throw error(carrier(whole), axis_name(whole), "a multiple of " + std::to_string(extent(known)) + " (axis '" + axis_name(known) + "')", std::to_string(extent(whole)));
      learn(other, extent(whole) / extent(known), here);
    }
  }
  HEED_CHECK void nothing_unknown() {
    axis_set needed = 0;
    for (int i = 1; i < g_.size; ++i) {
      needed |= g_[i].axes | g_[i].over;
      if (g_[i].code == op::size || g_[i].code == op::gather || g_[i].code == op::slice) needed |= bit(g_[i].first);
    }
    for (int i = 0; i < g_.axis_count; ++i)
      if ((needed >> i & 1) && extent(i) == runtime)
        throw error("", axis_name(i), "an operand that carries it, or with(" + axis_name(i) + ", extent)", "none");
  }

  // ---- what is read where
  // The view of an input, perhaps through rename, split and slice; false for anything that is computed.
  bool input_seen(node_id i, view& v, int& input) const {
    const node& x = g_[i];
    if (x.code == op::input) return v = view_of_input(g_, f_, input = x.first), true;
    if (x.code != op::rename && x.code != op::split && x.code != op::slice) return false;
    if (!input_seen(x.a, v, input)) return false;
    look_through(x, f_.extent.data(), v);
    return true;
  }
  HEED_CHECK void views_and_indices() {
    for (int i = 1; i < g_.size; ++i) {
      const node& x = g_[i];
      if (x.code == op::slice) {
        const extent_t least = extent_t(x.value) + extent(x.second);
        if (least <= extent(x.first)) continue;
        const node& from = g_[middle::source_of_view(g_, x.a)];
        throw error(from.code == op::input ? input_name(from.first) : carrier(x.first), axis_name(x.first),
                    "at least " + std::to_string(least) + " elements, to be read at axis '" + axis_name(x.second) + "'", std::to_string(extent(x.first)));
      }
      if ((x.code == op::index || x.code == op::size) && extent(x.first) > extent_t(x.code == op::index) + std::numeric_limits<std::int32_t>::max())
        throw error(carrier(x.first), axis_name(x.first), x.code == op::index ? "at most 2^31 positions where indices are computed with" : "an extent below 2^31 where it is computed with",
                    std::to_string(extent(x.first)));
      if (x.code == op::gather) indices(x);
    }
  }
  // A table at indices that are an operand: all of them lie inside.
  HEED_CHECK void indices(const node& x) {
    node_id i = x.b;
    while (g_[i].code == op::merge) i = g_[i].a;           // all elements of what is merged
    view v;
    int input = 0;
    if (!input_seen(i, v, input)) return;
    const extent_t top = extent(x.first);
    each_whole(g_[i].axes, v, g_[i].type, [&](std::int64_t index) {
      if (index >= 0 && index < top) return;
      throw error(input_name(input), axis_name(x.first), top ? "indices from 0 to " + std::to_string(top - 1) : "no indices, for the table is empty", std::to_string(index));
    });
  }
  // Kernels compute whole numbers in 32 bits.
  HEED_CHECK void wide_whole_numbers() {
    for (int i = 0; i < g_.input_count; ++i) {
      const input_entry& in = g_.inputs[std::size_t(i)];
      if (f_.inputs[std::size_t(i)].rank < 0 || in.type != element::i64) continue;
      axis_set all = 0;
      for (int k = 0; k < in.rank; ++k) all |= bit(in.order[std::size_t(k)]);
      each_whole(all, view_of_input(g_, f_, i), in.type, [&](std::int64_t v) {
        if (v != std::int32_t(v)) throw error(input_name(i), "", "whole numbers within 32 bits", std::to_string(v));
      });
    }
  }
  // Every whole number of a view, those that are broadcast once.
  template <class F> void each_whole(axis_set over, const view& v, element type, const F& f) {
    std::array<extent_t, max_axes> count{}, step{}, index{};
    int rank = 0;
    for (int a = 0; a < g_.axis_count; ++a) {
      if (!(over >> a & 1)) continue;
      if (extent(a) == 0) return;
      if (v.stride[std::size_t(a)] != 0) count[std::size_t(rank)] = extent(a), step[std::size_t(rank++)] = v.stride[std::size_t(a)];
    }
    for (extent_t at = 0;;) {
      f(type == element::i32 ? element_at<element::i32, std::int64_t>(v.data, at) : element_at<element::i64, std::int64_t>(v.data, at));
      int k = rank - 1;
      for (; k >= 0; --k) {
        const std::size_t a = std::size_t(k);
        at += step[a];
        if (++index[a] < count[a]) break;
        at -= count[a] * step[a], index[a] = 0;
      }
      if (k < 0) return;
    }
  }

  // Results are written while inputs are still read: no result shares memory with an input or another result.
  HEED_CHECK void results_lie_apart() const {
    for (int k = 0; k < p_.result_count; ++k) {
      const bound& r = f_.outputs[std::size_t(k)];
      const auto apart = [&](const bound& o, int bytes, extent_source who) {
        if (share_memory(r, result_bytes(k), o, bytes)) throw error(result_name(k), "", "memory of its own", "memory that operand '" + name(who) + "' lies in");
      };
      for (int i = 0; i < g_.input_count; ++i)
        if (f_.inputs[std::size_t(i)].rank >= 0) apart(f_.inputs[std::size_t(i)], byte_size(g_.inputs[std::size_t(i)].type), {origin::input, i});
      for (int j = 0; j < k; ++j) apart(f_.outputs[std::size_t(j)], result_bytes(j), {origin::result, j});
    }
  }

  const middle::plan& p_;
  const graph& g_;
  call_frame& f_;
  bool doubles_;
  std::array<const middle::buffer*, max_results> results_{};
};

#undef HEED_CHECK

// Everything that can be wrong with a call. Fills f.extent.
inline void check_call(const middle::plan& p, call_frame& f, bool doubles = false) { call_check(p, f, doubles).all(); }

}  // namespace heed::run
