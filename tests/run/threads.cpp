// options: -O1
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// The same fused graph called from many threads: from the caller's own, from inside the caller's parallel regions,
// alone and with teams of its own; the results are the same bits everywhere.
#include "against_reference.hpp"
#include <atomic>
#include <cstring>
#include <omp.h>
#include <thread>
using namespace heed::internal;
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"c", 16> c;
constexpr axis<"o", 16> o;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto score = mask(dot<d>(q, k) / sqrt(size<d>), causal(n, m));
constexpr auto out = dot<m>(softmax<m>(score), v);
constexpr auto lse = logsumexp<m>(score);
constexpr auto x = input<"x">(n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto hidden = gelu(dot<c>(x, w));
constexpr auto block = layer_norm<c>(x + dot<o>(hidden, input<"w2">(c, o)));
constexpr auto attend = fuse<results(out, lse)>;
constexpr auto run_block = fuse<block>;
constexpr auto go_back = fuse<gradient<out>(wrt(q, k, v)), strict>;  // of one head: its blocks are shared out among the
                                                                     // team

struct problem {
  tensor<float> Q = filled<float>(1, 1, {3, 101, 24}), K = filled<float>(2, 1, {3, 77, 24}),
                V = filled<float>(3, 1, {3, 77, 20});
  tensor<float> X = filled<float>(4, 1, {203, 16}), W = filled<float>(5, 0.3, {16, 16}),
                W2 = filled<float>(6, 0.3, {16, 16});
  tensor<float> O, L, Y, dQ, dK, dV;  // expected: by one thread
  problem() : O(3, 101, 20), L(3, 101), Y(203, 16), dQ(1, 101, 24), dK(1, 77, 24), dV(1, 77, 20) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    attend(q = Q, k = K, v = V, into(O, L));
    run_block(x = X, w = W, input<"w2">(c, o) = W2, into(Y));
    go_back(q = head(Q), k = head(K), v = head(V), cotangent<out> = head(O), into(dQ, dK, dV));
    omp_set_num_threads(before);
  }
  static heed::view<const float> head(const tensor<float>& t) {
    return {t.data(), {1, t.extents()[1], t.extents()[2]}};
  }
  template <class T> static bool same(const tensor<T>& a, const tensor<T>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
  }
  template <class... Memory> bool right(Memory&... memory) const {
    tensor<float> o1(3, 101, 20), l1(3, 101), y1(203, 16), q1(1, 101, 24), k1(1, 77, 24), v1(1, 77, 20);
    attend(q = Q, k = K, v = V, into(o1, l1), memory...);
    run_block(x = X, w = W, input<"w2">(c, o) = W2, into(y1), memory...);
    go_back(q = head(Q), k = head(K), v = head(V), cotangent<out> = head(O), into(q1, k1, v1), memory...);
    return same(o1, O) && same(l1, L) && same(y1, Y) && same(q1, dQ) && same(k1, dK) && same(v1, dV);
  }
};
const problem& p() {
  static const problem all;
  return all;
}
}  // namespace

BOOST_AUTO_TEST_CASE(expected_values_are_values) {
  for (const tensor<float>* t : {&p().O, &p().L, &p().Y, &p().dQ, &p().dK, &p().dV}) BOOST_TEST(!mostly_zero(*t));
}
BOOST_AUTO_TEST_CASE(inside_a_parallel_region_of_the_caller) {
  (void)p();
  for (const int levels : {1, 2, 3}) {  // levels > 1: calls bring teams of their own
    const int before = omp_get_max_active_levels(), threads = omp_get_max_threads();
    omp_set_max_active_levels(levels);
    std::atomic<int> wrong = 0, calls = 0;
#pragma omp parallel num_threads(4)
    {
      omp_set_num_threads(3);  // of this thread's inner regions
      workspace memory;
      for (int i = 0; i < 3; ++i) wrong += !p().right(memory), wrong += !p().right(), ++calls;
    }
    omp_set_max_active_levels(before), omp_set_num_threads(threads);
    BOOST_TEST(wrong == 0);
    BOOST_TEST(calls >= 3);
  }
}
BOOST_AUTO_TEST_CASE(a_call_inside_a_parallel_region_stays_in_its_thread) {
  std::atomic<int> teams = 0;
#pragma omp parallel num_threads(2)
  if (run::team_size() != 1) ++teams;
  BOOST_TEST(teams == (omp_get_max_active_levels() > 1 ? 2 : 0));
}
BOOST_AUTO_TEST_CASE(inside_tasks_and_loops) {
  std::atomic<int> wrong = 0;
#pragma omp parallel for schedule(dynamic) num_threads(3)
  for (int i = 0; i < 9; ++i) wrong += !p().right();
#pragma omp parallel num_threads(3)
#pragma omp single
  for (int i = 0; i < 6; ++i) {
#pragma omp task shared(wrong)
    wrong += !p().right();
  }
  BOOST_TEST(wrong == 0);
}
BOOST_AUTO_TEST_CASE(from_the_callers_own_threads) {
  (void)p();
  for (const int team : {1, 3}) {
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, team] {
        omp_set_num_threads(team);  // of this thread
        workspace memory;
        for (int k2 = 0; k2 < 4; ++k2) wrong += !p().right(memory), wrong += !p().right();
      });
    for (std::thread& t : threads) t.join();
    BOOST_TEST(wrong == 0);
  }
}
// Errors come out of the call as exceptions of the thread that called; the others go on.
BOOST_AUTO_TEST_CASE(an_error_belongs_to_its_call) {
  std::atomic<int> caught = 0, wrong = 0;
#pragma omp parallel num_threads(4)
  for (int i = 0; i < 4; ++i) {
    try {
      if ((omp_get_thread_num() + i) % 2) wrong += !p().right();
      else {
        tensor<float> r(3, 101, 20), l(3, 100);
        attend(q = p().Q, k = p().K, v = p().V, into(r, l));
        ++wrong;
      }
    } catch (const error& x) {
      if (x.operand() == "into 2" && x.axis() == "n") ++caught;
      else ++wrong;
    }
  }
  BOOST_TEST(wrong == 0);
  BOOST_TEST(caught > 0);
}
// A workspace serves one call at a time. Two calls at the same time with the same one: each is right, or refused.
BOOST_AUTO_TEST_CASE(a_shared_workspace_is_refused_not_corrupted) {
  workspace memory;
  std::atomic<int> wrong = 0, right = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      omp_set_num_threads(1);
      for (int j = 0; j < 50; ++j) {
        try {
          if (p().right(memory)) ++right;
          else ++wrong;
        } catch (const error& x) {
          if (x.operand() == "workspace") ++refused;
          else ++wrong;
        }
      }
    });
  for (std::thread& t : threads) t.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(right + refused == 200);
  BOOST_TEST(p().right(memory));  // free again
}
BOOST_AUTO_TEST_CASE(a_workspace_moves) {
  workspace a;
  BOOST_TEST(p().right(a));
  const std::size_t bytes = a.bytes();
  workspace b2 = std::move(a);
  BOOST_TEST((b2.bytes() == bytes && a.bytes() == 0u));
  BOOST_TEST((p().right(a) && p().right(b2)));
  a = std::move(b2);
  BOOST_TEST((a.bytes() == bytes && p().right(a)));
}
