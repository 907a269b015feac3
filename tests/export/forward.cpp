// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
// Kernels called through the C interface: the same bits as calls from C++, whatever the strides, with and without a
// workspace of the caller's.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include "against_reference.hpp"
using namespace heed_tests;

namespace forward_kernels {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 16> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto out = attention<d, m>(q, k, v, causal(n, m));
HEED_KERNEL(attend, out)
}  // namespace forward_kernels
using namespace forward_kernels;

namespace {
const heed_kernel_part& part = heed_part_attend__test;

tensor<float> drawn(std::initializer_list<extent_t> extents, unsigned seed) {
  tensor<float> t{std::span<const extent_t>(extents.begin(), extents.size())};
  std::mt19937 random(seed);
  for (float& x : t) x = float(double(random() % 2001) / 1000 - 1);
  return t;
}
std::string sentence(const heed_error& e) { return e.message; }
}  // namespace

BOOST_AUTO_TEST_CASE(same_bits_as_from_cpp) {
  for (const auto& [N, M] : {std::pair<extent_t, extent_t>(5, 7), {64, 64}, {1, 1}, {33, 130}}) {
    const auto Q = drawn({2, N, 16}, 1), K = drawn({2, M, 16}, 2), V = drawn({2, M, 12}, 3);
    tensor<float> want(2, N, 12), got(2, N, 12);
    fuse<out>(q = Q, k = K, v = V, into(want));
    descriptors x;
    x.add(Q), x.add(K), x.add(V), x.add(got);
    heed_error error;
    BOOST_TEST(part.call(x.data(), x.count(), nullptr, 0, &error) == HEED_OK, sentence(error));
    BOOST_TEST(std::equal(got.begin(), got.end(), want.begin()));
  }
}
BOOST_AUTO_TEST_CASE(a_workspace_of_the_callers) {
  const auto Q = drawn({2, 33, 16}, 1), K = drawn({2, 70, 16}, 2), V = drawn({2, 70, 12}, 3);
  tensor<float> want(2, 33, 12), got(2, 33, 12);
  fuse<out>(q = Q, k = K, v = V, into(want));
  descriptors x;
  x.add(Q), x.add(K), x.add(V), x.add(got);
  std::size_t bytes = 0;
  heed_error error;
  BOOST_REQUIRE(part.workspace_bytes(x.data(), x.count(), &bytes, &error) == HEED_OK);
  BOOST_REQUIRE(bytes > 0u);
  for (std::size_t shift = 0; shift < 64; shift += 7) {  // it may begin anywhere, and nothing around it is touched
    std::vector<unsigned char> memory(bytes + 128, 0xa5);
    std::fill(got.begin(), got.end(), 0.f);
    BOOST_TEST(part.call(x.data(), x.count(), memory.data() + shift, bytes, &error) == HEED_OK, sentence(error));
    BOOST_TEST(std::equal(got.begin(), got.end(), want.begin()));
    const auto untouched = [](unsigned char c) { return c == 0xa5; };
    BOOST_TEST(std::all_of(memory.begin(), memory.begin() + long(shift), untouched));
    BOOST_TEST(std::all_of(memory.begin() + long(shift + bytes), memory.end(), untouched));
  }
  BOOST_TEST(part.call(x.data(), x.count(), &bytes, bytes - 1, &error) == HEED_WORKSPACE_TOO_SMALL);
}
BOOST_AUTO_TEST_CASE(reference_is_the_oracle) {
  const auto Q = drawn({2, 9, 16}, 1), K = drawn({2, 11, 16}, 2), V = drawn({2, 11, 3}, 3);
  tensor<double> want(2, 9, 3), got(2, 9, 3);
  reference<out>(q = Q, k = K, v = V, into(want));
  descriptors x;
  x.add(Q), x.add(K), x.add(V), x.add(got);
  heed_error error;
  BOOST_TEST(part.reference(x.data(), x.count(), &error) == HEED_OK, sentence(error));
  BOOST_TEST(std::equal(got.begin(), got.end(), want.begin()));
}
BOOST_AUTO_TEST_CASE(metadata_says_what_it_is) {
  const heed_metadata& about = *part.metadata;
  BOOST_TEST(about.name == std::string("attend"));
  BOOST_REQUIRE(about.axis_count == 5);
  const char* const axes[] = {"h", "n", "d", "m", "e"};
  for (int i = 0; i < 5; ++i) BOOST_TEST(about.axes[i].name == std::string(axes[i]));
  BOOST_TEST(about.axes[2].extent == 16);
  BOOST_TEST(about.axes[0].extent == -1);
  BOOST_REQUIRE(about.function_count == 2);
  BOOST_TEST(about.functions[0].name == std::string("attend"));
  BOOST_TEST(about.functions[1].name == std::string("attend_reference"));
  BOOST_REQUIRE(about.functions[0].operand_count == 4);
  const heed_operand& result = about.functions[0].operands[3];
  BOOST_TEST(result.name == std::string("result"));
  BOOST_TEST(result.role == HEED_RESULT);
  BOOST_TEST(result.rank == 3);
  BOOST_TEST(result.axes[2] == 4);
  BOOST_TEST(result.dtype.bits == 32);
  BOOST_TEST(about.functions[1].operands[3].dtype.bits == 64);
}
