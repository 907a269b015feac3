// options: -O1
// labels: memory
// Every allocation of a call is counted, by standing in for malloc and its relatives, or under a sanitizer, which has
// its own malloc, for operator new. A call allocates once, or not at all when the caller keeps the workspace; it takes
// memory that grows with n + m; and where there is no memory, nothing has been written.
#include "against_reference.hpp"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <omp.h>
using namespace heed::internal;
using namespace heed_tests;

namespace {
std::atomic<bool> counting = false;
std::atomic<long> allocations = 0, bytes_allocated = 0, allowed = -1;  // allowed: allocations that succeed, -1: all
bool counted(std::size_t bytes) {
  if (!counting.load(std::memory_order_relaxed)) return true;
  ++allocations, bytes_allocated += long(bytes);
  return allowed < 0 || allowed-- > 0;
}
}  // namespace

#if defined(__SANITIZE_ADDRESS__)
#define HEED_TEST_COUNTS_NEW
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEED_TEST_COUNTS_NEW
#endif
#endif

#ifdef HEED_TEST_COUNTS_NEW
void* operator new(std::size_t n) {
  void* const p = counted(n) ? std::malloc(n ? n : 1) : nullptr;
  if (!p) throw std::bad_alloc();
  return p;
}
void* operator new(std::size_t n, std::align_val_t a) {
  void* const p = counted(n)
                      ? std::aligned_alloc(std::size_t(a), (n + std::size_t(a) - 1) / std::size_t(a) * std::size_t(a))
                      : nullptr;
  if (!p) throw std::bad_alloc();
  return p;
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#else
extern "C" {  // glibc's own allocator under its other names
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t n) { return counted(n) ? __libc_malloc(n) : nullptr; }
void* calloc(std::size_t n, std::size_t each) { return counted(n * each) ? __libc_calloc(n, each) : nullptr; }
void* realloc(void* p, std::size_t n) { return counted(n) ? __libc_realloc(p, n) : nullptr; }
void* memalign(std::size_t a, std::size_t n) { return counted(n) ? __libc_memalign(a, n) : nullptr; }
void* aligned_alloc(std::size_t a, std::size_t n) { return counted(n) ? __libc_memalign(a, n) : nullptr; }
int posix_memalign(void** p, std::size_t a, std::size_t n) {
  return (*p = counted(n) ? __libc_memalign(a, n) : nullptr) ? 0 : 12;
}
}
#endif

namespace {
// What happens while f runs.
struct tally {
  long allocations, bytes;
};
template <class F> tally count(const F& f, long allow = -1) {
  allocations = 0, bytes_allocated = 0, allowed = allow;
  counting = true;
  try {
    f();
  } catch (...) {
    counting = false;
    throw;
  }
  counting = false;
  return {allocations, bytes_allocated};
}

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 32> d;
constexpr axis<"e", 32> e;
constexpr axis<"h", 2> h;
constexpr axis<"t"> t;
constexpr axis<"c", 64> c;
constexpr axis<"o", 64> o;
constexpr auto a_name_of_sixteen = input<"a_name_of_16_abc">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto score = mask(dot<d>(a_name_of_sixteen, k) / sqrt(size<d>), causal(n, m));
constexpr auto out = dot<m>(softmax<m>(score), v);
constexpr auto lse = logsumexp<m>(score);
// Projections, attention, output projection, norm: five kinds of intermediate values.
constexpr auto x = input<"x">(n, c);
constexpr auto heads = split<o, h, d>(dot<c>(x, input<"wq">(o, c)));
constexpr auto mixed = merge<h, d, o>(dot<t>(softmax<t>(dot<d>(heads, rename<n, t>(heads))), rename<n, t>(heads)));
constexpr auto block = rms_norm<c>(x + dot<o>(mixed, input<"wo">(c, o)), 1e-6);

struct operands {
  tensor<float> Q, K, V, O, L;
  operands(extent_t N, extent_t M)
      : Q(filled<float>(1, 1, {2, N, 32})),
        K(filled<float>(2, 1, {2, M, 32})),
        V(filled<float>(3, 1, {2, M, 32})),
        O(2, N, 32),
        L(2, N) {}
  void call(workspace& memory) { fuse<results(out, lse)>(a_name_of_sixteen = Q, k = K, v = V, into(O, L), memory); }
  void call() { fuse<results(out, lse)>(a_name_of_sixteen = Q, k = K, v = V, into(O, L)); }
};
struct block_operands {
  tensor<float> X, A = filled<float>(2, 0.1, {64, 64}), B = filled<float>(3, 0.1, {64, 64}), Y;
  explicit block_operands(extent_t N) : X(filled<float>(1, 1, {N, 64})), Y(N, 64) {}
  void call(workspace& memory) { fuse<block>(x = X, input<"wq">(o, c) = A, input<"wo">(c, o) = B, into(Y), memory); }
  void call() { fuse<block>(x = X, input<"wq">(o, c) = A, input<"wo">(c, o) = B, into(Y)); }
};
// Threads of a team sleep and wake without memory of their own once they are there.
struct with_threads {
  int before = omp_get_max_threads();
  explicit with_threads(int count) { omp_set_num_threads(count); }
  ~with_threads() { omp_set_num_threads(before); }
};
}  // namespace

BOOST_AUTO_TEST_CASE(a_counted_allocation_is_seen) {
  const tally seen = count([] { run::aligned_memory(1000); });
  BOOST_TEST((seen.allocations == 1 && seen.bytes >= 1000));
  BOOST_TEST(count([] {
               std::vector<float> some(10);
               asm volatile("" ::"r"(some.data()) : "memory");
             }).allocations == 1);
}
BOOST_AUTO_TEST_CASE(a_warm_call_with_a_workspace_allocates_nothing) {
  for (const int threads : {1, 2, 5}) {
    const with_threads team(threads);
    operands p(130, 97);
    block_operands q(75);
    workspace memory;
    p.call(memory), q.call(memory);
    BOOST_TEST(count([&] { p.call(memory); }).allocations == 0);
    BOOST_TEST(count([&] { q.call(memory); }).allocations == 0);
    operands smaller(5, 7);
    BOOST_TEST(count([&] { smaller.call(memory); }).allocations == 0);
  }
}
BOOST_AUTO_TEST_CASE(a_call_of_its_own_allocates_once) {
  const with_threads team(1);
  operands p(130, 97);
  block_operands q(75);
  workspace memory;
  p.call(memory), p.call(), q.call();
  const tally once = count([&] { p.call(); });
  BOOST_TEST(once.allocations == 1);
  BOOST_TEST(once.bytes >= long(memory.bytes()));
  BOOST_TEST(once.bytes <= long(memory.bytes()) + 128);
  BOOST_TEST(count([&] { q.call(); }).allocations == 1);
  workspace fresh;
  BOOST_TEST(count([&] { q.call(fresh); }).allocations == 1);
}
// Doubling n and m must not do more than double the workspace, and in the end not n x m bytes.
BOOST_AUTO_TEST_CASE(the_workspace_grows_with_n_plus_m) {
  const with_threads team(1);
  const auto bytes = [](extent_t N, extent_t M) {
    operands p(N, M);
    workspace w;
    p.call(w);
    return w.bytes();
  };
  const auto block_bytes = [](extent_t N) {
    block_operands p(N);
    workspace w;
    p.call(w);
    return w.bytes();
  };
  for (const extent_t N : {64, 256, 1024}) {
    BOOST_TEST(bytes(2 * N, 2 * N) <= 2 * bytes(N, N));
    BOOST_TEST(bytes(2 * N, N) + bytes(N, 2 * N) <= 3 * bytes(N, N) + 4096);  // neither extent multiplies the other
    BOOST_TEST(block_bytes(2 * N) <= 2 * block_bytes(N) + 8192);  // a block of rows is whole, whatever fills it
  }
  BOOST_TEST(bytes(2048, 2048) < 2048u * 2048u / 4);
  BOOST_TEST(block_bytes(2048) < 2048u * 2048u);  // three values of 2048 x 64 floats are alive at once, not 2048 x 2048
}
BOOST_AUTO_TEST_CASE(without_memory_nothing_is_written) {
  for (const int threads : {1, 4}) {
    const with_threads team(threads);
    operands p(130, 97);
    block_operands q(75);
    p.call(), q.call();
    const tensor<float> O = p.O, Y = q.Y;
    for (tensor<float>* r : {&p.O, &p.L, &q.Y}) std::memset(r->data(), 0x3c, r->size() * sizeof(float));
    BOOST_CHECK_THROW(count([&] { p.call(); }, 0), std::bad_alloc);
    BOOST_CHECK_THROW(count([&] { q.call(); }, 0), std::bad_alloc);
    workspace memory;
    BOOST_CHECK_THROW(count([&] { q.call(memory); }, 0), std::bad_alloc);
    BOOST_TEST(memory.bytes() == 0u);
    for (const tensor<float>* r : {&p.O, &p.L, &q.Y}) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(r->data());
      BOOST_TEST(std::all_of(bytes, bytes + r->size() * sizeof(float), [](unsigned char z) { return z == 0x3c; }));
    }
    q.call(memory), p.call(memory);  // the workspace is free again
    BOOST_TEST(std::memcmp(O.data(), p.O.data(), O.size() * sizeof(float)) == 0);
    BOOST_TEST(std::memcmp(Y.data(), q.Y.data(), Y.size() * sizeof(float)) == 0);
  }
}
// Memory that nobody has: refused as bad input, not by running out of it.
BOOST_AUTO_TEST_CASE(intermediate_values_beyond_all_memory_are_an_error) {
  const extent_t N = extent_t(1) << 46;
  block_operands p(1);
  float zero = 0, *const far_away = reinterpret_cast<float*>(std::uintptr_t(1) << 62);  // behind everything, never
                                                                                        // written
  try {
    fuse<block>(x = view(&zero, {N, 64}, {0, 0}), input<"wq">(o, c) = p.A, input<"wo">(c, o) = p.B,
                into(view(far_away, {N, 64})));
    BOOST_TEST(false, "2^54 bytes were found");
  } catch (const error& e) { BOOST_TEST(e.expected() == "intermediate values of at most 2^48 bytes"); }
}
