// Mistakes that attention libraries have made with what the host gives them, each tried here once: views of its memory,
// offsets beyond 2^31, its floating-point state, its catch.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "attention_by_hand.hpp"
#include "sanitized.hpp"
#include <cfenv>
#include <omp.h>
#include <sys/mman.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif
using namespace heed_tests;

namespace {
constexpr auto causal_out = dot<m>(softmax<m>(mask(dot<d>(q, k) / sqrt(size<d>), causal(n, m))), v);
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr auto x = input<"x">(b, n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto projected = project<c>(x, w);
constexpr auto normed = rms_norm<c>(x);

// Address space without memory behind it, until it is touched.
class sparse_memory {
 public:
  explicit sparse_memory(std::size_t bytes) : bytes_(bytes) {
    memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    BOOST_TEST_REQUIRE(memory_ != MAP_FAILED);
  }
  sparse_memory(const sparse_memory&) = delete;
  sparse_memory& operator=(const sparse_memory&) = delete;
  ~sparse_memory() { munmap(memory_, bytes_); }
  float* data() { return static_cast<float*>(memory_); }

 private:
  std::size_t bytes_;
  void* memory_;
};
}  // namespace

// Packed projections, inner strides, broadcast operands, transposed results.
BOOST_AUTO_TEST_CASE(every_view_gives_the_same_bits) {
  const extent_t B = 2, N = 51, H = 3, D = 12;
  problem p{.B = B, .H = H, .N = N, .M = N, .D = D, .E = D};
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
  BOOST_TEST(!mostly_zero(p.O));
  tensor<float> packed(B, N, 3, H, D), together(B, N, H, D);  // queries, keys and values of one projection
  for (extent_t i = 0; i < B; ++i)
    for (extent_t j = 0; j < H; ++j)
      for (extent_t y = 0; y < N; ++y)
        for (extent_t a = 0; a < D; ++a)
          packed(i, y, 0, j, a) = p.Q(i, j, y, a), packed(i, y, 1, j, a) = p.K(i, j, y, a),
                             packed(i, y, 2, j, a) = p.V(i, j, y, a);
  const auto part = [&](extent_t which) {
    return heed::view<float>(packed.data() + which * H * D, {B, H, N, D}, {N * 3 * H * D, D, 3 * H * D, 1});
  };
  const auto equal = [&](const auto& at) {
    bool r = true;
    for (extent_t i = 0; i < B; ++i)
      for (extent_t j = 0; j < H; ++j)
        for (extent_t y = 0; y < N; ++y)
          for (extent_t a = 0; a < D; ++a) r = r && at(i, j, y, a) == p.O(i, j, y, a);
    return r;
  };
  fuse<causal_out>(q = part(0), k = part(1), v = part(2),
                   into(heed::view<float>(together.data(), {B, H, N, D}, {N * H * D, D, H * D, 1})));
  BOOST_TEST(equal([&](extent_t i, extent_t j, extent_t y, extent_t a) { return together(i, y, j, a); }));

  tensor<float> Q2(B, H, N, D, 2), K2(B, H, N, D, 3), V2(B, H, N, D, 2), O2(B, H, N, D, 2);  // nothing contiguous
  const auto spread = [](tensor<float>& t, const tensor<float>& from, extent_t step) {
    for (std::size_t i = 0; i < from.size(); ++i) t[i * std::size_t(step)] = from[i];
  };
  spread(Q2, p.Q, 2), spread(K2, p.K, 3), spread(V2, p.V, 2);
  const auto stepped = [&](tensor<float>& t, extent_t step) {
    return heed::view<float>(t.data(), {B, H, N, D}, {H * N * D * step, N * D * step, D * step, step});
  };
  fuse<causal_out>(q = stepped(Q2, 2), k = stepped(K2, 3), v = stepped(V2, 2), into(stepped(O2, 2)));
  BOOST_TEST(equal([&](extent_t i, extent_t j, extent_t y, extent_t a) { return O2(i, j, y, a, 0); }));
  for (std::size_t i = 1; i < O2.size(); i += 2) BOOST_TEST_REQUIRE(O2[i] == 0.f);

  tensor<float> Qt(D, N, H, B), Ot(D, N, H, B);  // all axes the other way round
  for (extent_t i = 0; i < B; ++i)
    for (extent_t j = 0; j < H; ++j)
      for (extent_t y = 0; y < N; ++y)
        for (extent_t a = 0; a < D; ++a) Qt(a, y, j, i) = p.Q(i, j, y, a);
  const auto turned = [&](tensor<float>& t) {
    return heed::view<float>(t.data(), {B, H, N, D}, {1, B, B * H, B * H * N});
  };
  fuse<causal_out>(q = turned(Qt), k = p.K, v = p.V, into(turned(Ot)));
  BOOST_TEST(equal([&](extent_t i, extent_t j, extent_t y, extent_t a) { return Ot(a, y, j, i); }));

  // One key/value head for all heads and items, by stride 0, is that head written out.
  problem one = p;
  for (extent_t i = 0; i < B; ++i)
    for (extent_t j = 0; j < H; ++j)
      for (extent_t y = 0; y < N; ++y)
        for (extent_t a = 0; a < D; ++a) one.K(i, j, y, a) = p.K(0, 0, y, a), one.V(i, j, y, a) = p.V(0, 0, y, a);
  fuse<causal_out>(q = one.Q, k = one.K, v = one.V, into(one.O));
  fuse<causal_out>(q = p.Q, k = heed::view<const float>(p.K.data(), {B, H, N, D}, {0, 0, D, 1}),
                   v = heed::view<const float>(p.V.data(), {B, H, N, D}, {0, 0, D, 1}), into(p.O));
  BOOST_TEST(same_bits(one.O, p.O));
}
// Offsets beyond 2^31 elements, in every operand and in results, over memory that is mostly not there.
BOOST_AUTO_TEST_CASE(more_than_two_to_the_31_elements) {
  const extent_t far = (extent_t(1) << 31) + 1024, row = (extent_t(1) << 29) + 64;  // 5 rows are more than 2^31
                                                                                    // elements, too
  problem p{.B = 2, .H = 1, .N = 5, .M = 5, .D = 8, .E = 8};
  const extent_t item = 5 * row + far;
  sparse_memory Q(std::size_t(2 * item) * 4), K(std::size_t(2 * item) * 4), V(std::size_t(2 * item) * 4),
      O(std::size_t(2 * item) * 4);
  const auto sparse = [&](float* t) { return heed::view<float>(t, {2, 1, 5, 8}, {item, 0, row, 1}); };
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t y = 0; y < 5; ++y)
      for (extent_t a = 0; a < 8; ++a) {
        const extent_t at = i * item + y * row + a;
        Q.data()[at] = p.Q(i, 0, y, a), K.data()[at] = p.K(i, 0, y, a), V.data()[at] = p.V(i, 0, y, a);
      }
  fuse<causal_out>(q = sparse(Q.data()), k = sparse(K.data()), v = sparse(V.data()), into(sparse(O.data())));
  fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t y = 0; y < 5; ++y)
      for (extent_t a = 0; a < 8; ++a) BOOST_TEST(O.data()[i * item + y * row + a] == p.O(i, 0, y, a));
  BOOST_TEST(!mostly_zero(p.O));
  // matmul and row regions: the last row lies 2^31 elements behind the first
  const tensor<float> W = filled<float>(7, 1, {6, 8});
  tensor<float> X(2, 5, 8), P(2, 5, 6), R(2, 5, 8);
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t y = 0; y < 5; ++y)
      for (extent_t a = 0; a < 8; ++a) X(i, y, a) = p.Q(i, 0, y, a);
  fuse<projected>(x = X, w = W, into(P));
  fuse<normed>(x = X, into(R));
  fuse<projected>(x = heed::view<float>(Q.data(), {2, 5, 8}, {item, row, 1}), w = W,
                  into(heed::view<float>(O.data(), {2, 5, 6}, {item, row, 1})));
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t y = 0; y < 5; ++y)
      for (extent_t a = 0; a < 6; ++a) BOOST_TEST(O.data()[i * item + y * row + a] == P(i, y, a));
  fuse<normed>(x = heed::view<float>(Q.data(), {2, 5, 8}, {item, row, 1}),
               into(heed::view<float>(O.data(), {2, 5, 8}, {item, row, 1})));
  for (extent_t i = 0; i < 2; ++i)
    for (extent_t y = 0; y < 5; ++y)
      for (extent_t a = 0; a < 8; ++a) BOOST_TEST(O.data()[i * item + y * row + a] == R(i, y, a));
}
// The host's floating-point state is the host's, and nothing is thrown where nobody can catch it.
BOOST_AUTO_TEST_CASE(the_floating_point_state_is_left_alone) {
  problem p{.B = 2, .H = 4, .N = 60, .M = 60, .D = 8, .E = 8};
  const tensor<float> X = filled<float>(1, 1, {2, 30, 8}), W = filled<float>(2, 1, {6, 8});
  tensor<float> P(2, 30, 6), R(2, 30, 8);
  const auto everything = [&] {
    fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(p.O));
    fuse<projected>(x = X, w = W, into(P));
    fuse<normed>(x = X, into(R));
  };
  omp_set_num_threads(3);
  for (const int rounding : {FE_TONEAREST, FE_UPWARD}) {
    std::fesetround(rounding);
    everything();
    BOOST_TEST(std::fegetround() == rounding);
  }
  std::fesetround(FE_TONEAREST);
#if defined(__SSE__)
  const unsigned control = ~0x3fu;  // all but the sticky exception flags
  const unsigned before = _mm_getcsr();
  for (const unsigned state : {before, before | 0x8040u}) {  // as it was; the host flushes denormals itself
    unsigned team_before[3]{}, team_after[3]{};
    _mm_setcsr(state);
#pragma omp parallel num_threads(3)
    team_before[omp_get_thread_num()] = _mm_getcsr();
    everything();
    const unsigned after = _mm_getcsr();
#pragma omp parallel num_threads(3)
    team_after[omp_get_thread_num()] = _mm_getcsr();
    _mm_setcsr(before);
    BOOST_TEST((after & control) == (state & control));
    for (int i = 0; i < 3; ++i) BOOST_TEST((team_after[i] & control) == (team_before[i] & control));
  }
#endif
  float tiny = 1e-40f;  // and denormals are still numbers afterwards
  asm volatile("" : "+m"(tiny));
  BOOST_TEST(tiny * 2 != 0.f);
}
BOOST_AUTO_TEST_CASE(what_is_thrown_can_be_caught) {
  problem p{.B = 1, .H = 1, .N = 4, .M = 4, .D = 4, .E = 4};
  const tensor<float> narrow(1, 1, 4, 3);
  int caught = 0;
#pragma omp parallel num_threads(3) reduction(+ : caught)
  {
    tensor<float> O(1, 1, 4, 4);
    try {
      fuse<causal_out>(q = p.Q, k = narrow, v = p.V, into(O));
    } catch (const heed::error&) { ++caught; }
    fuse<causal_out>(q = p.Q, k = p.K, v = p.V, into(O));  // and calls from a team of the caller work
    if (O(0, 0, 3, 0) == 0) caught += 100;
  }
  BOOST_TEST(caught == 3);
  if (sanitized) return;
  const extent_t wide = extent_t(1) << 28;  // 2^58 bytes of packed weights, which no machine has: asked for before
                                            // anything is written
  const float zero = 0;
  sparse_memory P(std::size_t(wide) * sizeof(float));
  P.data()[0] = P.data()[wide - 1] = 7;
  BOOST_CHECK_THROW(fuse<projected>(x = heed::view<const float>(&zero, {1, 1, wide}, {0, 0, 0}),
                                    w = heed::view<const float>(&zero, {wide, wide}, {0, 0}),
                                    into(heed::view<float>(P.data(), {1, 1, wide}))),
                    std::bad_alloc);
  BOOST_TEST((P.data()[0] == 7 && P.data()[wide - 1] == 7));
}
