// Keys and values through an expression, of which a score region has a chunk made wherever it reads one: whole numbers
// of a byte with scales, norms, rotations, what is put together of two parts; against the formula in double. Few rows
// and many, groups of heads, strides, keys that nobody sees; the same bits for any number of threads; memory that does
// not grow with keys times their width.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
#include <cstring>
#include <functional>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"g"> g;
constexpr axis<"r", 2> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"c"> c;
constexpr axis<"w", 4> w;
constexpr axis<"past"> past;
constexpr axis<"now"> now;
constexpr auto q = input<"q">(g, r, n, d);
constexpr auto k8 = input<"k8", std::int8_t>(g, m, d);
constexpr auto v8 = input<"v8", std::int8_t>(m, g, d);  // heads beside each other
constexpr auto k_scale = input<"k_scale">(g, m);
constexpr auto v_scale = input<"v_scale">(m, g);
constexpr auto c_scale = input<"c_scale">(g, m, c);
constexpr auto k = input<"k">(g, m, d);
constexpr auto weight = input<"weight">(d);
constexpr auto start = input<"start", std::int32_t>();
constexpr auto seen = (m <= start + n && start + n - m < 40) || m % 97 == 5;
template <class K, class V> constexpr auto attended(const K& keys, const V& values) {
  return dot<m>(softmax<m>(mask(scaled_dot<d>(q, keys), seen)), values);
}
constexpr auto scaled = attended(cast<float>(k8) * k_scale, v_scale* cast<float>(v8));
constexpr auto backward = gradient<scaled>(wrt(k_scale));
constexpr auto channels = attended(merge<c, w, d>(split<d, c, w>(cast<float>(k8)) * c_scale), v_scale* cast<float>(v8));
constexpr auto shared = attended(cast<float>(k8) * k_scale, cast<float>(k8) * k_scale);
constexpr auto normed = attended(rms_norm<d>(k, weight, 1e-3), exp(k * 0.25));
constexpr auto two_parts = attended(
    concat<past, now, m>(input<"k_past", std::int8_t>(g, past, d), input<"k_now", std::int8_t>(g, now, d)) * 0.01,
    k + weight);

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr extent_t block = internal::simd::block_rows<float>;

struct problem {
  extent_t G, N, M, D;
  tensor<float> Q, K, SK, SV, SC, W;
  tensor<std::int8_t> K8, V8;
  std::int32_t S;
  problem(extent_t heads, extent_t rows, extent_t keys, extent_t depth)
      : G(heads),
        N(rows),
        M(keys),
        D(depth),
        Q(filled<float>(1, 1, {G, 2, N, D})),
        K(filled<float>(2, 1, {G, M, D})),
        SK(filled<float>(3, 0.02, {G, M})),
        SV(filled<float>(4, 0.02, {M, G})),
        SC(filled<float>(5, 0.02, {G, M, D / 4})),
        W(filled<float>(6, 1, {D})),
        K8(G, M, D),
        V8(M, G, D),
        S(std::int32_t(std::max<extent_t>(0, M - N - 3))) {
    std::mt19937 random(7);
    std::uniform_int_distribution<int> any(-128, 127);
    for (std::int8_t& x : K8) x = std::int8_t(any(random));
    for (std::int8_t& x : V8) x = std::int8_t(any(random));
    for (extent_t key = 0; key < M; ++key)  // what nobody sees is NaN
      for (extent_t head = 0; head < G && !is_seen_by_some(key); ++head)
        SK(head, key) = SV(key, head) = K(head, key, 0) = nan;
  }
  bool is_seen(extent_t row, extent_t key) const { return (key <= S + row && S + row - key < 40) || key % 97 == 5; }
  bool is_seen_by_some(extent_t key) const {
    for (extent_t row = 0; row < N; ++row)
      if (is_seen(row, key)) return true;
    return false;
  }
  double key(extent_t head, extent_t i, extent_t x) const { return double(K8(head, i, x)) * double(SK(head, i)); }
  double value(extent_t head, extent_t i, extent_t x) const { return double(SV(i, head)) * double(V8(i, head, x)); }
};
using element_at = std::function<double(extent_t head, extent_t key, extent_t x)>;

tensor<double> formula(const problem& p, const element_at& key, const element_at& value) {
  tensor<double> o(p.G, 2, p.N, p.D);
  for (extent_t head = 0; head < p.G; ++head)
    for (extent_t i = 0; i < 2; ++i)
      for (extent_t row = 0; row < p.N; ++row) {
        double all = 0;
        for (extent_t at = 0; at < p.M; ++at) {
          if (!p.is_seen(row, at)) continue;
          double score = 0;
          for (extent_t x = 0; x < p.D; ++x) score += double(p.Q(head, i, row, x)) * key(head, at, x);
          const double weight_of_key = std::exp(score / std::sqrt(double(p.D)));
          all += weight_of_key;
          for (extent_t x = 0; x < p.D; ++x) o(head, i, row, x) += weight_of_key * value(head, at, x);
        }
        for (extent_t x = 0; x < p.D && all > 0; ++x) o(head, i, row, x) /= all;
      }
  return o;
}
// rows, keys, depth: fewer than a group of keys, several chunks, depths that are no whole packs.
constexpr std::initializer_list<std::array<extent_t, 3>> sizes = {{1, 1, 16},
                                                                  {1, 391, 20},
                                                                  {1, 1100, 64},
                                                                  {2, 200, 32},
                                                                  {3, 203, 16},
                                                                  {block / 2 + 3, 391, 20},
                                                                  {2 * block + 1, 210, 16}};
std::string named(extent_t rows, extent_t keys, extent_t depth) {
  return std::to_string(rows) + " rows, " + std::to_string(keys) + " keys, depth " + std::to_string(depth);
}
// What a call takes between its regions and for its threads.
template <class Call> std::size_t workspace_of(const Call& call) {
  workspace memory;
  call(memory);
  return memory.bytes();
}
}  // namespace

BOOST_AUTO_TEST_CASE(whole_numbers_with_a_scale_a_key) {
  for (const auto& [N, M, D] : sizes) {
    const problem p(2, N, M, D);
    tensor<float> o(p.G, 2, N, D);
    fuse<scaled, strict>(q = p.Q, k8 = p.K8, k_scale = p.SK, v8 = p.V8, v_scale = p.SV, start = p.S, into(o));
    expect_close(named(N, M, D).c_str(), o,
                 formula(p, std::bind_front(&problem::key, &p), std::bind_front(&problem::value, &p)));
  }
}
BOOST_AUTO_TEST_CASE(whole_numbers_with_a_scale_for_each_four_channels) {
  for (const auto& [N, M, D] : sizes) {
    const problem p(2, N, M, D);
    tensor<float> o(p.G, 2, N, D);
    fuse<channels, strict>(q = p.Q, k8 = p.K8, c_scale = p.SC, v8 = p.V8, v_scale = p.SV, start = p.S, into(o));
    expect_close(named(N, M, D).c_str(), o,
                 formula(
                     p,
                     [&](extent_t head, extent_t i, extent_t x) {
                       return double(p.K8(head, i, x)) * double(p.SC(head, i, x / 4));
                     },
                     std::bind_front(&problem::value, &p)));
  }
}
BOOST_AUTO_TEST_CASE(keys_that_are_values_as_well) {
  for (const auto& [N, M, D] : sizes) {
    const problem p(2, N, M, D);
    tensor<float> o(p.G, 2, N, D);
    fuse<shared, strict>(q = p.Q, k8 = p.K8, k_scale = p.SK, start = p.S, into(o));
    const auto key = std::bind_front(&problem::key, &p);
    expect_close(named(N, M, D).c_str(), o, formula(p, key, key));
  }
}
// A norm is made once for a block of rows, and stored where there are more.
BOOST_AUTO_TEST_CASE(norms_and_exponentials) {
  for (const auto& [N, M, D] : sizes) {
    const problem p(2, N, M, D);
    tensor<float> o(p.G, 2, N, D);
    fuse<normed, strict>(q = p.Q, k = p.K, weight = p.W, start = p.S, into(o));
    const auto key = [&](extent_t head, extent_t i, extent_t x) {
      double squares = 0;
      for (extent_t t = 0; t < D; ++t) squares += double(p.K(head, i, t)) * double(p.K(head, i, t));
      return double(p.W(x)) * double(p.K(head, i, x)) / std::sqrt(squares / double(D) + 1e-3);
    };
    const auto value = [&](extent_t head, extent_t i, extent_t x) { return std::exp(0.25 * double(p.K(head, i, x))); };
    expect_close(named(N, M, D).c_str(), o, formula(p, key, value));
  }
}
BOOST_AUTO_TEST_CASE(keys_of_two_parts) {
  for (const auto& [N, M, D] : sizes) {
    const problem p(2, N, M, D);
    const extent_t late = M - M / 3;
    tensor<std::int8_t> before(p.G, late, D), after(p.G, M - late, D);
    for (extent_t head = 0; head < p.G; ++head)
      for (extent_t i = 0; i < M; ++i)
        for (extent_t x = 0; x < D; ++x) (i < late ? before(head, i, x) : after(head, i - late, x)) = p.K8(head, i, x);
    tensor<float> o(p.G, 2, N, D);
    fuse<two_parts, strict>(q = p.Q, input<"k_past", std::int8_t>(g, past, d) = before,
                            input<"k_now", std::int8_t>(g, now, d) = after, k = p.K, weight = p.W, start = p.S,
                            into(o));
    const auto key = [&](extent_t head, extent_t i, extent_t x) { return 0.01 * double(p.K8(head, i, x)); };
    const auto value = [&](extent_t head, extent_t i, extent_t x) { return double(p.K(head, i, x)) + double(p.W(x)); };
    expect_close(named(N, M, D).c_str(), o, formula(p, key, value));
  }
}
// Elements that do not lie side by side, rows backwards.
BOOST_AUTO_TEST_CASE(strides) {
  const extent_t N = 3, M = 301, D = 16;
  const problem p(2, N, M, D);
  std::vector<std::int8_t> spread(std::size_t(p.G * M * D * 3));
  const extent_t last = (p.G - 1) * M * D * 3 + (M - 1) * 3;  // head 1, key 0: keys go backwards, elements M * 3 apart
  const heed::view<std::int8_t> keys(spread.data() + (M - 1) * 3, {p.G, M, D}, {M * D * 3, -3, M * 3});
  BOOST_REQUIRE(last < extent_t(spread.size()));
  for (extent_t head = 0; head < p.G; ++head)
    for (extent_t i = 0; i < M; ++i)
      for (extent_t x = 0; x < D; ++x)
        spread[std::size_t((M - 1) * 3 + head * M * D * 3 - i * 3 + x * M * 3)] = p.K8(head, i, x);
  tensor<float> o(p.G, 2, N, D);
  fuse<scaled, strict>(q = p.Q, k8 = keys, k_scale = p.SK, v8 = p.V8, v_scale = p.SV, start = p.S, into(o));
  expect_close("strides", o, formula(p, std::bind_front(&problem::key, &p), std::bind_front(&problem::value, &p)));
}
BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const int before = omp_get_max_threads();
  for (const extent_t N : {extent_t(1), 4 * block + 5}) {
    const problem p(3, N, 500, 32);
    tensor<float> first(p.G, 2, N, 32), other(p.G, 2, N, 32);
    const auto call = [&](int threads, tensor<float>& o) {
      omp_set_num_threads(threads);
      fuse<scaled, strict>(q = p.Q, k8 = p.K8, k_scale = p.SK, v8 = p.V8, v_scale = p.SV, start = p.S, into(o));
    };
    call(1, first);
    for (const int threads : {2, 3, 7}) {
      call(threads, other);
      BOOST_TEST(std::memcmp(first.data(), other.data(), first.size() * sizeof(float)) == 0, N << " rows, " << threads);
    }
  }
  omp_set_num_threads(before);
}
// Beside the bounds of the mask, a few bytes a key, memory is that of a chunk.
BOOST_AUTO_TEST_CASE(nothing_of_all_keys_is_stored) {
  const auto use = [](extent_t rows, extent_t keys, const auto& call) {
    const problem p(2, rows, keys, 64);
    tensor<float> o(p.G, 2, rows, 64);
    return workspace_of([&](workspace& memory) { call(p, o, memory); });
  };
  const auto whole_numbers = [](const problem& p, tensor<float>& o, workspace& memory) {
    fuse<scaled, strict>(q = p.Q, k8 = p.K8, k_scale = p.SK, v8 = p.V8, v_scale = p.SV, start = p.S, into(o), memory);
  };
  const auto norms = [](const problem& p, tensor<float>& o, workspace& memory) {
    fuse<normed, strict>(q = p.Q, k = p.K, weight = p.W, start = p.S, into(o), memory);
  };
  for (const extent_t rows : {extent_t(1), block})
    BOOST_TEST(use(rows, 2000, whole_numbers) < use(rows, 1000, whole_numbers) + 1000 * 16);
  BOOST_TEST(use(1, 2000, norms) < use(1, 1000, norms) + 1000 * 16);
  BOOST_TEST(use(block, 2000, norms) > use(block, 1000, norms) + 1000 * 2 * 64 * sizeof(float));  // stored, and explain
                                                                                                  // says so
  const std::string few = explain<normed>(with(g, 2), with(n, 1), with(m, 2000), with(d, 64)),
                    many = explain<normed>(with(g, 2), with(n, block), with(m, 2000), with(d, 64)),
                    open = explain<normed>();
  BOOST_TEST(few.find("between regions: nothing is stored") != std::string::npos, few);
  BOOST_TEST(many.find("staged      no, stored: it would be made more than once and is not cheap") != std::string::npos,
             many);
  BOOST_TEST(open.find("rows in region 2, a chunk of keys at a time: not stored; else stored") != std::string::npos,
             open);
  BOOST_TEST(explain<scaled>().find("in region 2, a chunk of keys at a time: not stored") != std::string::npos,
             explain<scaled>());
}
// The way back reads stored keys; of a scale it is the sum of what reaches its key, times the whole numbers.
BOOST_AUTO_TEST_CASE(the_gradient_of_a_scale) {
  for (const extent_t N : {extent_t(1), block + 2}) {
    const extent_t M = 203, D = 16;
    const problem p(2, N, M, D);
    const tensor<float> reached = filled<float>(8, 1, {p.G, 2, N, D});
    tensor<float> got(p.G, M);
    fuse<backward, strict>(q = p.Q, k8 = p.K8, k_scale = p.SK, v8 = p.V8, v_scale = p.SV, start = p.S,
                           cotangent<scaled> = reached, into(got));
    const auto key = std::bind_front(&problem::key, &p), value = std::bind_front(&problem::value, &p);
    const tensor<double> out = formula(p, key, value);
    tensor<double> wanted(p.G, M);
    std::vector<double> weights(static_cast<std::size_t>(M));
    for (extent_t head = 0; head < p.G; ++head)
      for (extent_t i = 0; i < 2; ++i)
        for (extent_t row = 0; row < N; ++row) {
          double all = 0;
          for (extent_t at = 0; at < M; ++at) {
            double score = 0;
            for (extent_t x = 0; x < D; ++x) score += double(p.Q(head, i, row, x)) * key(head, at, x);
            weights[std::size_t(at)] = p.is_seen(row, at) ? std::exp(score / std::sqrt(double(D))) : 0;
            all += weights[std::size_t(at)];
          }
          for (extent_t at = 0; at < M; ++at) {
            if (!p.is_seen(row, at)) continue;
            double slope = 0, product = 0;
            for (extent_t x = 0; x < D; ++x) {
              slope += double(reached(head, i, row, x)) * (value(head, at, x) - out(head, i, row, x));
              product += double(p.Q(head, i, row, x)) * double(p.K8(head, at, x));
            }
            wanted(head, at) += weights[std::size_t(at)] / all * slope * product / std::sqrt(double(D));
          }
        }
    for (extent_t at = 0; at < M; ++at)  // nobody sees it: what it would have been is NaN
      for (extent_t head = 0; head < p.G; ++head)
        if (!p.is_seen_by_some(at)) BOOST_TEST(got(head, at) == 0, head << ", key " << at);
    expect_close(named(N, M, D).c_str(), got, wanted);
  }
}
