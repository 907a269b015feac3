// options: -O0 -DHEED_UNOPTIMISED
// Everything that binds: heed's tensor and views of anybody's memory, as operands and as results, at any strides.
#include "against_reference.hpp"
#include <cstring>
using namespace heed::internal;
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto x = input<"x">(n);
constexpr auto y = input<"y">(n, d);
constexpr auto c = input<"c">();
constexpr auto line = x * c + 1;
constexpr auto plane = y * x - 2;
constexpr auto total = sum<n>(x);
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto score = dot<d>(q, k) / sqrt(size<d>);
constexpr auto out = dot<m>(softmax<m>(mask(score, causal(n, m))), v);
constexpr auto lse = logsumexp<m>(mask(score, causal(n, m)));

// A tensor class of somebody else: rows at a distance.
struct grid {
  std::vector<float> cells;
  extent_t rows, columns, distance;
};
}  // namespace

template <> struct heed::operand_traits<grid> {
  using element_type = float;
  static constexpr bool binds = true;
  static constexpr int rank = 2;
  template <class G> static heed::view<float> bind(G& g) {
    return {const_cast<float*>(g.cells.data()), {g.rows, g.columns}, {g.distance, 1}};
  }
};

namespace {
// Who can be written: views and spans say so themselves, owners by being const or not.
static_assert(run::can_write<tensor<float>&> && !run::can_write<const tensor<float>&>);
static_assert(run::can_write<const view<float>&> && !run::can_write<view<const float>&>);
static_assert(run::can_write<const std::span<float>&> && !run::can_write<std::span<const float>&>);
static_assert(run::can_write<std::vector<float>&> && !run::can_write<const std::vector<float>&>);
static_assert(run::can_write<std::array<float, 3>&> && !run::can_write<const std::array<float, 3>&>);
static_assert(run::can_write<float (&)[3]> && !run::can_write<const float (&)[3]> &&
              !run::can_write<const float (&)[2][3]>);
static_assert(run::can_write<float&> && !run::can_write<const float&>);
static_assert(run::can_write<grid&> && !run::can_write<const grid&>);
static_assert(!operand_traits<std::vector<bool>>::binds, "its elements have no addresses");
static_assert(operand_traits<float[2][3][4]>::rank == 3 && operand_traits<std::vector<float>>::rank == 1);

const float numbers_of_x[] = {0.5f, -2, 3, 7};
template <class T> tensor<float> filled_with(const T& values) {
  tensor<float> t{extent_t(std::size(values))};
  std::copy(std::begin(values), std::end(values), t.begin());
  return t;
}
bool right(const float* got) {
  for (int i = 0; i < 4; ++i)
    if (got[i] != numbers_of_x[i] * 2 + 1) return false;
  return true;
}
template <class X> bool reads(X&& operand) {
  tensor<float> r(4);
  fuse<line>(x = operand, c = 2.f, into(r));
  return right(r.data());
}
template <class R> bool writes(R&& result, const float* at) {
  fuse<line>(x = numbers_of_x, c = 2.f, into(result));
  return right(at);
}
}  // namespace

BOOST_AUTO_TEST_CASE(one_axis_of_every_type_is_read) {
  tensor<float> t = filled_with(numbers_of_x);
  std::vector<float> a(std::begin(numbers_of_x), std::end(numbers_of_x));
  const std::vector<float> const_a = a;
  std::array<float, 4> fixed{0.5f, -2, 3, 7};
  const std::array<float, 4> const_fixed = fixed;
  float array[4] = {0.5f, -2, 3, 7};
  BOOST_TEST((reads(t) && reads(std::as_const(t)) && reads(tensor<float>(t))));
  BOOST_TEST((reads(a) && reads(const_a) && reads(std::vector<float>(a))));
  BOOST_TEST((reads(fixed) && reads(const_fixed) && reads(array) && reads(numbers_of_x)));
  BOOST_TEST((reads(std::span(a)) && reads(std::span(const_a)) && reads(std::span<const float>(array)) &&
              reads(std::span<float, 4>(array))));
  BOOST_TEST((reads(view(a)) && reads(view(const_a)) && reads(view(std::span(a))) && reads(view(a, {4})) &&
              reads(view(const_a, {4}, {1}))));
  BOOST_TEST(
      (reads(view<float>(array, {4})) && reads(view<const float>(array, {4})) && reads(view(numbers_of_x, {4}))));
  const float backwards[] = {7, 3, -2, 0.5f}, apart[] = {0.5f, 9, 9, -2, 9, 9, 3, 9, 9, 7};
  BOOST_TEST((reads(view(backwards + 3, {4}, {-1})) && reads(view(apart, {4}, {3}))));
}
BOOST_AUTO_TEST_CASE(one_axis_of_every_type_is_written) {
  tensor<float> t(4);
  std::vector<float> a(4), a2(4), a3(4), a4(4);
  std::array<float, 4> fixed{};
  float array[4]{}, other[4]{};
  BOOST_TEST((writes(t, t.data()) && writes(a, a.data()) && writes(fixed, fixed.data()) && writes(array, array)));
  BOOST_TEST((writes(std::span(a2), a2.data()) && writes(view(a3), a3.data()) && writes(view(a4, {4}), a4.data()) &&
              writes(view(other, {4}), other)));
  const std::span<float> to = a;  // const spans and views still write
  a.assign(4, 0);
  BOOST_TEST(writes(to, a.data()));
  float apart[10];
  std::fill(std::begin(apart), std::end(apart), 9.f);
  fuse<line>(x = numbers_of_x, c = 2.f, into(view(apart + 9, {4}, {-3})));
  const float expected[] = {15, 9, 9, 7, 9, 9, -3, 9, 9, 2};
  BOOST_TEST(std::equal(std::begin(apart), std::end(apart), expected));
}
BOOST_AUTO_TEST_CASE(numbers_and_results_without_axes) {
  float r = 0;
  fuse<total>(x = numbers_of_x, into(r));
  BOOST_TEST(r == 8.5f);
  tensor<float> none{std::span<const extent_t>()};
  fuse<total>(x = numbers_of_x, into(none));
  BOOST_TEST(none[0] == 8.5f);
  float through[1] = {};
  fuse<total>(x = numbers_of_x, into(view(through, {})));
  BOOST_TEST(through[0] == 8.5f);
  const float two = 2;
  tensor<float> t(4);
  fuse<line>(x = numbers_of_x, c = two, into(t));
  BOOST_TEST(right(t.data()));
}
BOOST_AUTO_TEST_CASE(arrays_of_arrays_and_the_tensors_of_others) {
  float array[2][3] = {{1, 2, 3}, {4, 5, 6}}, r[2][3]{};
  const float scale[] = {10, 100};
  fuse<plane>(y = array, x = scale, into(r));
  BOOST_TEST((r[0][0] == 8 && r[0][2] == 28 && r[1][0] == 398 && r[1][2] == 598));
  const float(&constant)[2][3] = array;
  float again[2][3]{};
  fuse<plane>(y = constant, x = scale, into(again));
  BOOST_TEST(std::memcmp(r, again, sizeof r) == 0);
  grid g{{1, 2, 3, 0, 4, 5, 6, 0}, 2, 3, 4}, to{std::vector<float>(10, 7.f), 2, 3, 5};
  fuse<plane>(y = std::as_const(g), x = scale, into(to));
  const float expected[] = {8, 18, 28, 7, 7, 398, 498, 598, 7, 7};
  BOOST_TEST(std::equal(to.cells.begin(), to.cells.end(), expected));
  static float cube[2][5][3], keys[2][5][3], values[2][5][4], result[2][5][4];
  const auto fill = [](auto& a, unsigned seed) {
    std::mt19937 random(seed);
    for (auto& s : a)
      for (auto& line_of_s : s)
        for (float& z : line_of_s) z = float(random() % 1000) / 500 - 1;
  };
  fill(cube, 1), fill(keys, 2), fill(values, 3);
  fuse<out>(q = cube, k = keys, v = values, into(result));
  tensor<float> expect(2, 5, 4);
  fuse<out>(q = view(&cube[0][0][0], {2, 5, 3}), k = view(&keys[0][0][0], {2, 5, 3}),
            v = view(&values[0][0][0], {2, 5, 4}), into(expect));
  BOOST_TEST(std::memcmp(result, expect.data(), sizeof result) == 0);
  BOOST_TEST(!mostly_zero(expect));
}

// The three axes in any memory order, with gaps, forwards, backwards and, for operands, standing still.
BOOST_AUTO_TEST_CASE(any_strides_of_every_operand_and_result) {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return random() % bound; };
  struct layout {
    std::array<extent_t, 3> extents, strides{};
    extent_t first = 0, size = 1;
  };
  const auto any = [&](std::array<extent_t, 3> extents, bool may_stand) {
    layout l{extents};
    std::array<std::size_t, 3> order{0, 1, 2};
    std::shuffle(order.begin(), order.end(), random);
    extent_t reach = 1;
    for (const std::size_t a : order) {
      if (may_stand && below(5) == 0) continue;
      reach += extent_t(below(3) ? 0 : below(4));
      const bool back = below(3) == 0;
      l.strides[a] = back ? -reach : reach;
      if (back) l.first += reach * (extents[a] - 1);
      reach *= extents[a];
    }
    l.size = reach;
    return l;
  };
  const auto see = [](const layout& l, float* p) {
    return view<float>(p + l.first, std::span<const extent_t>(l.extents), std::span<const extent_t>(l.strides));
  };
  for (int trial = 0; trial < 300; ++trial) {
    const extent_t B = 1 + below(3), N = 1 + below(20), M = 1 + below(20), D = 1 + below(18), E = 1 + below(18);
    const layout ql = any({B, N, D}, true), kl = any({B, M, D}, true), vl = any({B, M, E}, true),
                 rl = any({B, N, E}, false);
    std::vector<float> qs(std::size_t(ql.size)), ks(std::size_t(kl.size)), vs(std::size_t(vl.size)),
        rs(std::size_t(rl.size) + 20, 77.f);
    for (auto* a : {&qs, &ks, &vs})
      for (float& z : *a) z = float(below(2001)) / 1000 - 1;
    const auto dense = [](const layout& l, const std::vector<float>& from) {
      tensor<float> t{std::span<const extent_t>(l.extents)};
      for (extent_t i = 0; i < l.extents[0]; ++i)
        for (extent_t j = 0; j < l.extents[1]; ++j)
          for (extent_t h = 0; h < l.extents[2]; ++h)
            t(i, j, h) = from[std::size_t(l.first + i * l.strides[0] + j * l.strides[1] + h * l.strides[2])];
      return t;
    };
    tensor<double> want(B, N, E);
    reference<out>(q = dense(ql, qs), k = dense(kl, ks), v = dense(vl, vs), into(want));
    fuse<out>(q = see(ql, qs.data()), k = see(kl, ks.data()), v = see(vl, vs.data()), into(see(rl, rs.data() + 10)));
    std::vector<bool> written(rs.size());
    double worst = 0;
    for (extent_t i = 0; i < B; ++i)
      for (extent_t j = 0; j < N; ++j)
        for (extent_t h = 0; h < E; ++h) {
          const std::size_t at = std::size_t(10 + rl.first + i * rl.strides[0] + j * rl.strides[1] + h * rl.strides[2]);
          written[at] = true;
          const double off = std::fabs(double(rs[at]) - want(i, j, h));
          worst = off <= worst ? worst : off;
          if (off != off) worst = INFINITY;
        }
    BOOST_TEST(worst < 16 * 1.2e-7 * 6, "trial " << trial << ": off by " << worst);
    for (std::size_t i = 0; i < rs.size(); ++i)
      if (!written[i] && rs[i] != 77.f) BOOST_TEST(false, "trial " << trial << ": wrote past the result at " << i);
  }
}
// Packed buffers: operands and results side by side in one piece of memory are apart, element by element.
BOOST_AUTO_TEST_CASE(results_may_lie_between_operands) {
  constexpr extent_t N = 19, D = 8;
  std::vector<float> packed(std::size_t(N * 4 * D));
  std::mt19937 random(3);
  for (float& z : packed) z = float(random() % 2001) / 1000 - 1;
  const std::vector<float> before = packed;
  const auto column = [&](extent_t i) { return view(packed.data() + i * D, {1, N, D}, {0, 4 * D, 1}); };
  tensor<float> expect(1, N, D), expect_lse(1, N);
  fuse<results(out, lse)>(q = column(0), k = column(1), v = column(2), into(expect, expect_lse));
  fuse<out>(q = column(0), k = column(1), v = column(2), into(column(3)));
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < 4 * D; ++j) {
      const float got = packed[std::size_t(i * 4 * D + j)],
                  want = j < 3 * D ? before[std::size_t(i * 4 * D + j)] : expect(0, i, j - 3 * D);
      if (got != want) BOOST_TEST(false, "row " << i << ", column " << j << ": " << got << ", expected " << want);
    }
  // Two results in one buffer: each row's values, then its log-sum-exp.
  std::vector<float> both(std::size_t(N * (D + 1)));
  fuse<results(out, lse)>(q = column(0), k = column(1), v = column(2),
                          into(view(both.data(), {1, N, D}, {0, D + 1, 1}), view(both.data() + D, {1, N}, {0, D + 1})));
  for (extent_t i = 0; i < N; ++i) {
    BOOST_TEST(std::memcmp(&both[std::size_t(i * (D + 1))], &expect(0, i, 0), D * sizeof(float)) == 0);
    BOOST_TEST(both[std::size_t(i * (D + 1) + D)] == expect_lse(0, i));
  }
}
// Does the test of sharing agree with looking at every element?
BOOST_AUTO_TEST_CASE(sharing_is_never_missed) {
  std::mt19937 random(11);
  std::array<char, 4096> memory;
  int apart = 0, shared = 0;
  const auto any = [&] {
    run::bound o{
        memory.data() + 2048 + 4 * (random() % 16), 2, {extent_t(1 + random() % 4), extent_t(1 + random() % 4)}, {}};
    for (int i = 0; i < 2; ++i) o.strides[std::size_t(i)] = extent_t(random() % 25) - 12;
    return o;
  };
  const auto covers = [&](const run::bound& o) {
    std::vector<bool> r(memory.size());
    for (extent_t i = 0; i < o.extents[0]; ++i)
      for (extent_t j = 0; j < o.extents[1]; ++j)
        for (extent_t byte = 0; byte < 4; ++byte)
          r[std::size_t(static_cast<char*>(o.data) - memory.data() + 4 * (i * o.strides[0] + j * o.strides[1]) +
                        byte)] = true;
    return r;
  };
  for (int trial = 0; trial < 20000; ++trial) {
    const run::bound o = any(), p = any();
    const std::vector<bool> a = covers(o), bytes = covers(p);
    bool really = false;
    for (std::size_t i = 0; i < a.size(); ++i) really = really || (a[i] && bytes[i]);
    const bool said = run::share_memory(o, 4, p, 4);
    BOOST_REQUIRE((said || !really));
    shared += really, apart += !said;
    extent_t least;
    if (run::axis_that_overlaps(o, least) < 0)
      BOOST_REQUIRE(std::count(a.begin(), a.end(), true) == 4 * o.extents[0] * o.extents[1]);
  }
  BOOST_TEST((shared > 2000 && apart > 2000));
}

namespace {
constexpr axis<"i"> twice_i;
constexpr axis<"j", 8> twice_j;
constexpr auto factor = input<"factor">(twice_j);
constexpr auto plain = input<"plain">(twice_i, twice_j);
constexpr auto rows_first = plain * factor;     // (i, j)
constexpr auto columns_first = factor * plain;  // (j, i)
}  // namespace
// Simplification makes one node of both products; each result keeps the memory order that it was declared with.
BOOST_AUTO_TEST_CASE(a_value_that_is_two_results) {
  tensor<float> P(3, 8), F(8), rows(3, 8), columns(8, 3);
  for (std::size_t at = 0; at < P.size(); ++at) P[at] = float(at);
  for (std::size_t at = 0; at < F.size(); ++at) F[at] = float(at + 1);
  fuse<results(rows_first, columns_first)>(plain = P, factor = F, into(rows, columns));
  for (extent_t i = 0; i < 3; ++i)
    for (extent_t j = 0; j < 8; ++j) BOOST_TEST((rows(i, j) == P(i, j) * F(j) && columns(j, i) == P(i, j) * F(j)));
}
