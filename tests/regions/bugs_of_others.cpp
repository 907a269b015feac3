// Mistakes that attention libraries have made with numbers, masks and sizes, each tried here once. Expected values come
// from plain loops.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "attention_by_hand.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto offset = input<"offset", std::int32_t>();
constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
constexpr auto past = mask(s, causal(n, m));
constexpr auto causal_out = dot<m>(softmax<m>(past), v);
constexpr auto causal_lse = logsumexp<m>(past);
constexpr auto counted_from_the_end = dot<m>(softmax<m>(mask(s, causal(n, m, offset))), v);
constexpr auto strictly = mask(s, m < n);
constexpr auto strictly_out = dot<m>(softmax<m>(strictly), v);
constexpr auto strictly_lse = logsumexp<m>(strictly);
constexpr auto strictly_top = max<m>(strictly);
constexpr auto padded = mask(s, padding(m, length));
constexpr auto padded_out = dot<m>(softmax<m>(padded), v);
constexpr auto padded_lse = logsumexp<m>(padded);
constexpr auto changed =
    dot<m>(softmax<m>(mask(softcap(s + 0.25 * (m - n), 3), causal(n, m) && padding(m, length))), v);
constexpr auto capped = dot<m>(softmax<m>(mask(softcap(s, 1), causal(n, m))), v);
constexpr auto window_of_4 = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 4))), v);
constexpr auto window_2_1 = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 2, 1))), v);
constexpr auto x = input<"x">(b, n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto projected = project<c>(x, w);
constexpr auto normed = rms_norm<c>(x);
}  // namespace

// Rows in which everything is masked: NaN elsewhere, 0 and -inf here.
BOOST_AUTO_TEST_CASE(fully_masked_rows_are_zero) {
  for (const extent_t N : {1, 5, 60}) {
    problem p{.B = 2, .H = 2, .N = N, .M = N, .D = 8, .E = 9};
    tensor<float> T(2, 2, N);
    fuse<results(strictly_out, strictly_lse, strictly_top)>(q = p.Q, k = p.K, v = p.V, into(p.O, p.L, T));
    for (extent_t i = 0; i < 2; ++i)
      for (extent_t j = 0; j < 2; ++j) {
        for (extent_t a = 0; a < 9; ++a) BOOST_TEST(p.O(i, j, 0, a) == 0.f);
        BOOST_TEST(p.L(i, j, 0) == -INFINITY);
        BOOST_TEST(T(i, j, 0) == -INFINITY);
        for (extent_t y = 1; y < N; ++y) BOOST_TEST((std::isfinite(p.L(i, j, y)) && p.O(i, j, y, 0) != 0.f));
      }
    const std::int32_t lengths[] = {0, std::int32_t(N)};  // a whole sequence of nothing
    fuse<results(padded_out, padded_lse)>(q = p.Q, k = p.K, v = p.V, length = lengths, into(p.O, p.L));
    for (extent_t y = 0; y < N; ++y)
      BOOST_TEST((p.O(0, 1, y, 8) == 0.f && p.L(0, 1, y) == -INFINITY && p.O(1, 1, y, 8) != 0.f &&
                  std::isfinite(p.L(1, 1, y))));
  }
}
// What masked-out keys and values hold does not matter, not even NaN.
BOOST_AUTO_TEST_CASE(nan_and_infinity_behind_a_mask_stay_there) {
  for (const float strange : {NAN, INFINITY, -INFINITY}) {
    problem p{.B = 2, .H = 1, .N = 70, .M = 70, .D = 8, .E = 8}, clean = p;
    const std::int32_t lengths[] = {33, 64};
    for (extent_t i = 0; i < 2; ++i)
      for (extent_t y = lengths[i]; y < 70; ++y)
        for (extent_t a = 0; a < 8; ++a) {
          p.K(i, 0, y, a) = p.V(i, 0, y, a) = strange;
          clean.K(i, 0, y, a) = clean.V(i, 0, y, a) = 0;
        }
    fuse<results(padded_out, padded_lse)>(q = p.Q, k = p.K, v = p.V, length = lengths, into(p.O, p.L));
    fuse<results(padded_out, padded_lse)>(q = p.Q, k = clean.K, v = clean.V, length = lengths, into(clean.O, clean.L));
    BOOST_TEST((same_bits(p.O, clean.O) && same_bits(p.L, clean.L)));
    BOOST_TEST(!mostly_zero(clean.O));
    fuse<changed>(q = p.Q, k = p.K, v = p.V, length = lengths, into(p.O));
    fuse<changed>(q = p.Q, k = clean.K, v = clean.V, length = lengths, into(clean.O));
    BOOST_TEST(same_bits(p.O, clean.O));
    // In one tile with visible keys, seen by some rows and not by others: key 40 concerns the rows from 40 on alone.
    problem late{.B = 1, .H = 1, .N = 70, .M = 70, .D = 8, .E = 8}, without = late;
    for (extent_t a = 0; a < 8; ++a) late.K(0, 0, 40, a) = late.V(0, 0, 40, a) = strange;
    fuse<causal_out>(q = late.Q, k = late.K, v = late.V, into(late.O));
    fuse<causal_out>(q = without.Q, k = without.K, v = without.V, into(without.O));
    for (extent_t y = 0; y < 40; ++y)
      for (extent_t a = 0; a < 8; ++a) BOOST_TEST(late.O(0, 0, y, a) == without.O(0, 0, y, a));
    if (std::isnan(strange))
      for (extent_t y = 40; y < 70; ++y) BOOST_TEST(std::isnan(late.O(0, 0, y, 5)));
  }
}
// A mask behind the softmax excludes weights, and what they would weigh; weights keep their sum.
BOOST_AUTO_TEST_CASE(nan_and_infinity_behind_a_mask_of_weights_stay_there) {
  static constexpr auto late = dot<m>(mask(softmax<m>(s), causal(n, m, -2)), v);
  for (const float strange : {NAN, INFINITY, -INFINITY}) {
    problem p{.B = 1, .H = 1, .N = 70, .M = 70, .D = 8, .E = 8}, clean = p;
    for (extent_t a = 0; a < 8; ++a) p.V(0, 0, 40, a) = strange;
    fuse<late, strict>(q = p.Q, k = p.K, v = p.V, into(p.O));
    fuse<late, strict>(q = p.Q, k = clean.K, v = clean.V, into(clean.O));
    for (extent_t y = 0; y < 70; ++y)
      for (extent_t a = 0; a < 8; ++a)
        BOOST_TEST((y < 42 ? p.O(0, 0, y, a) == clean.O(0, 0, y, a) : !std::isfinite(p.O(0, 0, y, a))));
    BOOST_TEST(!mostly_zero(clean.O));
  }
}
// Absent is no large negative number: real scores may lie below any that is used for it.
BOOST_AUTO_TEST_CASE(real_scores_below_every_sentinel) {
  static constexpr auto low = input<"low">();
  static constexpr auto lowered = mask(0 * s + low, causal(n, m));
  static constexpr auto out = dot<m>(softmax<m>(lowered), v);
  static constexpr auto lse = logsumexp<m>(lowered);
  for (const float score : {-65504.f, -1e5f, -1e9f, -1e30f, -2e38f}) {
    problem p{.B = 1, .H = 1, .N = 60, .M = 60, .D = 4, .E = 6};
    fuse<results(out, lse)>(q = p.Q, k = p.K, v = p.V, low = score, into(p.O, p.L));
    BY_HAND(p, p.O,
            [&](extent_t, extent_t y, extent_t z, double) { return keep_if(z <= y, double(score)); });  // all
                                                                                                        // alike:
                                                                                                        // means
    for (extent_t y = 0; y < 60; ++y)
      BOOST_TEST(std::fabs((p.L(0, 0, y) - score) - std::log(double(y + 1))) <= 1e-5 * (1 + std::fabs(score)));
  }
  // Where units of log2 end, so do numbers: the lowest float excludes as -inf does, and never gives a uniform row.
  problem p{.B = 1, .H = 1, .N = 60, .M = 60, .D = 4, .E = 6};
  fuse<results(out, lse)>(q = p.Q, k = p.K, v = p.V, low = std::numeric_limits<float>::lowest(), into(p.O, p.L));
  for (const float t : p.O) BOOST_TEST_REQUIRE(t == 0.f);
  for (const float t : p.L) BOOST_TEST_REQUIRE(t == -INFINITY);
}
// A softcap bounds what it is given before the mask takes away; causal counts from the first key, or, with an
// offset, from the last.
BOOST_AUTO_TEST_CASE(softcap_comes_before_the_mask_and_causal_says_where_it_starts) {
  problem p{.B = 1, .H = 2, .N = 9, .M = 14, .D = 8, .E = 5};
  fuse<capped>(q = p.Q, k = p.K, v = p.V, into(p.O));
  BY_HAND(p, p.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, std::tanh(t)); });
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
  BY_HAND(p, p.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, t); });
  fuse<counted_from_the_end>(q = p.Q, k = p.K, v = p.V, offset = 5, into(p.O));
  BY_HAND(p, p.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y + 5, t); });
}
// Neither the place in the batch nor the place among the keys matters.
BOOST_AUTO_TEST_CASE(every_item_and_every_key_counts_wherever_it_stands) {
  const extent_t B = 5, N = 40;
  problem p{.B = B, .H = 2, .N = N, .M = N, .D = 8, .E = 8};
  for (std::size_t i = 0; i < p.Q.size(); ++i) {  // the same sequence everywhere
    const std::size_t item = p.Q.size() / std::size_t(B);
    p.Q[i] = p.Q[i % item], p.K[i] = p.K[i % item], p.V[i] = p.V[i % item];
  }
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
  BY_HAND(p, p.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, t); });
  for (extent_t i = 1; i < B; ++i)
    BOOST_TEST(std::memcmp(p.O.data(), p.O.data() + i * 2 * N * 8, 2 * N * 8 * sizeof(float)) == 0);

  static constexpr auto only = input<"only", std::int32_t>(b);  // all queries see one key: they must bring its value
  static constexpr auto picked = dot<m>(softmax<m>(mask(s, m == only)), v);
  problem single{.B = 211, .H = 1, .N = 3, .M = 211, .D = 4, .E = 7};
  tensor<std::int32_t> keys(211);
  for (std::int32_t i = 0; i < 211; ++i) keys[std::size_t(i)] = i;
  fuse<picked>(q = single.Q, k = single.K, v = single.V, only = keys, into(single.O));
  for (extent_t i = 0; i < 211; ++i)
    for (extent_t a = 0; a < 7; ++a) BOOST_TEST(single.O(i, 0, 2, a) == single.V(i, 0, i, a));
}
// A number that is no float takes the width of what it meets, on whole tiles as on single keys; and what an unknown
// number is compared with does not become known by a function in between.
BOOST_AUTO_TEST_CASE(a_mask_of_real_numbers_is_the_same_on_every_tile) {
  static constexpr auto gate = input<"gate">(m);
  static constexpr auto low_gate = dot<m>(softmax<m>(mask(0 * s, gate <= 0.1)), v);
  static constexpr auto known_gate = dot<m>(softmax<m>(mask(0 * s, 0 <= abs(gate))), v);
  problem p{.B = 1, .H = 1, .N = 3, .M = 200, .D = 4, .E = 5};
  tensor<float> G(200);
  for (extent_t z = 0; z < 200; ++z) G(z) = z < 90 || z % 3 == 0 ? 0.1f : 0.5f;
  fuse<low_gate>(q = p.Q, k = p.K, v = p.V, gate = G, into(p.O));
  BY_HAND(p, p.O, [&](extent_t, extent_t, extent_t z, double) { return keep_if(G(z) <= 0.1f, 0); });
  for (extent_t z = 0; z < 200; ++z) G(z) = z < 90 || z % 3 == 0 ? NAN : -2.f;  // NaN is not at least 0
  fuse<known_gate>(q = p.Q, k = p.K, v = p.V, gate = G, into(p.O));
  BY_HAND(p, p.O, [&](extent_t, extent_t, extent_t z, double) { return keep_if(G(z) == -2, 0); });
}
// Nothing along any axis.
BOOST_AUTO_TEST_CASE(zero_sizes) {
  static constexpr auto unscaled = dot<m>(softmax<m>(dot<d>(q, k)), v);
  for (int empty = 0; empty < 6; ++empty) {
    extent_t size[] = {2, 3, 4, 5, 6, 7};
    size[empty] = 0;
    problem p{.B = size[0], .H = size[1], .N = size[2], .M = size[3], .D = size[4], .E = size[5]};
    std::fill(p.O.begin(), p.O.end(), 7.f), std::fill(p.L.begin(), p.L.end(), 7.f);
    if (empty != 4) fuse<results(causal_out, causal_lse)>(q = p.Q, k = p.K, v = p.V, into(p.O, p.L));
    if (empty == 3) {  // no keys: rows with nothing left
      for (const float t : p.O) BOOST_TEST(t == 0.f);
      for (const float t : p.L) BOOST_TEST(t == -INFINITY);
    }
    if (empty == 4) {  // no width: all scores are 0, the mean of the values
      fuse<unscaled>(q = p.Q, k = p.K, v = p.V, into(p.O));
      BOOST_TEST(
          worst_units(p.O, by_hand(p, [](extent_t, extent_t, extent_t, double) { return 0.0; }, 1), p.unit()) <= 16);
    }
    if (empty == 5)
      for (const float t : p.L) BOOST_TEST(t != 7.f);
  }
  for (const auto& [B, N, C, O] : {std::array<extent_t, 4>{0, 3, 4, 5}, {2, 0, 4, 5}, {2, 3, 0, 5}, {2, 3, 4, 0}}) {
    tensor<float> X(B, N, C), W(O, C), P(B, N, O), R(B, N, C);
    std::fill(P.begin(), P.end(), 7.f);
    fuse<projected>(x = X, w = W, into(P));
    fuse<normed>(x = X, into(R));
    for (const float t : P) BOOST_TEST(t == 0.f);
  }
}
// Large inputs: products of 900, of 1e4, of 1e18, and values up to the end of the range.
BOOST_AUTO_TEST_CASE(large_inputs) {
  for (const float size : {900.f, 1e4f, 1e9f, 1e18f}) {
    problem p{.B = 1, .H = 2, .N = 60, .M = 60, .D = 16, .E = 8};
    for (float& t : p.Q) t *= size;
    for (float& t : p.K) t *= size;
    fuse<results(causal_out, causal_lse)>(q = p.Q, k = p.K, v = p.V, into(p.O, p.L));
    const tensor<double> want =
        by_hand(p, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, t); });
    double worst = 0;
    for (std::size_t i = 0; i < p.O.size(); ++i) {
      BOOST_TEST_REQUIRE(std::isfinite(p.O[i]));
      worst = std::max(worst, std::fabs(double(p.O[i]) - want[i]));
    }
    for (const float t : p.L) BOOST_TEST_REQUIRE(std::isfinite(t));
    if (size <= 1e9f) BOOST_TEST(worst <= 1e-6);  // one key is far ahead in every row
  }
  problem p{.B = 1, .H = 1, .N = 50, .M = 50, .D = 4, .E = 4};
  for (float& t : p.V) t = t < 0 ? -3e38f : 3e38f;
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
  for (extent_t a = 0; a < 4; ++a) BOOST_TEST(p.O(0, 0, 0, a) == p.V(0, 0, 0, a));
}
// More queries than keys; the edges of windows; heads of a group.
BOOST_AUTO_TEST_CASE(more_queries_than_keys_and_windows_to_the_position) {
  problem p{.B = 1, .H = 1, .N = 70, .M = 13, .D = 8, .E = 5};
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
  BY_HAND(p, p.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, t); });
  fuse<counted_from_the_end>(q = p.Q, k = p.K, v = p.V, offset = 13 - 70, into(p.O));  // the first 57 see nothing
  const tensor<double> want =
      by_hand(p, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y - 57, t); });
  for (extent_t y = 0; y < 70; ++y)
    for (extent_t a = 0; a < 5; ++a)
      BOOST_TEST(std::fabs(double(p.O(0, 0, y, a)) - (y < 57 ? 0 : want(0, 0, y, a))) <= 16 * p.unit());
  BOOST_TEST(p.O(0, 0, 57, 2) == p.V(0, 0, 0, 2));
  // All scores are equal, values are powers of two: an output tells exactly which keys were seen.
  problem seen{.B = 1, .H = 1, .N = 12, .M = 12, .D = 2, .E = 1};
  std::fill(seen.Q.begin(), seen.Q.end(), 0.f);
  for (extent_t z = 0; z < 12; ++z) seen.V(0, 0, z, 0) = float(1 << z);
  const auto keys_of = [&](extent_t y, int count) { return int(std::lround(double(seen.O(0, 0, y, 0)) * count)); };
  fuse<window_of_4>(q = seen.Q, k = seen.K, v = seen.V, into(seen.O));  // the last 4, the query's own among them
  for (extent_t y = 0; y < 12; ++y)
    BOOST_TEST(keys_of(y, int(std::min<extent_t>(y + 1, 4))) == (y < 4 ? (2 << y) - 1 : 15 << (y - 3)));
  fuse<window_2_1>(q = seen.Q, k = seen.K, v = seen.V, into(seen.O));  // 2 before, 1 after: inclusive
  BOOST_TEST((keys_of(0, 2) == 0b11 && keys_of(1, 3) == 0b111 && keys_of(5, 4) == 0b1111000 &&
              keys_of(11, 3) == 0b111000000000));
}
BOOST_AUTO_TEST_CASE(groups_repeat_their_heads) {
  static constexpr axis<"heads"> heads;
  static constexpr auto qh = input<"q">(b, heads, n, d);
  static constexpr auto grouped = dot<m>(softmax<m>(dot<d>(group_heads<heads, h, r>(qh), k) * 0.5), v);
  for (const extent_t R : {2, 3, 6}) {
    problem p{.B = 2, .H = 3, .N = 5, .M = 7, .D = 4, .E = 3},
        written = {.B = 2, .H = 3 * R, .N = 5, .M = 7, .D = 4, .E = 3};
    for (extent_t i = 0; i < 2; ++i)
      for (extent_t j = 0; j < 3 * R; ++j)
        for (extent_t z = 0; z < 7; ++z) {
          for (extent_t a = 0; a < 4; ++a) written.K(i, j, z, a) = p.K(i, j / R, z, a);  // head j reads key head j / R
          for (extent_t a = 0; a < 3; ++a) written.V(i, j, z, a) = p.V(i, j / R, z, a);
        }
    const tensor<double> want = by_hand(written, [](extent_t, extent_t, extent_t, double t) { return t; }, 0.5);
    tensor<float> O(2, 3, R, 5, 3);
    fuse<grouped>(qh = written.Q, k = p.K, v = p.V, into(O));
    double worst = 0;
    for (std::size_t i = 0; i < O.size(); ++i) worst = std::max(worst, std::fabs(double(O[i]) - want[i]));
    BOOST_TEST(worst <= 16 * written.unit());
    BOOST_TEST(!mostly_zero(want));
  }
}
// Odd widths and groups.
BOOST_AUTO_TEST_CASE(odd_head_widths_and_groups_of_three) {
  for (const extent_t D : {96, 31, 15, 1}) {
    problem p{.B = 2, .H = 3, .N = 50, .M = 50, .D = D, .E = D};
    fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
    BY_HAND(p, p.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, t); });
    static constexpr auto grouped =
        dot<m>(softmax<m>(mask(dot<d>(input<"qr">(b, h, r, n, d), k) / sqrt(size<d>), causal(n, m))), v);
    const tensor<float> G = filled<float>(9, 1, {2, 3, 3, 50, D});
    tensor<float> O(2, 3, 3, 50, D);
    fuse<grouped>(input<"qr">(b, h, r, n, d) = G, k = p.K, v = p.V, into(O));
    for (extent_t g = 0; g < 3; ++g) {  // head g of every group
      problem one = p;
      for (extent_t i = 0; i < 2; ++i)
        for (extent_t j = 0; j < 3; ++j)
          for (extent_t y = 0; y < 50; ++y)
            for (extent_t a = 0; a < D; ++a) {
              one.Q(i, j, y, a) = G(i, j, g, y, a);
              one.O(i, j, y, a) = O(i, j, g, y, a);
            }
      BY_HAND(one, one.O, [](extent_t, extent_t y, extent_t z, double t) { return keep_if(z <= y, t); });
    }
  }
}
