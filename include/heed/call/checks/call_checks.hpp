// The run-time half of binding: every operand against its declaration, every axis against every operand. All of it
// happens before anything is written, and each mistake is one heed::error that names the operand, the axis, what was
// expected (and who says so) and what came. A result is called `grad(q)` where it has a name, else `into`, or `into 1`,
// `into 2`, ... where there are several. Without a mistake nothing is allocated.
#pragma once
#include "../../memory/footprint.hpp"
#include "../../run/frame/elements.hpp"
#include "../frame/call_frame.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Checks are compiled for size and out of line: at -O3 they were a quarter of the compile time of a small program, and
// cost a call a tenth of a microsecond less.
#define HEED_CHECK [[gnu::cold, gnu::noinline]]

// The checks of one call, in the order of the functions.
class call_check {
 public:
  using origin = extent_source::kind;
  using mistake = error::mistake;
  // `doubles`: the results are stored in double whatever their element, as the oracle does. `extents_only`: there may
  // be no memory yet.
  call_check(const call_table& table, call_frame& frame, bool doubles, bool extents_only = false)
      : table_(table),
        names_(table.names),
        frame_(frame),
        doubles_(doubles),
        extents_only_(extents_only) {}
  HEED_CHECK void all() {
    extents();
    wide_whole_numbers();
    results_lie_apart();
    growing_results();
  }
  HEED_CHECK void extents() {
    declared_extents();
    operands();
    derive_extents();
    results();
    derive_extents();
    nothing_unknown();
    positions();
  }

 private:
  // ---- words; made only when something is wrong
  piece name(extent_source who) const {
    return who.from == origin::input    ? names_.operand_name(who.number)
           : who.from == origin::result ? names_.result_name(who.number)
                                        : piece();
  }
  piece axis_name(int axis) const { return names_.axis_name(axis); }
  // The operand that carries an axis, as far as one does: to be named when the axis is wrong.
  piece carrier(int axis) const { return name(source(axis)); }
  // An extent, and who has said so.
  HEED_CHECK std::string extent_and_source(int axis) const {
    const extent_t e = extent(axis);
    switch (const extent_source who = source(axis); who.from) {
      case origin::nobody: return written({e});
      case origin::declaration: return written({e, ", as declared"});
      case origin::with:
        if (names_.callers_results) return written({e, ", as in operand '", axis_name(axis), "'"});
        return written({e, ", as in with(", axis_name(axis), ", ", e, ")"});
      case origin::input: return written({e, ", as in operand '", name(who), "'"});
      case origin::result: return written({e, ", as in '", name(who), "'"});
      case origin::view: return extent_and_rule(axis, table_.extent_rules[who.number]);
    }
    return written({e});
  }
  // An extent, and the axes that it follows from.
  HEED_CHECK std::string extent_and_rule(int axis, const extent_rule& rule) const {
    const extent_t e = extent(axis);
    const auto two_axes = [&](const char* how, int a, const char* sign, int b) {
      return written(
          {e, how, "'", axis_name(a), "' (", extent(a), ")", sign, "'", axis_name(b), "' (", extent(b), ")"});
    };
    if (rule.code == op::rename) {
      const int other = axis == rule.first ? rule.second : rule.first;
      return written({e, ", as along axis '", axis_name(other), "' (", extent(other), ")"});
    }
    if (rule.code == op::concat) return two_axes(", the sum of axes ", rule.second, " and ", rule.third);
    if (axis == rule.first) return two_axes(", the product of axes ", rule.second, " and ", rule.third);
    return two_axes(", as axis ", rule.first, " over axis ", axis == rule.second ? rule.third : rule.second);
  }

  // ---- extents
  static constexpr extent_t largest_extent = extent_t(1) << 47;  // more than a process can address: sizes then fit into
                                                                 // 64 bits
  extent_t& extent(int axis) { return frame_.extent[axis]; }
  extent_t extent(int axis) const { return frame_.extent[axis]; }
  extent_source& source(int axis) { return frame_.source[axis]; }
  const extent_source& source(int axis) const { return frame_.source[axis]; }
  int axis_count() const { return names_.axes.size(); }
  int operand_count() const { return names_.operands.size(); }
  int result_count() const { return names_.results.size(); }

  HEED_CHECK void declared_extents() {
    for (int i = 0; i < axis_count(); ++i) {
      const extent_t declared = names_.axes[i].extent;
      if (extent(i) != runtime) source(i) = {origin::with, 0};  // the call has begun with those
      if (extent(i) > largest_extent)
        refuse(mistake::extent, {}, axis_name(i), {"at most 2^47 positions"}, {extent(i)});
      if (extent(i) != runtime && declared != runtime && extent(i) != declared)
        refuse(mistake::extent, {}, axis_name(i), {declared, ", as declared"}, {extent(i)});
      if (declared != runtime) extent(i) = declared, source(i) = {origin::declaration};
    }
  }
  // One axis of one operand against what is known of it.
  HEED_CHECK void agree(extent_source who, int axis, extent_t got) {
    if (got < 0) refuse(mistake::extent, name(who), axis_name(axis), {"an extent that is not negative"}, {got});
    if (got > largest_extent) refuse(mistake::extent, name(who), axis_name(axis), {"at most 2^47 positions"}, {got});
    if (extent(axis) == runtime) extent(axis) = got, source(axis) = who;
    if (extent(axis) != got) refuse(mistake::extent, name(who), axis_name(axis), {extent_and_source(axis)}, {got});
  }
  HEED_CHECK void agree(extent_source who, stretch<const std::int8_t> order, const bound& b) {
    for (int i = 0; i < order.size(); ++i) agree(who, order[i], b.extents[i]);
  }
  HEED_CHECK void operands() {
    for (int i = 0; i < operand_count(); ++i) {
      const bound& b = operand(i);
      const signature_entry& declared = names_.operands[i];
      if (b.rank < 0) continue;  // one that simplification has removed
      const extent_source who{origin::input, i};
      if (b.rank != declared.rank) refuse(mistake::rank, name(who), {}, {axes(names_.order_of(declared))}, {b.rank});
      agree(who, names_.order_of(declared), b);
      check_memory(b, byte_size(declared.type), who);
    }
  }
  HEED_CHECK void results() {
    for (int k = 0; k < result_count(); ++k) {
      const bound& b = result(k);
      const stretch<const std::int8_t> order = names_.order_of(names_.results[k]);
      const extent_source who{origin::result, k};
      if (b.rank != order.size()) refuse(mistake::rank, name(who), {}, {axes(order)}, {b.rank});
      if (b.grow) continue;
      agree(who, order, b);
      check_memory(b, result_bytes(k), who);
      extent_t least;
      if (extents_only_ || is_empty(b)) continue;
      if (const int i = axis_that_overlaps(b, least); i >= 0)
        refuse(mistake::overlap, name(who), axis_name(order[i]),
               {"a stride of at least ", least, " either way, so that elements lie apart"}, {b.strides[i]});
    }
  }
  // How many axes, and which.
  HEED_CHECK std::string axes(stretch<const std::int8_t> order) const {
    std::string s = written({order.size(), order.size() == 1 ? " axis (" : " axes ("});
    for (const std::int8_t& axis : order)
      s.append(&axis == order.begin() ? "" : ", ").append(names_.axes[axis].name.text());
    return s + ")";
  }
  const bound& operand(int i) const { return frame_.operands[i]; }
  bound& result(int k) const { return frame_.results[k]; }
  int result_bytes(int k) const { return doubles_ ? 8 : byte_size(names_.results[k].type); }

  HEED_CHECK void check_memory(const bound& b, int bytes, extent_source who) const {
    if (extents_only_ || is_empty(b)) return;
    extent_t count = 1;
    for (int i = 0; i < b.rank; ++i)
      if (__builtin_mul_overflow(count, b.extents[i], &count))
        refuse(mistake::memory, name(who), {}, {"at most 2^63 elements"}, {"more"});
    if (!b.data) refuse(mistake::memory, name(who), {}, {"memory"}, {"a null pointer"});
    if (reinterpret_cast<std::uintptr_t>(b.data) % std::uintptr_t(bytes))
      refuse(
          mistake::memory, name(who), {}, {"memory aligned to its elements of ", bytes, " bytes"},
          {"an address that is ", extent_t(reinterpret_cast<std::uintptr_t>(b.data) % std::uintptr_t(bytes)), " past"});
    const span_of_offsets o = offsets_of(b);
    if (byte_range r; !range_of(b, bytes, r))
      refuse(mistake::memory, name(who), {}, {"addresses within 64 bits"}, {"extents and strides beyond"});
    if (b.available < 0) return;
    if (o.low < 0)
      refuse(mistake::memory, name(who), {}, {"elements from the first of its memory on"},
             {"one that lies ", -o.low, " before"});
    if (o.high >= b.available)
      refuse(mistake::memory, name(who), {}, {"memory of at least ", o.high + 1, " elements"}, {b.available});
  }

  // Extents that follow from others, until nothing new does: views keep the number of elements.
  HEED_CHECK void derive_extents() {
    do {
      learned_ = false;
      for (const extent_rule& rule : table_.extent_rules) {
        if (rule.code == op::rename) keep_length(rule);
        else if (rule.code == op::concat) keep_sum(rule);
        else keep_count(rule);
      }
    } while (learned_);
  }
  HEED_CHECK void learn(int axis, extent_t known, const extent_rule& from) {
    extent(axis) = known;
    source(axis) = {origin::view, table_.extent_rules.number_of(from)};
    learned_ = true;
  }
  HEED_CHECK void keep_length(const extent_rule& rule) {
    const int one = rule.first, two = rule.second;
    if (extent(one) == runtime && extent(two) != runtime) learn(one, extent(two), rule);
    if (extent(two) == runtime && extent(one) != runtime) learn(two, extent(one), rule);
    if (extent(one) != extent(two))
      refuse(mistake::extent, carrier(two), axis_name(two),
             {extent_and_source(one), " along axis '", axis_name(one), "', which is renamed to it"}, {extent(two)});
  }
  HEED_CHECK void keep_sum(const extent_rule& rule) {
    const int whole = rule.first, one = rule.second, two = rule.third;
    if (extent(one) == runtime || extent(two) == runtime) return;
    const extent_t sum = extent(one) + extent(two);
    if (extent(whole) == runtime) learn(whole, sum, rule);
    if (extent(whole) != sum)
      refuse(mistake::extent, carrier(whole), axis_name(whole), {sides(one, " + ", two)}, {extent(whole)});
  }
  HEED_CHECK std::string sides(int a, const char* sign, int b) {
    return written({extent(a), sign, extent(b), " (axes '", axis_name(a), "' and '", axis_name(b), "')"});
  }
  // split and merge: whole = major x minor.
  HEED_CHECK void keep_count(const extent_rule& rule) {
    const int whole = rule.first, major = rule.second, minor = rule.third;
    if (extent(major) != runtime && extent(minor) != runtime) {
      extent_t product;
      if (__builtin_mul_overflow(extent(major), extent(minor), &product) || product > largest_extent)
        refuse(mistake::extent, carrier(whole), axis_name(whole), {"at most 2^47 positions"},
               {sides(major, " x ", minor)});
      if (extent(whole) == runtime) learn(whole, product, rule);
      if (extent(whole) != product)
        refuse(mistake::extent, carrier(whole), axis_name(whole), {sides(major, " x ", minor)}, {extent(whole)});
      return;
    }
    for (const auto& [known, other] : {std::pair(major, minor), std::pair(minor, major)}) {
      if (extent(whole) == runtime || extent(known) == runtime || extent(other) != runtime) continue;
      if (extent(known) == 0 && extent(whole) == 0) continue;  // anything would do
      if (extent(known) == 0 || extent(whole) % extent(known))
        refuse(mistake::extent, carrier(whole), axis_name(whole),
               {"a multiple of ", extent(known), " (axis '", axis_name(known), "')"}, {extent(whole)});
      learn(other, extent(whole) / extent(known), rule);
    }
  }
  HEED_CHECK void nothing_unknown() {
    for (int i = 0; i < axis_count(); ++i)
      if ((table_.needed_axes >> i & 1) && extent(i) == runtime)
        refuse(mistake::extent, {}, axis_name(i), {"an operand that carries it, or with(", axis_name(i), ", extent)"},
               {"none"});
  }

  // ---- what is read where
  HEED_CHECK void positions() {
    for (const position_rule& rule : table_.position_rules) {
      if (rule.code == op::slice) enough_to_slice(rule);
      else if (rule.code == op::gather || rule.code == op::scatter) indices_inside(rule);
      else if (rule.code == op::multiply) few_enough_together(rule);
      else few_enough_to_compute_with(rule);
    }
  }
  HEED_CHECK void enough_to_slice(const position_rule& rule) {
    const int from = rule.first, to = rule.second;
    const extent_t least = rule.offset + extent(to);
    if (least > extent(from))
      refuse(mistake::extent, rule.at.operand >= 0 ? names_.operand_name(rule.at.operand) : carrier(from),
             axis_name(from), {"at least ", least, " elements, to be read at axis '", axis_name(to), "'"},
             {extent(from)});
  }
  HEED_CHECK void few_enough_to_compute_with(const position_rule& rule) {
    const bool positions = rule.code == op::index;
    if (extent(rule.first) > extent_t(positions) + std::numeric_limits<std::int32_t>::max())
      refuse(mistake::extent, carrier(rule.first), axis_name(rule.first),
             {positions ? "at most 2^31 positions where indices are computed with"
                        : "an extent below 2^31 where it is computed with"},
             {extent(rule.first)});
  }
  HEED_CHECK void few_enough_together(const position_rule& rule) {
    const extent_t other = extent(rule.second), most = std::numeric_limits<std::int32_t>::max();
    if (other > 0 && extent(rule.first) > most / other)
      refuse(mistake::extent, carrier(rule.first), axis_name(rule.first),
             {"fewer than 2^31 positions together with axis '", axis_name(rule.second),
              "', whose extent it is multiplied by"},
             {extent(rule.first), " x ", other});
  }
  // A table at indices that are an operand: all of them lie inside.
  HEED_CHECK void indices_inside(const position_rule& rule) {
    if (extents_only_) return;
    view indices = view_of_operand(names_, frame_, rule.at.operand);
    see_through(table_.steps_to(rule.at), frame_.extent, indices);
    const extent_t top = extent(rule.first);
    each_whole(rule.over, indices, rule.type, [&](std::int64_t index) {
      if (index >= 0 && index < top) return;
      refuse(names_.operand_name(rule.at.operand), axis_name(rule.first),
             {top ? piece("indices from 0 to ", top - 1) : piece("no indices, for the table is empty")}, {index});
    });
  }
  // Kernels compute whole numbers in 32 bits.
  HEED_CHECK void wide_whole_numbers() {
    for (int i = 0; i < operand_count(); ++i) {
      const signature_entry& declared = names_.operands[i];
      if (operand(i).rank < 0 || declared.type != element::i64) continue;
      axis_set all = 0;
      for (const int axis : names_.order_of(declared)) all |= axis_set(1) << axis;
      each_whole(all, view_of_operand(names_, frame_, i), declared.type, [&](std::int64_t v) {
        if (v != std::int32_t(v)) refuse(names_.operand_name(i), {}, {"whole numbers within 32 bits"}, {v});
      });
    }
  }
  // Every whole number of a view, those that are broadcast once.
  template <class F> void each_whole(axis_set over, const view& v, element type, const F& f) {
    fixed_array<extent_t, max_axes> count{}, step{}, index{};
    int rank = 0;
    for (int a = 0; a < axis_count(); ++a) {
      if (!(over >> a & 1)) continue;
      if (extent(a) == 0) return;
      if (v.stride[a] != 0) count[rank] = extent(a), step[rank++] = v.stride[a];
    }
    for (extent_t at = 0;;) {
      f(type == element::i8    ? element_at<element::i8, std::int64_t>(v.data, at)
        : type == element::i32 ? element_at<element::i32, std::int64_t>(v.data, at)
                               : element_at<element::i64, std::int64_t>(v.data, at));
      int k = rank - 1;
      for (; k >= 0; --k) {
        at += step[k];
        if (++index[k] < count[k]) break;
        at -= count[k] * step[k], index[k] = 0;
      }
      if (k < 0) return;
    }
  }

  // Results are written while inputs are still read: no result shares memory with an input or another result.
  HEED_CHECK void results_lie_apart() const {
    for (int k = 0; k < result_count(); ++k) {
      if (result(k).grow) continue;
      for (int i = 0; i < operand_count(); ++i)
        if (operand(i).rank >= 0) lies_apart(k, operand(i), byte_size(names_.operands[i].type), {origin::input, i});
      for (int j = 0; j < k; ++j) lies_apart(k, result(j), result_bytes(j), {origin::result, j});
    }
  }
  HEED_CHECK void lies_apart(int k, const bound& other, int bytes, extent_source who) const {
    if (!other.grow && share_memory(result(k), result_bytes(k), other, bytes))
      refuse(mistake::overlap, names_.result_name(k), {}, {"memory of its own"},
             {"memory that operand '", name(who), "' lies in"});
  }

  // Last, when nothing can be wrong any more: results that take their shape from the call.
  HEED_CHECK void growing_results() {
    for (int k = 0; k < result_count(); ++k) {
      bound& b = result(k);
      if (!b.grow) continue;
      const stretch<const std::int8_t> order = names_.order_of(names_.results[k]);
      extent_t s = 1;
      for (int i = order.size(); i-- > 0;) {
        b.extents[i] = extent(order[i]);
        b.strides[i] = s, s *= b.extents[i];
      }
      b.data = b.grow(b.owner, b);
    }
  }

  const call_table& table_;
  const signature& names_;
  call_frame& frame_;
  bool doubles_, extents_only_;
  bool learned_ = false;
};

// Everything that can be wrong with a call. Fills frame.extent. Called through a pointer, for g++ takes what surrounds
// the call of a cold function, here all of a call, for cold too.
inline void check_everything(const call_table& table, call_frame& frame, bool doubles) {
  call_check(table, frame, doubles).all();
}
inline void (*check_call)(const call_table&, call_frame&, bool doubles) = check_everything;
// ... of a call that has shapes and no memory yet. Fills frame.extent too.
HEED_CHECK inline void check_extents(const call_table& table, call_frame& frame) {
  call_check(table, frame, false, true).extents();
}

#undef HEED_CHECK

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
