// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
// Both passes of kernels with gradients, through the C interface: the same bits as from C++, whatever they kept lying
// where the caller wants it.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include "against_reference.hpp"
using namespace heed_tests;

namespace step_kernels {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 16> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) - slope * log(1 + n - m), m <= n)), v);
constexpr auto step = differentiable<out>(wrt(q, k, v, slope));
HEED_KERNEL(step, out, wrt(q, k, v, slope))
HEED_KERNEL(queries, out, wrt_named<"q">())
// The forward pass keeps the products, so that the backward pass looks at no operand of theirs.
constexpr auto scaled = dot<d>(q, k) * slope;
HEED_KERNEL(scales, scaled, wrt(slope))
}  // namespace step_kernels
using namespace step_kernels;

namespace {
const heed_kernel_part& part = heed_part_step__test;

tensor<float> drawn(std::initializer_list<extent_t> extents, unsigned seed) {
  tensor<float> t{std::span<const extent_t>(extents.begin(), extents.size())};
  std::mt19937 random(seed);
  for (float& x : t) x = float(double(random() % 2001) / 1000 - 1);
  return t;
}
std::string sentence(const heed_error& e) { return e.message; }
template <class T> bool same(const T& a, const T& b) { return std::equal(a.begin(), a.end(), b.begin()); }
}  // namespace

BOOST_AUTO_TEST_CASE(both_passes_as_from_cpp) {
  for (const auto& [N, M] : {std::pair<extent_t, extent_t>(5, 7), {64, 64}, {1, 1}, {33, 130}}) {
    const auto Q = drawn({2, N, 16}, 1), K = drawn({2, M, 16}, 2), V = drawn({2, M, 12}, 3), S = drawn({2}, 4),
               dO = drawn({2, N, 12}, 5);
    auto want = drawn({2, N, 12}, 0), got = want, wQ = Q, wK = K, wV = V, wS = S, gQ = Q, gK = K, gV = V, gS = S;
    auto kept = step_kernels::step.saved();
    step_kernels::step.forward(kept, q = Q, k = K, v = V, slope = S, into(want));
    step_kernels::step.backward(kept, q = Q, k = K, v = V, slope = S, cotangent<out> = dO, into(wQ, wK, wV, wS));

    const auto x = descriptors::of(part.metadata->functions[1], as("q", Q), as("k", K), as("v", V), as("slope", S),
                                   as("result", got));
    const auto y = descriptors::of(part.metadata->functions[2], as("q", Q), as("k", K), as("v", V), as("slope", S),
                                   as("cotangent", dO), as("grad(q)", gQ), as("grad(k)", gK), as("grad(v)", gV),
                                   as("grad(slope)", gS));
    heed_error error;
    std::size_t bytes = 0, forward_bytes = 0, backward_bytes = 0;
    BOOST_TEST(part.saved_bytes(x.data(), x.count(), &bytes, &error) == HEED_OK, sentence(error));
    BOOST_TEST(part.forward_workspace_bytes(x.data(), x.count(), &forward_bytes, &error) == HEED_OK, sentence(error));
    BOOST_TEST(part.backward_workspace_bytes(y.data(), y.count(), &backward_bytes, &error) == HEED_OK, sentence(error));
    std::vector<unsigned char> saved(bytes + 64, 0xa5), forward_memory(forward_bytes + 64, 0xa5),
        backward_memory(backward_bytes + 64, 0xa5);
    BOOST_TEST(
        part.forward(x.data(), x.count(), saved.data(), bytes, forward_memory.data(), forward_bytes, &error) == HEED_OK,
        sentence(error));
    BOOST_TEST(same(got, want));
    const auto before = saved;
    BOOST_TEST(part.backward(y.data(), y.count(), saved.data(), bytes, backward_memory.data(), backward_bytes,
                             &error) == HEED_OK,
               sentence(error));
    BOOST_TEST((same(gQ, wQ) && same(gK, wK) && same(gV, wV) && same(gS, wS)));
    BOOST_TEST((saved == before));
    for (const auto& [memory, size] :
         {std::pair(&saved, bytes), {&forward_memory, forward_bytes}, {&backward_memory, backward_bytes}})
      BOOST_TEST(std::all_of(memory->begin() + long(size), memory->end(), [](unsigned char c) { return c == 0xa5; }));

    // A copy of what was kept will do, anywhere; and the memory between may be the call's own.
    std::vector<std::uint64_t> copy(bytes / 8 + 2);
    std::copy_n(saved.begin(), bytes, reinterpret_cast<unsigned char*>(copy.data() + 1));
    std::fill(gK.begin(), gK.end(), 0.f);
    BOOST_TEST(part.backward(y.data(), y.count(), copy.data() + 1, bytes, nullptr, 0, &error) == HEED_OK);
    BOOST_TEST(same(gK, wK));
  }
}
BOOST_AUTO_TEST_CASE(oracles_of_gradients) {
  const auto Q = drawn({2, 6, 16}, 1), K = drawn({2, 9, 16}, 2), V = drawn({2, 9, 12}, 3), S = drawn({2}, 4),
             dO = drawn({2, 6, 12}, 5);
  tensor<double> wQ(2, 6, 16), wK(2, 9, 16), wV(2, 9, 12), wS(2), gQ = wQ, gK = wK, gV = wV, gS = wS;
  reference<gradient<out>(wrt(q, k, v, slope))>(q = Q, k = K, v = V, slope = S, cotangent<out> = dO,
                                                into(wQ, wK, wV, wS));
  const auto y = descriptors::of(part.metadata->functions[4], as("q", Q), as("k", K), as("v", V), as("slope", S),
                                 as("cotangent", dO), as("grad(q)", gQ), as("grad(k)", gK), as("grad(v)", gV),
                                 as("grad(slope)", gS));
  heed_error error;
  BOOST_TEST(part.backward_reference(y.data(), y.count(), &error) == HEED_OK, sentence(error));
  BOOST_TEST((same(gQ, wQ) && same(gK, wK) && same(gV, wV) && same(gS, wS)));
}
BOOST_AUTO_TEST_CASE(oracle_of_a_gradient_that_reads_less) {
  const heed_kernel_part& scales = heed_part_scales__test;
  const auto Q = drawn({2, 6, 16}, 1), K = drawn({2, 9, 16}, 2), S = drawn({2}, 4), dO = drawn({2, 6, 9}, 5);
  tensor<double> want(2), got(2);
  reference<gradient<scaled>(wrt(slope))>(q = Q, k = K, slope = S, cotangent<scaled> = dO, into(want));
  const heed_function &backward = scales.metadata->functions[2], &oracle = scales.metadata->functions[4];
  const auto reads_queries = [](const heed_function& f) {
    return std::any_of(f.operands, f.operands + f.operand_count,
                       [](const heed_operand& x) { return x.name == std::string("q") && x.is_read; });
  };
  BOOST_TEST((!reads_queries(backward) && reads_queries(oracle)));
  const auto y =
      descriptors::of(oracle, as("q", Q), as("k", K), as("slope", S), as("cotangent", dO), as("grad(slope)", got));
  heed_error error;
  BOOST_TEST(scales.backward_reference(y.data(), y.count(), &error) == HEED_OK, sentence(error));
  BOOST_TEST(same(got, want));
}
BOOST_AUTO_TEST_CASE(inputs_by_name) {
  const heed_function& f = heed_part_queries__test.metadata->functions[2];
  BOOST_TEST(f.name == std::string("queries_backward"));
  BOOST_REQUIRE(f.operand_count == 6);
  BOOST_TEST(f.operands[4].name == std::string("cotangent"));
  BOOST_TEST(f.operands[4].role == HEED_COTANGENT);
  BOOST_TEST(f.operands[5].name == std::string("grad(q)"));
  BOOST_TEST(f.operands[5].role == HEED_GRADIENT);
}
BOOST_AUTO_TEST_CASE(useful_operations) {
  const extent_t N = 37, M = 50;
  const auto Q = drawn({2, N, 16}, 1), K = drawn({2, M, 16}, 2), V = drawn({2, M, 12}, 3), S = drawn({2}, 4),
             O = drawn({2, N, 12}, 5);
  const auto x =
      descriptors::of(part.metadata->functions[0], as("q", Q), as("k", K), as("v", V), as("slope", S), as("result", O));
  const auto y =
      descriptors::of(part.metadata->functions[2], as("q", Q), as("k", K), as("v", V), as("slope", S),
                      as("cotangent", O), as("grad(q)", Q), as("grad(k)", K), as("grad(v)", V), as("grad(slope)", S));
  const double pairs = 2 * N * (N + 1) / 2;  // of both heads
  double flops = 0;
  heed_error error;
  BOOST_TEST(part.operations(x.data(), x.count(), &flops, &error) == HEED_OK, sentence(error));
  BOOST_TEST(flops == 2 * pairs * (16 + 12));
  BOOST_TEST(part.backward_operations(y.data(), y.count(), &flops, &error) == HEED_OK, sentence(error));
  BOOST_TEST(flops == 2 * pairs * (3 * 16 + 2 * 12) + 2 * 2 * N * 12);  // last the products of results and cotangents
}
BOOST_AUTO_TEST_CASE(a_peak) {
  BOOST_TEST(part.peak(1, 32) > 0.);
  BOOST_TEST(part.peak(2, 64) > 0.);
  BOOST_TEST(part.peak(0, 32) == 0.);
  BOOST_TEST(part.peak(1, 16) == 0.);
}
