// In which precision a region computes: float, unless something on the way asks for double.
#pragma once
#include "../data/execution_plan.hpp"
#include "../facts/nodes.hpp"
#include "../facts/walk.hpp"

namespace heed::internal::plan {

// A product of whole numbers that may need more than 32 bits: of two that vary, or of one with a large constant. (Of
// what counts positions a call has checked that it does not.)
// Kernels of float have whole numbers of 32 bits, those of double have 64.
constexpr bool is_long_product(const graph& g, const node& x) {
  if (x.code != op::multiply || is_real(x.type) || product_of_extents_in(g, x).first >= 0) return false;
  const auto is_small = [](const node& y) { return y.code == op::constant && y.value > -1024 && y.value < 1024; };
  return !is_small(g[x.a]) && !is_small(g[x.b]);
}
// A double; a reduction of whole numbers, which is taken in real ones and must stay exact.
constexpr bool asks_for_double(const graph& g, const node& x) {
  return x.type == element::f64 || ((is_reduction(x.code) || x.code == op::running_sum) && is_integer(x.type)) ||
         is_long_product(g, x);
}
constexpr element precision_of(const graph& g, const outline& outlined) {
  node_flags read{};
  for (int k = 0; k < outlined.read_count; ++k) {
    read[outlined.reads[k]] = true;
    if (g[outlined.reads[k]].type == element::f64) return element::f64;
  }
  node_stack open;
  for (int k = 0; k < outlined.write_count; ++k) open.push(outlined.writes[k].value);
  const bool doubles = walk(g, open, [&](node_id i, const node& x) {
    if (read[i]) return step::skip;
    return asks_for_double(g, x) ? step::stop : step::descend;
  });
  return doubles ? element::f64 : element::f32;
}

}  // namespace heed::internal::plan
