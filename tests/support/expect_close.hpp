// Results beside what they should be in double, by the largest difference relative to the largest value.
#pragma once
#include "against_reference.hpp"

namespace heed_tests {

template <class T> double off(const tensor<T>& got, const tensor<double>& wanted) {
  double scale = 1, worst = 0;
  for (const double x : wanted) scale = std::max(scale, std::fabs(x));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double one = std::fabs(double(got[i]) - wanted[i]) / scale;
    worst = one <= worst ? worst : one;  // NaN counts
  }
  return worst;
}
template <class T>
void expect_close(const char* what, const tensor<T>& got, const tensor<double>& wanted, double bound = 1e-5) {
  const double worst = off(got, wanted);
  BOOST_TEST(worst < bound, what << ": off by " << worst);
}

}  // namespace heed_tests
