// Masks that are operands, a boolean for each pair: in every layout, alone and beside other conditions, read by the
// score as well, forward and backward against the oracle.
// options: -O0 -DHEED_UNOPTIMISED
#include "against_reference.hpp"
#include "guarded.hpp"
#include <cstring>
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
template <class T> struct declared {
  static constexpr auto q = input<"q", T>(h, n, d);
  static constexpr auto k = input<"k", T>(h, m, d);
  static constexpr auto v = input<"v", T>(h, m, d);
  static constexpr auto seen = input<"seen", bool>(h, n, m);
  static constexpr auto strong = input<"strong", bool>(n, m);
  static constexpr auto s = dot<d>(q, k) / 2;
};
using single = declared<float>;
constexpr auto masked = dot<m>(softmax<m>(mask(single::s, single::seen)), single::v);
constexpr auto backward = gradient<masked>(wrt(single::q, single::k, single::v));
// In the score and in another condition.
constexpr auto doubled = declared<double>::s * where(declared<double>::strong, 2, 1);
constexpr auto both =
    dot<m>(softmax<m>(mask(doubled, (declared<double>::seen || !declared<double>::strong) && m <= n + 20)),
           declared<double>::v);

// The mask in memory that ends (or begins) at a forbidden page: what is read beside it is noticed.
struct layout {
  const char* name;
  extent_t heads, rows, columns;  // strides; the first element lies at `first`
  extent_t first, elements;
};
std::vector<layout> layouts(extent_t H, extent_t N, extent_t M) {
  return {{"rows", N * M, M, 1, 0, H * N * M},
          {"columns", N * M, 1, N, 0, H * N * M},
          {"every second", 2 * N * M, 2 * M, 2, 0, 2 * H * N * M - 1},
          {"backwards", N * M, M, -1, M - 1, H * N * M},
          {"upwards", -N * M, -M, 1, (H - 1) * N * M + (N - 1) * M, H * N * M},
          {"one row", M, 0, 1, 0, H * M},
          {"one column", N, 1, 0, 0, H * N},
          {"one head", 0, M, 1, 0, N * M}};
}
// Stretches of any length that all see, that nobody sees, and chance between.
struct stretches {
  std::mt19937 random;
  unsigned left = 0, kind = 0;
  bool operator()() {
    if (left-- == 0) left = random() % (random() % 4 ? 9 : 60), kind = random() % 3;
    return kind == 0 || (kind == 2 && random() % 3 == 0);
  }
};
constexpr extent_t D = 4;

template <class T, class Calls>
void forward(extent_t H, extent_t N, extent_t M, const Calls& calls) {
  using of = declared<T>;
  const auto Q = filled<T>(1, 1, {H, N, D}), K = filled<T>(2, 1, {H, M, D}), V = filled<T>(3, 1, {H, M, D});
  for (const layout& l : layouts(H, N, M))
    for (const auto side : {guarded<bool>::side::before, guarded<bool>::side::behind}) {
      guarded<bool> memory(std::size_t(l.elements), side);
      stretches drawn{std::mt19937(unsigned(N + M))};
      for (extent_t i = 0; i < l.elements; ++i) {
        const unsigned char truth = drawn() ? 1 : 0;
        std::memcpy(memory.data() + i, &truth, 1);
      }
      const auto S = view(memory.data() + l.first, {H, N, M}, {l.heads, l.rows, l.columns});
      tensor<T> O(H, N, D);
      tensor<double> R(H, N, D);
      calls(of::q = Q, of::k = K, of::v = V, of::seen = S, O, R);
      const double unit = std::is_same_v<T, float> ? 2e-6 : 1e-14;
      BOOST_TEST(worst_units(O, R, unit) < 1, l.name << " at " << H << ", " << N << ", " << M);
      BOOST_TEST(largest(O) > 0.1);
    }
}
}  // namespace

BOOST_AUTO_TEST_CASE(alone) {
  for (const auto& [H, N, M] : {std::array<extent_t, 3>{2, 50, 141}, {1, 7, 64}, {3, 24, 15}, {1, 1, 1}})
    forward<float>(H, N, M, [](auto&& q, auto&& k, auto&& v, auto&& seen, auto& O, auto& R) {
      fuse<masked, strict>(q, k, v, seen, into(O));
      reference<masked>(q, k, v, seen, into(R));
    });
}
BOOST_AUTO_TEST_CASE(in_the_score_too) {
  for (const auto& [H, N, M] : {std::array<extent_t, 3>{2, 33, 101}, {1, 12, 16}}) {
    tensor<bool> B(N, M);
    std::mt19937 random(9);
    for (bool& x : B) x = random() % 4 == 0;
    const auto strong = declared<double>::strong = B;
    forward<double>(H, N, M, [&](auto&& q, auto&& k, auto&& v, auto&& seen, auto& O, auto& R) {
      fuse<both, strict>(q, k, v, seen, strong, into(O));
      reference<both>(q, k, v, seen, strong, into(R));
    });
  }
}
BOOST_AUTO_TEST_CASE(backwards_through_it) {
  for (const auto& [H, N, M] : {std::array<extent_t, 3>{2, 50, 141}, {1, 9, 64}}) {
    const auto Q = filled<float>(1, 1, {H, N, D}), K = filled<float>(2, 1, {H, M, D}),
               V = filled<float>(3, 1, {H, M, D}), C = filled<float>(4, 1, {H, N, D});
    for (const layout& l : layouts(H, N, M)) {
      guarded<bool> memory(std::size_t(l.elements), guarded<bool>::side::behind);
      stretches drawn{std::mt19937(unsigned(N + M))};
      for (extent_t i = 0; i < l.elements; ++i) memory[std::size_t(i)] = drawn();
      const auto S = view(memory.data() + l.first, {H, N, M}, {l.heads, l.rows, l.columns});
      tensor<float> dQ(H, N, D), dK(H, M, D), dV(H, M, D);
      tensor<double> rQ(H, N, D), rK(H, M, D), rV(H, M, D);
      fuse<backward, strict>(single::q = Q, single::k = K, single::v = V, single::seen = S, cotangent<masked> = C,
                             into(dQ, dK, dV));
      reference<backward>(single::q = Q, single::k = K, single::v = V, single::seen = S, cotangent<masked> = C,
                          into(rQ, rK, rV));
      BOOST_TEST(worst_units(dQ, rQ, 2e-5) < 1, l.name);
      BOOST_TEST(worst_units(dK, rK, 2e-5) < 1, l.name);
      BOOST_TEST(worst_units(dV, rV, 2e-5) < 1, l.name);
      BOOST_TEST(largest(dK) > 0.1);
    }
  }
}
