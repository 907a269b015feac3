// Talking heads over scores that are convolved along keys, in kernels: results and gradients in one call and in two
// equal the oracle on the declared graph, and its gradient, which central differences have confirmed (plan/mixed_heads,
// plan/joined_contractions).
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
using namespace heed;
using heed_tests::filled, heed_tests::largest, heed_tests::worst_units;

namespace {
constexpr axis<"g", 2> g;
constexpr axis<"h", 3> h;
constexpr axis<"j", 2> j;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 5> e;
constexpr axis<"t", 2> t;
constexpr auto q = input<"q">(g, n, d);
constexpr auto k = input<"k">(g, m, d);
constexpr auto v = input<"v">(j, m, e);
constexpr auto before = input<"before">(h, g);
constexpr auto behind = input<"behind">(j, h);
constexpr auto tap = input<"tap">(t);
constexpr auto s = scaled_dot<d>(q, k);
constexpr auto mixed = dot<g>(before, tap.at(0) * s + tap.at(1) * shift<m>(s, 1));
constexpr auto out = dot<m>(dot<h>(behind, softmax<m>(mask(mixed, m <= n))), v);
constexpr auto backward = gradient<out>(wrt(q, k, v, before, behind, tap));
constexpr auto step = differentiable<out, strict>(wrt(q, k, v, before, behind, tap));

constexpr axis<"b"> b;
constexpr auto values = input<"values">(b, m, e);
constexpr auto keys = input<"keys">(m, d);
constexpr auto shared = dot<m>(softmax<m>(mask(scaled_dot<d>(input<"queries">(n, d), keys), m <= n)), values);
constexpr auto of_shared = gradient<shared>(wrt(keys, values));
constexpr auto shared_step = differentiable<shared, strict>(wrt(keys, values));
}  // namespace

BOOST_AUTO_TEST_CASE(talking_heads) {
  const extent_t N = 37;
  const auto Q = filled<float>(1, 1, {2, N, 8}), K = filled<float>(2, 1, {2, N, 8}), V = filled<float>(3, 1, {2, N, 5}),
             A = filled<float>(4, 1, {3, 2}), B = filled<float>(5, 1, {2, 3}), T = filled<float>(6, 1, {2}),
             G = filled<float>(7, 1, {2, N, 5});
  tensor<float> O(2, N, 5), one[] = {tensor<float>(2, N, 8), tensor<float>(2, N, 8), tensor<float>(2, N, 5),
                                     tensor<float>(3, 2),    tensor<float>(2, 3),    tensor<float>(2)};
  tensor<double> want_O(2, N, 5), want[] = {tensor<double>(2, N, 8), tensor<double>(2, N, 8), tensor<double>(2, N, 5),
                                            tensor<double>(3, 2),    tensor<double>(2, 3),    tensor<double>(2)};
  std::vector<tensor<float>> again(std::begin(one), std::end(one));
  const auto call = [&](const auto& with) { with(q = Q, k = K, v = V, before = A, behind = B, tap = T); };
  call([&](const auto&... x) {
    auto saved = step.saved();
    step.forward(saved, x..., into(O));
    step.backward(saved, x..., cotangent<out> = G, into(again[0], again[1], again[2], again[3], again[4], again[5]));
    fuse<backward, strict>(x..., cotangent<out> = G, into(one[0], one[1], one[2], one[3], one[4], one[5]));
    reference<out>(x..., into(want_O));
    reference<backward>(x..., cotangent<out> = G, into(want[0], want[1], want[2], want[3], want[4], want[5]));
  });
  const double unit = 0x1p-23;
  BOOST_TEST(worst_units(O, want_O, unit * largest(want_O)) <= 32);
  for (int i = 0; i < 6; ++i) {
    BOOST_TEST(worst_units(one[i], want[i], unit * largest(want[i])) <= 64, "gradient " << i);
    BOOST_TEST(worst_units(again[std::size_t(i)], want[i], unit * largest(want[i])) <= 64,
               "gradient in two calls " << i);
    BOOST_TEST(!heed_tests::mostly_zero(want[i]));
  }
}

BOOST_AUTO_TEST_CASE(weights_that_a_batch_shares) {
  const extent_t B = 3, N = 29;
  const auto Q = filled<float>(1, 1, {N, 8}), K = filled<float>(2, 1, {N, 8}), V = filled<float>(3, 1, {B, N, 5}),
             G = filled<float>(4, 1, {N, B, 5});
  tensor<float> O(N, B, 5), dK(N, 8), dV(B, N, 5), dK2(N, 8), dV2(B, N, 5);
  tensor<double> want_dK(N, 8), want_dV(B, N, 5);
  const auto call = [&](const auto&... x) {
    fuse<of_shared, strict>(x..., cotangent<shared> = G, into(dK, dV));
    reference<of_shared>(x..., cotangent<shared> = G, into(want_dK, want_dV));
    auto saved = shared_step.saved();
    shared_step.forward(saved, x..., into(O));
    shared_step.backward(saved, x..., cotangent<shared> = G, into(dK2, dV2));
  };
  call(input<"queries">(n, d) = Q, keys = K, values = V);
  for (const auto* got : {&dK, &dK2}) BOOST_TEST(worst_units(*got, want_dK, 0x1p-23 * largest(want_dK)) <= 32);
  for (const auto* got : {&dV, &dV2}) BOOST_TEST(worst_units(*got, want_dV, 0x1p-23 * largest(want_dV)) <= 32);
}
