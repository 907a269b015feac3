// Writes reductions into a program: mean, softmax and log-sum-exp as sums and maxima of what is there.
#pragma once
#include "fold.hpp"
#include "lower_program.hpp"

namespace heed::internal::plan {

struct reduction_writer : program_writer {
  using program_writer::program_writer;

  // What is absent counts as nothing.
  constexpr instruction_id reduced(op code, kept_value a, axis_set over) {
    const double nothing = code == op::sum ? 0 : code == op::min ? infinity : -infinity;
    return reduce(code, chosen(a.keep, a.value, nothing), over);
  }
  // `value`, or `told`: what it is a statistic of.
  constexpr instruction_id statistic(op code, kept_value a, axis_set over, double value, instruction_id told) {
    const instruction_id v = chosen(a.keep, a.value, -infinity);
    return emit(instruction{.code = code, .type = loops.code[v].type, .a = v, .b = told, .over = over, .value = value});
  }
  constexpr instruction_id running_sum(kept_value a, axis_set over, double from_the_end) {
    const instruction_id v = implied(a.keep) ? a.value : chosen(a.keep, a.value, 0);  // the region leaves it out
    return emit(
        instruction{.code = op::running_sum, .type = loops.code[v].type, .a = v, .over = over, .value = from_the_end});
  }
  // How many elements some axes have: those that are known while compiling, times what a call brings (0: nothing).
  struct element_count {
    double known = 1;
    instruction_id bound = 0;
  };
  constexpr element_count count_along(axis_set over) {
    element_count n;
    for (int i = 0; i < nodes.axis_count; ++i)
      if (over & bit(i)) {
        if (nodes.extent(i) != runtime) n.known *= double(nodes.extent(i));
        else n.bound = n.bound ? emit(op::multiply, element::i64, n.bound, size_of(i)) : size_of(i);
      }
    return n;
  }
  // The sum divided by how many there are; by at least one, so that the mean of nothing is 0.
  constexpr instruction_id mean(kept_value a, axis_set over) {
    const instruction_id total = reduced(op::sum, a, over);
    const auto [known, bound] = count_along(over);
    if (!a.keep && !bound) {
      if (known == 0 || is_power_of_two(known))
        return emit(op::multiply, element::real, number(known > 0 ? 1 / known : 0), total);
      return emit(op::divide, element::real, total, number(known));
    }
    instruction_id count = bound;
    if (a.keep) count = reduced(op::sum, {number(1), a.keep}, over);
    else if (known != 1) count = emit(op::multiply, element::i64, count, number(known, element::i64));
    return emit(op::divide, element::real, total, emit(op::maximum, element::real, real(count), number(1)));
  }
  // Exponentials, shifted by the maximum so that none overflows; a row with nothing left has maximum -inf and is
  // shifted by 0.
  struct exponentials {
    instruction_id shift{}, weight{}, total{};
  };
  constexpr exponentials exponentials_of(kept_value a, axis_set over) {
    const instruction_id top = reduced(op::max, a, over);
    const instruction_id nothing = emit(op::equal, element::boolean, top, number(-infinity));
    const instruction_id shift = emit(op::where, element::real, nothing, number(0), top);
    const instruction_id weight =
        chosen(a.keep, emit(op::exp, element::real, emit(op::subtract, element::real, a.value, shift)), 0);
    return {shift, weight, reduce(op::sum, weight, over)};
  }
  constexpr instruction_id logsumexp(kept_value a, axis_set over) {
    const exponentials e = exponentials_of(a, over);
    return emit(op::add, element::real, e.shift, emit(op::log, element::real, e.total));
  }
  constexpr instruction_id softmax(kept_value a, axis_set over) {
    const exponentials e = exponentials_of(a, over);
    const instruction_id empty = emit(op::equal, element::boolean, e.total, number(0));
    return emit(op::where, element::real, empty, number(0), emit(op::divide, element::real, e.weight, e.total));
  }
  constexpr instruction_id reduction(op code, kept_value a, axis_set over) {
    if (code == op::sum || code == op::max || code == op::min) return reduced(code, a, over);
    a.value = real(a.value);
    return code == op::mean ? mean(a, over) : code == op::logsumexp ? logsumexp(a, over) : softmax(a, over);
  }
};

}  // namespace heed::internal::plan
