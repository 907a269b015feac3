// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
// The useful operations of a call where masks read operands: counted here pair by pair, from the same values.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include "against_reference.hpp"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
using namespace heed_tests;

namespace counted_kernels {
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 16> d;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, d);
constexpr auto width = input<"width", std::int32_t>();
constexpr auto length = input<"length", std::int64_t>(b);
constexpr auto document = input<"document", std::int32_t>(n);
constexpr auto kept = input<"kept", bool>(n, m);
constexpr axis<"y"> y;
constexpr axis<"x", 4> x;
constexpr axis<"two", 2> two;
constexpr axis<"one", 1> one;
constexpr axis<"all"> all;
constexpr auto open = input<"open", bool>(y, x);
constexpr auto bounds = input<"bounds", std::int32_t>(all, two);
constexpr auto score = scaled_dot<d>(q, k);
constexpr auto seen = m <= n && n - m < width && m < length && same_document(document, n, m);
constexpr auto packed = dot<m>(softmax<m>(mask(score, seen)), v);
constexpr auto either = dot<m>(softmax<m>(mask(score, rename<n, m>(document) < 2 || kept)), v);
constexpr auto chosen = dot<m>(softmax<m>(mask(score, score > 0.1)), v);  // not known from operands alone
constexpr auto between =
    slice<two, one, 0>(bounds) <= 7 && merge<y, x, m>(open) && slice<two, one, 1>(bounds) == all % 3;
constexpr auto viewed = dot<m>(softmax<m>(mask(dot<d>(rename<n, all>(q), k), between)), v);
HEED_KERNEL(viewed_pairs, viewed)
HEED_KERNEL(packed_pairs, packed, wrt(q))
HEED_KERNEL(either_pairs, either)
HEED_KERNEL(chosen_pairs, chosen)
}  // namespace counted_kernels

namespace {
constexpr extent_t B = 3;

tensor<float> zeros(std::initializer_list<extent_t> extents) {
  tensor<float> t{std::span<const extent_t>(extents.begin(), extents.size())};
  std::fill(t.begin(), t.end(), 0.f);
  return t;
}
double counted(const heed_kernel_part& part, const descriptors& x, bool backward = false) {
  heed_error error;
  double flops = -1;
  const auto function = backward ? part.backward_operations : part.operations;
  BOOST_TEST(function(x.data(), x.count(), &flops, &error) == HEED_OK, std::string(error.message));
  return flops;
}
}  // namespace

BOOST_AUTO_TEST_CASE(masks_of_numbers_lengths_and_documents) {
  const heed_kernel_part& part = counted_kernels::heed_part_packed_pairs__test;
  for (const extent_t N : {1, 23, 150}) {
    for (const int documents : {1, 4, 1000}) {  // ... of which each is then one position
      const auto Q = zeros({B, N, 16});
      auto W = tensor<std::int32_t>(), D = tensor<std::int32_t>(N);
      auto L = tensor<std::int64_t>(B);
      *W.data() = std::int32_t(1 + N / 2);
      for (extent_t i = 0; i < N; ++i) D.data()[i] = std::int32_t(i * documents / N);
      for (extent_t i = 0; i < B; ++i) L.data()[i] = i * N / 2;
      double pairs = 0;
      for (extent_t batch = 0; batch < B; ++batch)
        for (extent_t i = 0; i < N; ++i)
          for (extent_t j = 0; j <= i; ++j)
            pairs += i - j < *W.data() && j < L.data()[batch] && D.data()[i] == D.data()[j];
      const auto x = descriptors::of(part.metadata->functions[0], as("q", Q), as("k", Q), as("v", Q), as("width", W),
                                     as("length", L), as("document", D), as("result", Q));
      BOOST_TEST(counted(part, x) == 2 * pairs * (16 + 16));
      const auto y = descriptors::of(part.metadata->functions[2], as("q", Q), as("k", Q), as("v", Q), as("width", W),
                                     as("length", L), as("document", D), as("cotangent", Q), as("grad(q)", Q));
      BOOST_TEST(counted(part, y, true) == 2 * pairs * 16 * 3 + 2 * double(B * N) * 16);  // last: results times
                                                                                          // cotangents
    }
  }
}
BOOST_AUTO_TEST_CASE(a_mask_in_memory_of_any_strides) {
  const heed_kernel_part& part = counted_kernels::heed_part_either_pairs__test;
  const extent_t N = 37;
  const auto Q = zeros({B, N, 16});
  auto D = tensor<std::int32_t>(N);
  auto M = tensor<bool>(N, N);
  std::mt19937 random(1);
  for (extent_t i = 0; i < N; ++i) D.data()[i] = std::int32_t(random() % 5);
  for (extent_t i = 0; i < N * N; ++i) M.data()[i] = random() % 3 == 0;
  double pairs = 0;
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < N; ++j) pairs += D.data()[N - 1 - j] < 2 || M.data()[j * N + i];
  descriptors made;  // documents backwards, the mask with its axes exchanged
  auto& documents = made.add(D.data() + N - 1, dtype_of<std::int32_t>(), {N}, {-1});
  heed_tensor reversed = documents, exchanged = made.add(M.data(), dtype_of<bool>(), {N, N}, {1, N});
  auto x = descriptors::of(part.metadata->functions[0], as("q", Q), as("k", Q), as("v", Q), as("document", reversed),
                           as("kept", exchanged), as("result", Q));
  BOOST_TEST(counted(part, x) == B * 2 * pairs * (16 + 16));
}
BOOST_AUTO_TEST_CASE(masks_of_views) {
  const heed_kernel_part& part = counted_kernels::heed_part_viewed_pairs__test;
  const extent_t N = 30, Y = 9, M = 4 * Y;
  const auto Q = zeros({B, N, 16}), K = zeros({B, M, 16}), R = zeros({B, N, 1, 16});
  auto O = tensor<bool>(Y, 4);
  auto P = tensor<std::int32_t>(N, 2);
  std::mt19937 random(2);
  for (extent_t i = 0; i < M; ++i) O.data()[i] = random() % 3 == 0;
  for (extent_t i = 0; i < 2 * N; ++i) P.data()[i] = std::int32_t(random() % (i % 2 == 0 ? 12 : 3));
  double pairs = 0;
  for (extent_t i = 0; i < N; ++i)
    for (extent_t j = 0; j < M; ++j) pairs += P.data()[2 * i] <= 7 && O.data()[j] && P.data()[2 * i + 1] == i % 3;
  BOOST_TEST(pairs > 0);
  const auto x = descriptors::of(part.metadata->functions[0], as("q", Q), as("k", K), as("v", K), as("open", O),
                                 as("bounds", P), as("result", R));
  // Scores have no axis `one`, at which two of the conditions look: of them the third alone is counted.
  BOOST_TEST(counted(part, x) == B * 2 * 16 * (pairs + double(N * std::count(O.begin(), O.end(), true))));
}
BOOST_AUTO_TEST_CASE(not_known) {
  const extent_t N = 5;
  const auto Q = zeros({B, N, 16});
  const auto x = descriptors::of(counted_kernels::heed_part_chosen_pairs__test.metadata->functions[0], as("q", Q),
                                 as("k", Q), as("v", Q), as("result", Q));
  BOOST_TEST(std::isnan(counted(counted_kernels::heed_part_chosen_pairs__test, x)));
  // Without the memory of what a mask reads.
  auto W = tensor<std::int32_t>(), D = tensor<std::int32_t>(N);
  auto L = tensor<std::int64_t>(B);
  auto y = descriptors::of(counted_kernels::heed_part_packed_pairs__test.metadata->functions[0], as("q", Q), as("k", Q),
                           as("v", Q), as("width", W), as("length", L), as("document", D), as("result", Q));
  BOOST_TEST(counted(counted_kernels::heed_part_packed_pairs__test, y) == 0);  // a window of no keys
  const heed_operand* const operands = counted_kernels::heed_part_packed_pairs__test.metadata->functions[0].operands;
  for (int i = 0; i < y.count(); ++i) {
    const bool is_product = std::strchr("qkv", operands[i].name[0]) || operands[i].role == HEED_RESULT;
    void* const data = std::exchange(y[i].data, nullptr);
    BOOST_TEST(std::isnan(counted(counted_kernels::heed_part_packed_pairs__test, y)) == !is_product, operands[i].name);
    y[i].data = data;
  }
}
