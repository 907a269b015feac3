// Memory grows with queries + keys, never with their product: the workspace at several lengths, every allocation
// counted, and a window over a million positions.
// options: -O1 -Wno-mismatched-new-delete
#include "against_reference.hpp"
#include <cstdlib>
#include <new>
#include <omp.h>
using namespace heed_tests;

namespace {
std::size_t allocated = 0, largest_allocation = 0;  // by whatever this program calls
void* counted(std::size_t bytes, std::size_t alignment) {
  allocated += bytes;
  if (bytes > largest_allocation) largest_allocation = bytes;
  void* const p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!p) throw std::bad_alloc();
  return p;
}
}  // namespace
void* operator new(std::size_t n) { return counted(n, 16); }
void* operator new(std::size_t n, std::align_val_t a) { return counted(n, std::size_t(a)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"z"> z;
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
constexpr auto window = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 256))), v);
constexpr auto documents = dot<m>(softmax<m>(mask(s, causal(n, m) && same_document(doc, n, m))), v);
constexpr auto back = gradient<window>(wrt(q, k, v));
// a whole layer: projections, attention with itself, projection back
constexpr auto x = input<"x">(n, c);
constexpr auto queries = dot<c>(x, input<"wq">(d, c));
constexpr auto keys = rename<n, m>(dot<c>(x, input<"wk">(d, c)));
constexpr auto values = rename<n, m>(dot<c>(x, input<"wv">(o, c)));
constexpr auto layer =
    x + dot<o>(dot<m>(softmax<m>(mask(dot<d>(queries, keys), sliding_window(n, m, 64))), values), input<"wo">(c, o));

struct use {
  std::size_t workspace, allocated;
};
// What one call takes, with its operands there already.
template <class Call> use measured(const Call& call) {
  workspace memory;
  allocated = 0;
  call(memory);
  return {memory.bytes(), allocated};
}
use attention_use(extent_t length, bool of_documents) {
  const tensor<float> Q = filled<float>(1, 1, {length, 16}), K = filled<float>(2, 1, {length, 16}),
                      V = filled<float>(3, 1, {length, 16});
  tensor<std::int32_t> docs(length);
  for (std::size_t i = 0; i < docs.size(); ++i) docs[i] = std::int32_t(i / 100);
  tensor<float> O(length, 16);
  return measured([&](workspace& memory) {
    if (of_documents) fuse<documents, strict>(q = Q, k = K, v = V, doc = docs, into(O), memory);
    else fuse<window, strict>(q = Q, k = K, v = V, into(O), memory);
  });
}
use gradient_use(extent_t length) {
  const tensor<float> Q = filled<float>(1, 1, {length, 16}), K = filled<float>(2, 1, {length, 16}),
                      V = filled<float>(3, 1, {length, 16});
  tensor<float> dQ(length, 16), dK(length, 16), dV(length, 16);
  return measured([&](workspace& memory) {
    fuse<back, strict>(q = Q, k = K, v = V, cotangent<window> = Q, into(dQ, dK, dV), memory);
  });
}
use layer_use(extent_t length) {
  const tensor<float> X = filled<float>(1, 1, {length, 32}), W = filled<float>(2, 0.2, {32, 32});
  tensor<float> O(length, 32);
  return measured([&](workspace& memory) {
    fuse<layer, strict>(x = X, input<"wq">(d, c) = W, input<"wk">(d, c) = W, input<"wv">(o, c) = W,
                        input<"wo">(c, o) = W, into(O), memory);
  });
}
}  // namespace

BOOST_AUTO_TEST_CASE(the_workspace_grows_with_the_length) {
  omp_set_num_threads(2);
  const extent_t length = 4096;  // enough for as many blocks as two threads ever hold at a time
  // Attention alone keeps nothing of its length.
  BOOST_TEST(attention_use(length, false).workspace == attention_use(4 * length, false).workspace);
  // Documents keep bounds of the keys, 16 bytes for every 16 keys and thread.
  const use one = attention_use(length, true), four = attention_use(4 * length, true);
  BOOST_TEST(four.workspace - one.workspace <= std::size_t(3 * length) * 2 * sizeof(float));
  // A layer keeps its projections: linear, so three more lengths cost three times the first.
  const use layer_1 = layer_use(length), layer_2 = layer_use(2 * length), layer_5 = layer_use(5 * length);
  BOOST_TEST(layer_2.workspace > layer_1.workspace);
  BOOST_TEST(layer_5.workspace - layer_2.workspace == 3 * (layer_2.workspace - layer_1.workspace));
  BOOST_TEST(layer_5.workspace < std::size_t(25 * length * length));  // a 25th of the pairs in floats: 4 * (5 n)^2 / 4
  for (const use& u : {one, four, layer_1, layer_5})
    BOOST_TEST(u.allocated < u.workspace + 64 * 1024);  // and nothing beside it
}
// Threads that share a head share its sums: what a further thread brings does not grow with the length.
BOOST_AUTO_TEST_CASE(the_workspace_of_a_gradient_grows_with_the_length_whatever_the_team) {
  const extent_t length = 12288;  // whole blocks, and as many as 16 threads ever hold in the forward pass
  std::size_t by_threads[2];
  for (const int threads : {2, 16}) {
    omp_set_num_threads(threads);
    const use g1 = gradient_use(length), g2 = gradient_use(2 * length), g5 = gradient_use(5 * length);
    BOOST_TEST(g2.workspace > g1.workspace);
    BOOST_TEST(g5.workspace - g2.workspace == 3 * (g2.workspace - g1.workspace));
    by_threads[threads == 16] = g2.workspace - g1.workspace;
  }
  BOOST_TEST(by_threads[0] == by_threads[1]);
  BOOST_TEST(by_threads[0] < std::size_t(length) * 16 * 4 * sizeof(float));  // output, sums of keys and of values; what
                                                                             // lies beside them is less than another
  omp_set_num_threads(2);
}
BOOST_AUTO_TEST_CASE(a_workspace_is_allocated_once) {
  const tensor<float> Q = filled<float>(1, 1, {100, 16}), K = filled<float>(2, 1, {100, 16}),
                      V = filled<float>(3, 1, {100, 16});
  tensor<float> O(100, 16);
  workspace memory;
  fuse<window>(q = Q, k = K, v = V, into(O), memory);
  const std::byte* const at = memory.at_least(0);
  allocated = largest_allocation = 0;
  fuse<window>(q = Q, k = K, v = V, into(O), memory);
  BOOST_TEST(memory.at_least(0) == at);
  BOOST_TEST(largest_allocation < 4096u);  // names and frames of the call
}
BOOST_AUTO_TEST_CASE(a_window_over_a_million_positions) {
  const extent_t length = 1 << 20;
  tensor<float> Q(length, 16), K(length, 16), V(length, 16), O(length, 16);
  unsigned state = 1;
  for (tensor<float>* t : {&Q, &K, &V})
    for (float& y : *t) state = state * 1664525u + 1013904223u, y = float(int(state >> 8) - (1 << 23)) / float(1 << 23);
  const use u = measured([&](workspace& memory) { fuse<window, strict>(q = Q, k = K, v = V, into(O), memory); });
  BOOST_TEST(u.allocated < std::size_t(8) << 20);  // pairs would be 4 TB
  double worst = 0;
  for (const extent_t y : {extent_t(0), extent_t(255), extent_t(256), length / 2 + 13, length - 1}) {
    double total = 0, out[16]{};
    for (extent_t t = std::max<extent_t>(0, y - 255); t <= y; ++t) {
      double score = 0;
      for (extent_t a = 0; a < 16; ++a) score += double(Q(y, a)) * double(K(t, a)) / 4;
      total += std::exp(score);
      for (extent_t a = 0; a < 16; ++a) out[a] += std::exp(score) * double(V(t, a));
    }
    for (extent_t a = 0; a < 16; ++a) worst = std::max(worst, std::fabs(double(O(y, a)) - out[a] / total));
  }
  BOOST_TEST(worst <= 16 * 1.2e-7 * 5);
  BOOST_TEST(!mostly_zero(O));
}
