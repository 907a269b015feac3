// Ordinary graphs around attention that have regions of their own and no loops: losses over a vocabulary whose extent
// becomes known with a call, values of a batch under weights that the batch shares, attention without a softmax, sums
// of maxima beside a softmax. Values and gradients are those of plain loops in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
#include "planned.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"v"> v;
constexpr auto hidden = input<"hidden">(b, n, d);
constexpr auto words = input<"words">(v, d);
constexpr auto bias = input<"bias">(v);
constexpr auto target = input<"target", std::int32_t>(b, n);
constexpr auto logits = 5 * tanh(dot<d>(hidden, words) / 5) + bias;
constexpr auto loss = sum<b, n>(where(target == 0, 0, cross_entropy<v>(logits, target)));  // word 0 is padding
constexpr auto of_loss = gradient<loss>(wrt(hidden, words, bias));
constexpr auto bare = dot<d>(hidden, words);
constexpr auto chances = softmax<v>(bare);
constexpr auto log_chances = bare - logsumexp<v>(bare);
constexpr auto of_log_chances = gradient<log_chances>(wrt(hidden, words));

constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto values = input<"values">(b, m, e);
constexpr auto score = mask(dot<d>(q, k), m <= n);
constexpr auto shared = dot<m>(softmax<m>(score), values);
constexpr auto lse = logsumexp<m>(score);

constexpr axis<"h"> h;
constexpr axis<"w", 16> w;
constexpr axis<"x", 8> x;
constexpr auto lq = input<"lq">(h, n, w);
constexpr auto lk = input<"lk">(h, m, w);
constexpr auto lv = input<"lv">(h, m, x);
constexpr auto decay = input<"decay">(h);
constexpr auto linear = dot<m>(decay * (dot<w>(lq, lk) / size<m>), lv);
constexpr auto of_linear = gradient<linear>(wrt(lq, lk, lv));
constexpr auto tops = sum<n>(max<m>(score));

template <result_list R> bool has_loops() { return kinds(*planned<R>()).find('l') != std::string::npos; }
struct extents {
  extent_t B, N, V, D, E;
};
constexpr extents all_extents[] = {{2, 7, 50, 5, 3}, {1, 1, 1, 1, 1}, {3, 19, 33, 16, 20}, {1, 40, 130, 9, 8}};

void near(const char* name, const tensor<float>& got, const tensor<double>& want) {
  double worst = 0, largest = 1;
  for (std::size_t i = 0; i < want.size(); ++i)
    worst = std::max(worst, std::abs(double(got[i]) - want[i])), largest = std::max(largest, std::abs(want[i]));
  BOOST_TEST(worst <= 2e-6 * largest, name << ": " << worst << " of " << largest);
}
}  // namespace

BOOST_AUTO_TEST_CASE(no_loops_and_nothing_over_pairs) {
  BOOST_TEST((!has_loops<loss>() && !has_loops<of_loss>() && !has_loops<log_chances>() &&
              !has_loops<of_log_chances>() && !has_loops<chances>()));
  BOOST_TEST((!stores_pairs(*planned<loss>()) && !stores_pairs(*planned<of_loss>())));
  BOOST_TEST(kinds(*planned(cross_entropy<v>(bare, target))) == "sr");  // log-sum-exp, and the row of the target times
                                                                        // its column
  BOOST_TEST(kinds(*planned(bare, logsumexp<v>(bare))) == "mr");  // of what is stored: not from the contraction again
  BOOST_TEST(kinds(*planned(shared)) == "s");
  BOOST_TEST(!has_loops<results(shared, lse)>());
  BOOST_TEST((!has_loops<results(shared, tops)>() && !has_loops<tops>()));
  BOOST_TEST(kinds(*planned(linear)) == "mm");
  BOOST_TEST((kinds(*planned<of_linear>()) == "mmmmmm" && !stores_pairs(*planned<of_linear>())));
}

BOOST_AUTO_TEST_CASE(a_loss_and_its_gradients) {
  for (const auto& [B, N, V, D, E] : all_extents) {
    const auto H = filled<float>(1, 1, {B, N, D}), W = filled<float>(2, 1, {V, D}), C = filled<float>(3, 1, {V}),
               G = filled<float>(4, 1, {B, N, V});
    tensor<std::int32_t> T(B, N);
    for (std::size_t i = 0; i < T.size(); ++i) T[i] = std::int32_t(i * 7 % std::size_t(V));
    tensor<float> dH(B, N, D), dW(V, D), dC(V), P(B, N, V), L(B, N, V), pH(B, N, D), pW(V, D);
    float got = 0;
    fuse<loss, strict>(hidden = H, words = W, bias = C, target = T, into(got));
    fuse<of_loss, strict>(hidden = H, words = W, bias = C, target = T, into(dH, dW, dC));
    fuse<results(chances, log_chances), strict>(hidden = H, words = W, into(P, L));
    fuse<of_log_chances, strict>(hidden = H, words = W, cotangent<log_chances> = G, into(pH, pW));
    double want = 0;
    tensor<double> wH(B, N, D), wW(V, D), wC(V), wP(B, N, V), wL(B, N, V), wpH(B, N, D), wpW(V, D);
    for (extent_t a = 0; a < B; ++a)
      for (extent_t i = 0; i < N; ++i) {
        std::vector<double> z(static_cast<std::size_t>(V)), capped(z);
        double total = 0, bare_total = 0, given = 0;
        for (extent_t w = 0; w < V; ++w) {
          for (extent_t c = 0; c < D; ++c) z[std::size_t(w)] += double(H(a, i, c)) * double(W(w, c));
          capped[std::size_t(w)] = 5 * std::tanh(z[std::size_t(w)] / 5) + double(C(w));
          total += std::exp(capped[std::size_t(w)]), bare_total += std::exp(z[std::size_t(w)]),
              given += double(G(a, i, w));
        }
        const extent_t t = T(a, i);
        if (t != 0) want += std::log(total) - capped[std::size_t(t)];
        for (extent_t w = 0; w < V; ++w) {
          const double p = std::exp(z[std::size_t(w)]) / bare_total, s = std::tanh(z[std::size_t(w)] / 5);
          wP(a, i, w) = p, wL(a, i, w) = std::log(p);
          const double dz = double(G(a, i, w)) - p * given,
                       dc = t == 0 ? 0 : std::exp(capped[std::size_t(w)]) / total - (w == t ? 1 : 0);
          wC(w) += dc;
          for (extent_t c = 0; c < D; ++c) {
            wpH(a, i, c) += dz * double(W(w, c)), wpW(w, c) += dz * double(H(a, i, c));
            wH(a, i, c) += dc * (1 - s * s) * double(W(w, c)), wW(w, c) += dc * (1 - s * s) * double(H(a, i, c));
          }
        }
      }
    BOOST_TEST(std::abs(double(got) - want) <= 2e-6 * std::max(1.0, want));
    near("grad(hidden)", dH, wH), near("grad(words)", dW, wW), near("grad(bias)", dC, wC);
    near("chances", P, wP), near("their logarithms", L, wL), near("grad(hidden) of those", pH, wpH),
        near("grad(words) of those", pW, wpW);
  }
}
BOOST_AUTO_TEST_CASE(values_of_a_batch_under_shared_weights) {
  for (const auto& [B, N, V, D, E] : all_extents) {
    const extent_t M = V;
    const auto Q = filled<float>(1, 1, {N, D}), K = filled<float>(2, 1, {M, D}), X = filled<float>(3, 1, {B, M, E});
    tensor<float> O(N, B, E), S(N);
    fuse<results(shared, lse), strict>(q = Q, k = K, values = X, into(O, S));
    float top = 0;
    fuse<tops, strict>(q = Q, k = K, into(top));
    double want_top = 0;
    tensor<double> wO(N, B, E), wS(N);
    for (extent_t i = 0; i < N; ++i) {
      std::vector<double> w(static_cast<std::size_t>(M));
      double total = 0, best = -INFINITY;
      for (extent_t j = 0; j < std::min(M, i + 1); ++j) {
        double s = 0;
        for (extent_t c = 0; c < D; ++c) s += double(Q(i, c)) * double(K(j, c));
        best = std::max(best, s);
        total += w[std::size_t(j)] = std::exp(s);
      }
      wS(i) = std::log(total), want_top += best;
      for (extent_t a = 0; a < B; ++a)
        for (extent_t j = 0; j < M; ++j)
          for (extent_t c = 0; c < E; ++c) wO(i, a, c) += w[std::size_t(j)] / total * double(X(a, j, c));
    }
    near("values", O, wO), near("log-sum-exp", S, wS);
    BOOST_TEST(std::abs(double(top) - want_top) <= 2e-6 * std::max(1.0, std::abs(want_top)));
  }
}
BOOST_AUTO_TEST_CASE(attention_without_a_softmax) {
  for (const auto& [N, M] : {std::array<extent_t, 2>{9, 30}, {1, 1}, {70, 33}}) {
    constexpr extent_t H = 3, W = 16, X = 8;
    const auto Q = filled<float>(1, 1, {H, N, W}), K = filled<float>(2, 1, {H, M, W}),
               V = filled<float>(3, 1, {H, M, X}), C = filled<float>(4, 1, {H}), G = filled<float>(5, 1, {H, N, X});
    tensor<float> O(H, N, X), dQ(H, N, W), dK(H, M, W), dV(H, M, X);
    fuse<linear, strict>(lq = Q, lk = K, lv = V, decay = C, into(O));
    fuse<of_linear, strict>(lq = Q, lk = K, lv = V, decay = C, cotangent<linear> = G, into(dQ, dK, dV));
    tensor<double> wO(H, N, X), wQ(H, N, W), wK(H, M, W), wV(H, M, X);
    for (extent_t a = 0; a < H; ++a)
      for (extent_t i = 0; i < N; ++i)
        for (extent_t j = 0; j < M; ++j) {
          const double f = double(C(a)) / double(M);
          double s = 0, slope = 0;
          for (extent_t c = 0; c < W; ++c) s += double(Q(a, i, c)) * double(K(a, j, c));
          for (extent_t c = 0; c < X; ++c)
            wO(a, i, c) += f * s * double(V(a, j, c)), wV(a, j, c) += f * s * double(G(a, i, c)),
                slope += double(V(a, j, c)) * double(G(a, i, c));
          for (extent_t c = 0; c < W; ++c)
            wQ(a, i, c) += f * slope * double(K(a, j, c)), wK(a, j, c) += f * slope * double(Q(a, i, c));
        }
    near("without a softmax", O, wO), near("grad(lq)", dQ, wQ), near("grad(lk)", dK, wK), near("grad(lv)", dV, wV);
  }
}
