// Checks what becomes of graphs that are rewritten before they are planned and differentiated (graph/rewritten.hpp).
#pragma once
#include "finite_differences.hpp"
#include "planned.hpp"

namespace heed_tests {

inline const std::map<std::string, extent_t> rewritten_extents = {{"b", 2},  {"n", 4}, {"m", 5}, {"yk", 2},
                                                                  {"xk", 3}, {"l", 2}, {"o", 3}, {"w", 2}};

template <result_list R> bool is_rewritten() {
  const auto merged = std::make_unique<merged_graph>(in_one_graph(R.of, R.count));
  if (!may_be_rewritten(merged->g)) return false;
  const auto other = std::make_unique<merged_graph>(rewritten(*merged));
  for (int k = 0; k < R.count; ++k)
    if (merged->g[merged->roots[k]].hash != other->g[other->roots[k]].hash) return true;
  return false;
}
// Forward and gradients of a result: in kernels, with nothing over pairs, and what is declared.
template <result_list Out, result_list Backward> void check_rewritten(const char* name) {
  const auto forward = planned<Out>(), backward = planned<Backward>();
  for (const auto* p : {forward.get(), backward.get()}) {
    BOOST_TEST(kinds(*p).find('l') == std::string::npos, name << ": " << kinds(*p));
    BOOST_TEST(!stores_pairs(*p), name);
  }
  BOOST_TEST(is_rewritten<Out>(), name);
  BOOST_TEST(difference(*forward, Out, rewritten_extents) == "", name);
  BOOST_TEST(difference(*backward, Backward, rewritten_extents) == "", name);
  check_differences(name, Out, rewritten_extents);
}
#define CHECK_REWRITTEN(OUT, ...) heed_tests::check_rewritten<OUT, gradient<OUT>(wrt(__VA_ARGS__))>(#OUT)

}  // namespace heed_tests
