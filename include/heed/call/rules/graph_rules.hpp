// What a graph must satisfy to be fused, checked where it is named: one extent an axis, one declaration an input, room
// in the plan, and under `strict` no region that runs as a plain loop.
#pragma once
#include "../../plan/passes/make_plan.hpp"

namespace heed::internal {

struct options {
  bool strict = false;  // a region that cannot be fused is an error
};
inline constexpr options strict{true};

namespace run::inline HEED_INSTRUCTION_SET {

template <bool Fused, int Region> constexpr bool require_fused() {
  static_assert(given<Fused, number_fact<"region", Region>>,
                "heed: strict: a region of this graph cannot be fused (explain says why)");
  return Fused;
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
                "heed: a region reads 32 operands at most: make some of it a result");
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

// What a graph must satisfy before it becomes a plan, and the plan before it becomes loops.
template <options O, const expression&... Outs>
constexpr bool fusible() {
  constexpr const graph& g = plan::merged_of<Outs...>.g;
  if constexpr (!require_one_extent<axis_with_two_extents(g)>()) return false;
  else if constexpr (!require_one_declaration<input_with_two_declarations(g)>()) return false;
  else if constexpr (!require_room<plan::plan_of<Outs...>.fault>()) return false;
  else if constexpr (!require_short_programs<has_full_program<Outs...>()>()) return false;
  else if constexpr (O.strict)
    return require_fused<unfused_region(plan::plan_of<Outs...>) < 0, unfused_region(plan::plan_of<Outs...>)>();
  else return true;
}

}  // namespace run::inline HEED_INSTRUCTION_SET
}  // namespace heed::internal
