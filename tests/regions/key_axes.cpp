// Attention over several key axes, forward and backward, against plain loops in double: masks over both axes, over one,
// captured over all four, groups of heads, batches, keys of other memory orders, odd extents, ones and nothing; every
// graph strict. What lies behind a mask is NaN.
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
#include <functional>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"h"> h;
constexpr axis<"r"> r;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"yk"> yk;
constexpr axis<"xk"> xk;
constexpr axis<"z"> z;
constexpr auto q = input<"q">(b, h, r, y, x, d);
constexpr auto k = input<"k">(b, h, yk, xk, d);
constexpr auto v = input<"v">(b, h, yk, xk, e);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto seen = input<"seen", bool>(y, x, yk, xk);
constexpr auto table = input<"table">(h, z);
constexpr auto s = dot<d>(q, k) * 0.5;
template <class S> constexpr auto weighed(const S& score) { return dot<yk, xk>(softmax<yk, xk>(score), v); }
constexpr auto nearby_score = mask(s, abs(y - yk) <= 2 && abs(x - xk) <= 2);
constexpr auto nearby = weighed(nearby_score);
constexpr auto nearby_lse = logsumexp<yk, xk>(nearby_score);
constexpr auto nearby_top = max<yk, xk>(nearby_score);
constexpr auto padded = weighed(mask(s, yk < length));
constexpr auto captured = weighed(mask(s, seen&& xk <= x + 1));
constexpr auto relative = weighed(s + table.at((y - yk + 3) * 7 + (x - xk + 3)));
constexpr auto back_nearby = gradient<nearby>(wrt(q, k, v));
constexpr auto back_padded = gradient<padded>(wrt(q, k, v));
constexpr auto back_captured = gradient<captured>(wrt(q, k, v));
constexpr auto back_relative = gradient<relative>(wrt(q, k, v, table));
constexpr auto step = differentiable<nearby, strict>(wrt(q, k, v));

struct extents {
  extent_t b, h, r, y, x, yk, xk, d, e;
};
constexpr extents all_extents[] = {
    {2, 2, 2, 5, 7, 5, 7, 8, 5},    {1, 1, 1, 1, 1, 1, 1, 1, 1}, {2, 1, 3, 6, 5, 3, 11, 16, 8},
    {1, 2, 1, 9, 11, 9, 11, 7, 17}, {2, 1, 1, 3, 2, 0, 4, 4, 4}, {1, 1, 2, 2, 3, 3, 0, 4, 4},
    {0, 1, 1, 2, 2, 2, 2, 4, 4},    {1, 1, 1, 0, 3, 2, 2, 4, 4}, {1, 1, 1, 1, 40, 1, 70, 8, 8}};

struct problem {
  extents n;
  tensor<float> Q, K, V, dO, T;
  tensor<std::int32_t> L;
  tensor<bool> S;
  explicit problem(const extents& x)
      : n(x),
        Q(filled<float>(1, 1, {x.b, x.h, x.r, x.y, x.x, x.d})),
        K(filled<float>(2, 1, {x.b, x.h, x.yk, x.xk, x.d})),
        V(filled<float>(3, 1, {x.b, x.h, x.yk, x.xk, x.e})),
        dO(filled<float>(4, 1, {x.b, x.h, x.r, x.y, x.x, x.e})),
        T(filled<float>(5, 1, {x.h, 49})),
        L(x.b),
        S(x.y, x.x, x.yk, x.xk) {
    for (std::size_t i = 0; i < L.size(); ++i) L[i] = std::int32_t((x.yk + 1) / 2 + extent_t(i));
    std::mt19937 random(6);
    for (bool& one : S) one = random() % 3 != 0;
  }
};
// What the graphs say, in plain loops: sees(b, y, x, yk, xk), more(h, y, x, yk, xk) is added to a score and has the
// entry `of` of T.
struct plain {
  tensor<double> O, lse, top, dQ, dK, dV, dT;
  template <class Sees> plain(const problem& p, const Sees& sees,
                              const std::function<int(extent_t, extent_t, extent_t, extent_t)>& entry = {})
      : O(p.n.b, p.n.h, p.n.r, p.n.y, p.n.x, p.n.e),
        lse(p.n.b, p.n.h, p.n.r, p.n.y, p.n.x),
        top(p.n.b, p.n.h, p.n.r, p.n.y, p.n.x),
        dQ(p.n.b, p.n.h, p.n.r, p.n.y, p.n.x, p.n.d),
        dK(p.n.b, p.n.h, p.n.yk, p.n.xk, p.n.d),
        dV(p.n.b, p.n.h, p.n.yk, p.n.xk, p.n.e),
        dT(p.n.h, 49) {
    const extents& n = p.n;
    std::vector<double> weight(std::size_t(n.yk * n.xk)), reached(weight.size());
    for (extent_t B = 0; B < n.b; ++B)
      for (extent_t H = 0; H < n.h; ++H)
        for (extent_t R = 0; R < n.r; ++R)
          for (extent_t Y = 0; Y < n.y; ++Y)
            for (extent_t X = 0; X < n.x; ++X) {
              const auto each_key = [&](const auto& f) {
                for (extent_t Yk = 0; Yk < n.yk; ++Yk)
                  for (extent_t Xk = 0; Xk < n.xk; ++Xk)
                    if (sees(B, Y, X, Yk, Xk)) f(Yk, Xk, std::size_t(Yk * n.xk + Xk));
              };
              double largest = -INFINITY, total = 0, delta = 0;
              each_key([&](extent_t Yk, extent_t Xk, std::size_t i) {
                weight[i] = entry ? double(p.T(H, entry(Y, X, Yk, Xk))) : 0;
                for (extent_t c = 0; c < n.d; ++c)
                  weight[i] += 0.5 * double(p.Q(B, H, R, Y, X, c)) * double(p.K(B, H, Yk, Xk, c));
                largest = std::max(largest, weight[i]);
              });
              each_key([&](extent_t, extent_t, std::size_t i) { total += weight[i] = std::exp(weight[i] - largest); });
              top(B, H, R, Y, X) = largest, lse(B, H, R, Y, X) = total > 0 ? largest + std::log(total) : -INFINITY;
              each_key([&](extent_t Yk, extent_t Xk, std::size_t i) {
                weight[i] /= total, reached[i] = 0;
                for (extent_t c = 0; c < n.e; ++c) {
                  const double cotangent = double(p.dO(B, H, R, Y, X, c));
                  O(B, H, R, Y, X, c) += weight[i] * double(p.V(B, H, Yk, Xk, c));
                  dV(B, H, Yk, Xk, c) += weight[i] * cotangent, reached[i] += cotangent * double(p.V(B, H, Yk, Xk, c));
                }
                delta += weight[i] * reached[i];
              });
              each_key([&](extent_t Yk, extent_t Xk, std::size_t i) {
                const double dS = weight[i] * (reached[i] - delta);
                if (entry) dT(H, entry(Y, X, Yk, Xk)) += dS;
                for (extent_t c = 0; c < n.d; ++c) {
                  dQ(B, H, R, Y, X, c) += 0.5 * dS * double(p.K(B, H, Yk, Xk, c));
                  dK(B, H, Yk, Xk, c) += 0.5 * dS * double(p.Q(B, H, R, Y, X, c));
                }
              });
            }
  }
};
struct got {
  tensor<float> O, lse, top, dQ, dK, dV, dT;
  explicit got(const extents& n)
      : O(n.b, n.h, n.r, n.y, n.x, n.e),
        lse(n.b, n.h, n.r, n.y, n.x),
        top(n.b, n.h, n.r, n.y, n.x),
        dQ(n.b, n.h, n.r, n.y, n.x, n.d),
        dK(n.b, n.h, n.yk, n.xk, n.d),
        dV(n.b, n.h, n.yk, n.xk, n.e),
        dT(n.h, 49) {}
};
// In units of float, of the largest that there is.
template <class T> void near(const char* what, const tensor<T>& a, const tensor<double>& want, double units = 64) {
  const double unit = std::max(1.0, largest(want)) * std::numeric_limits<float>::epsilon();
  BOOST_TEST(worst_units(a, want, unit) <= units, what << ": " << worst_units(a, want, unit) << " units");
}
void same(const got& g, const plain& want) {
  near("out", g.O, want.O), near("dQ", g.dQ, want.dQ), near("dK", g.dK, want.dK), near("dV", g.dV, want.dV);
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_mask_over_both_axes) {
  for (const extents& n : all_extents) {
    problem p(n);
    const auto sees = [](extent_t, extent_t Y, extent_t X, extent_t Yk, extent_t Xk) {
      return std::abs(Y - Yk) <= 2 && std::abs(X - Xk) <= 2;
    };
    const plain want(p, sees);
    got g(n);
    for (extent_t B = 0; B < n.b; ++B)  // keys that nobody sees
      for (extent_t Yk = n.y + 2; Yk < n.yk; ++Yk)
        for (extent_t Xk = 0; Xk < n.xk; ++Xk) p.K(B, 0, Yk, Xk, 0) = p.V(B, 0, Yk, Xk, 0) = NAN;
    fuse<results(nearby, nearby_lse, nearby_top), strict>(q = p.Q, k = p.K, v = p.V, into(g.O, g.lse, g.top));
    fuse<back_nearby, strict>(q = p.Q, k = p.K, v = p.V, cotangent<nearby> = p.dO, into(g.dQ, g.dK, g.dV));
    same(g, want), near("lse", g.lse, want.lse), near("top", g.top, want.top);
    got twice(n);
    auto saved = step.saved();
    step.forward(saved, q = p.Q, k = p.K, v = p.V, into(twice.O));
    step.backward(saved, q = p.Q, k = p.K, v = p.V, cotangent<nearby> = p.dO, into(twice.dQ, twice.dK, twice.dV));
    same(twice, want);
    BOOST_TEST(saved.bytes() == std::size_t(n.b * n.h * n.r * n.y * n.x * (n.e + 1)) * sizeof(float));
  }
}
BOOST_AUTO_TEST_CASE(padding_over_one_axis) {
  for (const extents& n : all_extents) {
    problem p(n);
    const plain want(p, [&](extent_t B, extent_t, extent_t, extent_t Yk, extent_t) { return Yk < p.L(B); });
    got g(n);
    for (extent_t B = 0; B < n.b; ++B)
      for (extent_t Yk = p.L(B); Yk < n.yk; ++Yk)
        for (extent_t Xk = 0; Xk < n.xk; ++Xk) p.K(B, 0, Yk, Xk, 0) = p.V(B, 0, Yk, Xk, 0) = NAN;
    fuse<padded, strict>(q = p.Q, k = p.K, v = p.V, length = p.L, into(g.O));
    fuse<back_padded, strict>(q = p.Q, k = p.K, v = p.V, length = p.L, cotangent<padded> = p.dO,
                              into(g.dQ, g.dK, g.dV));
    same(g, want);
  }
}
BOOST_AUTO_TEST_CASE(a_captured_mask_over_rows_and_keys) {
  for (const extents& n : all_extents) {
    const problem p(n);
    const plain want(p, [&](extent_t, extent_t Y, extent_t X, extent_t Yk, extent_t Xk) {
      return p.S(Y, X, Yk, Xk) && Xk <= X + 1;
    });
    got g(n);
    fuse<captured, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, into(g.O));
    fuse<back_captured, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, cotangent<captured> = p.dO,
                                into(g.dQ, g.dK, g.dV));
    same(g, want);
  }
}
// A table of both distances, as in a window of Swin, and its gradient.
BOOST_AUTO_TEST_CASE(a_table_of_distances) {
  for (const extents& n : all_extents) {
    const problem p(n);
    const plain want(
        p, [](auto...) { return true; },
        [](extent_t Y, extent_t X, extent_t Yk, extent_t Xk) {
          return int(std::clamp<extent_t>((Y - Yk + 3) * 7 + X - Xk + 3, 0, 48));
        });
    got g(n);
    fuse<relative, strict>(q = p.Q, k = p.K, v = p.V, table = p.T, into(g.O));
    fuse<back_relative, strict>(q = p.Q, k = p.K, v = p.V, table = p.T, cotangent<relative> = p.dO,
                                into(g.dQ, g.dK, g.dV, g.dT));
    same(g, want), near("dT", g.dT, want.dT);
  }
}
// Operands of any strides: keys stored column by column, values backwards.
BOOST_AUTO_TEST_CASE(strides) {
  const extents n{1, 2, 1, 4, 5, 4, 5, 8, 8};
  const problem p(n);
  const plain want(p, [](extent_t, extent_t Y, extent_t X, extent_t Yk, extent_t Xk) {
    return std::abs(Y - Yk) <= 2 && std::abs(X - Xk) <= 2;
  });
  got g(n);
  tensor<float> columns(n.b, n.h, n.xk, n.yk, n.d), backwards(n.b, n.h, n.yk, n.xk, n.e), dK(n.b, n.h, n.xk, n.yk, n.d);
  for (extent_t H = 0; H < n.h; ++H)
    for (extent_t Yk = 0; Yk < n.yk; ++Yk)
      for (extent_t Xk = 0; Xk < n.xk; ++Xk)
        for (extent_t c = 0; c < n.d; ++c)
          columns(0, H, Xk, Yk, c) = p.K(0, H, Yk, Xk, c),
                                backwards(0, H, n.yk - 1 - Yk, n.xk - 1 - Xk, c) = p.V(0, H, Yk, Xk, c);
  const auto of_columns = [&](tensor<float>& of) {
    return view(of.data(), {n.b, n.h, n.yk, n.xk, n.d},
                {n.h * n.yk * n.xk * n.d, n.yk * n.xk * n.d, n.d, n.yk * n.d, 1});
  };
  const view reversed(backwards.data() + (n.yk * n.xk - 1) * n.e, {n.b, n.h, n.yk, n.xk, n.e},
                      {n.h * n.yk * n.xk * n.e, n.yk * n.xk * n.e, -n.xk * n.e, -n.e, 1});
  fuse<nearby, strict>(q = p.Q, k = of_columns(columns), v = reversed, into(g.O));
  fuse<back_nearby, strict>(q = p.Q, k = of_columns(columns), v = reversed, cotangent<nearby> = p.dO,
                            into(g.dQ, of_columns(dK), g.dV));
  for (extent_t H = 0; H < n.h; ++H)
    for (extent_t Yk = 0; Yk < n.yk; ++Yk)
      for (extent_t Xk = 0; Xk < n.xk; ++Xk)
        for (extent_t c = 0; c < n.d; ++c) g.dK(0, H, Yk, Xk, c) = dK(0, H, Xk, Yk, c);
  same(g, want);
}

// exp(s - logsumexp(s)) is the softmax of s, and absent where s is; as a factor it leaves out what is.
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr auto plain_score = input<"plain_score">(n, m);
constexpr auto some = mask(plain_score, m < n);
constexpr auto some_weights = exp(some - logsumexp<m>(some));
constexpr auto some_weighed = dot<m>(exp(some - logsumexp<m>(some)), input<"w">(m));
BOOST_AUTO_TEST_CASE(weights_written_by_hand) {
  const float inf = INFINITY, S[3][3] = {{1, 2, 3}, {-inf, 5, NAN}, {0, 0, NAN}}, W[3] = {3, 5, 7};
  float weights[3][3], weighed[3];
  fuse<results(some_weights, some_weighed)>(plain_score = S, input<"w">(m) = W, into(weights, weighed));
  tensor<double> oracle(3, 3), sums(3);
  reference<results(some_weights, some_weighed)>(plain_score = S, input<"w">(m) = W, into(oracle, sums));
  const float want[3][3] = {{-inf, -inf, -inf}, {0, -inf, -inf}, {0.5f, 0.5f, -inf}}, sum[3] = {0, 0, 4};
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(std::abs(weighed[i] - sum[i]) < 1e-6f);
    BOOST_TEST(sums[std::size_t(i)] == double(sum[i]));
    for (int j = 0; j < 3; ++j)
      BOOST_TEST((weights[i][j] == want[i][j] && oracle(i, j) == double(want[i][j])),
                 i << ", " << j << ": " << weights[i][j]);
  }
}

// The memory of a call grows with the positions.
BOOST_AUTO_TEST_CASE(memory) {
  omp_set_num_threads(2);
  const auto bytes = [](extent_t side) {
    const problem p({1, 1, 1, side, side, side, side, 16, 16});
    got g(p.n);
    workspace memory;
    fuse<nearby, strict>(q = p.Q, k = p.K, v = p.V, into(g.O), memory);
    fuse<back_nearby, strict>(q = p.Q, k = p.K, v = p.V, cotangent<nearby> = p.dO, into(g.dQ, g.dK, g.dV), memory);
    return memory.bytes();
  };
  const std::size_t little = bytes(24);
  BOOST_TEST(bytes(48) <= 4 * little);
  // What lies row by row in the caller's memory is read there, a mask over pairs of positions above all.
  const problem p({1, 1, 1, 24, 24, 24, 24, 16, 16});
  got g(p.n);
  workspace memory;
  fuse<captured, strict>(q = p.Q, k = p.K, v = p.V, seen = p.S, into(g.O), memory);
  BOOST_TEST(memory.bytes() < p.S.size() / 2);
}
