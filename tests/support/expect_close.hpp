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

// Results of these extents, fused under `strict`, beside what the oracle says.
template <const auto& Out, class T, class... Bindings, std::size_t Results>
void against_oracle(const char* name, const std::vector<extent_t> (&shapes)[Results], const Bindings&... bound) {
  std::vector<tensor<T>> got;
  std::vector<tensor<double>> wanted;
  for (const std::vector<extent_t>& s : shapes)
    got.emplace_back(std::span<const extent_t>(s)), wanted.emplace_back(std::span<const extent_t>(s));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    fuse<Out, strict>(bound..., into(got[I]...));
    reference<Out>(bound..., into(wanted[I]...));
  }(std::make_index_sequence<Results>{});
  for (std::size_t i = 0; i < Results; ++i)
    expect_close((std::string(name) + ", result " + std::to_string(i)).c_str(), got[i], wanted[i]);
}

}  // namespace heed_tests
