// Gradients through kernels: the fused run of each equals the oracle, which central differences have confirmed
// (primitives.cpp, composites.cpp hold the same graphs and more); at extents of 1 and 0 too.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "fused_against_oracle.hpp"
using namespace heed;

namespace {
using namespace heed_tests::graphs;
constexpr auto grad_attention = gradient<past_only>(wrt(q, k, v));
constexpr auto grad_sloped = gradient<results(sloped, lse)>(wrt(q, k, v, slope));
constexpr auto grad_relative = gradient<relative>(wrt(k, table));
constexpr auto grad_capped = gradient<capped_after>(wrt(q, k));
constexpr auto grad_gated = gradient<gated>(wrt(q, gate));
constexpr auto grad_sunk = gradient<sunk>(wrt(q, k, v, slope));
constexpr auto sunk_before = sink_attention<m>(mask(s, m < n), v, slope);  // the first query has nothing left
constexpr auto sunk_step = results(sunk_before, gradient<sunk_before>(wrt(q, k, v, slope)));
constexpr auto qg = input<"qg">(b, h, r, n, d);
constexpr auto grad_grouped = gradient<grouped>(wrt(qg, k, v));
constexpr auto w3 = input<"w3">(o, c);
constexpr auto grad_mlp = gradient<gated_mlp>(wrt(x, w, w3));
constexpr auto grad_norm = gradient<post_norm>(wrt(x, w, bias_o, w2));
constexpr auto kind = input<"kind">(c);
constexpr auto grad_embedded = gradient<embedded>(wrt(word, kind));
constexpr auto grad_attended = gradient<attended>(wrt(x, w, bias_o, w2));
constexpr auto grad_pooled = gradient<pooled>(wrt(x));
constexpr auto grad_cosine = gradient<cosine>(wrt(x));
constexpr auto grad_shifted = gradient<shifted>(wrt(x));
constexpr auto grad_sliced = gradient<sliced>(wrt(x));
constexpr auto loss = mean<b, n, c>(mlp * mlp);
constexpr auto grad_loss = gradient<loss>(wrt(x, w, w2));
constexpr auto two_masks = weighed(mask(s, m <= n)) + 2 * weighed(mask(-s, n - m < 2));  // two softmaxes of one score
constexpr auto grad_two_masks = gradient<two_masks>(wrt(q, k, v));
constexpr auto two_tables = weighed(mask(s + table.at(n - m + 5), m <= n)) - weighed(table.at(n - m + 5) - s);  // ...
                                                                                                                // and
                                                                                                                // of
                                                                                                                // one
                                                                                                                // table
constexpr auto grad_two_tables = gradient<two_tables>(wrt(q, table));
constexpr auto queries = input<"q1">(h, n, d);  // of the whole batch
constexpr auto shared_queries = weighed(mask(dot<d>(queries, k) * slope, m <= n));
constexpr auto grad_shared_queries = gradient<shared_queries>(wrt(queries, k, v, slope));
constexpr auto shared_heads =
    dot<t, u>(attention<d, m>(input<"qt">(t, n, d), input<"kt">(m, d), input<"vt">(t, m, u)), input<"back">(c, t, u));
constexpr auto grad_shared_heads =
    gradient<shared_heads>(wrt(input<"qt">(t, n, d), input<"kt">(m, d), input<"vt">(t, m, u)));
constexpr auto p = softmax<m>(mask(s, m <= n));  // weights in other uses than to weigh values
constexpr auto importance = sum<n>(p);
constexpr auto entropy = -sum<m>(p * log(max(p, 1e-30)));
constexpr auto grad_entropy = gradient<results(past_only, entropy)>(wrt(q, k, v));
constexpr auto grad_importance = gradient<importance>(wrt(q, k));
constexpr auto total = sum<b, h, n, e>(past_only);
constexpr auto grad_total = gradient<total>(wrt(v));
constexpr auto grad_top = gradient<top>(wrt(q, k));
template <text Name> constexpr auto rate = input<Name>(h);
constexpr auto ten =
    weighed(mask(rate<"r1"> * s + rate<"r2"> * (n - m) + rate<"r3"> * log(1 + n - m) + rate<"r4"> * tanh(s) +
                     rate<"r5"> * cos(n - m) + rate<"r6"> * sin(n - m) + rate<"r7"> * s * s,
                 m <= n));
constexpr auto grad_ten = gradient<ten>(  // more than one region gives
    wrt(q, k, v, rate<"r1">, rate<"r2">, rate<"r3">, rate<"r4">, rate<"r5">, rate<"r6">, rate<"r7">));
// A gradient of a gradient, and one of several results.
constexpr auto y = input<"y", double>(n);
constexpr auto wave = sum<n>(tanh(y * y) * y);
constexpr auto grad_wave = gradient<wave>(wrt(y));
constexpr auto second = gradient<grad_wave>(wrt(y));
}  // namespace

// What the forward pass fuses, the gradient fuses too.
template <result_list... R> constexpr bool all_fused() { return ((static_cast<void>(fuse<R, strict>), true) && ...); }
static_assert(all_fused<grad_attention, grad_sloped, grad_capped, grad_gated, grad_grouped, grad_two_masks,
                        grad_two_tables, grad_shared_queries, grad_shared_heads, results(importance, entropy),
                        grad_entropy, grad_importance, grad_total, grad_ten>());

#define CHECK(R) heed_tests::check_fused<R>(#R, 1e-4)
BOOST_AUTO_TEST_CASE(attention_gradients) {
  CHECK(grad_attention);
  CHECK(grad_sloped);
  CHECK(grad_relative);
  CHECK(grad_capped);
  CHECK(grad_sunk);
  CHECK(sunk_step);
  CHECK(grad_gated);
  CHECK(grad_grouped);
  CHECK(grad_two_masks);
  CHECK(grad_two_tables);
  CHECK(grad_shared_queries);
  CHECK(grad_shared_heads);
  CHECK(importance);
  CHECK(entropy);
  CHECK(grad_entropy);
  CHECK(grad_importance);
  CHECK(grad_total);
  CHECK(grad_top);
}
BOOST_AUTO_TEST_CASE(other_gradients) {
  CHECK(grad_mlp);
  CHECK(grad_norm);
  CHECK(grad_embedded);
  CHECK(grad_attended);
  CHECK(grad_pooled);
  CHECK(grad_cosine);
  CHECK(grad_shifted);
  CHECK(grad_sliced);
  CHECK(grad_loss);
  CHECK(grad_wave);
  CHECK(second);
}
// A row with nothing left: the sink takes everything, and has no gradient from there. Nothing falls to loops.
BOOST_AUTO_TEST_CASE(sink_of_an_empty_row) {
  tensor<float> Q(1, 2, 5, 4), K(1, 2, 5, 4), V(1, 2, 5, 3), G(1, 2, 5, 3), O(1, 2, 5, 3), dQ(1, 2, 5, 4),
      dK(1, 2, 5, 4), dV(1, 2, 5, 3), dSink(2), alone(2);
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  for (auto* t : {&Q, &K, &V, &G})
    for (float& x : *t) x = normal(random);
  const float sinks[] = {-1, 2};
  const auto call = [&](tensor<float>& to) {
    fuse<sunk_step, strict>(q = Q, k = K, v = V, slope = sinks, cotangent<sunk_before> = G, into(O, dQ, dK, dV, to));
  };
  call(dSink);
  for (extent_t i = 0; i < 2; ++i) {
    for (extent_t a = 0; a < 3; ++a) BOOST_TEST((O(0, i, 0, a) == 0 && O(0, i, 1, a) != 0));
    for (extent_t a = 0; a < 4; ++a) BOOST_TEST(dQ(0, i, 0, a) == 0);
    BOOST_TEST((std::isfinite(dSink[std::size_t(i)]) && dSink[std::size_t(i)] != 0));
    for (extent_t a = 0; a < 3; ++a) G(0, i, 0, a) = 1e6f;  // whatever is asked of that row
  }
  call(alone);
  BOOST_TEST((alone[0] == dSink[0] && alone[1] == dSink[1]));
}
