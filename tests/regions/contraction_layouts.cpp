// Scores of several contractions whose operands lie and are shared as they like, against the oracle: heads that share
// keys, positions that all heads share, keys that have to be copied, the same keys twice, keys that are values, three
// contractions with factors of their own, several key axes, double.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 24> d;
constexpr axis<"r"> r;
constexpr axis<"e", 17> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto qr = input<"qr">(h, n, r);
constexpr auto kr = input<"kr">(m, r);
constexpr auto content = dot<d>(q, k);
constexpr auto position = dot<r>(qr, kr);

constexpr axis<"g", 3> g;  // heads of a group
constexpr axis<"c", 9> c;
constexpr auto gq = input<"gq">(h, g, n, d);
constexpr auto gr = input<"gr">(h, g, n, r);
constexpr auto grouped = dot<m>(softmax<m>(mask(dot<d>(gq, k) / 5 + dot<r>(gr, kr) / 3, m <= n)), v);
constexpr auto grouped_gradients = gradient<grouped>(wrt(gq, k, gr, kr, v));

constexpr auto turned = input<"turned">(h, d, m);  // keys whose width is not what lies together
constexpr auto turned_r = input<"turned_r">(r, m);
constexpr auto copied = dot<m>(softmax<m>(dot<d>(q, turned) / 5 + dot<r>(qr, turned_r) / 3), v);
constexpr auto copied_gradients = gradient<copied>(wrt(q, turned, qr, turned_r));

constexpr auto of_all = input<"of_all">(n, r);  // positions of all heads
constexpr auto placed = dot<m>(softmax<m>(mask((content - 0.3 * dot<r>(of_all, kr)) / 3, m <= n)), v);
constexpr auto placed_gradients = gradient<placed>(wrt(q, k, of_all, kr, v));
constexpr auto gated = dot<m>(sigmoid(mask((content - 0.3 * dot<r>(of_all, kr)) / 3, m <= n)), v);
constexpr auto gated_gradients = gradient<gated>(wrt(q, k, of_all, kr, v));

constexpr auto latent = input<"latent">(m, d);  // keys of all heads, and their values (DeepSeek-AI 2024, absorbed)
constexpr auto absorbed = dot<m>(softmax<m>(mask((dot<d>(q, latent) + position) / 6, m <= n)), latent);
constexpr auto absorbed_gradients = gradient<absorbed>(wrt(q, qr, latent, kr));

constexpr auto third_q = input<"third_q">(h, n, c);
constexpr auto third_k = input<"third_k">(h, m, c);
constexpr auto slope = input<"slope">(h);
constexpr auto warmth = input<"warmth">(h, n);
constexpr auto three_terms = content / 5 + slope * position + warmth * dot<c>(third_q, third_k) - 0.1 * (n - m);
constexpr auto three = dot<m>(softmax<m>(mask(three_terms, m <= n)), v);
constexpr auto three_gradients = gradient<three>(wrt(q, kr, third_q, third_k, slope, warmth));

constexpr auto q2 = input<"q2">(h, n, d);
constexpr auto same_keys = dot<m>(softmax<m>(mask(content / 5 + relu(dot<d>(q2, k)) / 7, m <= n)), v);
constexpr auto same_keys_gradients = gradient<same_keys>(wrt(q, q2, k, v));
constexpr auto wide_q = input<"wide_q", double>(h, n, d);
constexpr auto wide_k = input<"wide_k", double>(h, m, d);
constexpr auto wide_score = logsumexp<m>(dot<d>(wide_q, wide_k) / 5 + dot<d>(cast<double>(q), cast<double>(k)));

constexpr axis<"yk"> yk;  // several key axes
constexpr axis<"xk"> xk;
constexpr auto image_k = input<"image_k">(h, yk, xk, d);
constexpr auto image_r = input<"image_r">(yk, xk, r);
constexpr auto image_v = input<"image_v">(h, yk, xk, e);
constexpr auto image_score = mask(dot<d>(q, image_k) / 5 + dot<r>(qr, image_r) / 3, abs(n - yk * 6) <= 9);
constexpr auto image = dot<yk, xk>(softmax<yk, xk>(image_score), image_v);

}  // namespace

BOOST_AUTO_TEST_CASE(heads_that_share_keys) {
  for (const extent_t N : {45, 1}) {
    const extent_t M = N + 4;
    const auto Q = filled<float>(1, 1, {2, 3, N, 24}), QR = filled<float>(2, 1, {2, 3, N, 8}),
               K = filled<float>(3, 1, {2, M, 24}), KR = filled<float>(4, 1, {M, 8}),
               V = filled<float>(5, 1, {2, M, 17}), G = filled<float>(6, 1, {2, 3, N, 17}),
               L = filled<float>(7, 1, {M, 24}), A = filled<float>(8, 1, {2, N, 24}),
               AR = filled<float>(9, 1, {2, N, 8}), AG = filled<float>(10, 1, {2, N, 24});
    against_oracle<grouped, float>("grouped", {{2, 3, N, 17}}, gq = Q, gr = QR, k = K, kr = KR, v = V);
    against_oracle<grouped_gradients, float>("gradients of grouped",
                                             {{2, 3, N, 24}, {2, M, 24}, {2, 3, N, 8}, {M, 8}, {2, M, 17}}, gq = Q,
                                             gr = QR, k = K, kr = KR, v = V, cotangent<grouped> = G);
    against_oracle<absorbed, float>("absorbed", {{2, N, 24}}, q = A, qr = AR, latent = L, kr = KR);
    against_oracle<absorbed_gradients, float>("gradients of absorbed", {{2, N, 24}, {2, N, 8}, {M, 24}, {M, 8}}, q = A,
                                              qr = AR, latent = L, kr = KR, cotangent<absorbed> = AG);
  }
}
BOOST_AUTO_TEST_CASE(positions_that_all_heads_share) {
  const auto Q = filled<float>(1, 1, {3, 41, 24}), K = filled<float>(2, 1, {3, 41, 24}),
             A = filled<float>(3, 1, {41, 7}), KR = filled<float>(4, 1, {41, 7}), V = filled<float>(5, 1, {3, 41, 17}),
             G = filled<float>(6, 1, {3, 41, 17});
  against_oracle<placed, float>("placed", {{3, 41, 17}}, q = Q, k = K, of_all = A, kr = KR, v = V);
  against_oracle<placed_gradients, float>("gradients of placed",
                                          {{3, 41, 24}, {3, 41, 24}, {41, 7}, {41, 7}, {3, 41, 17}}, q = Q, k = K,
                                          of_all = A, kr = KR, v = V, cotangent<placed> = G);
  against_oracle<gated, float>("gated", {{3, 41, 17}}, q = Q, k = K, of_all = A, kr = KR, v = V);
  against_oracle<gated_gradients, float>("gradients of gated",
                                         {{3, 41, 24}, {3, 41, 24}, {41, 7}, {41, 7}, {3, 41, 17}}, q = Q, k = K,
                                         of_all = A, kr = KR, v = V, cotangent<gated> = G);
}
BOOST_AUTO_TEST_CASE(keys_that_are_copied) {
  const auto Q = filled<float>(1, 1, {2, 29, 24}), QR = filled<float>(2, 1, {2, 29, 30}),
             K = filled<float>(3, 1, {2, 24, 53}), KR = filled<float>(4, 1, {30, 53}),
             V = filled<float>(5, 1, {2, 53, 17}), G = filled<float>(6, 1, {2, 29, 17});
  against_oracle<copied, float>("copied", {{2, 29, 17}}, q = Q, qr = QR, turned = K, turned_r = KR, v = V);
  against_oracle<copied_gradients, float>("gradients of copied", {{2, 29, 24}, {2, 24, 53}, {2, 29, 30}, {30, 53}},
                                          q = Q, qr = QR, turned = K, turned_r = KR, v = V, cotangent<copied> = G);
}
BOOST_AUTO_TEST_CASE(three_contractions_and_the_same_keys_twice) {
  const auto Q = filled<float>(1, 1, {2, 43, 24}), K = filled<float>(2, 1, {2, 43, 24}),
             QR = filled<float>(3, 1, {2, 43, 5}), KR = filled<float>(4, 1, {43, 5}),
             V = filled<float>(5, 1, {2, 43, 17}), G = filled<float>(6, 1, {2, 43, 17}),
             Q3 = filled<float>(7, 1, {2, 43, 9}), K3 = filled<float>(8, 1, {2, 43, 9}), S = filled<float>(9, 0.3, {2}),
             W = filled<float>(10, 0.3, {2, 43});
  against_oracle<three, float>("three", {{2, 43, 17}}, q = Q, k = K, qr = QR, kr = KR, third_q = Q3, third_k = K3,
                               slope = S, warmth = W, v = V);
  against_oracle<three_gradients, float>(
      "gradients of three", {{2, 43, 24}, {43, 5}, {2, 43, 9}, {2, 43, 9}, {2}, {2, 43}}, q = Q, k = K, qr = QR,
      kr = KR, third_q = Q3, third_k = K3, slope = S, warmth = W, v = V, cotangent<three> = G);
  against_oracle<same_keys, float>("same keys", {{2, 43, 17}}, q = Q, q2 = Q, k = K, v = V);
  against_oracle<same_keys_gradients, float>("gradients of same keys",
                                             {{2, 43, 24}, {2, 43, 24}, {2, 43, 24}, {2, 43, 17}}, q = Q, q2 = Q, k = K,
                                             v = V, cotangent<same_keys> = G);
}
BOOST_AUTO_TEST_CASE(in_double) {
  const auto Q = filled<double>(1, 1, {2, 21, 24}), K = filled<double>(2, 1, {2, 27, 24});
  const auto q_ = filled<float>(3, 1, {2, 21, 24}), k_ = filled<float>(4, 1, {2, 27, 24});
  against_oracle<wide_score, double>("in double", {{2, 21}}, wide_q = Q, wide_k = K, q = q_, k = k_);
}
BOOST_AUTO_TEST_CASE(several_key_axes) {
  const auto Q = filled<float>(1, 1, {2, 37, 24}), QR = filled<float>(2, 1, {2, 37, 6}),
             K = filled<float>(3, 1, {2, 5, 7, 24}), KR = filled<float>(4, 1, {5, 7, 6}),
             V = filled<float>(5, 1, {2, 5, 7, 17});
  against_oracle<image, float>("image", {{2, 37, 17}}, q = Q, qr = QR, image_k = K, image_r = KR, image_v = V);
}
