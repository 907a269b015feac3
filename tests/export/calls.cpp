// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
// What operands may be: any strides, empty, of any element type, unread ones nowhere; where kernels may be declared;
// and calls of several threads at once. Results are the bits that a call from C++ gives.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include "against_reference.hpp"
#include <limits>
#include <thread>
using namespace heed_tests;

namespace call_kernels {
using namespace heed;
constexpr axis<"g"> g;
constexpr axis<"r"> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"w"> w;
constexpr axis<"z"> z;
constexpr axis<"d", 8> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(g, r, n, d);  // a group of heads shares keys
constexpr auto k = input<"k">(g, m, d);
constexpr auto v = input<"v">(g, m, e);
constexpr auto padded = input<"keep", bool>(m);
constexpr auto grouped = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k), padded&& m <= n)), v);
constexpr auto grouped_lse = logsumexp<m>(scaled_dot<d>(q, k));
HEED_KERNEL(grouped_heads, results(grouped, grouped_lse))

constexpr auto words = input<"words", double>(w, d);
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto looked_up = gather<w>(words, ids) * 2;
HEED_KERNEL(look_up, looked_up, wrt(words))

constexpr auto p = input<"p">(n);
constexpr auto counted = p * size<z>;
HEED_KERNEL(count, counted, wrt(p))

constexpr auto scalar = sum<n>(p * p);
HEED_KERNEL(loss, scalar, wrt(p))
HEED_KERNEL(slopes, gradient<grouped>(wrt_named<"q">()), wrt_named<"k", "cotangent">())

namespace inner {
constexpr auto doubled = p * 2;
HEED_KERNEL(nested, doubled)
}  // namespace inner
}  // namespace call_kernels
namespace {
constexpr auto tripled = call_kernels::p * 3;
HEED_KERNEL(unnamed, tripled)
}  // namespace
using namespace call_kernels;

namespace {
template <class T = float> tensor<T> drawn(std::initializer_list<extent_t> extents, unsigned seed) {
  tensor<T> t{std::span<const extent_t>(extents.begin(), extents.size())};
  std::mt19937 random(seed);
  for (T& x : t) x = T(double(random() % 2001) / 1000 - 1);
  return t;
}
template <class T> bool same(const T& a, const T& b) { return std::equal(a.begin(), a.end(), b.begin()); }
bool succeeds(const heed_kernel_part& part, const descriptors& x) {
  heed_error error;
  const int code = part.call(x.data(), x.count(), nullptr, 0, &error);
  BOOST_TEST(code == HEED_OK, std::string(error.message));
  return code == HEED_OK;
}
const heed_function& called(const heed_kernel_part& part) { return part.metadata->functions[0]; }
const heed_operand& operand(const heed_function& f, const std::string& name) {
  for (int i = 0; i < f.operand_count; ++i)
    if (f.operands[i].name == name) return f.operands[i];
  throw std::logic_error("no operand " + name);
}

// Grouped heads: 2 groups of 3 heads.
struct grouped_call {
  extent_t N, M;
  tensor<float> Q, K, V, O, L, want, want_lse;
  tensor<bool> keep;
  explicit grouped_call(extent_t rows, extent_t keys)
      : N(rows),
        M(keys),
        Q(drawn({2, 3, N, 8}, 1)),
        K(drawn({2, M, 8}, 2)),
        V(drawn({2, M, 5}, 3)),
        O(2, 3, N, 5),
        L(2, 3, N),
        want(2, 3, N, 5),
        want_lse(2, 3, N),
        keep(M) {
    for (extent_t i = 0; i < M; ++i) keep(i) = i % 3 != 1;
    fuse<results(grouped, grouped_lse)>(q = Q, k = K, v = V, padded = keep, into(want, want_lse));
  }
  descriptors operands() {
    return descriptors::of(called(heed_part_grouped_heads__test), as("q", Q), as("k", K), as("v", V), as("keep", keep),
                           as("result1", O), as("result2", L));
  }
  bool right() const { return same(O, want) && same(L, want_lse); }
};
}  // namespace

BOOST_AUTO_TEST_CASE(groups_a_mask_in_memory_two_results) {
  for (const auto& [N, M] : {std::pair<extent_t, extent_t>(1, 1), {7, 5}, {40, 70}, {0, 4}, {4, 0}}) {
    grouped_call x(N, M);
    BOOST_TEST(succeeds(heed_part_grouped_heads__test, x.operands()));
    BOOST_TEST(x.right());
  }
}
// The same numbers elsewhere: every second element, backwards, heads innermost, behind a byte offset.
BOOST_AUTO_TEST_CASE(strides_of_all_kinds) {
  grouped_call x(9, 11);
  const heed_function& f = called(heed_part_grouped_heads__test);
  std::vector<float> wide(std::size_t(2 * x.Q.size())), backwards(x.K.begin(), x.K.end()), inner(x.V.size());
  for (std::size_t i = 0; i < x.Q.size(); ++i) wide[2 * i] = x.Q[i];
  std::reverse(backwards.begin(), backwards.end());
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t j = 0; j < 11; ++j)
      for (extent_t c = 0; c < 5; ++c) inner[std::size_t((j * 5 + c) * 2 + i)] = x.V(i, j, c);
  std::vector<float> to(3 * x.O.size() + 16, 7.f);
  descriptors kept;
  const heed_dtype f32 = dtype_of<float>();
  heed_tensor a = kept.add(wide.data(), f32, {2, 3, 9, 8}, {2 * 3 * 9 * 8, 2 * 9 * 8, 2 * 8, 2}),
              b = kept.add(backwards.data() + backwards.size() - 1, f32, {2, 11, 8}, {-88, -8, -1}),
              c = kept.add(inner.data() - 4, f32, {2, 11, 5}, {1, 10, 2}),
              result = kept.add(to.data(), f32, {2, 3, 9, 5}, {3 * 3 * 9 * 5, 3, 3 * 3 * 5, 3 * 3});
  c.byte_offset = 16;
  BOOST_TEST(
      succeeds(heed_part_grouped_heads__test, descriptors::of(f, as("q", a), as("k", b), as("v", c), as("keep", x.keep),
                                                              as("result1", result), as("result2", x.L))));
  int wrong = 0;
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t h = 0; h < 3; ++h)
      for (extent_t j = 0; j < 9; ++j)
        for (extent_t l = 0; l < 5; ++l)
          wrong += to[std::size_t(i * 405 + h * 3 + j * 45 + l * 9)] != x.want(i, h, j, l);
  BOOST_TEST(wrong == 0);
  BOOST_TEST(std::count(to.begin(), to.end(), 7.f) >= long(2 * x.O.size()));  // between the elements nothing is written
}
// One head for all groups, and strides that mean nothing because nothing moves along them.
BOOST_AUTO_TEST_CASE(broadcast_and_meaningless_strides) {
  grouped_call x(6, 8);
  const auto one = drawn({8, 8}, 9);
  tensor<float> all(2, 8, 8);
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t j = 0; j < 64; ++j) all[std::size_t(i * 64 + j)] = one[std::size_t(j)];
  fuse<results(grouped, grouped_lse)>(q = x.Q, k = all, v = x.V, padded = x.keep, into(x.want, x.want_lse));
  descriptors kept;
  heed_tensor shared = kept.add(const_cast<float*>(one.data()), dtype_of<float>(), {2, 8, 8}, {0, 8, 1});
  BOOST_TEST(succeeds(heed_part_grouped_heads__test,
                      descriptors::of(called(heed_part_grouped_heads__test), as("q", x.Q), as("k", shared),
                                      as("v", x.V), as("keep", x.keep), as("result1", x.O), as("result2", x.L))));
  BOOST_TEST(x.right());

  constexpr std::int64_t anything = std::numeric_limits<std::int64_t>::min() + 5;
  const auto one_row = drawn({1}, 4);
  tensor<float> to(1);
  descriptors y;
  y.add(const_cast<float*>(one_row.data()), dtype_of<float>(), {1}, {anything});
  y.add(to.data(), dtype_of<float>(), {1}, {0});
  BOOST_TEST(succeeds(inner::heed_part_nested__test, y));
  BOOST_TEST(to(0) == 2 * one_row(0));
}
BOOST_AUTO_TEST_CASE(empty_arrays_have_no_memory) {
  descriptors y;
  y.add(nullptr, dtype_of<float>(), {0}, {77});
  y.add(nullptr, dtype_of<float>(), {0}).byte_offset = 12;
  BOOST_TEST(succeeds(inner::heed_part_nested__test, y));
}
BOOST_AUTO_TEST_CASE(declared_anywhere) {
  auto P = drawn({5}, 1), to = P;
  descriptors y;
  y.add(P), y.add(to);
  BOOST_TEST(succeeds(heed_part_unnamed__test, y));
  for (extent_t i = 0; i < 5; ++i) BOOST_TEST(to(i) == 3 * P(i));
}
BOOST_AUTO_TEST_CASE(tables_of_doubles) {
  auto W = drawn<double>({6, 8}, 1), to = drawn<double>({4, 8}, 0), want = to;
  tensor<std::int32_t> index(4);
  for (int i = 0; i < 4; ++i) index(i) = (5 * i) % 6;
  fuse<looked_up>(words = W, ids = index, into(want));
  const heed_function& f = called(heed_part_look_up__test);
  BOOST_TEST(succeeds(heed_part_look_up__test, descriptors::of(f, as("words", W), as("ids", index), as("result", to))));
  BOOST_TEST(same(to, want));
  const heed_operand& about = operand(f, "ids");
  BOOST_REQUIRE(about.index_of >= 0);
  BOOST_TEST(heed_part_look_up__test.metadata->axes[about.index_of].name == std::string("w"));
  BOOST_TEST(operand(f, "words").index_of == -1);
}
// What a pass does not look at may lie nowhere; extents are checked all the same.
BOOST_AUTO_TEST_CASE(unread_operands) {
  const heed_kernel_part& part = heed_part_look_up__test;
  const heed_function& backward = part.metadata->functions[2];
  BOOST_TEST(operand(backward, "words").is_read == 0);
  BOOST_TEST(operand(backward, "ids").is_read == 1);
  auto W = drawn<double>({6, 8}, 1), O = drawn<double>({4, 8}, 2), got = W, want = W;
  tensor<std::int32_t> index(4);
  for (int i = 0; i < 4; ++i) index(i) = (5 * i) % 6;
  fuse<gradient<looked_up>(wrt(words))>(words = W, ids = index, cotangent<looked_up> = O, into(want));
  descriptors kept, x = descriptors::of(called(part), as("words", W), as("ids", index), as("result", O));
  std::size_t bytes = 0;
  BOOST_REQUIRE(part.saved_bytes(x.data(), x.count(), &bytes, nullptr) == HEED_OK);
  std::vector<std::uint64_t> saved(bytes / 8 + 1);
  tensor<double> result(4, 8);
  heed_tensor& to = kept.add(result);
  x = descriptors::of(called(part), as("words", W), as("ids", index), as("result", to));
  BOOST_REQUIRE(part.forward(x.data(), x.count(), saved.data(), bytes, nullptr, 0, nullptr) == HEED_OK);
  heed_tensor nowhere = kept.add(nullptr, dtype_of<double>(), {6, 8});
  const auto y = [&] {
    return descriptors::of(backward, as("words", nowhere), as("ids", index), as("cotangent", O),
                           as("grad(words)", got));
  };
  heed_error error;
  BOOST_TEST(part.backward(y().data(), y().count(), saved.data(), bytes, nullptr, 0, &error) == HEED_OK,
             std::string(error.message));
  BOOST_TEST(same(got, want));
  std::int64_t other[] = {7, 8};
  nowhere.shape = other;
  BOOST_TEST(part.backward(y().data(), y().count(), saved.data(), bytes, nullptr, 0, &error) == HEED_WRONG_EXTENT);
}
BOOST_AUTO_TEST_CASE(an_extent_that_no_array_has) {
  const heed_function& f = called(heed_part_count__test);
  BOOST_TEST(operand(f, "z").role == HEED_EXTENT);
  BOOST_TEST(operand(f, "z").rank == 0);
  auto P = drawn({5}, 1), to = P;
  std::int64_t extent = 7;
  BOOST_TEST(succeeds(heed_part_count__test, descriptors::of(f, as("p", P), as("z", extent), as("result", to))));
  for (extent_t i = 0; i < 5; ++i) BOOST_TEST(to(i) == 7 * P(i));
  BOOST_TEST(operand(heed_part_count__test.metadata->functions[2], "z").role == HEED_EXTENT);
}
// A single number has no cotangent.
BOOST_AUTO_TEST_CASE(a_loss) {
  const heed_kernel_part& part = heed_part_loss__test;
  const heed_function& backward = part.metadata->functions[2];
  BOOST_REQUIRE(backward.operand_count == 2);
  auto P = drawn({5}, 1), slope = P;
  tensor<float> total{std::span<const extent_t>()};
  const auto x = descriptors::of(called(part), as("p", P), as("result", total));
  std::size_t bytes = 0;
  BOOST_REQUIRE(part.saved_bytes(x.data(), x.count(), &bytes, nullptr) == HEED_OK);
  std::vector<std::uint64_t> saved(bytes / 8 + 1);
  BOOST_TEST(part.forward(x.data(), x.count(), saved.data(), bytes, nullptr, 0, nullptr) == HEED_OK);
  const auto y = descriptors::of(backward, as("p", P), as("grad(p)", slope));
  BOOST_TEST(part.backward(y.data(), y.count(), saved.data(), bytes, nullptr, 0, nullptr) == HEED_OK);
  for (extent_t i = 0; i < 5; ++i) BOOST_TEST(slope(i) == 2 * P(i));
}
// The gradient of a gradient: its cotangent is one more input, the inner one's is an input that has a gradient too.
BOOST_AUTO_TEST_CASE(gradients_of_gradients) {
  const heed_metadata& about = *heed_part_slopes__test.metadata;
  BOOST_TEST(operand(about.functions[0], "cotangent").role == HEED_INPUT);
  BOOST_TEST(operand(about.functions[0], "grad(q)").role == HEED_RESULT);
  const heed_function& backward = about.functions[2];
  BOOST_TEST(operand(backward, "cotangent").role == HEED_INPUT);
  BOOST_TEST(operand(backward, "cotangent'").role == HEED_COTANGENT);
  BOOST_TEST(operand(backward, "grad(cotangent)").role == HEED_GRADIENT);
  BOOST_TEST(operand(backward, "grad(k)").role == HEED_GRADIENT);
}
BOOST_AUTO_TEST_CASE(threads_call_at_once) {
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&right, t] {
      grouped_call x(20 + t, 30);
      const descriptors operands = x.operands();
      int good = 0;
      for (int i = 0; i < 20; ++i) {
        std::fill(x.O.begin(), x.O.end(), 0.f);
        good += heed_part_grouped_heads__test.call(operands.data(), operands.count(), nullptr, 0, nullptr) == HEED_OK &&
                x.right();
      }
      right[std::size_t(t)] = good;
    });
  for (std::thread& t : threads) t.join();
  for (const int good : right) BOOST_TEST(good == 20);
}
