// options: -O1
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// The team of a call: every item is done once, nobody waits for a helper that has not come, everybody waits for those
// that have, helpers live as long as the thread that called, and a forked child has helpers of its own.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <heed/run/team.hpp>
#include <numeric>
#include <sys/wait.h>
#include <thread>
#include <vector>
using namespace heed::internal;

namespace {
// How often each item was done, and by threads of which numbers.
bool each_once(std::ptrdiff_t count, int threads) {
  std::vector<int> done(std::size_t(count), 0), by(std::size_t(count), -1);
  run::for_each_item(count, threads,
                     [&](std::ptrdiff_t i, int thread) { ++done[std::size_t(i)], by[std::size_t(i)] = thread; });
  return std::all_of(done.begin(), done.end(), [](int n) { return n == 1; }) &&
         std::all_of(by.begin(), by.end(), [&](int t) { return t >= 0 && t < std::max(threads, 1); });
}
// Items of steps: each step sees that the one before it of its item has begun.
struct steps_of_items {
  std::vector<std::vector<int>>* done;
  std::vector<std::vector<std::ptrdiff_t>>* opened;
  void open(std::ptrdiff_t item, std::ptrdiff_t place) const { (*opened)[std::size_t(item)].push_back(place); }
  void step(std::ptrdiff_t item, std::ptrdiff_t, std::ptrdiff_t number) const {
    ++(*done)[std::size_t(item)][std::size_t(number)];
  }
};
bool each_step_once(std::ptrdiff_t count, std::ptrdiff_t steps, int threads) {
  std::vector<std::vector<int>> done(std::size_t(count), std::vector<int>(std::size_t(steps), 0));
  std::vector<std::vector<std::ptrdiff_t>> opened(static_cast<std::size_t>(count));
  std::vector<run::open_item> open(std::size_t(run::open_items(count, threads)));
  run::for_each_step(count, steps, threads, open.data(), [&](int) { return steps_of_items{&done, &opened}; });
  return std::all_of(opened.begin(), opened.end(), [](const auto& o) { return o.size() == 1; }) &&
         std::all_of(done.begin(), done.end(), [](const auto& item) {
           return std::all_of(item.begin(), item.end(), [](int n) { return n == 1; });
         });
}
std::ptrdiff_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

int gate = 0;  // 0: helpers are late
void wait_at_the_gate(int) {
  while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == 0) sched_yield();
}
}  // namespace

BOOST_AUTO_TEST_CASE(every_item_and_every_step_is_done_once) {
  bool good = true;
  for (const int threads : {1, 2, 3, 7, 2})
    for (const std::ptrdiff_t count : {0, 1, 2, 3, 8, 100}) {
      good = good && each_once(count, threads);
      for (const std::ptrdiff_t steps : {1, 2, 5}) good = good && (count == 0 || each_step_once(count, steps, threads));
    }
  BOOST_TEST(good);
}
BOOST_AUTO_TEST_CASE(many_short_jobs_from_several_threads) {
  int wrong = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&wrong] {
      for (int job = 0; job < 500; ++job) {
        int sum = 0;
        run::for_each_item(1 + job % 5, 3,
                           [&](std::ptrdiff_t i, int) { __atomic_fetch_add(&sum, int(i) + 1, __ATOMIC_RELAXED); });
        const int count = 1 + job % 5;
        if (sum != count * (count + 1) / 2) __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
        if (job % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // helpers fall asleep
      }
    });
  for (std::thread& c : callers) c.join();
  BOOST_TEST(wrong == 0);
}
BOOST_AUTO_TEST_CASE(nobody_waits_for_helpers_that_have_not_come) {
  gate = 0;
  run::crew late(wait_at_the_gate);
  int helped = 0;
  for (int job = 0; job < 3; ++job) {  // the first hires them
    bool own = false;
    late.together(3, [&](int member) {
      member == 0 ? void(own = true) : void(__atomic_fetch_add(&helped, 1, __ATOMIC_RELAXED));
    });
    BOOST_TEST(own);
  }
  BOOST_TEST(helped == 0);
  __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
  // Now they come: a job that lasts until both are there ends, and none comes whom nobody asked for.
  int there = 0, highest = 0;
  late.together(3, [&](int member) {
    if (member > 0) __atomic_fetch_add(&there, 1, __ATOMIC_RELAXED);
    while (member == 0 && __atomic_load_n(&there, __ATOMIC_RELAXED) < 2) sched_yield();
  });
  BOOST_TEST(there == 2);
  late.together(2, [&](int member) {
    if (member > 0) __atomic_store_n(&highest, member, __ATOMIC_RELAXED);
    while (member == 0 && __atomic_load_n(&highest, __ATOMIC_RELAXED) == 0) sched_yield();
  });
  BOOST_TEST(highest == 1);
}
BOOST_AUTO_TEST_CASE(a_job_ends_when_those_who_came_are_done) {
  run::crew both;
  int began = 0, done = 0;
  both.together(2, [&](int member) {
    if (member == 0) {
      while (__atomic_load_n(&began, __ATOMIC_RELAXED) == 0) sched_yield();
      return;
    }
    __atomic_store_n(&began, 1, __ATOMIC_RELAXED);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
  });
  BOOST_TEST(done == 1);
}
BOOST_AUTO_TEST_CASE(helpers_end_with_the_thread_that_called) {
  const std::ptrdiff_t before = threads_of_process();
  std::ptrdiff_t meanwhile = 0;
  std::thread([&] {
    (void)each_once(100, 4);
    meanwhile = threads_of_process();
  }).join();
  BOOST_TEST(meanwhile == before + 4);                            // the caller and three helpers
  for (int i = 0; i < 500 && threads_of_process() > before; ++i)  // joined, and perhaps still listed
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  BOOST_TEST(threads_of_process() == before);
}
BOOST_AUTO_TEST_CASE(signals_are_for_the_threads_of_the_program) {
  run::crew one;
  sigset_t blocked;
  sigemptyset(&blocked);
  int came = 0;
  one.together(2, [&](int member) {
    if (member == 1) pthread_sigmask(SIG_SETMASK, nullptr, &blocked), __atomic_store_n(&came, 1, __ATOMIC_RELEASE);
    while (member == 0 && __atomic_load_n(&came, __ATOMIC_ACQUIRE) == 0) sched_yield();
  });
  BOOST_TEST((sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGTERM) == 1));
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  BOOST_TEST(sigismember(&own, SIGINT) == 0);
}
#ifndef __SANITIZE_THREAD__
BOOST_AUTO_TEST_CASE(a_forked_child_has_helpers_of_its_own) {
  BOOST_TEST(each_once(50, 3));
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    int there = 0;  // of two, each waits for the other
    run::for_each_item(2, 2, [&](std::ptrdiff_t, int) {
      __atomic_fetch_add(&there, 1, __ATOMIC_RELAXED);
      while (__atomic_load_n(&there, __ATOMIC_RELAXED) < 2) sched_yield();
    });
    _exit(each_once(50, 3) ? 7 : 1);
  }
  int status = 0;
  BOOST_TEST(waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 7));
  BOOST_TEST(each_once(50, 3));
}
#endif
