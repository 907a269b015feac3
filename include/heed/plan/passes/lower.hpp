// Turns an outline into the region that a kernel takes: its program, with everything composite written out in
// primitives (softmax, mean, logsumexp, mask, shift, concat), its axes by job, its operands.
#pragma once
#include "lower_gradient.hpp"
#include "lower_loop.hpp"
#include "lower_matmul.hpp"
#include "lower_precision.hpp"
#include "lower_row.hpp"
#include "lower_score.hpp"

namespace heed::internal::plan {

constexpr region lowered(const execution_plan& plan, int number) {
  const outline& outlined = plan.regions[number];
  value_writer to(plan, outlined);
  to.root = outlined.writes[0].value;
  to.loops.real = precision_of(plan.g, outlined);
  switch (outlined.kind) {
    case region_kind::score: write_score(to); break;
    case region_kind::matmul: write_matmul(to); break;
    case region_kind::row: write_row(to); break;
    case region_kind::loop: write_loop(to); break;
    case region_kind::score_gradient: write_score_gradient(to); break;
    case region_kind::scatter: write_scatter(to); break;
  }
  return to.loops;
}

}  // namespace heed::internal::plan
