// The run-time half of binding: every operand against its declaration, every axis against every operand. All of it
// happens before anything is written, and each mistake is one heed::error that names the operand, the axis, what was
// expected (and who says so) and what came. A result is called `grad(q)` where it has a name, else `into`, or `into 1`,
// `into 2`, ... where there are several. Without a mistake nothing is allocated.
#pragma once
#include "../../plan/facts/nodes.hpp"
#include "../../plan/data/execution_plan.hpp"
#include "../../memory/footprint.hpp"
#include "../../run/frame/elements.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {
using plan::bit;

// A list of at most `Capacity` elements in place.
template <class T, std::size_t Capacity>
class short_list {
 public:
  short_list() : count_(0) {}
  void resize(std::size_t n) {
    while (count_ < n) push_back(T{});
  }
  void push_back(const T& x) { at_[count_++] = x; }
  T& emplace_back() { return at_[count_++] = T{}; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return at_[i]; }
  const T& operator[](std::size_t i) const { return at_[i]; }

 private:
  std::size_t count_;
  union {
    T at_[Capacity];
  };  // not initialised until used: there is room for many
};

// Who has said how long an axis is.
struct extent_source {
  enum class kind : std::uint8_t { nobody, declaration, with, input, result, view } from = kind::nobody;
  int number = 0;  // of the input, the result, the node of the view
};

struct call_frame {
  std::array<extent_t, max_axes> extent{};  // by axis number of the plan's graph; -1: not known yet
  std::array<extent_source, max_axes> source{};
  short_list<bound, graph::input_capacity> inputs;  // by input number
  short_list<bound, max_results> outputs;
};

inline view view_of_input(const graph& g, const call_frame& f, int input) {
  const input_entry& in = g.inputs[input];
  const bound& b = f.inputs[input];
  view v;
  v.data = b.data;
  for (int k = 0; k < in.rank; ++k) v.stride[in.order[k]] = b.strides[k];
  return v;
}

// Checks are compiled for size and out of line: at -O3 they were a quarter of the compile time of a small program, and
// cost a call a tenth of a microsecond less.
#define HEED_CHECK [[gnu::cold, gnu::noinline]]

// The checks of one call, in the order of the functions.
class call_check {
 public:
  using origin = extent_source::kind;
  // `doubles`: the results are stored in double whatever their element, as the oracle does.
  call_check(const plan::execution_plan& p, call_frame& f, bool doubles) : p_(p), g_(p.g), f_(f), doubles_(doubles) {
    for (int i = 0; i < p.buffer_count; ++i)
      if (const int k = p.buffers[i].result; k >= 0) results_[k] = &p.buffers[i];
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
    growing_results();
  }

 private:
  // ---- words; made only when something is wrong
  piece input_name(int i) const { return g_.inputs[i].name; }
  piece result_name(int k) const {
    if (const label& input = p_.declared.named_after[k]; !input.empty()) return piece("grad(", input, ")");
    return p_.result_count == 1 ? piece("into") : piece("into ", k + 1);
  }
  piece name(extent_source s) const {
    return s.from == origin::input ? input_name(s.number) : s.from == origin::result ? result_name(s.number) : piece();
  }
  piece axis_name(int a) const { return g_.axes[a].name; }
  // The operand that carries an axis, as far as one does: to be named when the axis is wrong.
  piece carrier(int axis) const { return name(source(axis)); }
  // An extent, and who has said so.
  HEED_CHECK std::string extent_and_source(int axis) const {
    const extent_t e = f_.extent[axis];
    const auto extent_of = [&](int a) { return f_.extent[a]; };
    switch (const extent_source s = source(axis); s.from) {
      case origin::nobody: return written({e});
      case origin::declaration: return written({e, ", as declared"});
      case origin::with: return written({e, ", as in with(", axis_name(axis), ", ", e, ")"});
      case origin::input: return written({e, ", as in operand '", name(s), "'"});
      case origin::result: return written({e, ", as in '", name(s), "'"});
      case origin::view: {
        const node& x = g_[s.number];
        const auto two_axes = [&](const char* how, int a, const char* sign, int b) {
          return written(
              {e, how, "'", axis_name(a), "' (", extent_of(a), ")", sign, "'", axis_name(b), "' (", extent_of(b), ")"});
        };
        if (x.code == op::rename) {
          const int other = axis == x.first ? x.second : x.first;
          return written({e, ", as along axis '", axis_name(other), "' (", extent_of(other), ")"});
        }
        if (x.code == op::concat) return two_axes(", the sum of axes ", x.second, " and ", x.third);
        if (axis == x.first) return two_axes(", the product of axes ", x.second, " and ", x.third);
        return two_axes(", as axis ", x.first, " over axis ", axis == x.second ? x.third : x.second);
      }
    }
    return written({e});
  }

  // ---- extents
  static constexpr extent_t largest_extent = extent_t(1) << 47;  // more than a process can address: sizes then fit into
                                                                 // 64 bits
  extent_t& extent(int axis) { return f_.extent[axis]; }
  extent_source& source(int axis) { return f_.source[axis]; }
  const extent_source& source(int axis) const { return f_.source[axis]; }

  HEED_CHECK void declared_extents() {
    for (int i = 0; i < g_.axis_count; ++i) {
      if (extent(i) != runtime) source(i) = {origin::with, 0};  // the call has begun with those
      if (extent(i) > largest_extent) refuse({}, axis_name(i), {"at most 2^47 positions"}, {extent(i)});
      if (extent(i) != runtime && g_.extent(i) != runtime && extent(i) != g_.extent(i))
        refuse({}, axis_name(i), {g_.extent(i), ", as declared"}, {extent(i)});
      if (g_.extent(i) != runtime) extent(i) = g_.extent(i), source(i) = {origin::declaration};
    }
  }
  // One axis of one operand against what is known of it.
  HEED_CHECK void agree(extent_source who, int axis, extent_t got) {
    if (got < 0) refuse(name(who), axis_name(axis), {"an extent that is not negative"}, {got});
    if (got > largest_extent) refuse(name(who), axis_name(axis), {"at most 2^47 positions"}, {got});
    if (extent(axis) == runtime) extent(axis) = got, source(axis) = who;
    if (extent(axis) != got) refuse(name(who), axis_name(axis), {extent_and_source(axis)}, {got});
  }
  HEED_CHECK void inputs() {
    for (int i = 0; i < g_.input_count; ++i) {
      const bound& b = f_.inputs[i];
      const input_entry& in = g_.inputs[i];
      if (b.rank < 0) continue;  // an input that simplification has removed
      const extent_source who{origin::input, i};
      if (b.rank != in.rank) refuse(name(who), {}, {axes({in.order.data(), std::size_t(in.rank)})}, {b.rank});
      for (int k = 0; k < in.rank; ++k) agree(who, in.order[k], b.extents[k]);
      check_memory(b, byte_size(in.type), who);
    }
  }
  HEED_CHECK void results() {
    for (int k = 0; k < p_.result_count; ++k) {
      const bound& b = f_.outputs[k];
      const plan::axis_list& order = results_[k]->order;
      const extent_source who{origin::result, k};
      if (b.rank != order.count) refuse(name(who), {}, {axes({order.of.data(), std::size_t(order.count)})}, {b.rank});
      if (b.grow) continue;
      for (int i = 0; i < order.count; ++i) agree(who, order[i], b.extents[i]);
      check_memory(b, result_bytes(k), who);
      extent_t least;
      if (is_empty(b)) continue;
      if (const int i = axis_that_overlaps(b, least); i >= 0)
        refuse(name(who), axis_name(order[i]),
               {"a stride of at least ", least, " either way, so that elements lie apart"}, {b.strides[i]});
    }
  }
  // How many axes, and which.
  HEED_CHECK std::string axes(std::span<const std::int8_t> order) const {
    std::string s = written({int(order.size()), order.size() == 1 ? " axis (" : " axes ("});
    for (const std::int8_t& a : order) s.append(&a == order.data() ? "" : ", ").append(g_.axes[a].name.text());
    return s + ")";
  }
  int result_bytes(int k) const { return doubles_ ? 8 : byte_size(stored(results_[k]->type)); }

  HEED_CHECK void check_memory(const bound& b, int bytes, extent_source who) const {
    if (is_empty(b)) return;
    extent_t count = 1;
    for (int i = 0; i < b.rank; ++i)
      if (__builtin_mul_overflow(count, b.extents[i], &count))
        refuse(name(who), {}, {"at most 2^63 elements"}, {"more"});
    if (!b.data) refuse(name(who), {}, {"memory"}, {"a null pointer"});
    if (reinterpret_cast<std::uintptr_t>(b.data) % std::uintptr_t(bytes))
      refuse(
          name(who), {}, {"memory aligned to its elements of ", bytes, " bytes"},
          {"an address that is ", extent_t(reinterpret_cast<std::uintptr_t>(b.data) % std::uintptr_t(bytes)), " past"});
    const span_of_offsets o = offsets_of(b);
    if (byte_range r; !range_of(b, bytes, r))
      refuse(name(who), {}, {"addresses within 64 bits"}, {"extents and strides beyond"});
    if (b.available < 0) return;
    if (o.low < 0)
      refuse(name(who), {}, {"elements from the first of its memory on"}, {"one that lies ", -o.low, " before"});
    if (o.high >= b.available) refuse(name(who), {}, {"memory of at least ", o.high + 1, " elements"}, {b.available});
  }

  // Extents that follow from others: views keep the number of elements.
  HEED_CHECK void derive_extents() {
    for (bool learned = true; learned;) {
      learned = false;
      const auto learn = [&](int axis, extent_t e, extent_source who) {
        extent(axis) = e, source(axis) = who, learned = true;
      };
      for (int i = 1; i < g_.size; ++i) {
        const node& x = g_[i];
        if (x.code != op::rename && x.code != op::split && x.code != op::merge && x.code != op::concat) continue;
        const extent_source here{origin::view, i};
        const int one = x.first, two = x.second, three = x.third;
        if (x.code == op::rename) {
          if (extent(one) == runtime && extent(two) != runtime) learn(one, extent(two), here);
          if (extent(two) == runtime && extent(one) != runtime) learn(two, extent(one), here);
          if (extent(one) != extent(two))
            refuse(carrier(two), axis_name(two),
                   {extent_and_source(one), " along axis '", axis_name(one), "', which is renamed to it"},
                   {extent(two)});
        } else if (x.code == op::concat) {
          if (extent(two) == runtime || extent(three) == runtime) continue;
          const extent_t sum = extent(two) + extent(three);
          if (extent(one) == runtime) learn(one, sum, here);
          if (extent(one) != sum) refuse(carrier(one), axis_name(one), {sides(two, " + ", three)}, {extent(one)});
        } else {
          keep_count(x, here, learn);
        }
      }
    }
  }
  HEED_CHECK std::string sides(int a, const char* sign, int b) {
    return written({extent(a), sign, extent(b), " (axes '", axis_name(a), "' and '", axis_name(b), "')"});
  }
  // split and merge: whole = major x minor.
  template <class Learn> void keep_count(const node& x, extent_source here, const Learn& learn) {
    const int whole = x.first, major = x.second, minor = x.third;
    if (extent(major) != runtime && extent(minor) != runtime) {
      extent_t product;
      if (__builtin_mul_overflow(extent(major), extent(minor), &product) || product > largest_extent)
        refuse(carrier(whole), axis_name(whole), {"at most 2^47 positions"}, {sides(major, " x ", minor)});
      if (extent(whole) == runtime) learn(whole, product, here);
      if (extent(whole) != product)
        refuse(carrier(whole), axis_name(whole), {sides(major, " x ", minor)}, {extent(whole)});
      return;
    }
    for (const auto& [known, other] : {std::pair(major, minor), std::pair(minor, major)}) {
      if (extent(whole) == runtime || extent(known) == runtime || extent(other) != runtime) continue;
      if (extent(known) == 0 && extent(whole) == 0) continue;  // anything would do
      if (extent(known) == 0 || extent(whole) % extent(known))
        refuse(carrier(whole), axis_name(whole), {"a multiple of ", extent(known), " (axis '", axis_name(known), "')"},
               {extent(whole)});
      learn(other, extent(whole) / extent(known), here);
    }
  }
  HEED_CHECK void nothing_unknown() {
    axis_set needed = 0;
    for (int i = 1; i < g_.size; ++i) {
      needed |= g_[i].axes | g_[i].over;
      if (g_[i].code == op::size || g_[i].code == op::gather || g_[i].code == op::scatter || g_[i].code == op::slice ||
          g_[i].code == op::pick)
        needed |= bit(g_[i].first);
    }
    for (int i = 0; i < g_.axis_count; ++i)
      if ((needed >> i & 1) && extent(i) == runtime)
        refuse({}, axis_name(i), {"an operand that carries it, or with(", axis_name(i), ", extent)"}, {"none"});
  }

  // ---- what is read where
  // The view of an input, perhaps through rename, split, slice and pick; false for anything that is computed.
  bool input_seen(node_id i, view& v, int& input) const {
    const node& x = g_[i];
    if (x.code == op::input) return v = view_of_input(g_, f_, input = x.first), true;
    if (!is_view(x.code) || x.code == op::merge) return false;
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
        const node& from = g_[plan::source_of_view(g_, x.a)];
        refuse(from.code == op::input ? input_name(from.first) : carrier(x.first), axis_name(x.first),
               {"at least ", least, " elements, to be read at axis '", axis_name(x.second), "'"}, {extent(x.first)});
      }
      if ((x.code == op::index || x.code == op::size) &&
          extent(x.first) > extent_t(x.code == op::index) + std::numeric_limits<std::int32_t>::max())
        refuse(carrier(x.first), axis_name(x.first),
               {x.code == op::index ? "at most 2^31 positions where indices are computed with"
                                    : "an extent below 2^31 where it is computed with"},
               {extent(x.first)});
      if (x.code == op::gather || x.code == op::scatter) indices(x);
    }
  }
  // A table at indices that are an operand: all of them lie inside.
  HEED_CHECK void indices(const node& x) {
    node_id i = x.b;
    while (g_[i].code == op::merge) i = g_[i].a;  // all elements of what is merged
    view v;
    int input = 0;
    if (!input_seen(i, v, input)) return;
    const extent_t top = extent(x.first);
    each_whole(g_[i].axes, v, g_[i].type, [&](std::int64_t index) {
      if (index >= 0 && index < top) return;
      refuse(input_name(input), axis_name(x.first),
             {top ? piece("indices from 0 to ", top - 1) : piece("no indices, for the table is empty")}, {index});
    });
  }
  // Kernels compute whole numbers in 32 bits.
  HEED_CHECK void wide_whole_numbers() {
    for (int i = 0; i < g_.input_count; ++i) {
      const input_entry& in = g_.inputs[i];
      if (f_.inputs[i].rank < 0 || in.type != element::i64) continue;
      axis_set all = 0;
      for (int k = 0; k < in.rank; ++k) all |= bit(in.order[k]);
      each_whole(all, view_of_input(g_, f_, i), in.type, [&](std::int64_t v) {
        if (v != std::int32_t(v)) refuse(input_name(i), {}, {"whole numbers within 32 bits"}, {v});
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
      if (v.stride[a] != 0) count[rank] = extent(a), step[rank++] = v.stride[a];
    }
    for (extent_t at = 0;;) {
      f(type == element::i32 ? element_at<element::i32, std::int64_t>(v.data, at)
                             : element_at<element::i64, std::int64_t>(v.data, at));
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
      const bound& r = f_.outputs[k];
      if (r.grow) continue;
      const auto apart = [&](const bound& o, int bytes, extent_source who) {
        if (!o.grow && share_memory(r, result_bytes(k), o, bytes))
          refuse(result_name(k), {}, {"memory of its own"}, {"memory that operand '", name(who), "' lies in"});
      };
      for (int i = 0; i < g_.input_count; ++i)
        if (f_.inputs[i].rank >= 0) apart(f_.inputs[i], byte_size(g_.inputs[i].type), {origin::input, i});
      for (int j = 0; j < k; ++j) apart(f_.outputs[j], result_bytes(j), {origin::result, j});
    }
  }

  // Last, when nothing can be wrong any more: results that take their shape from the call.
  HEED_CHECK void growing_results() {
    for (int k = 0; k < p_.result_count; ++k) {
      bound& b = f_.outputs[k];
      if (!b.grow) continue;
      extent_t s = 1;
      for (int i = b.rank - 1; i >= 0; --i) {
        b.extents[i] = extent(results_[k]->order[i]);
        b.strides[i] = s, s *= b.extents[i];
      }
      b.data = b.grow(b.owner, b);
    }
  }

  const plan::execution_plan& p_;
  const graph& g_;
  call_frame& f_;
  bool doubles_;
  std::array<const plan::buffer*, max_results> results_{};
};

#undef HEED_CHECK

// Everything that can be wrong with a call. Fills f.extent. Called through a pointer, for g++ takes what surrounds the
// call of a cold function, here all of a call, for cold too.
inline void check_everything(const plan::execution_plan& p, call_frame& f, bool doubles) {
  call_check(p, f, doubles).all();
}
inline void (*check_call)(const plan::execution_plan&, call_frame&, bool doubles) = check_everything;

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
