// Gradients by the call's own words, checks included: what a view shows a part of has zeros in the rest.
// options: -O1
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;  constexpr axis<"z"> z;  constexpr axis<"c", 8> c;  constexpr axis<"s", 3> s;
constexpr auto x = input<"x">(n, c);
constexpr auto level = input<"level">(z);
constexpr auto front = slice<c, s, 0>(x * x);
constexpr auto behind = slice<c, s, 5>(x * x);
constexpr auto first_levels = level.at(n) * 3;             // n is shorter than z
}  // namespace

BOOST_AUTO_TEST_CASE(a_slice_gives_zeros_to_the_rest) {
  const tensor<float> X = filled<float>(1, 1, {4, 8}), G = filled<float>(2, 1, {4, 3});
  tensor<float> dfront(4, 8), dbehind(4, 8);
  fuse<gradient<front>(wrt(x))>(x = X, cotangent<front> = G, into(dfront));
  fuse<gradient<behind>(wrt(x))>(x = X, cotangent<behind> = G, into(dbehind));
  for (extent_t i = 0; i < 4; ++i)
    for (extent_t k = 0; k < 8; ++k) {
      BOOST_TEST(dfront(i, k) == (k < 3 ? 2 * X(i, k) * G(i, k) : 0));
      BOOST_TEST(dbehind(i, k) == (k >= 5 ? 2 * X(i, k) * G(i, k - 5) : 0));
    }
}
BOOST_AUTO_TEST_CASE(a_table_longer_than_the_axis_it_is_read_at) {
  for (const extent_t N : {3, 1, 0, 5}) {
    const tensor<float> L = filled<float>(1, 1, {5}), G = filled<float>(2, 1, {N});
    tensor<float> got(5);
    fuse<gradient<first_levels>(wrt(level))>(level = L, cotangent<first_levels> = G, into(got));
    for (extent_t k = 0; k < 5; ++k) BOOST_TEST(got(k) == (k < N ? 3 * G(k) : 0));
  }
}
