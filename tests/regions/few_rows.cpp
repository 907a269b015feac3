// Attention of few rows, whose contractions have depth and width in the lanes, against its formula in double: any
// widths, keys that are no whole groups, rows behind full blocks, masks, biases, strides; NaN behind a mask stays
// there; the bits do not depend on threads or neighbours; comparisons of scores hold to the last bit.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto bias = input<"bias">(n, m);
constexpr auto last = input<"last", std::int32_t>(n);
constexpr auto score = scaled_dot<d>(q, k);
constexpr auto seen = m <= last && m % 7 != 3;
constexpr auto plain = dot<m>(softmax<m>(score), v);
constexpr auto masked = dot<m>(softmax<m>(mask(score + bias, seen)), v);
constexpr auto masked_lse = logsumexp<m>(mask(score + bias, seen));

struct problem {
  extent_t H, N, M, D, E;
  tensor<float> Q, K, V, B;
  tensor<std::int32_t> L;
  problem(extent_t heads, extent_t rows, extent_t keys, extent_t depth, extent_t width)
      : H(heads),
        N(rows),
        M(keys),
        D(depth),
        E(width),
        Q(filled<float>(1, 1, {H, N, D})),
        K(filled<float>(2, 1, {H, M, D})),
        V(filled<float>(3, 1, {H, M, E})),
        B(filled<float>(4, 1, {N, M})),
        L(N) {
    for (extent_t r = 0; r < N; ++r) L(r) = std::int32_t(r == 1 ? -1 : M - 1 - r * 5 % M);  // row 1 sees nothing
  }
  bool is_seen(extent_t r, extent_t c) const { return c <= L(r) && c % 7 != 3; }
  // Values and log-sum-exp by the formula.
  void formula(bool with_mask, tensor<double>& o, tensor<double>& lse) const {
    for (extent_t i = 0; i < H; ++i)
      for (extent_t r = 0; r < N; ++r) {
        std::vector<double> s(std::size_t(M), -std::numeric_limits<double>::infinity());
        double top = s[0], all = 0;
        for (extent_t c = 0; c < M; ++c) {
          if (with_mask && !is_seen(r, c)) continue;
          double x = 0;
          for (extent_t t = 0; t < D; ++t) x += double(Q(i, r, t)) * double(K(i, c, t));
          s[std::size_t(c)] = x / std::sqrt(double(D)) + (with_mask ? double(B(r, c)) : 0);
          top = std::max(top, s[std::size_t(c)]);
        }
        for (extent_t c = 0; c < M; ++c) all += std::isfinite(top) ? std::exp(s[std::size_t(c)] - top) : 0;
        lse(i, r) = top + std::log(all);
        for (extent_t x = 0; x < E; ++x) {
          double sum = 0;
          for (extent_t c = 0; c < M; ++c)
            if (all > 0 && s[std::size_t(c)] > -std::numeric_limits<double>::infinity())
              sum += std::exp(s[std::size_t(c)] - top) / all * double(V(i, c, x));
          o(i, r, x) = sum;
        }
      }
  }
};
constexpr extent_t block = internal::simd::block_rows<float>;
}  // namespace

BOOST_AUTO_TEST_CASE(values_and_log_sum_exp_are_those_of_the_formula) {
  for (const auto& [N, M, D, E] : std::initializer_list<std::array<extent_t, 4>>{{1, 1, 1, 1},
                                                                                 {1, 9, 64, 64},
                                                                                 {1, 391, 20, 33},
                                                                                 {2, 200, 7, 5},
                                                                                 {3, 64, 33, 20},
                                                                                 {4, 193, 16, 16},
                                                                                 {4, 391, 150, 140},
                                                                                 {5, 40, 16, 20},
                                                                                 {block + 1, 30, 19, 9},
                                                                                 {block + 4, 17, 32, 32}}) {
    const problem p(2, N, M, D, E);
    tensor<float> O(2, N, E), L(2, N);
    tensor<double> o(2, N, E), l(2, N);
    p.formula(false, o, l);
    fuse<plain, strict>(q = p.Q, k = p.K, v = p.V, into(O));
    BOOST_TEST_CONTEXT(N << " x " << M << ", " << D << ", " << E) {
      BOOST_TEST(worst_units(O, o, largest(o) * 0x1p-23) < 16);
      p.formula(true, o, l);
      fuse<results(masked, masked_lse), strict>(q = p.Q, k = p.K, v = p.V, bias = p.B, last = p.L, into(O, L));
      BOOST_TEST(worst_units(O, o, std::max(largest(o), 1.) * 0x1p-23) < 16);
      BOOST_TEST(worst_units(L, l, std::max(largest(l), 1.) * 0x1p-23) < 16);
      if (N > 1) BOOST_TEST((O(0, 1, 0) == 0 && L(0, 1) == -std::numeric_limits<float>::infinity()));
    }
  }
}
BOOST_AUTO_TEST_CASE(operands_that_lie_otherwise) {
  const problem p(1, 3, 50, 21, 10);
  tensor<float> K(21, 50), V(50, 20), Q(3, 42), O(1, 3, 10), same(1, 3, 10);
  for (extent_t c = 0; c < 50; ++c) {
    for (extent_t t = 0; t < 21; ++t) K(t, c) = p.K(0, c, t);
    for (extent_t x = 0; x < 10; ++x) V(c, 2 * x) = p.V(0, c, x);
  }
  for (extent_t r = 0; r < 3; ++r)
    for (extent_t t = 0; t < 21; ++t) Q(r, 2 * t) = p.Q(0, r, t);
  using heed::view;
  fuse<plain>(q = p.Q, k = p.K, v = p.V, into(O));
  fuse<plain>(q = view<const float>(Q.data(), {1, 3, 21}, {126, 42, 2}),
              k = view<const float>(K.data(), {1, 50, 21}, {1050, 1, 50}),
              v = view<const float>(V.data(), {1, 50, 10}, {1000, 20, 2}), into(same));
  BOOST_TEST(std::memcmp(O.data(), same.data(), O.size() * sizeof(float)) == 0);
}
BOOST_AUTO_TEST_CASE(what_is_not_seen_stays_unseen) {
  problem p(1, 3, 100, 16, 16);
  tensor<float> O(1, 3, 16);
  tensor<double> o(1, 3, 16), l(1, 3);
  p.formula(true, o, l);
  for (extent_t c = 3; c < 100; c += 7) p.K(0, c, 5) = p.V(0, c, 2) = std::numeric_limits<float>::quiet_NaN();
  fuse<masked, strict>(q = p.Q, k = p.K, v = p.V, bias = p.B, last = p.L, into(O));
  BOOST_TEST(worst_units(O, o, largest(o) * 0x1p-23) < 16);
}
// Keys are contracted some groups ahead of the one that is met. Windows end within groups and within what is contracted
// at once; what lies outside is not even a number.
BOOST_AUTO_TEST_CASE(keys_that_are_contracted_ahead) {
  constexpr auto from = input<"from", std::int32_t>(n);
  constexpr auto end = input<"end", std::int32_t>(n);
  static constexpr auto windowed = dot<m>(softmax<m>(mask(score, m >= from && m < end)), v);
  for (const extent_t N : {1, 2, 4})
    for (const auto& [first, last] : std::initializer_list<std::array<extent_t, 2>>{
             {0, 700}, {0, 193}, {100, 600}, {203, 204}, {384, 640}, {391, 699}, {500, 700}}) {
      problem p(2, N, 700, 20, 24);
      const double nan = std::numeric_limits<double>::quiet_NaN();
      tensor<std::int32_t> From(N), End(N);
      for (extent_t r = 0; r < N; ++r) From(r) = std::int32_t(first), End(r) = std::int32_t(last);
      for (extent_t i = 0; i < 2; ++i)
        for (extent_t c = 0; c < 700; ++c)
          if (c < first || c >= last) p.K(i, c, 3) = p.V(i, c, 5) = float(nan);
      tensor<float> O(2, N, 24);
      fuse<windowed, strict>(q = p.Q, k = p.K, v = p.V, from = From, end = End, into(O));
      problem shown(2, N, last - first, 20, 24);
      shown.Q = p.Q;
      for (extent_t i = 0; i < 2; ++i)
        for (extent_t c = first; c < last; ++c) {
          for (extent_t t = 0; t < 20; ++t) shown.K(i, c - first, t) = p.K(i, c, t);
          for (extent_t t = 0; t < 24; ++t) shown.V(i, c - first, t) = p.V(i, c, t);
        }
      tensor<double> o(2, N, 24), l(2, N);
      shown.formula(false, o, l);
      BOOST_TEST(worst_units(O, o, largest(o) * 0x1p-23) < 16, N << " rows, keys " << first << " to " << last);
    }
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_threads_and_neighbours) {
  const problem p(5, 2, 300, 24, 24);
  tensor<float> O(5, 2, 24), other(5, 2, 24), one(1, 2, 24);
  const int before = omp_get_max_threads();
  omp_set_num_threads(1);
  fuse<plain>(q = p.Q, k = p.K, v = p.V, into(O));
  for (const int threads : {2, 5}) {
    omp_set_num_threads(threads);
    fuse<plain>(q = p.Q, k = p.K, v = p.V, into(other));
    BOOST_TEST(std::memcmp(O.data(), other.data(), O.size() * sizeof(float)) == 0);
  }
  omp_set_num_threads(before);
  using heed::view;
  fuse<plain>(q = view<const float>(&p.Q(3, 0, 0), {1, 2, 24}), k = view<const float>(&p.K(3, 0, 0), {1, 300, 24}),
              v = view<const float>(&p.V(3, 0, 0), {1, 300, 24}), into(one));
  BOOST_TEST(std::memcmp(one.data(), &O(3, 0, 0), one.size() * sizeof(float)) == 0);
}
BOOST_AUTO_TEST_CASE(the_largest_are_as_many_as_were_asked_for) {
  constexpr auto top = dot<m>(softmax<m>(mask(score, score >= kth_largest<m>(score, 5))), v);
  static constexpr auto kept = top;
  problem p(1, 2, 60, 40, 60);
  for (extent_t c = 0; c < 60; ++c)
    for (extent_t x = 0; x < 60; ++x) p.V(0, c, x) = c == x;
  tensor<float> O(1, 2, 60);
  fuse<kept, strict>(q = p.Q, k = p.K, v = p.V, into(O));
  for (extent_t r = 0; r < 2; ++r) {
    int some = 0;
    for (extent_t x = 0; x < 60; ++x) some += O(0, r, x) > 0;
    BOOST_TEST(some == 5);
  }
}
