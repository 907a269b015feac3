// options: -O0 -DHEED_UNOPTIMISED
// labels: memory
// Where there is no memory a function says so, whichever of its allocations fails, and has written nothing.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include "against_reference.hpp"
#include <cstdlib>
#include <cstring>
#include <functional>
using namespace heed_tests;

namespace {
thread_local long allowed = -1;  // allocations that succeed; -1: all
void* allocated(std::size_t bytes, std::size_t alignment) {
  if (allowed == 0) throw std::bad_alloc();
  if (allowed > 0) --allowed;
  void* const p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!p) throw std::bad_alloc();
  return p;
}
}  // namespace
void* operator new(std::size_t n) { return allocated(n ? n : 1, 16); }
void* operator new(std::size_t n, std::align_val_t a) { return allocated(n ? n : 1, std::size_t(a)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace memory_kernels {
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
constexpr auto out = dot<m>(softmax<m>(scaled_dot<d>(q, k)), v);
constexpr auto lse = logsumexp<m>(scaled_dot<d>(q, k));
HEED_KERNEL(both, results(out, lse))
}  // namespace memory_kernels

namespace {
// Calls with ever more memory, until it is enough; how often it was not.
long failures(const unsigned char* written, std::size_t bytes, const std::function<int(heed_error&)>& call) {
  for (long n = 0;; ++n) {
    heed_error e;
    std::memset(&e, 0xff, sizeof e);
    allowed = n;
    const int code = call(e);
    allowed = -1;
    if (code == HEED_OK) return n;
    BOOST_TEST(code == HEED_OUT_OF_MEMORY);
    BOOST_TEST(e.code == HEED_OUT_OF_MEMORY);
    BOOST_TEST(e.got == std::string("none left"));
    BOOST_TEST(std::all_of(written, written + bytes, [](unsigned char c) { return c == 0x5a; }));
    if (code != HEED_OUT_OF_MEMORY) return -1;
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(whichever_allocation_fails) {
  const heed_kernel_part& part = memory_kernels::heed_part_both__test;
  alignas(64) static unsigned char results[1024];
  std::memset(results, 0x5a, sizeof results);
  tensor<float> Q(3, 8), K(5, 8), V(5, 8);
  descriptors x, oracle;
  x.add(Q), x.add(K), x.add(V);
  oracle = x;
  x.add(results, dtype_of<float>(), {3, 8}), x.add(results + 512, dtype_of<float>(), {3});
  oracle.add(results, dtype_of<double>(), {3, 8}), oracle.add(results + 512, dtype_of<double>(), {3});

  BOOST_TEST(failures(results, sizeof results,
                      [&](heed_error& e) { return part.reference(oracle.data(), oracle.count(), &e); }) > 3);
  std::memset(results, 0x5a, sizeof results);
  BOOST_TEST(failures(results, sizeof results,
                      [&](heed_error& e) { return part.call(x.data(), x.count(), nullptr, 0, &e); }) == 1);

  std::size_t bytes = 0;  // with a workspace nothing is allocated
  heed_error e;
  BOOST_REQUIRE(part.workspace_bytes(x.data(), x.count(), &bytes, &e) == HEED_OK);
  std::vector<std::byte> workspace(bytes);
  allowed = 0;
  const int code = part.call(x.data(), x.count(), workspace.data(), bytes, &e);
  allowed = -1;
  BOOST_TEST(code == HEED_OK);

  allowed = 0;
  part.call(x.data(), x.count(), nullptr, 0, &e);
  allowed = -1;
  BOOST_TEST(e.operand == std::string("workspace"));
  BOOST_TEST(e.message ==
             "heed: operand 'workspace': expected memory of " + std::to_string((bytes - 63)) + " bytes, got none left");
}
