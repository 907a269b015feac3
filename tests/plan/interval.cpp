// Intervals hold every value: for each operator, operands are drawn as intervals, points are taken from them (NaN too
// where an operand is the whole line), and what the operator gives for the points, in double and in float, must lie
// inside what it gives for the intervals.
// options: -O1
#include <boost/test/unit_test.hpp>
#include "heed/plan/facts/interval.hpp"
#include "heed/run/program/evaluate.hpp"
#include <cmath>
#include <random>
#include <vector>
using heed::internal::op, heed::internal::plan::interval;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
std::mt19937 random_bits(7);
bool is_whole_line(interval a) { return a.lo == -infinity && a.hi == infinity; }
bool holds(interval a, double v) { return std::isnan(v) ? is_whole_line(a) : a.lo <= v && v <= a.hi; }
bool holds_truth(interval a, bool v) { return v ? a.hi > 0 : !(a.lo > 0); }  // how a mask is read: never, always, mixed

// A number as operands hold them: a float, often a small whole one, an equal one, an end of the range.
double number_of_some_kind() {
  switch (random_bits() % 8) {
    case 0:
    case 1: return double(int(random_bits() % 21)) - 10;
    case 2: return double(0.1f * float(int(random_bits() % 21) - 10));
    case 3:
      return std::ldexp(double(float(random_bits()) / 4294967296.f), int(random_bits() % 250) - 125) *
             (random_bits() % 2 ? 1 : -1);
    case 4: return random_bits() % 2 ? 3.4e38f : -3.4e38f;
    case 5: return random_bits() % 2 ? 1e-45f : -1e-45f;
    case 6: return double(int(random_bits()));
    default: return double(std::normal_distribution<float>(0, 3)(random_bits));
  }
}
double number() { return double(float(number_of_some_kind())); }
interval drawn(bool whole_numbers) {
  double a = number(), b = number();
  if (whole_numbers)
    a = double(int(random_bits()) >> random_bits() % 31), b = double(int(random_bits()) >> random_bits() % 31);
  switch (random_bits() % 10) {
    case 0: return {};
    case 1: return {a, infinity};
    case 2: return {-infinity, a};
    case 3: return {infinity, infinity};
    case 4: return {-infinity, -infinity};
    case 5:
    case 6: return {a, a};
    default: return {std::min(a, b), std::max(a, b)};
  }
}
std::vector<double> points_of(interval a, bool whole_numbers) {
  std::vector<double> p{a.lo, a.hi};
  if (is_whole_line(a)) p.push_back(NAN);
  for (const double inner : {0.0, 1.0, -1.0, number(), number(),
                             std::isfinite(a.lo + a.hi) ? double(float(a.lo + (a.hi - a.lo) * 0.3)) : 0.0})
    if (a.lo <= inner && inner <= a.hi) p.push_back(whole_numbers ? std::trunc(inner) : double(float(inner)));
  if (whole_numbers) std::erase_if(p, [](double x) { return !std::isfinite(x); });
  std::erase_if(p, [&](double x) { return !std::isnan(x) && (x < a.lo || x > a.hi); });
  return p;
}
interval drawn_truth() {
  const int i = int(random_bits() % 3);
  return i == 0 ? interval(0, 0) : i == 1 ? interval(1, 1) : interval(0, 1);
}
std::vector<double> points_of_truth(interval a) {
  std::vector<double> p;
  if (a.lo <= 0) p.push_back(0);
  if (a.hi > 0) p.push_back(1);
  return p;
}

// `constant`: the exponent of a power.
template <op Code, class T> double value_of(T a, T b, T c, double constant) {
  if constexpr (heed::internal::is_function(Code)) return double(heed::internal::run::function_value<Code>(a, b, c));
  else if constexpr (Code == op::negate) return double(-a);
  else if constexpr (Code == op::power) return double(std::pow(a, T(constant)));
  else if constexpr (Code == op::add) return double(T(a + b));
  else if constexpr (Code == op::subtract) return double(T(a - b));
  else if constexpr (Code == op::multiply) return double(T(a * b));
  else if constexpr (Code == op::divide) return double(T(a / b));
  else if constexpr (Code == op::floor_divide) return b == 0 ? 0 : std::floor(double(a) / double(b));
  else if constexpr (Code == op::remainder) {
    const double r = b == 0 ? 0 : std::fmod(double(a), double(b));
    return r != 0 && (r < 0) != (b < 0) ? r + double(b) : r;
  } else if constexpr (Code == op::minimum) return double(a < b ? a : b);
  else if constexpr (Code == op::maximum) return double(a > b ? a : b);
  else if constexpr (Code == op::less) return a < b;
  else if constexpr (Code == op::less_equal) return a <= b;
  else return a == b;
}
std::string text(interval a) { return "[" + std::to_string(a.lo) + ", " + std::to_string(a.hi) + "]"; }

template <op Code> void check(const char* name, double constant = 0) {
  constexpr heed::internal::op_facts facts = heed::internal::facts_of(Code);
  constexpr bool truth = facts.condition;
  long wrong = 0, tight = 0;
  std::string first;
  const auto see = [&](interval r, double v, const interval(&of)[3], double x, double y, double z) {
    if (truth ? holds_truth(r, v != 0) : holds(r, v)) return;
    if (wrong++ == 0)
      first = text(of[0]) + ", " + text(of[1]) + ", " + text(of[2]) + " give " + text(r) + ", but " +
              std::to_string(x) + ", " + std::to_string(y) + ", " + std::to_string(z) + " give " + std::to_string(v);
  };
  for (int i = 0; i < 40000; ++i) {
    const bool for_whole = facts.keeps_whole || (facts.operands == 2 && !facts.function && Code != op::divide);
    const bool whole = Code == op::floor_divide || Code == op::remainder || (i % 4 == 0 && for_whole);
    const interval of[] = {drawn(whole), facts.operands > 1 ? drawn(whole) : interval(0),
                           facts.operands > 2 ? drawn(whole) : interval(0)};
    const interval r = heed::internal::run::apply<Code>(of[0], of[1], of[2], constant);
    tight += !is_whole_line(r) && !(truth && r.lo <= 0 && r.hi > 0);
    for (const double x : points_of(of[0], whole))
      for (const double y : points_of(of[1], whole))
        for (const double z : points_of(of[2], whole)) {
          see(r, value_of<Code, double>(x, y, z, constant), of, x, y, z);
          if (!whole)  // and as the kernels round
            see(r, value_of<Code, float>(float(x), float(y), float(z), constant), of, x, y, z);
          if (facts.operands < 3) break;
        }
  }
  BOOST_TEST(wrong == 0, std::string(name) + ": " + std::to_string(wrong) + " values outside; " + first);
  BOOST_TEST(tight > 2000, std::string(name) + ": knows hardly anything");  // the whole line would hold everything
}
}  // namespace

BOOST_AUTO_TEST_CASE(functions) {
#define HEED_FUNCTION(NAME, ...) check<op::NAME>(#NAME);
  HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
  check<op::negate>("negate");
  check<op::power>("power 1.5", 1.5);
  check<op::power>("power 0", 0);
}
BOOST_AUTO_TEST_CASE(a_power_without_a_rule_is_the_whole_line) {
  for (const double c : {-1.0, -0.5, -2.0}) BOOST_TEST(is_whole_line(power(interval(1, 2), c)));
}
BOOST_AUTO_TEST_CASE(arithmetic) {
  check<op::add>("add");
  check<op::subtract>("subtract");
  check<op::multiply>("multiply");
  check<op::divide>("divide");
  check<op::floor_divide>("floor_divide");
  check<op::remainder>("remainder");
  check<op::minimum>("minimum");
  check<op::maximum>("maximum");
}
BOOST_AUTO_TEST_CASE(comparisons) {
  check<op::less>("less");
  check<op::less_equal>("less_equal");
  check<op::equal>("equal");
}
BOOST_AUTO_TEST_CASE(conditions_select_and_casts) {
  long wrong = 0, seen = 0;
  std::string first;
  const auto see = [&](bool right, const char* what, double u, double v) {
    ++seen;
    if (!right && wrong++ == 0) first = std::string(what) + " of " + std::to_string(u) + ", " + std::to_string(v);
  };
  for (int i = 0; i < 20000; ++i) {
    const interval a = drawn_truth(), b = drawn_truth(), x = drawn(false), y = drawn(false);
    const std::vector<double> of_x = points_of(x, false), of_y = points_of(y, false);
    const interval chosen = select(a, x, y), sum = fma(x, y, x), difference = fnma(x, y, x), cut = to_integer(x);
    for (const double s : points_of_truth(a)) {
      see(holds_truth(!a, s == 0), "not", s, s);
      for (const double t : points_of_truth(b)) {
        see(holds_truth(a && b, s != 0 && t != 0), "both", s, t);
        see(holds_truth(a || b, s != 0 || t != 0), "either", s, t);
      }
      for (const double u : of_x)
        for (const double v : of_y) see(holds(chosen, s != 0 ? u : v), "select", u, v);
    }
    for (const double u : of_x) {
      if (std::isfinite(u)) see(holds(cut, std::trunc(u)), "to_integer", u, u);
      for (const double v : of_y) {
        see(holds(sum, double(std::fmaf(float(u), float(v), float(u)))), "fma", u, v);
        see(holds(difference, double(std::fmaf(-float(u), float(v), float(u)))), "fnma", u, v);
      }
    }
    const interval whole = drawn(true), real = to_real(whole);
    for (const double u : points_of(whole, true)) see(holds(real, u) && holds(real, double(float(u))), "to_real", u, u);
  }
  BOOST_TEST(wrong == 0, std::to_string(wrong) + " values outside, first " + first);
  BOOST_TEST(seen > 1000000);
}
// What bisection lives from: on positions, intervals are exact.
BOOST_AUTO_TEST_CASE(positions_are_exact) {
  const interval n(48, 95), m(0, 40);
  BOOST_TEST((m <= n).lo == 1.0);
  BOOST_TEST((n < m).hi == 0.0);
  BOOST_TEST((n - m < interval(8)).hi == 0.0);  // 48 - 40 is the least
  BOOST_TEST((n - m < interval(96)).lo == 1.0);
  BOOST_TEST((n - m < interval(9)).hi == 1.0);
  BOOST_TEST((interval(3) == interval(3)).lo == 1.0);
  BOOST_TEST((to_real(m) * interval(0.5) <= interval(20.0)).lo == 1.0);
  BOOST_TEST((floor_divide(n, 48) == interval(1)).lo == 1.0);
  BOOST_TEST((floor_divide(m, 41) == interval(0)).lo == 1.0);
  BOOST_TEST((remainder(n, 48) < interval(48)).lo == 1.0);
  const auto from_5_to_20 = clamp(n - m, 5, 20);
  BOOST_TEST((from_5_to_20.lo == 8.0 && from_5_to_20.hi == 20.0));
  BOOST_TEST((floor(interval(2.5, 3.5)).lo == 2.0 && round(interval(2.5, 3.5)).hi == 4.0 && sign(n).lo == 1.0));
  BOOST_TEST((remainder(interval(50, 60), 48) == interval(13)).hi == 0.0);  // one period: 2 to 12
}
