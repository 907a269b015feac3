// The yardstick: the standard library alone, templates and optimised loops in about heed's proportion. How long it
// takes says how fast this machine compiles today. Changing it means measuring the recorded seconds anew.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {
template <int I> struct tag {
  static constexpr int value = I;
};
template <class T> double spread(std::vector<T> v) {
  std::sort(v.begin(), v.end());
  std::partial_sort(v.begin(), v.begin() + 2, v.end(), std::greater<T>());
  const double mean = double(std::accumulate(v.begin(), v.end(), T(0))) / double(v.size());
  double r = 0;
  for (const T x : v) r += std::fabs(std::sqrt(double(x)) - mean);
  return r;
}
template <int... I> constexpr int sum(std::integer_sequence<int, I...>) { return (tag<I * I % 97>::value + ... + 0); }
constexpr int sieve() {
  std::array<bool, 20000> composite{};
  int primes = 0;
  for (std::size_t i = 2; i < composite.size(); ++i) {
    if (composite[i]) continue;
    ++primes;
    for (std::size_t j = 2 * i; j < composite.size(); j += i) composite[j] = true;
  }
  return primes;
}
static_assert(sieve() == 2262);
}  // namespace

std::string yardstick(const std::map<std::string, std::variant<int, double, std::string>>& in) {
  std::unordered_map<std::string, std::shared_ptr<std::tuple<int, double>>> seen;
  std::ostringstream out;
  for (const auto& [name, value] : in) {
    seen[name] = std::make_shared<std::tuple<int, double>>(int(name.size()), 1.5);
    std::visit([&](const auto& x) { out << name << '=' << x << ' '; }, value);
  }
  out << spread(std::vector<int>{3, 1, 2}) << spread(std::vector<double>{3, 1, 2})
      << spread(std::vector<long>{3, 1, 2});
  return out.str() + std::to_string(sum(std::make_integer_sequence<int, 200>{}));
}
