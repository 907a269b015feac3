// Score regions against the oracle on drawn shapes, strides, alignments and values. One instantiation a variant: everything
// is drawn at run time from a seeded generator (HEED_SEED=n repeats a failure, HEED_DRAWS=n draws more). The error unit is
// that of every attention: eps * (P |V|) * (1 + largest sum of magnitudes in the score), P |V| from the oracle, element by
// element, the score's magnitude row by row.
// options: -O1
#include "against_reference.hpp"
#include "drawn_operand.hpp"
#include <cstdlib>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;  constexpr axis<"h"> h;  constexpr axis<"n"> n;  constexpr axis<"m"> m;  constexpr axis<"d"> d;
constexpr axis<"e"> e;  constexpr axis<"r"> r;  constexpr axis<"z"> z;

// Each variant with what the oracle also gives: the same weights on |v|.
template <class T> struct variants {
  static constexpr auto q = input<"q", T>(b, h, n, d);
  static constexpr auto k = input<"k", T>(b, h, m, d);
  static constexpr auto v = input<"v", T>(b, h, m, e);
  static constexpr auto qr = input<"qr", T>(b, h, r, n, d);
  static constexpr auto slope = input<"slope", T>(h);
  static constexpr auto bias = input<"bias", T>(h, n, m);
  static constexpr auto table = input<"table", T>(h, z);
  static constexpr auto gate = input<"gate", T>(b, h, z);
  static constexpr auto doc = input<"doc", std::int32_t>(b, z);
  static constexpr auto length = input<"length", std::int32_t>(b);
  static constexpr auto keep = input<"keep", bool>(b, n, m);
  static constexpr auto offset = input<"offset", std::int64_t>();
  static constexpr auto s = dot<d>(q, k) / sqrt(size<d>);

  static constexpr auto bottom_right = mask(s, causal(n, m, offset));
  static constexpr auto windowed = mask(s, sliding_window(n, m, 5, 2));
  static constexpr auto in_document = mask(s, causal(n, m) && same_document(doc, n, m));
  static constexpr auto sloped = mask(s + alibi(slope, n, m), causal(n, m));
  static constexpr auto capped = mask(softcap(s, 2), causal(n, m));
  static constexpr auto biased = s + bias;
  static constexpr auto relative = s + table.at(n - m + 7);
  static constexpr auto padded = mask(s, padding(m, length));
  static constexpr auto grouped = mask(dot<d>(qr, k) / sqrt(size<d>), causal(n, m));
  static constexpr auto forgetting = mask(s + gate.at(n) - gate.at(m), causal(n, m));
  static constexpr auto kept = mask(s, keep);
};
template <const auto& Score, const auto& V> struct attended {
  static constexpr auto out = dot<m>(softmax<m>(Score), V);
  static constexpr auto magnitude = dot<m>(softmax<m>(Score), abs(V));
  static constexpr auto lse = logsumexp<m>(Score);
  static constexpr auto top = max<m>(Score);
};

unsigned long number_from(const char* name, unsigned long otherwise) {
  const char* s = std::getenv(name);
  return s ? std::strtoul(s, nullptr, 10) : otherwise;
}
const unsigned long seed = number_from("HEED_SEED", 20240917), draws = number_from("HEED_DRAWS", 240);

template <class T> struct problem {
  std::mt19937 random;
  extent_t B, H, R, N, M, D, E;
  std::unique_ptr<drawn_operand<T>> Q, K, V;

  problem(const std::string& name, unsigned long number, bool in_groups, extent_t width = 0) {
    std::seed_seq mixed(name.begin(), name.end());         // every variant draws problems of its own
    unsigned start[1];
    mixed.generate(start, start + 1);
    random.seed(start[0] ^ unsigned(number));
    constexpr int rows = simd::block_rows<T>, group = simd::group;
    static constexpr int sizes[] = {0, 1, 2, 3, group - 1, group, group + 1, 13, rows - 1, rows, rows + 1, 31, 61, 97};
    static constexpr int widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 96, 128};
    B = draw(random, 1, 3), H = draw(random, 1, 3), R = in_groups ? pick(random, std::array{1, 3, 6, 8}) : 1;
    if (chance(random, 40)) B = 0;
    N = pick(random, sizes), M = chance(random, 2) ? N : pick(random, sizes);
    D = width ? width : chance(random, 4) ? draw(random, 1, 257) : pick(random, widths);
    E = chance(random, 3) ? D : chance(random, 40) ? 0 : pick(random, widths);
    while (B * H * R * N * M * (D + E + 16) > 200000) {    // the oracle is slow
      if (B * H > 1) (B > H ? B : H) = 1;
      else if (width == 0 && D + E > 34) D = std::min<extent_t>(D, 17), E = std::min<extent_t>(E, 17);
      else (N > M ? N : M) /= 2;
    }
    const double scale = pick(random, std::array{1.0, 1.0, 1.0, 4.0, 1e4, 1e-38, 0.05});
    Q = in_groups ? drawn({B, H, R, N, D}, scale) : drawn({B, H, N, D}, scale);
    // Equal products, added one by one, all round alike: no more than one operand is the same along the width.
    K = drawn({B, H, M, D}, chance(random, 2) ? 1 : scale, layout_kind::no_broadcast_of_last);
    V = drawn({B, H, M, E}, pick(random, std::array{1.0, 1.0, 1e4, 1e-40}));
  }
  std::unique_ptr<drawn_operand<T>> drawn(std::vector<extent_t> extents, double scale, layout_kind kind = layout_kind::any) {
    auto o = std::make_unique<drawn_operand<T>>(random, std::move(extents), kind);
    std::normal_distribution<double> normal(0, scale);
    o->each([&](T& x) { x = T(normal(random)); });
    return o;
  }
  std::string text() const {
    std::string s;
    for (const auto& [name, value] : {std::pair{"b", B}, {"h", H}, {"r", R}, {"n", N}, {"m", M}, {"d", D}, {"e", E}}) s += std::string(" ") + name + " " + std::to_string(value);
    return s;
  }
};

// What a variant has shown over all its draws: a test of zeros is none.
struct tally {
  long elements = 0, zeros = 0;
  double worst = 0;
};

// NaN and infinities where nobody looks: keys that no query sees.
template <class T, class Visible> void poison(problem<T>& p, const Visible& visible) {
  if (p.K->broadcast() || p.V->broadcast() || chance(p.random, 3)) return;
  for (extent_t i = 0; i < p.B; ++i) for (extent_t j = 0; j < p.H; ++j) for (extent_t y = 0; y < p.M; ++y) {
    bool seen = false;
    for (extent_t x = 0; x < p.N && !seen; ++x) seen = visible(i, j, x, y);
    if (seen) continue;
    const T strange[] = {T(NAN), T(INFINITY), T(-INFINITY)};
    for (extent_t c = 0; c < p.D; ++c) (*p.K)(i, j, y, c) = pick(p.random, strange);
    for (extent_t c = 0; c < p.E; ++c) (*p.V)(i, j, y, c) = pick(p.random, strange);
  }
}

// visible(b, h, n, m): the mask, in plain words. extra(b, h, n, m): the magnitude of what is added to the scaled product.
template <class A, class T, class Visible, class Extra, class... Bind>
void compare(const std::string& name, tally& t, problem<T>& p, bool in_groups, const Visible& visible, const Extra& extra, Bind&&... bind) {
  const std::vector<extent_t> shape = in_groups ? std::vector{p.B, p.H, p.R, p.N, p.E} : std::vector{p.B, p.H, p.N, p.E};
  const std::vector<extent_t> row_shape(shape.begin(), shape.end() - 1);
  const drawn_operand<T> got(p.random, shape, layout_kind::no_broadcast), lse(p.random, row_shape, layout_kind::no_broadcast), top(p.random, row_shape, layout_kind::no_broadcast);
  tensor<double> want{std::span(shape)}, magnitude{std::span(shape)}, want_lse{std::span(row_shape)}, want_top{std::span(row_shape)};
  omp_set_num_threads(chance(p.random, 4) ? 2 : 1);
  fuse<results(A::out, A::lse, A::top), strict>(bind..., into(got.bind(), lse.bind(), top.bind()));
  reference<results(A::out, A::magnitude, A::lse, A::top)>(bind..., into(want, magnitude, want_lse, want_top));

  const double eps = double(std::numeric_limits<T>::epsilon()), scale = 1 / std::sqrt(double(p.D));
  std::size_t at = 0, row = 0;
  bool seen = false;
  std::string wrong;
  const auto check = [&](const char* what, double value, double expected, double unit) {
    const double difference = value == expected || (std::isnan(value) && std::isnan(expected)) ? 0 : std::fabs(value - expected);
    if (difference > 1e-30 || difference != difference) {
      const double units = difference / (unit + 1e-30 / 16);
      t.worst = std::max(t.worst, units);
      if (!(units <= 16) && wrong.empty())
        wrong = std::string(what) + " number " + std::to_string(at) + ": " + std::to_string(value) + " for " + std::to_string(expected) + ", " + std::to_string(units) + " units";
    }
    if (seen) ++t.elements, t.zeros += expected == 0;      // rows with nothing left are 0 by right
  };
  for (extent_t i = 0; i < p.B; ++i) for (extent_t j = 0; j < p.H; ++j) for (extent_t g = 0; g < p.R; ++g) for (extent_t x = 0; x < p.N; ++x, ++row) {
    double reach = 0;
    seen = false;
    for (extent_t y = 0; y < p.M; ++y) {
      if (!visible(i, j, x, y)) continue;
      seen = true;
      double sum = 0;
      for (extent_t c = 0; c < p.D; ++c) sum += std::fabs(double(in_groups ? (*p.Q)(i, j, g, x, c) : (*p.Q)(i, j, x, c)) * double((*p.K)(i, j, y, c)));
      reach = std::max(reach, sum * scale + extra(i, j, x, y));
    }
    for (extent_t c = 0; c < p.E; ++c, ++at)
      check("element", double(in_groups ? got(i, j, g, x, c) : got(i, j, x, c)), want[at], eps * magnitude[at] * (1 + reach));
    check("log-sum-exp before element", double(in_groups ? lse(i, j, g, x) : lse(i, j, x)), want_lse[row], eps * (1 + reach));
    check("maximum before element", double(in_groups ? top(i, j, g, x) : top(i, j, x)), want_top[row], eps * (1 + reach));
  }
  BOOST_TEST(wrong.empty(), name + " (" + p.text() + "): " + wrong);
  BOOST_TEST((got.gaps_are_untouched() && lse.gaps_are_untouched() && top.gaps_are_untouched()), name + " (" + p.text() + "): wrote beside its results");
}

template <class T, class Case> void fuzz(const char* name, const Case& one, bool in_groups = false) {
  tally t;
  for (unsigned long i = 0; i < draws; ++i) {
    const unsigned long number = seed + i;
    BOOST_TEST_CONTEXT(name << ", HEED_SEED=" << number << " HEED_DRAWS=1") {
      problem<T> p(name, number, in_groups);
      one(name, t, p);
    }
  }
  BOOST_TEST_MESSAGE(name << ": worst " << t.worst << " units over " << t.elements << " elements, " << t.zeros << " of them 0");
  if (draws > 20) BOOST_TEST(t.zeros * 10 < t.elements, std::string(name) + ": expected values are mostly zero");
}
const auto nothing = [](extent_t, extent_t, extent_t, extent_t) { return 0.0; };
const auto everything = [](extent_t, extent_t, extent_t, extent_t) { return true; };
const auto past = [](extent_t, extent_t, extent_t x, extent_t y) { return y <= x; };

template <const auto& Score, class T, class Visible, class Extra, class... Bind>
void attend(const std::string& name, tally& t, problem<T>& p, const Visible& visible, const Extra& extra, Bind&&... bind) {
  using g = variants<T>;
  compare<attended<Score, g::v>>(name, t, p, false, visible, extra, g::q = p.Q->bind(), g::k = p.K->bind(), g::v = p.V->bind(), bind...);
}
template <class T> void bottom_right_case(const std::string& name, tally& t, problem<T>& p) {
  const std::int64_t offset = pick(p.random, std::array{p.M - p.N, p.M - p.N, extent_t(0), extent_t(3)});
  const auto visible = [=](extent_t, extent_t, extent_t x, extent_t y) { return y <= x + offset; };
  poison(p, visible);
  attend<variants<T>::bottom_right>(name, t, p, visible, nothing, variants<T>::offset = offset);
}
template <class T> void window_case(const std::string& name, tally& t, problem<T>& p) {
  const auto visible = [](extent_t, extent_t, extent_t x, extent_t y) { return x - y <= 5 && y - x <= 2; };
  poison(p, visible);
  attend<variants<T>::windowed>(name, t, p, visible, nothing);
}
template <class T> void bias_case(const std::string& name, tally& t, problem<T>& p) {
  const auto bias = p.drawn({p.H, p.N, p.M}, 2);
  if (chance(p.random, 3)) bias->each([&](T& x) { if (chance(p.random, 3)) x = -INFINITY; });   // how others write masks
  attend<variants<T>::biased>(name, t, p, [&](extent_t, extent_t j, extent_t x, extent_t y) { return std::isfinite((*bias)(j, x, y)); },
                              [&](extent_t, extent_t j, extent_t x, extent_t y) { return std::fabs(double((*bias)(j, x, y))); }, variants<T>::bias = bias->bind());
}
using single = variants<float>;
}  // namespace

BOOST_AUTO_TEST_CASE(full) {
  fuzz<float>("full", [](auto name, tally& t, auto& p) { attend<single::s>(name, t, p, everything, nothing); });
}
BOOST_AUTO_TEST_CASE(causal_from_the_end) {
  fuzz<float>("causal", [](auto name, tally& t, auto& p) { bottom_right_case(name, t, p); });
  fuzz<double>("causal, double", [](auto name, tally& t, auto& p) { bottom_right_case(name, t, p); });
}
BOOST_AUTO_TEST_CASE(window) {
  fuzz<float>("window", [](auto name, tally& t, auto& p) { window_case(name, t, p); });
  fuzz<double>("window, double", [](auto name, tally& t, auto& p) { window_case(name, t, p); });
}
BOOST_AUTO_TEST_CASE(bias) {
  fuzz<float>("bias", [](auto name, tally& t, auto& p) { bias_case(name, t, p); });
  fuzz<double>("bias, double", [](auto name, tally& t, auto& p) { bias_case(name, t, p); });
}
BOOST_AUTO_TEST_CASE(documents) {
  fuzz<float>("documents", [](auto name, tally& t, auto& p) {
    const drawn_operand<std::int32_t> doc(p.random, {p.B, std::max(p.N, p.M)});
    std::int32_t number = 0;
    const bool sorted = !chance(p.random, 8);
    doc.each([&](std::int32_t& x) { x = sorted ? number += chance(p.random, 7) : draw(p.random, 0, 2); });
    const auto visible = [&](extent_t i, extent_t, extent_t x, extent_t y) { return y <= x && doc(i, x) == doc(i, y); };
    poison(p, visible);
    attend<single::in_document>(name, t, p, visible, nothing, single::doc = doc.bind());
  });
}
BOOST_AUTO_TEST_CASE(alibi_slopes) {
  fuzz<float>("alibi", [](auto name, tally& t, auto& p) {
    const auto slope = p.drawn({p.H}, 0.3);
    poison(p, past);
    attend<single::sloped>(name, t, p, past, [&](extent_t, extent_t j, extent_t x, extent_t y) { return std::fabs(double((*slope)(j)) * double(x - y)); },
                           single::slope = slope->bind());
  });
}
BOOST_AUTO_TEST_CASE(softcapped) {
  fuzz<float>("softcap", [](auto name, tally& t, auto& p) {
    poison(p, past);
    attend<single::capped>(name, t, p, past, [](extent_t, extent_t, extent_t, extent_t) { return 2.0; });
  });
}
BOOST_AUTO_TEST_CASE(relative_table) {
  fuzz<float>("relative table", [](auto name, tally& t, auto& p) {
    const auto table = p.drawn({p.H, 15}, 1);
    attend<single::relative>(name, t, p, everything, [&](extent_t, extent_t j, extent_t x, extent_t y) { return std::fabs(double((*table)(j, std::clamp<extent_t>(x - y + 7, 0, 14)))); },
                             single::table = table->bind());
  });
}
BOOST_AUTO_TEST_CASE(padding_by_length) {
  fuzz<float>("padding", [](auto name, tally& t, auto& p) {
    const drawn_operand<std::int32_t> length(p.random, {p.B});
    length.each([&](std::int32_t& x) { x = draw(p.random, 0, int(p.M)); });
    const auto visible = [&](extent_t i, extent_t, extent_t, extent_t y) { return y < length(i); };
    poison(p, visible);
    attend<single::padded>(name, t, p, visible, nothing, single::length = length.bind());
  });
}
BOOST_AUTO_TEST_CASE(forgetting_gates) {
  fuzz<float>("forgetting", [](auto name, tally& t, auto& p) {
    const auto gate = p.drawn({p.B, p.H, std::max(p.N, p.M)}, 3);
    poison(p, past);
    attend<single::forgetting>(name, t, p, past, [&](extent_t i, extent_t j, extent_t x, extent_t y) { return std::fabs(double((*gate)(i, j, x))) + std::fabs(double((*gate)(i, j, y))); },
                               single::gate = gate->bind());
  });
}
BOOST_AUTO_TEST_CASE(boolean_mask) {
  fuzz<float>("boolean mask", [](auto name, tally& t, auto& p) {
    const drawn_operand<bool> keep(p.random, {p.B, p.N, p.M});
    const int one_in = pick(p.random, std::array{2, 3, 20});
    keep.each([&](bool& x) { x = !chance(p.random, one_in); });
    if (chance(p.random, 3) && !keep.broadcast())          // whole keys that nobody sees
      for (extent_t i = 0; i < p.B; ++i) for (extent_t y = p.M / 2; y < p.M; ++y) for (extent_t x = 0; x < p.N; ++x) keep(i, x, y) = false;
    const auto visible = [&](extent_t i, extent_t, extent_t x, extent_t y) { return keep(i, x, y); };
    poison(p, visible);
    attend<single::kept>(name, t, p, visible, nothing, single::keep = keep.bind());
  });
}
BOOST_AUTO_TEST_CASE(grouped_heads) {
  fuzz<float>("grouped heads", [](auto name, tally& t, auto& p) {
    poison(p, past);
    compare<attended<single::grouped, single::v>>(name, t, p, true, past, nothing, single::qr = p.Q->bind(), single::k = p.K->bind(), single::v = p.V->bind());
  }, true);
}
// Every head width on the same instantiation, values of another width than keys.
template <class T> void every_width() {
  tally t;
  for (extent_t width = 1; width <= 257; ++width) {
    problem<T> p("widths", seed + static_cast<unsigned long>(width), false, width);
    bottom_right_case("width " + std::to_string(width), t, p);
  }
  BOOST_TEST(t.zeros * 10 < t.elements);
}
BOOST_AUTO_TEST_CASE(head_widths_1_to_257) {
  every_width<float>();
  every_width<double>();
}
