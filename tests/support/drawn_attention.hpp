// Attention problems drawn from a seeded generator: sizes around the tiles, strides of every kind, guard pages, values
// of every magnitude, NaN and infinities behind masks; and the variants of a score that they are drawn for, one
// instantiation each. HEED_SEED=n repeats a failure, HEED_DRAWS=n draws more. What is done with a problem is the
// caller's: a variant hands over its score, its operands and, in plain words, what becomes of a scaled product (see
// changed_score) and of what it captures.
#pragma once
#include "against_reference.hpp"
#include "drawn_operand.hpp"
#include "naive_attention.hpp"
#include <array>
#include <cstdlib>
#include <tuple>

namespace heed_tests::drawn_attention {
using namespace heed::internal;
constexpr axis<"b"> b;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"r"> r;
constexpr axis<"z"> z;

template <class T> struct variants {
  static constexpr auto q = input<"q", T>(b, h, n, d);
  static constexpr auto k = input<"k", T>(b, h, m, d);
  static constexpr auto v = input<"v", T>(b, h, m, e);
  static constexpr auto qr = input<"qr", T>(b, h, r, n, d);
  static constexpr auto slope = input<"slope", T>(h);
  static constexpr auto bias = input<"bias", T>(h, n, m);
  static constexpr auto table = input<"table", T>(h, z);
  static constexpr auto gate = input<"gate", T>(b, h, z);
  static constexpr auto by_row = input<"by_row", T>(b, h, n);
  static constexpr auto by_column = input<"by_column", T>(b, h, m);
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
  static constexpr auto lined = mask(s * by_row + by_column, causal(n, m));
  static constexpr auto kept = mask(s, keep);
};

// The queries of a score.
template <class T, const auto& Score> constexpr const auto& queries_of() {
  if constexpr (std::is_same_v<decltype(Score), decltype((variants<T>::grouped))>) return variants<T>::qr;
  else return variants<T>::q;
}

inline unsigned long number_from(const char* name, unsigned long otherwise) {
  const char* s = std::getenv(name);
  return s ? std::strtoul(s, nullptr, 10) : otherwise;
}

// Of a score by something that it holds: its value, and its magnitude without cancellation.
template <class T> struct derivative {
  T value = 1;
  double magnitude = 1;
};

template <class T> struct problem {
  using element = T;
  std::mt19937 random;
  extent_t B, H, R, N, M, D, E;
  bool in_groups, masked = false, dense = false;  // masked: by a condition; dense: every operand is row-major
  double scale;                                   // of queries, and perhaps of keys
  std::unique_ptr<drawn_operand<T>> Q, K, V;

  // `most`: about how many multiply-adds; the oracle is slow.
  problem(const std::string& name, unsigned long number, bool groups, extent_t most = 200000, extent_t width = 0)
      : in_groups(groups) {
    std::seed_seq mixed(name.begin(), name.end());  // every variant draws problems of its own
    unsigned start[1];
    mixed.generate(start, start + 1);
    random.seed(start[0] ^ unsigned(number));
    constexpr int rows = simd::block_rows<T>, group = simd::group;
    static constexpr int sizes[] = {0,        1,    2,        3,  group - 1, group, group + 1, 13,
                                    rows - 1, rows, rows + 1, 31, 61,        97,    193,       300};
    static constexpr int widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 96, 128};
    B = draw(random, 1, 3), H = draw(random, 1, 3), R = in_groups ? pick(random, std::array{1, 3, 6, 8}) : 1;
    if (chance(random, 40)) B = 0;
    N = pick(random, sizes), M = chance(random, 2) ? N : pick(random, sizes);
    D = width ? width : chance(random, 4) ? draw(random, 1, 257) : pick(random, widths);
    E = chance(random, 3) ? D : chance(random, 40) ? 0 : pick(random, widths);
    while (B * H * R * N * M * (D + E + 16) > most) {
      if (B * H > 1) (B > H ? B : H) = 1;
      else if (width == 0 && D + E > 34) D = std::min<extent_t>(D, 17), E = std::min<extent_t>(E, 17);
      else (N > M ? N : M) /= 2;
    }
    scale = pick(random, std::array{1.0, 1.0, 1.0, 4.0, 1e4, 1e-38, 0.05});
    Q = drawn(rows_of(D), scale);
    // Equal products, added one by one, all round alike: no more than one operand is the same along the width, and
    // values differ where scores may all be the same.
    K = drawn({B, H, M, D}, chance(random, 2) ? 1 : scale, layout_kind::no_broadcast_of_last);
    V = drawn({B, H, M, E}, pick(random, std::array{1.0, 1.0, 1e4, 1e-40}),
              scale < 1e-30 || K->broadcast() ? layout_kind::no_broadcast : layout_kind::any);
  }
  // Of these extents, dense; queries and keys are drawn with a spread of `spread`.
  problem(unsigned number, const std::array<extent_t, 7>& extents, double spread)
      : random(number),
        B(extents[0]),
        H(extents[1]),
        R(extents[2]),
        N(extents[3]),
        M(extents[4]),
        D(extents[5]),
        E(extents[6]),
        in_groups(R > 1),
        dense(true),
        scale(spread) {
    Q = drawn(rows_of(D), scale), K = drawn({B, H, M, D}, scale), V = drawn({B, H, M, E}, 1);
  }
  // Of queries, results and cotangents.
  std::vector<extent_t> rows_of(extent_t width) const {
    return in_groups ? std::vector{B, H, R, N, width} : std::vector{B, H, N, width};
  }
  std::unique_ptr<drawn_operand<T>> drawn(std::vector<extent_t> extents, double scale,
                                          layout_kind kind = layout_kind::any) {
    auto o = std::make_unique<drawn_operand<T>>(random, std::move(extents), dense ? layout_kind::dense : kind);
    std::normal_distribution<double> normal(0, scale);
    o->each([&](T& x) { x = T(normal(random)); });
    return o;
  }
  T& query(const drawn_operand<T>& rows, extent_t i, extent_t j, extent_t g, extent_t x, extent_t c) const {
    return in_groups ? rows(i, j, g, x, c) : rows(i, j, x, c);
  }
  // A scaled product, and the sum of magnitudes that it is made of.
  derivative<T> product(extent_t i, extent_t j, extent_t g, extent_t x, extent_t y) const {
    T sum = 0;
    double magnitude = 0;
    for (extent_t c = 0; c < D; ++c) {
      const T one = query(*Q, i, j, g, x, c) * (*K)(i, j, y, c);
      sum += one, magnitude += std::fabs(double(one));
    }
    return {sum / T(std::sqrt(double(D))), magnitude / std::sqrt(double(D))};
  }
  std::string text() const {
    std::string s;
    for (const auto& [name, value] : {std::pair{"b", B}, {"h", H}, {"r", R}, {"n", N}, {"m", M}, {"d", D}, {"e", E}})
      s += std::string(" ") + name + " " + std::to_string(value);
    return s;
  }
};

// An input that a score reads, of which a gradient is wanted: which element a pair (batch, head, query, key) reads, and
// the score's derivative by it at (batch, head, query head of the group, query, key).
template <const auto& Input, class T, class At, class By> struct captured {
  static constexpr const auto& input = Input;
  const drawn_operand<T>& operand;
  At at;
  By by;
};
template <const auto& Input, class T, class At, class By>
captured<Input, T, At, By> capture(const drawn_operand<T>& operand, At at, By by) {
  return {operand, at, by};
}

// A change of the scaled product that adds extra(i, j, x, y) where visible(i, j, x, y): batch, head, query, key.
template <class Visible, class Extra> auto added(Visible visible, Extra extra) {
  return [=]<class X>(X product, const pair_of_positions& at) {
    const extent_t i = extent_t(at.b), j = extent_t(at.g), x = extent_t(at.n), y = extent_t(at.m);
    changed_score<X> r;
    r.visible = visible(i, j, x, y);
    if (!r.visible) return r;
    const X more = X(extra(i, j, x, y));
    r.score = product + more, r.added = std::fabs(double(more));
    return r;
  };
}
template <class Visible> auto visible_where(Visible visible) {
  return added(visible, [](extent_t, extent_t, extent_t, extent_t) { return 0.0; });
}
const auto everything = [](extent_t, extent_t, extent_t, extent_t) { return true; };
const auto past = [](extent_t, extent_t, extent_t x, extent_t y) { return y <= x; };

// NaN and infinities where nobody looks, for a mask is there: keys that no query sees.
template <class T, class Visible> void poison(problem<T>& p, const Visible& visible) {
  p.masked = true;
  if (p.K->broadcast() || p.V->broadcast() || chance(p.random, 3)) return;
  for (extent_t i = 0; i < p.B; ++i)
    for (extent_t j = 0; j < p.H; ++j)
      for (extent_t y = 0; y < p.M; ++y) {
        bool seen = false;
        for (extent_t x = 0; x < p.N && !seen; ++x) seen = visible(i, j, x, y);
        if (seen) continue;
        const T strange[] = {T(NAN), T(INFINITY), T(-INFINITY)};
        for (extent_t c = 0; c < p.D; ++c) (*p.K)(i, j, y, c) = pick(p.random, strange);
        for (extent_t c = 0; c < p.E; ++c) (*p.V)(i, j, y, c) = pick(p.random, strange);
      }
}

// ---- the variants: each draws its operands and calls attend.operator()<score>(change, captured operands, bindings...)
// ----
#define HEED_ATTEND(SCORE) attend.template operator()<variants<T>::SCORE>
constexpr std::tuple<> nothing_captured;

template <class T, class F> void full_case(problem<T>&, const F& attend) {
  HEED_ATTEND(s)(visible_where(everything), nothing_captured);
}
template <class T, class F> void bottom_right_case(problem<T>& p, const F& attend) {
  const std::int64_t offset = pick(p.random, std::array{p.M - p.N, p.M - p.N, extent_t(0), extent_t(3)});
  const auto visible = [=](extent_t, extent_t, extent_t x, extent_t y) { return y <= x + offset; };
  poison(p, visible);
  HEED_ATTEND(bottom_right)(visible_where(visible), nothing_captured, variants<T>::offset = offset);
}
template <class T, class F> void window_case(problem<T>& p, const F& attend) {
  const auto visible = [](extent_t, extent_t, extent_t x, extent_t y) { return x - y <= 5 && y - x <= 2; };
  poison(p, visible);
  HEED_ATTEND(windowed)(visible_where(visible), nothing_captured);
}
template <class T, class F> void bias_case(problem<T>& p, const F& attend) {
  const auto bias = p.drawn({p.H, p.N, p.M}, 2);
  if (chance(p.random, 3))
    bias->each([&](T& x) {
      if (chance(p.random, 3)) x = -INFINITY;
    });  // how others write masks
  const auto of = capture<variants<T>::bias>(
      *bias, [N = p.N, M = p.M](extent_t, extent_t j, extent_t x, extent_t y) { return (j * N + x) * M + y; },
      [](extent_t, extent_t, extent_t, extent_t, extent_t) { return derivative<T>{}; });
  HEED_ATTEND(biased)(
      added([&](extent_t, extent_t j, extent_t x, extent_t y) { return std::isfinite((*bias)(j, x, y)); },
            [&](extent_t, extent_t j, extent_t x, extent_t y) { return (*bias)(j, x, y); }),
      std::tuple(of), variants<T>::bias = bias->bind());
}
template <class T, class F> void document_case(problem<T>& p, const F& attend) {
  const drawn_operand<std::int32_t> doc(p.random, {p.B, std::max(p.N, p.M)});
  std::int32_t number = 0;
  const bool sorted = !chance(p.random, 8);
  doc.each([&](std::int32_t& x) { x = sorted ? number += chance(p.random, 7) : draw(p.random, 0, 2); });
  const auto visible = [&](extent_t i, extent_t, extent_t x, extent_t y) { return y <= x && doc(i, x) == doc(i, y); };
  poison(p, visible);
  HEED_ATTEND(in_document)(visible_where(visible), nothing_captured, variants<T>::doc = doc.bind());
}
template <class T, class F> void alibi_case(problem<T>& p, const F& attend) {
  const auto slope = p.drawn({p.H}, 0.3);
  poison(p, past);
  const auto of = capture<variants<T>::slope>(
      *slope, [](extent_t, extent_t j, extent_t, extent_t) { return j; },
      [](extent_t, extent_t, extent_t, extent_t x, extent_t y) {
        return derivative<T>{T(y - x), double(std::abs(x - y))};
      });
  HEED_ATTEND(sloped)(added(past, [&](extent_t, extent_t j, extent_t x, extent_t y) { return (*slope)(j)*T(y - x); }),
                      std::tuple(of), variants<T>::slope = slope->bind());
}
template <class T, class F> void softcap_case(problem<T>& p, const F& attend) {
  poison(p, past);
  HEED_ATTEND(capped)(
      []<class X>(X product, const pair_of_positions& at) {
        changed_score<X> r;
        r.visible = at.m <= at.n;
        const X bent = std::tanh(product / 2);
        r.score = 2 * bent, r.slope = 1 - bent * bent, r.added = 2;
        return r;
      },
      nothing_captured);
}
template <class T, class F> void table_case(problem<T>& p, const F& attend) {
  const auto table = p.drawn({p.H, 15}, 1);
  HEED_ATTEND(relative)(
      added(everything, [&](extent_t, extent_t j, extent_t x,
                            extent_t y) { return (*table)(j, std::clamp<extent_t>(x - y + 7, 0, 14)); }),
      nothing_captured, variants<T>::table = table->bind());
}
template <class T, class F> void padding_case(problem<T>& p, const F& attend) {
  const drawn_operand<std::int32_t> length(p.random, {p.B});
  length.each([&](std::int32_t& x) { x = draw(p.random, 0, int(p.M)); });
  const auto visible = [&](extent_t i, extent_t, extent_t, extent_t y) { return y < length(i); };
  poison(p, visible);
  HEED_ATTEND(padded)(visible_where(visible), nothing_captured, variants<T>::length = length.bind());
}
template <class T, class F> void forgetting_case(problem<T>& p, const F& attend) {
  const auto gate = p.drawn({p.B, p.H, std::max(p.N, p.M)}, 3);
  poison(p, past);
  HEED_ATTEND(forgetting)(
      [&gate]<class X>(X product, const pair_of_positions& at) {
        changed_score<X> r;
        r.visible = at.m <= at.n;
        const X from = (*gate)(at.b, at.g, at.n), to = (*gate)(at.b, at.g, at.m);
        r.score = product + from - to, r.added = std::fabs(double(from)) + std::fabs(double(to));
        return r;
      },
      nothing_captured, variants<T>::gate = gate->bind());
}
// A factor for every query and a term for every key.
template <class T, class F> void lined_case(problem<T>& p, const F& attend) {
  const auto by_row = p.drawn({p.B, p.H, p.N}, 1), by_column = p.drawn({p.B, p.H, p.M}, 2);
  poison(p, past);
  const auto rows = capture<variants<T>::by_row>(
      *by_row, [H = p.H, N = p.N](extent_t i, extent_t j, extent_t x, extent_t) { return (i * H + j) * N + x; },
      [&](extent_t i, extent_t j, extent_t g, extent_t x, extent_t y) { return p.product(i, j, g, x, y); });
  const auto columns = capture<variants<T>::by_column>(
      *by_column, [H = p.H, M = p.M](extent_t i, extent_t j, extent_t, extent_t y) { return (i * H + j) * M + y; },
      [](extent_t, extent_t, extent_t, extent_t, extent_t) { return derivative<T>{}; });
  HEED_ATTEND(lined)(
      [&]<class X>(X product, const pair_of_positions& at) {
        changed_score<X> r;
        r.visible = at.m <= at.n;
        r.slope = (*by_row)(at.b, at.g, at.n);
        const X more = (*by_column)(at.b, at.g, at.m);
        r.score = product * r.slope + more, r.added = std::fabs(double(more)),
        r.slope_magnitude = std::fabs(double(r.slope));
        return r;
      },
      std::tuple(rows, columns), variants<T>::by_row = by_row->bind(), variants<T>::by_column = by_column->bind());
}
template <class T, class F> void kept_case(problem<T>& p, const F& attend) {
  const drawn_operand<bool> keep(p.random, {p.B, p.N, p.M});
  const int one_in = pick(p.random, std::array{2, 3, 20});
  keep.each([&](bool& x) { x = !chance(p.random, one_in); });
  if (chance(p.random, 3) && !keep.broadcast())  // whole keys that nobody sees
    for (extent_t i = 0; i < p.B; ++i)
      for (extent_t y = p.M / 2; y < p.M; ++y)
        for (extent_t x = 0; x < p.N; ++x) keep(i, x, y) = false;
  const auto visible = [&](extent_t i, extent_t, extent_t x, extent_t y) { return keep(i, x, y); };
  poison(p, visible);
  HEED_ATTEND(kept)(visible_where(visible), nothing_captured, variants<T>::keep = keep.bind());
}
template <class T, class F> void grouped_case(problem<T>& p, const F& attend) {
  poison(p, past);
  HEED_ATTEND(grouped)(visible_where(past), nothing_captured);
}
#undef HEED_ATTEND

// ---- the backward pass of a variant: its graph, and what plain loops make of the same problem ----
template <class T> std::vector<double> elements(const drawn_operand<T>& o) {
  std::vector<double> r;
  o.each([&](const T& x) { r.push_back(double(x)); });
  return r;
}
template <class T> attention_problem as_plain(const problem<T>& p, const drawn_operand<T>& cotangent) {
  attention_problem r;
  r.B = std::size_t(p.B), r.G = std::size_t(p.H), r.R = std::size_t(p.R), r.N = std::size_t(p.N),
  r.M = std::size_t(p.M), r.D = std::size_t(p.D), r.E = std::size_t(p.E);
  r.scale = 1 / std::sqrt(double(p.D));
  r.q = elements(*p.Q), r.k = elements(*p.K), r.v = elements(*p.V), r.cotangent = elements(cotangent);
  return r;
}
// The gradient of a captured operand from those of all pairs: of their values, or of their units.
template <class X, class C, class Of> std::vector<double> folded(const attention_problem& p, const C& c,
                                                                 const std::vector<X>& ds, const Of& of) {
  std::vector<X> r(elements(c.operand).size());
  std::size_t pair = 0;
  each_row(p, [&](const pair_of_positions& at, std::size_t, std::size_t) {
    const extent_t i = extent_t(at.b), j = extent_t(at.g), g = extent_t(at.r), x = extent_t(at.n);
    for (extent_t y = 0; y < extent_t(p.M); ++y, ++pair)
      if (ds[pair] != 0) r[std::size_t(c.at(i, j, x, y))] += ds[pair] * X(of(c.by(i, j, g, x, y)));
  });
  return {r.begin(), r.end()};
}

// Results: the weighted values, the gradients by queries, keys, values and captured operands.
template <class T, const auto& Score, class... Captured> struct attended {
  static constexpr std::size_t count = 4 + sizeof...(Captured);
  static constexpr const auto& queries = queries_of<T, Score>();
  static constexpr auto out = dot<m>(softmax<m>(Score), variants<T>::v);
  static constexpr auto step =
      results(out, gradient<out>(wrt(queries, variants<T>::k, variants<T>::v, Captured::input...)));

  using vectors = std::vector<std::vector<double>>;
  using captures = std::tuple<Captured...>;
  static std::vector<std::vector<extent_t>> shapes(const problem<T>& p, const captures& all) {
    std::vector<std::vector<extent_t>> r = {p.rows_of(p.E), p.rows_of(p.D), {p.B, p.H, p.M, p.D}, {p.B, p.H, p.M, p.E}};
    std::apply([&](const auto&... c) { (r.push_back(c.operand.extents()), ...); }, all);
    return r;
  }
  static std::vector<std::string> names(const captures& all) {
    std::vector<std::string> r = {"result", "gradient of q", "gradient of k", "gradient of v"};
    std::apply(
        [&](const auto&... c) {
          (r.push_back("gradient of " + std::string(make_label(std::remove_cvref_t<decltype(c.input)>::name).text())),
           ...);
        },
        all);
    return r;
  }
  template <class Change> static vectors units(const attention_problem& p, const Change& change, const captures& all) {
    return results_of(p, error_units<T>(p, change), all, [](const auto& by) { return by.magnitude; });
  }
  // By plain loops in X.
  template <class X, class Change> static vectors naive(const attention_problem& p, const Change& change,
                                                        const captures& all) {
    return results_of(p, naive_attention<X>(p, change), all, [](const auto& by) { return by.value; });
  }

 private:
  template <class X, class Of> static vectors results_of(const attention_problem& p, const attention_values<X>& v,
                                                         const captures& all, const Of& of) {
    vectors r;
    for (const auto* x : {&v.o, &v.dq, &v.dk, &v.dv}) r.emplace_back(x->begin(), x->end());
    std::apply([&](const auto&... c) { (r.push_back(folded(p, c, v.ds, of)), ...); }, all);
    return r;
  }
};

}  // namespace heed_tests::drawn_attention
