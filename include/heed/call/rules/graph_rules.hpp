// What a graph must satisfy to be fused, checked where it is named: one extent an axis, one declaration an input, room
// in the plan, and under `strict` no region that runs as a plain loop.
#pragma once
#include "../../plan/passes/make_plan.hpp"
#include <string_view>
#include <type_traits>

namespace heed::internal {

struct options {
  bool strict = false;  // a region that cannot be fused is an error
};
inline constexpr options strict{true};

namespace run::inline HEED_INSTRUCTION_SET {

template <int Region, class Value, class Reason> constexpr bool require_fused() {
  static_assert(given<(Region < 0), number_fact<"region", Region>, Value, Reason>,
                "heed: strict: a region of this graph cannot be fused (why stands beside it; explain says more)");
  return Region < 0;
}
template <label Axis> constexpr bool require_one_extent() {
  static_assert(given<Axis.empty(), axis_fact<text_of<Axis>(), runtime>>,
                "heed: an axis has one extent throughout a graph");
  return Axis.empty();
}
template <label Name> constexpr bool require_one_declaration() {
  static_assert(given<Name.empty(), operand_fact<text_of<Name>()>>,
                "heed: an input has one declaration throughout a graph");
  return Name.empty();
}
template <plan::plan_fault Fault> constexpr bool require_room() {
  using enum plan::plan_fault;
  static_assert(given < Fault != regions, number_fact < "regions", plan::max_regions >>,
                "heed: a graph becomes 320 regions at most, with as many values between them: fuse it in parts");
  static_assert(given < Fault != operands, number_fact < "operands", plan::max_operands >>,
                "heed: a region reads 48 operands at most: make some of it a result");
  static_assert(given < Fault != gradients, number_fact < "gradients", plan::max_gradients >>,
                "heed: a graph holds 32 sets of sums over pairs of positions at most: fuse it in parts");
  static_assert(given < Fault != comparisons, number_fact < "comparisons", 64 >>,
                "heed: a graph compares values with reductions of them 64 times at most: fuse it in parts");
  static_assert(given < Fault != circle >, "heed: internal error: regions wait for each other");
  return Fault == none;
}
template <bool Full> constexpr bool require_short_programs() {
  static_assert(given<!Full, number_fact<"operations", plan::program::capacity>>,
                "heed: a region computes 768 operations at most: make some of it a result");
  return !Full;
}
template <const expression&... Outs> constexpr bool has_full_program() {
  return []<int... I>(std::integer_sequence<int, I...>) {
    return (plan::region_of<I, Outs...>.code.full || ...);
  }(std::make_integer_sequence<int, plan::plan_of<Outs...>.region_count>{});
}

// The first axis that has two extents, the first input that has two declarations; an empty label where there is none.
constexpr label axis_with_two_extents(const graph& g) {
  for (int i = 0; i < g.axis_count; ++i)
    for (int j = 0; j < i; ++j)
      if (g.axes[i].name == g.axes[j].name) return g.axes[i].name;
  return {};
}
constexpr label input_with_two_declarations(const graph& g) {
  for (int i = 0; i < g.input_count; ++i)
    for (int j = 0; j < i; ++j)
      if (g.inputs[i].name == g.inputs[j].name) return g.inputs[i].name;
  return {};
}
constexpr int unfused_region(const plan::execution_plan& p) {
  for (int i = 0; i < p.region_count; ++i)
    if (p.regions[i].kind == region_kind::loop) return i;
  return -1;
}

// Words that become a part of a type.
struct words {
  char s[255]{};
  std::size_t size = 0;
  constexpr void add(std::string_view t) {
    for (const char c : t)
      if (size < sizeof s) s[size++] = c;
  }
  constexpr void add(label l) {
    char name[label_capacity]{};
    for (std::size_t i = 0; i < label_capacity; ++i) name[i] = char(l.word[i / 8] >> (8 * (i % 8)) & 255);
    add(std::string_view(name, std::size_t(length_of(l))));
  }
};
// What a region gives: `grad(k) (h, m, d), of q, k, cotangent`.
constexpr words value_of_region(const plan::execution_plan& p, const plan::outline& region) {
  words r;
  const plan::buffer& into = p.buffers[region.writes[0].into];
  const label named_after = into.result < 0 ? label{} : p.declared.named_after[into.result];
  if (!named_after.empty()) r.add("grad("), r.add(named_after), r.add(")");
  else r.add(into.result < 0 ? "a value on the way" : p.result_count == 1 ? "the result" : "a result");
  for (int i = 0; i < into.order.count; ++i) r.add(i ? ", " : " ("), r.add(p.g.axes[into.order[i]].name);
  if (into.order.count) r.add(")");
  bool any = false;
  for (int i = 1; i < p.g.size; ++i) {
    if (p.g[i].code != op::input) continue;
    bool read = false;
    for (int k = 0; k < region.read_count; ++k) read = read || plan::source_of_view(p.g, region.reads[k]) == i;
    if (read) r.add(any ? ", " : ", of "), r.add(p.g.inputs[p.g[i].first].name), any = true;
  }
  return r;
}
// Where the piece that begins at `from` ends: before a space, of which pieces have none at their ends.
constexpr std::size_t end_of_piece(const words& all, std::size_t from) {
  constexpr std::size_t longest = 32;
  if (all.size - from <= longest) return all.size;
  std::size_t end = from + longest;
  while (end > from && all.s[end] != ' ') --end;
  return end > from ? end : from + longest;
}
template <words All, std::size_t From> constexpr auto piece_of() {
  text<end_of_piece(All, From) - From + 1> t;
  for (std::size_t i = 0; i < sizeof t.s; ++i)
    t.s[i] = i + 1 < sizeof t.s ? All.s[From + i] : char(0);  // clang: all set
  return t;
}
template <template <text...> class Fact, words All, std::size_t From = 0, text... Pieces> constexpr auto fact_of() {
  constexpr std::size_t end = end_of_piece(All, From), next = end < All.size && All.s[end] == ' ' ? end + 1 : end;
  if constexpr (next >= All.size) return static_cast<Fact<Pieces..., piece_of<All, From>()>*>(nullptr);
  else return fact_of<Fact, All, next, Pieces..., piece_of<All, From>()>();
}
template <template <text...> class Fact, words All> using fact_in_words =
    std::remove_pointer_t<decltype(fact_of<Fact, All>())>;

template <const plan::execution_plan& Plan, int Region> constexpr bool all_fused() {
  if constexpr (Region < 0) return true;
  else {
    constexpr words reason = [] {
      words r;
      r.add(std::string_view(Plan.regions[Region].reason));
      return r;
    }();
    return require_fused<Region, fact_in_words<value_fact, value_of_region(Plan, Plan.regions[Region])>,
                         fact_in_words<reason_fact, reason>>();
  }
}

// What a graph must satisfy before it becomes a plan, and the plan before it becomes loops.
template <options O, const expression&... Outs>
constexpr bool fusible() {
  constexpr const graph& g = plan::merged_of<Outs...>.g;
  if constexpr (!require_one_extent<axis_with_two_extents(g)>()) return false;
  else if constexpr (!require_one_declaration<input_with_two_declarations(g)>()) return false;
  else if constexpr (!require_room<plan::plan_of<Outs...>.fault>()) return false;
  else if constexpr (!require_short_programs<has_full_program<Outs...>()>()) return false;
  else if constexpr (O.strict) return all_fused<plan::plan_of<Outs...>, unfused_region(plan::plan_of<Outs...>)>();
  else return true;
}

}  // namespace run::inline HEED_INSTRUCTION_SET
}  // namespace heed::internal
