// Matmul and row regions against the oracle on drawn shapes, strides and alignments, from a seeded generator
// (HEED_SEED, HEED_DRAWS). The error unit is eps times the same expression of magnitudes, element by element.
// options: -O1
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// labels: widths
#include "sanitized.hpp"
#include "against_reference.hpp"
#include "drawn_operand.hpp"
#include <cstdlib>
#include <omp.h>
using namespace heed::internal;
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr axis<"h"> h;
constexpr axis<"d"> d;
constexpr axis<"w"> w;
template <class T> struct graphs {
  static constexpr auto x = input<"x", T>(b, n, c);
  static constexpr auto weight = input<"weight", T>(o, c);
  static constexpr auto bias = input<"bias", T>(o);
  static constexpr auto residual = input<"residual", T>(b, n, o);
  static constexpr auto heads = input<"heads", T>(b, h, n, d);
  static constexpr auto back = input<"back", T>(o, h, d);
  static constexpr auto scale = input<"scale", T>(c);
  static constexpr auto words = input<"words", T>(w, c);
  static constexpr auto ids = input<"ids", std::int32_t>(b, n);
  static constexpr auto length = input<"length", std::int32_t>(b);
  static constexpr auto projected = residual + dot<c>(x, weight) + bias,
                        projected_unit = abs(residual) + dot<c>(abs(x), abs(weight)) + abs(bias);
  static constexpr auto over_heads = dot<h, d>(heads, back), over_heads_unit = dot<h, d>(abs(heads), abs(back));
  static constexpr auto normed = rms_norm<c>(x, scale), normed_unit = abs(rms_norm<c>(x, scale));
  static constexpr auto shares = softmax<c>(x), shares_unit = softmax<c>(x) * (1 + max<c>(abs(x)));
  static constexpr auto across = softmax<n>(x), across_unit = softmax<n>(x) * (1 + max<n>(abs(x)));
  static constexpr auto pooled = mean<n>(mask(x, n < length)), pooled_unit = mean<n>(mask(abs(x), n < length));
  static constexpr auto spread = logsumexp<c>(x), spread_unit = 1 + max<c>(abs(x));
  static constexpr auto embedded = gather<w>(words, ids) * scale, embedded_unit = abs(gather<w>(words, ids) * scale);
  static constexpr auto merged = merge<h, d, o>(heads * 2), merged_unit = 0 * abs(merge<h, d, o>(heads));  // exact
};

unsigned long number_from(const char* name, unsigned long otherwise) {
  const char* s = std::getenv(name);
  return s ? std::strtoul(s, nullptr, 10) : otherwise;
}
const unsigned long seed = number_from("HEED_SEED", 7), draws = number_from("HEED_DRAWS", sanitized ? 40 : 150);

template <class T> struct problem {
  std::mt19937 random;
  extent_t B, N, C, O, H, D;
  problem(const std::string& name, unsigned long number) {
    std::seed_seq mixed(name.begin(), name.end());
    unsigned start[1];
    mixed.generate(start, start + 1);
    random.seed(start[0] ^ unsigned(number));
    constexpr int panel = simd::block_rows<T>, lanes = simd::native_lanes<T>;
    static constexpr int sizes[] = {0,     1,         2, 3,  lanes - 1, lanes, lanes + 1, panel - 1,
                                    panel, panel + 1, 7, 13, 61,        95,    96,        97};
    B = draw(random, 1, 3), N = pick(random, sizes), C = chance(random, 4) ? draw(random, 1, 300) : pick(random, sizes),
    O = pick(random, sizes), H = draw(random, 1, 4), D = pick(random, sizes);
    if (chance(random, 30)) B = 0;
    while (B * N * (C + 1) * (O + 1) > 200000) (N > O ? N : O) /= 2;
    while (B * N * (H * D + 1) * (O + 1) > 200000) D /= 2;
  }
  drawn_operand<T> drawn(std::vector<extent_t> extents, layout_kind kind = layout_kind::any) {
    drawn_operand<T> x(random, std::move(extents), kind);
    std::normal_distribution<double> normal(0, pick(random, std::array{1.0, 1.0, 100.0, 1e-3}));
    x.each([&](T& y) { y = T(normal(random)); });
    return x;
  }
};
struct tally {
  long elements = 0, zeros = 0;
  double worst = 0;
};

template <const auto& Out, const auto& Unit, class T, class... Bind>
void compare(tally& t, problem<T>& p, std::vector<extent_t> shape, Bind&&... bind) {
  const drawn_operand<T> got(p.random, shape, layout_kind::no_broadcast);
  tensor<double> want{std::span(shape)}, unit{std::span(shape)};
  omp_set_num_threads(chance(p.random, 4) ? 2 : 1);
  fuse<Out, strict>(bind..., into(got.bind()));
  reference<results(Out, Unit)>(bind..., into(want, unit));
  std::size_t i = 0;
  std::string wrong;
  got.each([&](T& x) {
    const double difference = double(x) == want[i] ? 0 : std::fabs(double(x) - want[i]),
                 units = difference / (unit[i] * double(std::numeric_limits<T>::epsilon()) + 1e-31);
    if (!(units <= 16) && wrong.empty())
      wrong = std::to_string(double(x)) + " for " + std::to_string(want[i]) + " at " + std::to_string(i) + ", " +
              std::to_string(units) + " units";
    if (units > t.worst) t.worst = units;
    ++t.elements, t.zeros += want[i++] == 0;
  });
  std::string sizes;
  for (const extent_t e : {p.B, p.N, p.C, p.O, p.H, p.D}) sizes += " " + std::to_string(e);
  BOOST_TEST(wrong.empty(), "b n c o h d" + sizes + ": " + wrong);
  BOOST_TEST(got.gaps_are_untouched(), "b n c o h d" + sizes + ": wrote beside its results");
}
template <class T, class Case> void fuzz(const char* name, const Case& one) {
  tally t;
  for (unsigned long number = seed; number < seed + draws; ++number)
    BOOST_TEST_CONTEXT(name << ", HEED_SEED=" << number << " HEED_DRAWS=1") {
      problem<T> p(name, number);
      one(t, p);
    }
  BOOST_TEST_MESSAGE(name << ": worst " << t.worst << " units over " << t.elements << " elements, " << t.zeros
                          << " of them 0");
  if (draws > 20) BOOST_TEST(t.zeros * 2 < t.elements, std::string(name) + ": expected values are mostly zero");
}
template <class T> void projections(const char* name) {
  using g = graphs<T>;
  fuzz<T>(name, [](tally& t, problem<T>& p) {
    const auto X = p.drawn({p.B, p.N, p.C}), W = p.drawn({p.O, p.C}, layout_kind::no_broadcast_of_last),
               A = p.drawn({p.O}), R = p.drawn({p.B, p.N, p.O});
    compare<g::projected, g::projected_unit>(t, p, {p.B, p.N, p.O}, g::x = X.bind(), g::weight = W.bind(),
                                             g::bias = A.bind(), g::residual = R.bind());
  });
}
using g = graphs<float>;
}  // namespace

BOOST_AUTO_TEST_CASE(projection_with_bias_and_residual) {
  projections<float>("projection");
  projections<double>("projection, double");
}
BOOST_AUTO_TEST_CASE(contraction_over_heads_and_width) {
  fuzz<float>("over heads", [](tally& t, problem<float>& p) {
    const auto X = p.drawn({p.B, p.H, p.N, p.D}), W = p.drawn({p.O, p.H, p.D}, layout_kind::no_broadcast);
    compare<g::over_heads, g::over_heads_unit>(t, p, {p.B, p.N, p.O}, g::heads = X.bind(), g::back = W.bind());
  });
}
BOOST_AUTO_TEST_CASE(norms_and_softmax) {
  fuzz<float>("rows", [](tally& t, problem<float>& p) {
    const auto X = p.drawn({p.B, p.N, p.C}), S = p.drawn({p.C});
    compare<g::normed, g::normed_unit>(t, p, {p.B, p.N, p.C}, g::x = X.bind(), g::scale = S.bind());
    compare<g::shares, g::shares_unit>(t, p, {p.B, p.N, p.C}, g::x = X.bind());
    compare<g::across, g::across_unit>(t, p, {p.B, p.N, p.C}, g::x = X.bind());
    compare<g::spread, g::spread_unit>(t, p, {p.B, p.N}, g::x = X.bind());
  });
}
BOOST_AUTO_TEST_CASE(pooling_without_padding) {
  fuzz<float>("pooled", [](tally& t, problem<float>& p) {
    const auto X = p.drawn({p.B, p.N, p.C}, layout_kind::no_broadcast);
    const drawn_operand<std::int32_t> L(p.random, {p.B});
    L.each([&](std::int32_t& x) { x = draw(p.random, 0, int(p.N)); });
    for (extent_t i = 0; i < p.B; ++i)
      for (extent_t y = L(i); y < p.N; ++y)
        for (extent_t a = 0; a < p.C; ++a) X(i, y, a) = y % 2 ? NAN : INFINITY;
    compare<g::pooled, g::pooled_unit>(t, p, {p.B, p.C}, g::x = X.bind(), g::length = L.bind());
  });
}
BOOST_AUTO_TEST_CASE(tables_and_merged_heads) {
  fuzz<float>("moved", [](tally& t, problem<float>& p) {
    const auto W = p.drawn({9, p.C}), S = p.drawn({p.C}), X = p.drawn({p.B, p.H, p.N, p.D});
    const drawn_operand<std::int32_t> I(p.random, {p.B, p.N});
    I.each([&](std::int32_t& x) { x = draw(p.random, 0, 8); });
    compare<g::embedded, g::embedded_unit>(t, p, {p.B, p.N, p.C}, g::words = W.bind(), g::ids = I.bind(),
                                           g::scale = S.bind());
    compare<g::merged, g::merged_unit>(t, p, {p.B, p.N, p.H * p.D}, g::heads = X.bind());
  });
}
