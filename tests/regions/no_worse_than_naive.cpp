// No result of attention, forward or backward, is further from the oracle than twice what plain loops in the same
// precision are (support/naive_attention.hpp), measured by the norm of the differences. Scores are ordinary, and up to
// 16 times as large. There the gradient of values alone may be 2.5 times as far: its weights come from one rounded
// number a row, the log-sum-exp. A result of few elements, the gradient of slopes, is drawn more often, or its error
// would be a matter of luck.
// options: -O1
// labels: meaning
#include "drawn_attention.hpp"
using namespace heed_tests;
using namespace heed_tests::drawn_attention;

namespace {
struct errors {
  double fused = 0, naive = 0;
};  // sums of squares, relative to the result's

template <class A, class Change, class... Captured, class... Bind>
void compare(std::map<std::string, errors>& all, problem<float>& p, const Change& change,
             const std::tuple<Captured...>& captures, const Bind&... bind) {
  using g = variants<float>;
  const auto G = p.drawn(p.rows_of(p.E), 1);
  const auto shapes = A::shapes(p, captures);
  std::vector<tensor<float>> got;
  std::vector<tensor<double>> want;
  for (const auto& s : shapes)
    got.emplace_back(std::span<const extent_t>(s)), want.emplace_back(std::span<const extent_t>(s));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto call = [&](const auto& what, auto& to) {
      what(A::queries = p.Q->bind(), g::k = p.K->bind(), g::v = p.V->bind(), bind..., cotangent<A::out> = G->bind(),
           into(to[I]...));
    };
    call(fuse<A::step, strict>, got);
    call(reference<A::step>, want);
  }(std::make_index_sequence<A::count>{});
  const auto naive = A::template naive<float>(as_plain(p, *G), change, captures);
  for (std::size_t i = 0; i < A::count; ++i) {
    errors one;
    double norm = 0;
    for (std::size_t j = 0; j < want[i].size(); ++j) {
      const double w = want[i][j];
      one.fused += std::pow(double(got[i][j]) - w, 2), one.naive += std::pow(naive[i][j] - w, 2), norm += w * w;
    }
    BOOST_TEST_REQUIRE((norm > 0 && one.naive > 0));
    errors& e = all[A::names(captures)[i]];
    e.fused += one.fused / norm, e.naive += one.naive / norm;
  }
}
template <class Case> void check(const std::string& name, const Case& one, extent_t R = 1, unsigned draws = 1) {
  for (const double spread : {1.0, 4.0}) {
    std::map<std::string, errors> all;
    for (const auto& [N, M, D, E] : {std::array<extent_t, 4>{64, 64, 32, 32}, {97, 97, 64, 64}, {130, 70, 32, 48}})
      for (unsigned draw = 0; draw < draws; ++draw) {
        problem<float> p(unsigned(N * M) + draw, {1, 2, R, N, M, D, E}, spread);
        one(
            p, [&] < const auto& Score,
            class... Captured > (const auto& change, const std::tuple<Captured...>& captures, const auto&... bind) {
              compare<attended<float, Score, Captured...>>(all, p, change, captures, bind...);
            });
      }
    for (const auto& [result, e] : all) {
      const double times = std::sqrt(e.fused / e.naive), allowed = spread > 1 && result == "gradient of v" ? 2.5 : 2;
      BOOST_TEST_MESSAGE(name << ", spread " << spread << ", " << result << ": " << times
                              << " times the error of plain loops");
      BOOST_TEST(times <= allowed, name + ", " + result + ": the error of plain loops times " + std::to_string(times));
    }
  }
}
#define HEED_CHECK(NAME, CASE, ...) \
  check(NAME, [](problem<float>& p, const auto& attend) { CASE(p, attend); } __VA_OPT__(, ) __VA_ARGS__)
}  // namespace

BOOST_AUTO_TEST_CASE(full) { HEED_CHECK("full", full_case); }
BOOST_AUTO_TEST_CASE(window) { HEED_CHECK("window", window_case); }
BOOST_AUTO_TEST_CASE(bias) { HEED_CHECK("bias", bias_case); }
BOOST_AUTO_TEST_CASE(alibi_slopes) { HEED_CHECK("alibi", alibi_case, 1, 10); }
BOOST_AUTO_TEST_CASE(softcapped) { HEED_CHECK("softcap", softcap_case); }
BOOST_AUTO_TEST_CASE(grouped_heads) { HEED_CHECK("grouped heads", grouped_case, 3); }
