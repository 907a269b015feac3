// What can be called, as a value: the axes, operands and results of a graph and nothing of how it is computed. It is
// enough to bind a call and to describe one, for C++ and for whoever looks from outside. `signature` is a view for all
// graphs, so that what reads it is compiled once; `signature_data` is the memory, exactly as large as its graph wants.
#pragma once
#include "../../axis/shape.hpp"
#include "../../base/element.hpp"
#include "../../base/error.hpp"
#include "exact_list.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// An operand or a result: `rank` axes in memory order, which stand in signature::orders from `first_axis` on.
struct signature_entry {
  label name;    // of a result: the input that it is the gradient of; empty: none
  element type;  // as stored in memory
  std::int8_t rank = 0;
  std::int16_t first_axis = 0;
  bool is_read = true;      // an operand: does the compiled graph read it? Then a call binds it
  bool is_declared = true;  // ... does the declared graph, which is what the oracle evaluates?
};

struct signature {
  stretch<const axis_entry> axes;           // name, and extent: `runtime` where a call brings it
  stretch<const signature_entry> operands;  // in the order of their declaration
  stretch<const signature_entry> results;   // in the order in which into(...) takes them
  stretch<const std::int8_t> orders;        // numbers of axes
  int declared_axes = 0;                    // the first so many are the user's, others the plan has made
  int callers_results = 0;  // of a kernel for other programs: so many results are the caller's, others are kept for a
                            // backward pass; 0: called from C++, whose words messages use then

  constexpr stretch<const std::int8_t> order_of(const signature_entry& x) const {
    return orders.part(x.first_axis, x.rank);
  }
  constexpr int find_axis(const label& name) const {
    for (const axis_entry& axis : axes)
      if (axis.name == name) return axes.number_of(axis);
    return -1;
  }
  // What messages call them.
  piece axis_name(int axis) const { return axes[axis].name; }
  piece operand_name(int operand) const { return operands[operand].name; }
  piece result_name(int result) const {
    if (const label& input = results[result].name; !input.empty()) return piece("grad(", input, ")");
    if (callers_results) return callers_results == 1 ? piece("result") : piece("result", result + 1);
    return results.size() == 1 ? piece("into") : piece("into ", result + 1);
  }
};

struct signature_sizes {
  int axes = counting, operands = counting, results = counting, orders = counting;
};
template <signature_sizes Sizes = signature_sizes{}>
struct signature_data {
  exact_list<axis_entry, Sizes.axes> axes{};
  exact_list<signature_entry, Sizes.operands> operands{};
  exact_list<signature_entry, Sizes.results> results{};
  exact_list<std::int8_t, Sizes.orders> orders{};
  int declared_axes = 0;

  constexpr signature_sizes sizes() const { return {axes.count, operands.count, results.count, orders.count}; }
  constexpr signature view() const { return {axes.all(), operands.all(), results.all(), orders.all(), declared_axes}; }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
