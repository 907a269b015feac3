#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE simd_pack
#include <heed/simd/over_lanes.hpp>
#include <heed/simd/pack.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include "guarded.hpp"

namespace simd = heed::internal::simd;

namespace {

constexpr int half = simd::native_lanes<double>;  // lanes of half a register of floats
using real_packs =
    std::tuple<simd::pack<float>, simd::pack<double>, simd::pack<float, half>, simd::pack<double, 2 * half>>;
using all_packs = std::tuple<simd::pack<float>, simd::pack<double>, simd::pack<std::int32_t>, simd::pack<std::int64_t>,
                             simd::pack<float, half>, simd::pack<std::int32_t, half>, simd::pack<double, 2 * half>>;

// Lanes that differ from each other, of both signs, some zero.
template <class P>
P some(int seed) {
  P r;
  for (int i = 0; i < P::lanes; ++i) r.x[i] = typename P::element((i * 7 + seed * 5) % 11 - 5);
  return r;
}

template <class P, class F>
void for_lanes(F check) {
  for (int i = 0; i < P::lanes; ++i) check(i);
}

}  // namespace

static_assert(std::is_same_v<simd::pack<float, 8>::mask, simd::pack<std::int32_t, 8>::mask>);
static_assert(std::is_same_v<simd::pack<double, 4>::mask, simd::pack<std::int64_t, 4>::mask>);
static_assert(sizeof(simd::pack<float>) == simd::vector_bytes && sizeof(simd::pack<double>) == simd::vector_bytes);
static_assert(simd::lanes_of<float> == 1 && simd::lanes_of<simd::pack<float, 8>> == 8);

BOOST_AUTO_TEST_CASE_TEMPLATE(arithmetic_is_lane_by_lane, P, all_packs) {
  using T = typename P::element;
  const P a = some<P>(1), b = some<P>(2), c = some<P>(3), divisor = simd::select(b == T(0), T(3), b);
  P sum = a;
  sum += b;
  P product = a;
  product *= b;
  P difference = a;
  difference -= b;
  P quotient = a;
  quotient /= divisor;
  for_lanes<P>([&](int i) {
    BOOST_TEST((a + b)[i] == T(a[i] + b[i]));
    BOOST_TEST((a - b)[i] == T(a[i] - b[i]));
    BOOST_TEST((a * b)[i] == T(a[i] * b[i]));
    BOOST_TEST((a / divisor)[i] == T(a[i] / divisor[i]));
    BOOST_TEST((-a)[i] == T(-a[i]));
    BOOST_TEST(sum[i] == T(a[i] + b[i]));
    BOOST_TEST(difference[i] == T(a[i] - b[i]));
    BOOST_TEST(product[i] == T(a[i] * b[i]));
    BOOST_TEST(quotient[i] == T(a[i] / divisor[i]));
    BOOST_TEST(simd::fma(a, b, c)[i] == T(a[i] * b[i] + c[i]));
    BOOST_TEST(simd::fnma(a, b, c)[i] == T(c[i] - a[i] * b[i]));
    BOOST_TEST(simd::min(a, b)[i] == std::min(a[i], b[i]));
    BOOST_TEST(simd::max(a, b)[i] == std::max(a[i], b[i]));
    BOOST_TEST(simd::abs(a)[i] == T(std::abs(a[i])));
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(scalars_mix_with_packs, P, all_packs) {
  using T = typename P::element;
  const P a = some<P>(1), b = some<P>(4);
  const T s = T(3);
  for_lanes<P>([&](int i) {
    BOOST_TEST((a + s)[i] == T(a[i] + s));
    BOOST_TEST((s - a)[i] == T(s - a[i]));
    BOOST_TEST((a * 2)[i] == T(a[i] * 2));
    BOOST_TEST(simd::fma(a, s, b)[i] == T(a[i] * s + b[i]));
    BOOST_TEST(simd::fma(s, a, 1)[i] == T(s * a[i] + 1));
    BOOST_TEST(simd::fnma(s, a, b)[i] == T(b[i] - s * a[i]));
    BOOST_TEST(simd::max(a, 0)[i] == std::max(a[i], T(0)));
    BOOST_TEST(simd::max(0, a)[i] == std::max(a[i], T(0)));
    BOOST_TEST(simd::min(s, a)[i] == std::min(a[i], s));
    BOOST_TEST((a < s)[i] == (a[i] < s));
    BOOST_TEST((s <= a)[i] == (s <= a[i]));
    BOOST_TEST(simd::select(a < b, a, s)[i] == (a[i] < b[i] ? a[i] : s));
    BOOST_TEST(simd::select(a < b, 1, 0)[i] == (a[i] < b[i] ? 1 : 0));
    BOOST_TEST(simd::select(true, s, a)[i] == s);
    BOOST_TEST(simd::select(false, s, a)[i] == a[i]);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(comparisons_and_masks, P, all_packs) {
  using M = typename P::mask;
  const P a = some<P>(1), b = some<P>(2), c = some<P>(6);
  const M m = a < b, n = b < c;
  for_lanes<P>([&](int i) {
    BOOST_TEST((a < b)[i] == (a[i] < b[i]));
    BOOST_TEST((a <= b)[i] == (a[i] <= b[i]));
    BOOST_TEST((a > b)[i] == (a[i] > b[i]));
    BOOST_TEST((a >= b)[i] == (a[i] >= b[i]));
    BOOST_TEST((a == b)[i] == (a[i] == b[i]));
    BOOST_TEST((a != b)[i] == (a[i] != b[i]));
    BOOST_TEST((m && n)[i] == (m[i] && n[i]));
    BOOST_TEST((m || n)[i] == (m[i] || n[i]));
    BOOST_TEST((m == n)[i] == (m[i] == n[i]));
    BOOST_TEST((m != n)[i] == (m[i] != n[i]));
    BOOST_TEST((!m)[i] == !m[i]);
    BOOST_TEST((m && true)[i] == m[i]);
    BOOST_TEST((false || m)[i] == m[i]);
    BOOST_TEST(simd::select(m, a, b)[i] == (m[i] ? a[i] : b[i]));
    BOOST_TEST(simd::select(m, n, !n)[i] == (m[i] ? n[i] : !n[i]));
  });
  BOOST_TEST(!simd::any(M(false)));
  BOOST_TEST(simd::all(M(true)));
  for (int k = -1; k <= P::lanes + 1; ++k) {
    const M first = M::first(k);
    for_lanes<P>([&](int i) { BOOST_TEST(first[i] == (i < k)); });
    BOOST_TEST(simd::any(first) == (k > 0));
    BOOST_TEST(simd::all(first) == (k >= P::lanes));
  }
  for_lanes<P>([&](int lane) {  // any single lane is noticed
    const M one = simd::iota<simd::integer_of_size<sizeof(typename P::element)>, P::lanes>(0) == lane;
    BOOST_TEST(simd::any(one));
    BOOST_TEST(simd::all(!one) == false);
    BOOST_TEST(simd::all(one) == (P::lanes == 1));
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nan_in_min_max_select, P, real_packs) {
  using T = typename P::element;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const P x = T(2), n = nan;
  for_lanes<P>([&](int i) {
    BOOST_TEST(std::isnan(simd::max(x, n)[i]));  // the second operand, where either is NaN
    BOOST_TEST(simd::max(n, x)[i] == T(2));
    BOOST_TEST(std::isnan(simd::min(x, n)[i]));
    BOOST_TEST(simd::min(n, x)[i] == T(2));
    BOOST_TEST(std::isnan(simd::max(T(0), n)[i]));
    BOOST_TEST(simd::select(x == n, n, x)[i] == T(2));
    BOOST_TEST(!(n == n)[i]);
    BOOST_TEST((n != n)[i]);
    BOOST_TEST(!(n <= x)[i]);
  });
  BOOST_TEST(simd::max(T(2), T(1)) == T(2));
  BOOST_TEST(std::isnan(simd::max(T(2), nan)));
  BOOST_TEST(simd::max(nan, T(2)) == T(2));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(broadcast_keeps_signed_zero_and_special_values, P, real_packs) {
  using T = typename P::element;
  volatile T minus_zero = T(-0.0);
  for_lanes<P>([&](int i) {
    BOOST_TEST(std::signbit(P(T(minus_zero))[i]));
    BOOST_TEST(!std::signbit(simd::abs(P(T(minus_zero)))[i]));
    BOOST_TEST(std::isinf(P(std::numeric_limits<T>::infinity())[i]));
    BOOST_TEST(std::isnan(P(std::numeric_limits<T>::quiet_NaN())[i]));
    BOOST_TEST(simd::opaque(P(T(7)))[i] == T(7));
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sqrt_is_correctly_rounded, P, real_packs) {
  using T = typename P::element;
  for (int k = 0; k < 200; ++k) {
    P x;
    for (int i = 0; i < P::lanes; ++i) x.x[i] = T(std::ldexp(1 + 0.013 * k + 0.0001 * i, k - 100));
    for_lanes<P>([&](int i) { BOOST_TEST(simd::sqrt(x)[i] == std::sqrt(x[i])); });
  }
  BOOST_TEST(std::isnan(simd::sqrt(P(T(-1)))[0]));
  BOOST_TEST(simd::sqrt(P(T(0)))[0] == T(0));
  BOOST_TEST(simd::sqrt(T(2)) == std::sqrt(T(2)));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(conversions, P, real_packs) {
  using T = typename P::element;
  using I = simd::pack<simd::integer_of_size<sizeof(T)>, P::lanes>;
  static_assert(std::is_same_v<decltype(simd::to_real(I())), P>);
  static_assert(std::is_same_v<decltype(simd::to_integer(P())), I>);
  static_assert(std::is_same_v<decltype(simd::to_real(P())), P>);
  static_assert(std::is_same_v<decltype(simd::to_real(std::int64_t())), double>);
  static_assert(std::is_same_v<decltype(simd::to_integer(1.f)), std::int32_t>);
  const I n = some<I>(3);
  const P x = some<P>(2) * T(1.75);
  for_lanes<P>([&](int i) {
    BOOST_TEST(simd::to_real(n)[i] == T(n[i]));
    BOOST_TEST(simd::to_integer(x)[i] == std::int64_t(x[i]));
    BOOST_TEST(simd::convert<double>(x)[i] == double(x[i]));
    BOOST_TEST((simd::convert<std::int32_t>(n)[i] == n[i]));
  });
  BOOST_TEST(simd::to_integer(T(-2.75)) == -2);
  BOOST_TEST(simd::to_real(std::int32_t(5)) == 5.f);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reductions_take_the_documented_order, P, real_packs) {
  using T = typename P::element;
  P a;
  for (int i = 0; i < P::lanes; ++i) a.x[i] = T(1) / T(3 + 2 * i) * (i % 2 ? T(-1) : T(1e3));
  T w[P::lanes];
  a.store(w);
  for (int distance = P::lanes / 2; distance > 0; distance /= 2)
    for (int i = 0; i < distance; ++i) w[i] = w[i] + w[i + distance];
  BOOST_TEST(simd::sum(a) == w[0]);
  BOOST_TEST(simd::sum(T(4)) == T(4));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(reductions_and_iota, P, all_packs) {
  using T = typename P::element;
  const P a = some<P>(1), b = some<P>(5);
  for (const P& p : {a, b}) {
    T sum = 0, largest = p[0], smallest = p[0];
    for (int i = 0; i < P::lanes; ++i)
      sum += p[i], largest = std::max(largest, p[i]), smallest = std::min(smallest, p[i]);
    BOOST_TEST(simd::sum(p) == sum);
    BOOST_TEST(simd::max(p) == largest);
    BOOST_TEST(simd::min(p) == smallest);
  }
  const P counted = simd::iota<T, P::lanes>(T(-2));
  for_lanes<P>([&](int i) { BOOST_TEST(counted[i] == T(i - 2)); });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(memory, P, all_packs) {
  using T = typename P::element;
  using I = simd::pack<simd::integer_of_size<sizeof(T)>, P::lanes>;
  std::vector<T> data(400);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = T(i);
  for (int offset = 0; offset < 5; ++offset)
    for_lanes<P>([&](int i) { BOOST_TEST(P::load(data.data() + offset)[i] == T(offset + i)); });
  for (int stride : {-3, -1, 0, 1, 2, 7}) {
    const P p = P::load_strided(data.data() + 200, stride);
    for_lanes<P>([&](int i) { BOOST_TEST(p[i] == T(200 + i * stride)); });
  }
  const I index = simd::abs(some<I>(4)) * 13;
  for_lanes<P>([&](int i) { BOOST_TEST(P::gather(data.data(), index)[i] == T(index[i])); });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(partial_memory_stops_at_the_guard_page, P, all_packs) {
  using T = typename P::element;
  using side = typename guarded<T>::side;
  for (int count = -2; count <= P::lanes + 2; ++count) {
    const std::size_t held = std::size_t(count < 0 ? 0 : count > P::lanes ? P::lanes : count);
    for (side where : {side::before, side::behind}) {
      guarded<T> memory(held, where);
      for (std::size_t i = 0; i < held; ++i) memory[i] = T(10 + i);
      const P p = P::load_partial(memory.data(), count);
      for_lanes<P>([&](int i) { BOOST_TEST(p[i] == (i < count ? T(10 + i) : T(0))); });
      (p + 1).store_partial(memory.data(), count);
      for (std::size_t i = 0; i < held; ++i) BOOST_TEST(memory[i] == T(11 + i));
    }
  }
  guarded<T> whole(P::lanes, side::behind, T(5));
  BOOST_TEST(simd::min(P::load(whole.data())) == T(5));
  P(T(8)).store(whole.data());
  BOOST_TEST(whole[0] == T(8));
}

BOOST_AUTO_TEST_CASE(scalar_twins) {
  BOOST_TEST(simd::fma(2.f, 3.f, 4.f) == 10.f);
  BOOST_TEST(simd::fnma(2.0, 3.0, 4.0) == -2.0);
  BOOST_TEST(simd::fma(std::int32_t(2), std::int32_t(3), std::int32_t(4)) == 10);
  BOOST_TEST(simd::min(std::int64_t(2), std::int64_t(-3)) == -3);
  BOOST_TEST(simd::abs(-2.5f) == 2.5f);
  BOOST_TEST(simd::abs(std::int32_t(-2)) == 2);
  BOOST_TEST(!std::signbit(simd::abs(-0.0)));
  BOOST_TEST(simd::select(true, 1.f, 2.f) == 1.f);
  BOOST_TEST(simd::select(false, std::int32_t(1), std::int32_t(2)) == 2);
  BOOST_TEST(simd::any(true));
  BOOST_TEST(!simd::all(false));
  BOOST_TEST(simd::max(std::int32_t(4)) == 4);
}
