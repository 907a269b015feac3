// Which scores a mask costs: packs of rows that see nothing of a group of keys are not contracted, whether the mask is
// arithmetic, reads operands over pairs, or a table at computed indices. The scores that are computed are counted by a
// primitive; `explain` counts as many.
// options: -O1
// labels: meaning
#include "against_reference.hpp"
#include "met_tiles.hpp"
#include <atomic>
#include <functional>
using namespace heed::internal;
using namespace heed_tests;

namespace {
std::atomic<long> computed_packs;
struct noted {
  static constexpr auto name = "noted";
  static auto value(const auto& x) {
    ++computed_packs;
    return x;
  }
};
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"z"> z;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto s = primitive<noted>(dot<d>(q, k));
constexpr auto seen = input<"seen", bool>(n, m);
constexpr auto map = input<"map", bool>(y, x);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto block_of_n = cast<std::int32_t>(n * 0.0625);
constexpr auto block_of_m = cast<std::int32_t>(m * 0.0625);
template <const auto& Keep> inline constexpr auto attended = dot<m>(softmax<m>(mask(s, Keep)), v);
constexpr auto inside = same_document(doc, n, m) && ((n - m < 5 && m <= n) || doc.at(n) * 8 + m < 30);
constexpr auto mapped = gather<x>(gather<y>(map, block_of_n), block_of_m) && m <= n;
constexpr auto strong = bias > 0.5;

constexpr extent_t H = 2, N = 150, M = 141, D = 3, E = 2;
struct problem {
  tensor<float> Q = filled<float>(1, 1, {H, N, D}), K = filled<float>(2, 1, {H, M, D}),
                V = filled<float>(3, 1, {H, M, E}), O{H, N, E};
};
using visible = std::function<bool(extent_t head, extent_t n, extent_t m)>;

// Packs x keys of all groups of keys, where the pack sees any of the group.
long needed_packs(const visible& keep) {
  constexpr extent_t lanes = simd::native_lanes<float>, group = simd::group;
  long total = 0;
  for (extent_t a = 0; a < H; ++a)
    for (extent_t row = 0; row < N; row += lanes)
      for (extent_t first = 0; first < M; first += group) {
        bool any = false;
        for (extent_t i = row; i < std::min(N, row + lanes); ++i)
          for (extent_t j = first; j < std::min(M, first + group); ++j) any = any || keep(a, i, j);
        total += any * group;
      }
  return total;
}
// The same as `explain` counts them, in packs x keys of all heads.
template <result_list R, class... Args> long counted_packs(problem& p, Args&&... args) {
  long total = 0;
  extent_t items = 0;
  auto queries = q = p.Q;
  auto keys = k = p.K;
  each_met_tile<R>(
      N, M,
      [&](const show::met_tile& t) {
        total += t.packs.count * simd::group;
        items = t.item + 1;
      },
      run::nobody_watches{}, queries, keys, args...);
  return total * H / items;
}
void check(problem& p, const visible& keep, const char* what) {
  BOOST_TEST(computed_packs.load() == needed_packs(keep),
             what << ": " << computed_packs.load() << " instead of " << needed_packs(keep));
  double worst = 0, size = 0;
  for (extent_t a = 0; a < H; ++a)
    for (extent_t i = 0; i < N; ++i) {
      double total = 0, out[E] = {};
      for (extent_t j = 0; j < M; ++j) {
        if (!keep(a, i, j)) continue;
        double score = 0;
        for (extent_t c = 0; c < D; ++c) score += double(p.Q(a, i, c)) * double(p.K(a, j, c));
        total += std::exp(score);
        for (extent_t c = 0; c < E; ++c) out[c] += std::exp(score) * double(p.V(a, j, c));
      }
      for (extent_t c = 0; c < E; ++c) {
        const double wanted = total > 0 ? out[c] / total : 0;
        worst = std::max(worst, std::abs(wanted - double(p.O(a, i, c)))), size += std::abs(wanted);
      }
    }
  BOOST_TEST(worst < 2e-6, what << ": off by " << worst);
  BOOST_TEST(size > 10, what);
}
}  // namespace

void check_boolean(const visible& keep, const char* what) {
  problem p;
  tensor<bool> S(N, M);
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < M; ++j) S(i, j) = keep(0, i, j);
  computed_packs = 0;
  fuse<attended<seen>, strict>(q = p.Q, k = p.K, v = p.V, seen = S, into(p.O));
  BOOST_TEST(computed_packs.load() == counted_packs<attended<seen>>(p, seen = S));
  check(p, keep, what);
}
BOOST_AUTO_TEST_CASE(a_boolean_over_pairs) {
  check_boolean([](extent_t, extent_t i, extent_t j) { return i / 20 == j / 20 || j == 70; }, "boolean");
}
BOOST_AUTO_TEST_CASE(a_pack_between_two_others_sees_nothing) {
  constexpr extent_t lanes = simd::native_lanes<float>;
  check_boolean([](extent_t, extent_t i, extent_t j) { return i / lanes % 3 != 1 && j % 3 < 2; }, "first and last");
  check_boolean([](extent_t, extent_t i, extent_t j) { return i / lanes % 3 != j / 10 % 4; }, "all but one");
}
BOOST_AUTO_TEST_CASE(numbers_over_pairs) {
  problem p;
  tensor<float> B(M, H, N);  // its rows do not run along the keys; NaN excludes
  for (extent_t a = 0; a < H; ++a)
    for (extent_t i = 0; i < N; ++i)
      for (extent_t j = 0; j < M; ++j) B(j, a, i) = i == j ? NAN : (i / 30 + j / 25 + a) % 4 == 0 ? 1.f : 0.5f;
  computed_packs = 0;
  fuse<attended<strong>, strict>(q = p.Q, k = p.K, v = p.V, bias = view(B.data(), {H, N, M}, {N, 1, H * N}), into(p.O));
  BOOST_TEST(computed_packs.load() ==
             counted_packs<attended<strong>>(p, bias = view(B.data(), {H, N, M}, {N, 1, H * N})));
  check(p, [](extent_t a, extent_t i, extent_t j) { return i != j && (i / 30 + j / 25 + a) % 4 == 0; }, "numbers");
}
BOOST_AUTO_TEST_CASE(a_map_of_blocks) {
  problem p;
  tensor<bool> T(10, 9);
  for (extent_t i = 0; i < 10; ++i)
    for (extent_t j = 0; j < 9; ++j) T(i, j) = (i + 2 * j) % 3 == 0 || i == j;
  computed_packs = 0;
  fuse<attended<mapped>, strict>(q = p.Q, k = p.K, v = p.V, map = T, into(p.O));
  check(p, [&](extent_t, extent_t i, extent_t j) { return T(i / 16, j / 16) && j <= i; }, "map");
}
BOOST_AUTO_TEST_CASE(conditions_that_depend_on_each_other) {
  problem p;
  std::vector<std::int32_t> ids(N);
  for (extent_t i = 0; i < N; ++i) ids[std::size_t(i)] = std::int32_t(i / 37);
  computed_packs = 0;
  fuse<attended<inside>, strict>(q = p.Q, k = p.K, v = p.V, doc = ids, into(p.O));
  BOOST_TEST(computed_packs.load() == counted_packs<attended<inside>>(p, doc = ids));
  check(
      p,
      [&](extent_t, extent_t i, extent_t j) {
        return i / 37 == j / 37 && ((i - j < 5 && j <= i) || i / 37 * 8 + j < 30);
      },
      "inside");
}
