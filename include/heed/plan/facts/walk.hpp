// The walk from some values down to what they are computed from: every node once, the last operand first. Recognisers
// and passes say of each node how it goes on behind it.
#pragma once
#include "nodes.hpp"
#include <initializer_list>

namespace heed::internal::plan {

// Plain arrays: while compiling, a walk is counted by its calls.
struct node_stack {
  node_id of[graph::capacity]{};  // each at most once
  int count = 0;
  bool seen[graph::capacity]{};
  constexpr void push(node_id i) {
    if (i && !seen[i]) seen[of[count++] = i] = true;
  }
  constexpr node_id pop() { return of[--count]; }
};

enum class step : std::uint8_t {
  skip,        // what lies behind the node is somebody else's
  descend,     // to its operands
  index_only,  // to the index of a gather, whose table is read where it lies
  stop         // enough has been seen
};

// How a program goes on that a region computes itself: down to what it reads.
constexpr step within_program(const node& x) {
  return x.code == op::gather ? step::index_only : is_inlined(x.code) ? step::descend : step::skip;
}
// The same as long as values stay at the elements of the result, which those behind an index do not.
constexpr step at_same_elements(const node& x) {
  return is_inlined(x.code) && x.code != op::gather ? step::descend : step::skip;
}

// Calls `visit(number, node)` for what lies on the stack and below it. True if a visit said stop. A visit may push
// more.
template <class Visit> constexpr bool walk(const graph& g, node_stack& open, const Visit& visit) {
  while (open.count) {
    const node_id i = open.pop();
    const node& x = g[i];
    const step next = visit(i, x);
    if (next == step::descend) {
      open.push(x.a);
      if (x.b) open.push(x.b), open.push(x.c);
    } else if (next == step::index_only) open.push(x.b);
    else if (next == step::stop) return true;
  }
  return false;
}
template <class Visit>
constexpr bool walk(const graph& g, std::initializer_list<node_id> roots, const Visit& visit) {
  node_stack open;
  for (const node_id i : roots) open.push(i);
  return walk(g, open, visit);
}

}  // namespace heed::internal::plan
