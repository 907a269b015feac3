// Keys of the blocks that each query has picked, known when a call is made, against formulas in double, forward and
// backward; any and all by themselves.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"g"> g;
constexpr axis<"r", 3> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"j", 5> j;
constexpr axis<"y"> y;
constexpr axis<"d", 20> d;
constexpr axis<"e", 12> e;
constexpr auto q = input<"q">(g, r, n, d);
constexpr auto k = input<"k">(g, m, d);
constexpr auto v = input<"v">(g, m, e);
constexpr auto pick = input<"pick", std::int32_t>(g, n, j);  // of each query, shared by the heads of a group
constexpr auto picks = input<"picks", std::int32_t>(y, j);   // of 8 queries together
constexpr auto block = floor_divide(m, 16);
constexpr auto picked = any<j>(pick == block);
constexpr auto out = attention<d, m>(q, k, v, picked&& m <= n);
constexpr auto backward = gradient<out>(wrt(q, k, v));
constexpr auto together = attention<d, m>(q, k, v, any<j>(gather<y>(picks, floor_divide(n, 8)) == block));
constexpr auto others = attention<d, m>(q, k, v, all<j>(pick != block));
// Sixteen beside another condition, and as many as are unrolled, which is planned alone.
constexpr axis<"j16", 16> j16;
constexpr axis<"j32", 32> j32;
constexpr auto sixteen = input<"sixteen", std::int32_t>(g, n, j16);
constexpr auto many = attention<d, m>(q, k, v, any<j16>(sixteen == block) && m <= n);
constexpr auto backward_of_many = gradient<many>(wrt(q, k, v));
constexpr auto most = attention<d, m>(q, k, v, any<j32>(input<"most", std::int32_t>(g, n, j32) == block) && m <= n);
constexpr auto backward_of_most = gradient<most>(wrt(q, k, v));
constexpr auto some = any<j>(pick > 2);
constexpr auto every = all<j>(pick >= 0);
constexpr auto some_query = any<n>(pick == 2);
constexpr auto each_query = all<n>(pick == 2);
constexpr auto nowhere = any<n, j>(pick > 2);

template <class Sees> struct by_hand {
  tensor<double> o, dq, dk, dv;
  by_hand(const tensor<float>& Q, const tensor<float>& K, const tensor<float>& V, const tensor<float>& dO,
          const Sees& sees)
      : o(Q.extent(0), 3, Q.extent(2), 12),
        dq(Q.extent(0), 3, Q.extent(2), 20),
        dk(K.extent(0), K.extent(1), 20),
        dv(K.extent(0), K.extent(1), 12) {
    const double scale = 1 / std::sqrt(20.);
    const extent_t N = Q.extent(2), M = K.extent(1);
    for (extent_t i = 0; i < Q.extent(0); ++i)
      for (extent_t t = 0; t < 3 * N; ++t) {
        const extent_t head = t / N, at = t % N;
        std::vector<double> w(std::size_t(M), 0), dw(std::size_t(M), 0);
        double all = 0, delta = 0;
        for (extent_t c = 0; c < M; ++c) {
          if (!sees(i, at, c)) continue;
          double s = 0;
          for (int x = 0; x < 20; ++x) s += scale * double(Q(i, head, at, x)) * double(K(i, c, x));
          all += w[std::size_t(c)] = std::exp(s);
        }
        for (extent_t c = 0; c < M; ++c) {
          if (all > 0) w[std::size_t(c)] /= all;
          for (int x = 0; x < 12; ++x) {
            o(i, head, at, x) += w[std::size_t(c)] * double(V(i, c, x));
            dv(i, c, x) += w[std::size_t(c)] * double(dO(i, head, at, x));
            dw[std::size_t(c)] += double(dO(i, head, at, x)) * double(V(i, c, x));
          }
          delta += w[std::size_t(c)] * dw[std::size_t(c)];
        }
        for (extent_t c = 0; c < M; ++c)
          for (int x = 0; x < 20; ++x) {
            const double ds = scale * w[std::size_t(c)] * (dw[std::size_t(c)] - delta);
            dq(i, head, at, x) += ds * double(K(i, c, x)), dk(i, c, x) += ds * double(Q(i, head, at, x));
          }
      }
  }
};
}  // namespace

// Some queries pick a block twice, some none that exists.
BOOST_AUTO_TEST_CASE(attention_to_picked_blocks) {
  for (const extent_t N : {1, 29, 70}) {
    const extent_t M = N + 60;
    const tensor<float> Q = filled<float>(1, 2, {2, 3, N, 20}), K = filled<float>(2, 2, {2, M, 20}),
                        V = filled<float>(3, 1, {2, M, 12}), dO = filled<float>(4, 1, {2, 3, N, 12});
    tensor<std::int32_t> P(2, N, 5), S((N + 7) / 8, 5);
    for (std::size_t i = 0; i < P.size(); ++i) P[i] = std::int32_t(i * i * 7 % 23 % 11) - 2;
    for (int x = 0; x < 5; ++x) P(0, N / 2, x) = -1;
    for (std::size_t i = 0; i < S.size(); ++i) S[i] = std::int32_t(i * 5 % 7);
    const auto has = [&](extent_t i, extent_t t, extent_t c) {
      bool found = false;
      for (int x = 0; x < 5; ++x) found = found || P(i, t, x) == c / 16;
      return found;
    };
    const by_hand want(Q, K, V, dO, [&](extent_t i, extent_t t, extent_t c) { return has(i, t, c) && c <= t; });
    const by_hand rest(Q, K, V, dO, [&](extent_t i, extent_t t, extent_t c) { return !has(i, t, c); });
    const by_hand shared(Q, K, V, dO, [&](extent_t, extent_t t, extent_t c) {
      bool found = false;
      for (int x = 0; x < 5; ++x) found = found || S(t / 8, x) == c / 16;
      return found;
    });
    tensor<float> O(2, 3, N, 12), R(O), T(O), dQ(2, 3, N, 20), dK(2, M, 20), dV(2, M, 12);
    fuse<out, strict>(q = Q, k = K, v = V, pick = P, into(O));
    fuse<others, strict>(q = Q, k = K, v = V, pick = P, into(R));
    fuse<together, strict>(q = Q, k = K, v = V, picks = S, into(T));
    fuse<backward, strict>(q = Q, k = K, v = V, pick = P, cotangent<out> = dO, into(dQ, dK, dV));
    expect_close("o", O, want.o), expect_close("the others", R, rest.o), expect_close("together", T, shared.o);
    expect_close("dq", dQ, want.dq), expect_close("dk", dK, want.dk), expect_close("dv", dV, want.dv);
  }
}
BOOST_AUTO_TEST_CASE(many_picks_beside_a_condition) {
  constexpr extent_t N = 150, M = 170;
  const tensor<float> Q = filled<float>(1, 2, {2, 3, N, 20}), K = filled<float>(2, 2, {2, M, 20}),
                      V = filled<float>(3, 1, {2, M, 12}), dO = filled<float>(4, 1, {2, 3, N, 12});
  tensor<std::int32_t> P(2, N, 16);
  for (std::size_t i = 0; i < P.size(); ++i) P[i] = std::int32_t(i * i * 7 % 41 % 29) - 2;
  for (int x = 0; x < 16; ++x) P(1, N / 2, x) = 10;  // behind the query
  const by_hand want(Q, K, V, dO, [&](extent_t i, extent_t t, extent_t c) {
    bool found = false;
    for (int x = 0; x < 16; ++x) found = found || P(i, t, x) == c / 16;
    return found && c <= t;
  });
  tensor<float> O(2, 3, N, 12), dQ(2, 3, N, 20), dK(2, M, 20), dV(2, M, 12);
  fuse<many, strict>(q = Q, k = K, v = V, sixteen = P, into(O));
  fuse<backward_of_many, strict>(q = Q, k = K, v = V, sixteen = P, cotangent<many> = dO, into(dQ, dK, dV));
  expect_close("o", O, want.o), expect_close("dq", dQ, want.dq), expect_close("dk", dK, want.dk);
  expect_close("dv", dV, want.dv);
  BOOST_TEST(O(1, 0, N / 2, 0) == 0);
  BOOST_TEST(explain<most>().find("loop") == std::string::npos);
  BOOST_TEST(explain<backward_of_most>().find("loop") == std::string::npos);
}
BOOST_AUTO_TEST_CASE(any_and_all) {
  tensor<std::int32_t> P(2, 3, 5);
  for (int x = 0; x < 5; ++x) P(0, 0, x) = 3, P(0, 1, x) = x - 1, P(1, 0, x) = P(1, 1, x) = P(1, 2, x) = x;
  tensor<bool> A(2, 3), E(2, 3), Q(2, 5), R(2, 5), W(2);
  fuse<some, strict>(pick = P, into(A)), fuse<every, strict>(pick = P, into(E));
  fuse<some_query, strict>(pick = P, into(Q)), fuse<each_query, strict>(pick = P, into(R));
  fuse<nowhere, strict>(pick = P, into(W));
  BOOST_TEST((A(0, 0) && A(0, 1) && !A(0, 2) && A(1, 0)));
  BOOST_TEST((E(0, 0) && !E(0, 1) && E(0, 2) && E(1, 0)));
  BOOST_TEST((!Q(0, 1) && Q(0, 3) && Q(1, 2) && !Q(1, 3)));
  BOOST_TEST((!R(0, 3) && R(1, 2) && !R(1, 3)));
  BOOST_TEST((W[0] && W[1]));
  tensor<std::int32_t> none(2, 0, 5);
  fuse<some_query>(pick = none, into(Q)), fuse<each_query>(pick = none, into(R)), fuse<nowhere>(pick = none, into(W));
  BOOST_TEST((!Q(0, 1) && !Q(1, 4) && R(0, 0) && R(1, 4) && !W[0]));
  tensor<double> O(2, 3);
  reference<some>(pick = P, into(O));
  BOOST_TEST((O(0, 0) == 1 && O(0, 2) == 0));
}
