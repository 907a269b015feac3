// The backward pass of attention against the oracle of its graph on drawn shapes, strides, alignments and values
// (support/drawn_attention.hpp), with the gradients of whatever a score captures. Every element lies within 16 of its
// error units (support/naive_attention.hpp), and three threads give the bits of one.
// options: -O1
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// labels: widths
#include "drawn_attention.hpp"
#include "sanitized.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;
using namespace heed_tests::drawn_attention;

namespace {
const unsigned long seed = number_from("HEED_SEED", 20240917), draws = number_from("HEED_DRAWS", sanitized ? 10 : 60);

// What a kind of result of a variant has shown over all draws: a test of zeros is none.
struct tally {
  double worst = 0;
  long elements = 0, zeros = 0;
};
using tallies = std::map<std::string, tally>;

template <class T> using operands = std::vector<std::unique_ptr<drawn_operand<T>>>;

// Queries that see nothing, and their cotangents.
template <class T, class Change> void poison_rows(problem<T>& p, const drawn_operand<T>& cotangent,
                                                  const Change& change) {
  if (!p.masked || p.Q->broadcast() || chance(p.random, 3)) return;
  for (extent_t i = 0; i < p.B; ++i)
    for (extent_t j = 0; j < p.H; ++j)
      for (extent_t g = 0; g < p.R; ++g)
        for (extent_t x = 0; x < p.N; ++x) {
          bool sees = false;
          for (extent_t y = 0; y < p.M && !sees; ++y)
            sees = change(0., pair_of_positions{std::size_t(i), std::size_t(j), std::size_t(g), std::size_t(x),
                                                std::size_t(y)})
                       .visible;
          if (sees) continue;
          const T strange[] = {T(NAN), T(INFINITY), T(-INFINITY)};
          for (extent_t c = 0; c < p.D; ++c) p.query(*p.Q, i, j, g, x, c) = pick(p.random, strange);
          for (extent_t c = 0; c < p.E; ++c) p.query(cotangent, i, j, g, x, c) = pick(p.random, strange);
        }
}

template <class A, class T, class Change, class... Captured, class... Bind>
void compare(const std::string& name, tallies& t, problem<T>& p, const Change& change,
             const std::tuple<Captured...>& captures, const Bind&... bind) {
  using g = variants<T>;
  // Equal terms, added one by one, all round alike (see problem): cotangents differ.
  const auto G = p.drawn(p.rows_of(p.E), pick(p.random, std::array{1.0, 1.0, 1e3, 1e-3}), layout_kind::no_broadcast);
  poison_rows(p, *G, change);
  const auto shapes = A::shapes(p, captures);
  const std::string where = name + " (" + p.text() + "): ";
  std::vector<tensor<double>> want;
  for (const auto& s : shapes) want.emplace_back(std::span<const extent_t>(s));
  const auto call = [&](const auto& what, auto& to, const auto& as) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      what(A::queries = p.Q->bind(), g::k = p.K->bind(), g::v = p.V->bind(), bind..., cotangent<A::out> = G->bind(),
           into(as(to[I])...));
    }(std::make_index_sequence<A::count>{});
  };
  std::vector<std::vector<double>> got[2];
  for (const int threads : {1, 3}) {
    operands<T> to;
    for (const auto& s : shapes)
      to.push_back(std::make_unique<drawn_operand<T>>(p.random, s, layout_kind::no_broadcast));
    omp_set_num_threads(threads);
    call(fuse<A::step, strict>, to, [](auto& x) { return x->bind(); });
    bool gaps = true;
    for (const auto& x : to) gaps = gaps && x->gaps_are_untouched(), got[threads > 1].push_back(elements(*x));
    BOOST_TEST(gaps, where + "wrote beside its results");
  }
  call(reference<A::step>, want, [](auto& x) -> auto& { return x; });

  const auto units = A::units(as_plain(p, *G), change, captures);
  for (std::size_t i = 0; i < A::count; ++i) {
    const std::string kind = A::names(captures)[i];
    tally& k = t[kind];
    std::string wrong;
    for (std::size_t j = 0; j < want[i].size(); ++j) {
      const double by = in_units(got[0][i][j], want[i][j], units[i][j]);
      k.worst = std::max(k.worst, by);
      if (!(by <= 16) && wrong.empty())
        wrong = "number " + std::to_string(j) + ": " + std::to_string(got[0][i][j]) + " for " +
                std::to_string(want[i][j]) + ", " + std::to_string(by) + " units";
      if (units[i][j] > 1e-30) ++k.elements, k.zeros += want[i][j] == 0;  // what nothing reaches is 0 by right
    }
    BOOST_TEST(wrong.empty(), where + kind + ", " + wrong);
    BOOST_TEST(
        (got[0][i].empty() || std::memcmp(got[0][i].data(), got[1][i].data(), got[0][i].size() * sizeof(double)) == 0),
        where + kind + " depends on the number of threads");
  }
}
template <class T> auto attending(const std::string& name, tallies& t, problem<T>& p) {
  return [&] < const auto & Score,
         class... Captured > (const auto& change, const std::tuple<Captured...>& captures, const auto&... bind) {
           compare<attended<T, Score, Captured...>>(name, t, p, change, captures, bind...);
         };
}
template <class T, class Case> void fuzz(const std::string& name, const Case& one, bool in_groups = false) {
  tallies t;
  for (unsigned long number = seed; number < seed + draws; ++number)
    BOOST_TEST_CONTEXT(name << ", HEED_SEED=" << number << " HEED_DRAWS=1") {
      problem<T> p(name, number, in_groups, number % 16 ? 100000 : 2000000);
      one(p, attending(name, t, p));
    }
  for (const auto& [kind, k] : t) {
    BOOST_TEST_MESSAGE(name << ", " << kind << ": worst " << k.worst << " units over " << k.elements << " elements, "
                            << k.zeros << " of them 0");
    if (draws > 20)
      BOOST_TEST(k.zeros * 4 < k.elements * 3, name + ", " + kind + ": expected values are mostly zero");  // a weight
                                                                                                           // of 1 has
                                                                                                           // no
                                                                                                           // gradient
  }
}
#define HEED_FUZZ(T, NAME, CASE, ...) \
  fuzz<T>(NAME, [](problem<T>& p, const auto& attend) { CASE(p, attend); } __VA_OPT__(, ) __VA_ARGS__)
}  // namespace

BOOST_AUTO_TEST_CASE(full) { HEED_FUZZ(float, "full", full_case); }
BOOST_AUTO_TEST_CASE(causal_from_the_end) {
  HEED_FUZZ(float, "causal", bottom_right_case);
  HEED_FUZZ(double, "causal, double", bottom_right_case);
}
BOOST_AUTO_TEST_CASE(window) { HEED_FUZZ(float, "window", window_case); }
BOOST_AUTO_TEST_CASE(bias) {
  HEED_FUZZ(float, "bias", bias_case);
  HEED_FUZZ(double, "bias, double", bias_case);
}
BOOST_AUTO_TEST_CASE(documents) { HEED_FUZZ(float, "documents", document_case); }
BOOST_AUTO_TEST_CASE(alibi_slopes) { HEED_FUZZ(float, "alibi", alibi_case); }
BOOST_AUTO_TEST_CASE(softcapped) { HEED_FUZZ(float, "softcap", softcap_case); }
BOOST_AUTO_TEST_CASE(relative_table) { HEED_FUZZ(float, "relative table", table_case); }
BOOST_AUTO_TEST_CASE(padding_by_length) { HEED_FUZZ(float, "padding", padding_case); }
BOOST_AUTO_TEST_CASE(factors_of_queries_and_terms_of_keys) { HEED_FUZZ(float, "lined", lined_case); }
BOOST_AUTO_TEST_CASE(boolean_mask) { HEED_FUZZ(float, "boolean mask", kept_case); }
BOOST_AUTO_TEST_CASE(grouped_heads) { HEED_FUZZ(float, "grouped heads", grouped_case, true); }
