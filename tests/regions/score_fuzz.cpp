// Score regions against the oracle on drawn shapes, strides, alignments and values (support/drawn_attention.hpp). The
// error unit is that of every attention: eps * (P |V|) * (1 + largest sum of magnitudes in the score), P |V| from the
// oracle, element by element, the score's magnitude row by row.
// options: -O1
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// labels: widths
#include "drawn_attention.hpp"
#include "sanitized.hpp"
#include <omp.h>
using namespace heed_tests;
using namespace heed_tests::drawn_attention;

namespace {
const unsigned long seed = number_from("HEED_SEED", 20240917), draws = number_from("HEED_DRAWS", sanitized ? 20 : 240);

// Each variant with what the oracle also gives: the same weights on |v|.
template <const auto& Score, const auto& V> struct forward {
  static constexpr auto out = dot<m>(softmax<m>(Score), V);
  static constexpr auto magnitude = dot<m>(softmax<m>(Score), abs(V));
  static constexpr auto lse = logsumexp<m>(Score);
  static constexpr auto top = max<m>(Score);
};

// What a variant has shown over all its draws: a test of zeros is none.
struct tally {
  long elements = 0, zeros = 0;
  double worst = 0;
};

template <class A, class T, class Change, class... Bind>
void compare(const std::string& name, tally& t, problem<T>& p, const Change& change, Bind&&... bind) {
  const std::vector<extent_t> shape = p.rows_of(p.E), row_shape(shape.begin(), shape.end() - 1);
  const drawn_operand<T> got(p.random, shape, layout_kind::no_broadcast),
      lse(p.random, row_shape, layout_kind::no_broadcast), top(p.random, row_shape, layout_kind::no_broadcast);
  tensor<double> want{std::span(shape)}, magnitude{std::span(shape)}, want_lse{std::span(row_shape)},
      want_top{std::span(row_shape)};
  omp_set_num_threads(chance(p.random, 4) ? 2 : 1);
  fuse<results(A::out, A::lse, A::top), strict>(bind..., into(got.bind(), lse.bind(), top.bind()));
  reference<results(A::out, A::magnitude, A::lse, A::top)>(bind..., into(want, magnitude, want_lse, want_top));

  const double eps = double(std::numeric_limits<T>::epsilon());
  std::size_t at = 0, row = 0;
  bool seen = false;
  std::string wrong;
  const auto check = [&](const char* what, double value, double expected, double unit) {
    const double units = in_units(value, expected, unit);
    t.worst = std::max(t.worst, units);
    if (!(units <= 16) && wrong.empty())
      wrong = std::string(what) + " number " + std::to_string(at) + ": " + std::to_string(value) + " for " +
              std::to_string(expected) + ", " + std::to_string(units) + " units";
    if (seen) ++t.elements, t.zeros += expected == 0;  // rows with nothing left are 0 by right
  };
  for (extent_t i = 0; i < p.B; ++i)
    for (extent_t j = 0; j < p.H; ++j)
      for (extent_t g = 0; g < p.R; ++g)
        for (extent_t x = 0; x < p.N; ++x, ++row) {
          double reach = 0;
          seen = false;
          for (extent_t y = 0; y < p.M; ++y) {
            const changed_score<double> s = change(
                0.0, pair_of_positions{std::size_t(i), std::size_t(j), std::size_t(g), std::size_t(x), std::size_t(y)});
            if (!s.visible) continue;
            seen = true;
            reach = std::max(reach, p.product(i, j, g, x, y).magnitude * s.slope_magnitude + s.added);
          }
          for (extent_t c = 0; c < p.E; ++c, ++at)
            check("element", double(p.query(got, i, j, g, x, c)), want[at], eps * magnitude[at] * (1 + reach));
          check("log-sum-exp before element", double(p.in_groups ? lse(i, j, g, x) : lse(i, j, x)), want_lse[row],
                eps * (1 + reach));
          check("maximum before element", double(p.in_groups ? top(i, j, g, x) : top(i, j, x)), want_top[row],
                eps * (1 + reach));
        }
  BOOST_TEST(wrong.empty(), name + " (" + p.text() + "): " + wrong);
  BOOST_TEST((got.gaps_are_untouched() && lse.gaps_are_untouched() && top.gaps_are_untouched()),
             name + " (" + p.text() + "): wrote beside its results");
}
// What a variant calls with its score.
template <class T> auto attending(const std::string& name, tally& t, problem<T>& p) {
  return [&] < const auto & Score > (const auto& change, const auto&, auto&&... bind) {
    using g = variants<T>;
    using A = forward<Score, g::v>;
    compare<A>(name, t, p, change, queries_of<T, Score>() = p.Q->bind(), g::k = p.K->bind(), g::v = p.V->bind(),
               bind...);
  };
}
template <class T, class Case> void fuzz(const std::string& name, const Case& one, bool in_groups = false) {
  tally t;
  for (unsigned long i = 0; i < draws; ++i) {
    const unsigned long number = seed + i;
    BOOST_TEST_CONTEXT(name << ", HEED_SEED=" << number << " HEED_DRAWS=1") {
      problem<T> p(name, number, in_groups);
      one(p, attending(name, t, p));
    }
  }
  BOOST_TEST_MESSAGE(name << ": worst " << t.worst << " units over " << t.elements << " elements, " << t.zeros
                          << " of them 0");
  if (draws > 20) BOOST_TEST(t.zeros * 10 < t.elements, name + ": expected values are mostly zero");
}
#define HEED_FUZZ(T, NAME, CASE, ...) \
  fuzz<T>(NAME, [](problem<T>& p, const auto& attend) { CASE(p, attend); } __VA_OPT__(, ) __VA_ARGS__)
}  // namespace

BOOST_AUTO_TEST_CASE(full) { HEED_FUZZ(float, "full", full_case); }
BOOST_AUTO_TEST_CASE(causal_from_the_end) {
  HEED_FUZZ(float, "causal", bottom_right_case);
  HEED_FUZZ(double, "causal, double", bottom_right_case);
}
BOOST_AUTO_TEST_CASE(window) {
  HEED_FUZZ(float, "window", window_case);
  HEED_FUZZ(double, "window, double", window_case);
}
BOOST_AUTO_TEST_CASE(bias) {
  HEED_FUZZ(float, "bias", bias_case);
  HEED_FUZZ(double, "bias, double", bias_case);
}
BOOST_AUTO_TEST_CASE(documents) { HEED_FUZZ(float, "documents", document_case); }
BOOST_AUTO_TEST_CASE(alibi_slopes) { HEED_FUZZ(float, "alibi", alibi_case); }
BOOST_AUTO_TEST_CASE(softcapped) { HEED_FUZZ(float, "softcap", softcap_case); }
BOOST_AUTO_TEST_CASE(relative_table) { HEED_FUZZ(float, "relative table", table_case); }
BOOST_AUTO_TEST_CASE(padding_by_length) { HEED_FUZZ(float, "padding", padding_case); }
BOOST_AUTO_TEST_CASE(forgetting_gates) { HEED_FUZZ(float, "forgetting", forgetting_case); }
BOOST_AUTO_TEST_CASE(factors_of_queries_and_terms_of_keys) { HEED_FUZZ(float, "lined", lined_case); }
BOOST_AUTO_TEST_CASE(boolean_mask) { HEED_FUZZ(float, "boolean mask", kept_case); }
BOOST_AUTO_TEST_CASE(grouped_heads) { HEED_FUZZ(float, "grouped heads", grouped_case, true); }
// Every head width on the same instantiation, values of another width than keys.
template <class T> void every_width() {
  tally t;
  for (extent_t width = 1; width <= 257; width += sanitized ? 8 : 1) {
    problem<T> p("widths", seed + static_cast<unsigned long>(width), false, 200000, width);
    bottom_right_case(p, attending("width " + std::to_string(width), t, p));
  }
  BOOST_TEST(t.zeros * 10 < t.elements);
}
BOOST_AUTO_TEST_CASE(head_widths_1_to_257) {
  every_width<float>();
  every_width<double>();
}
