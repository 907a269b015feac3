// The yardstick beside every implementation: chains of multiply-adds in registers and nothing else, on one thread or on
// several at the same time, and a sweep over memory. Its threads are its own, so that no system's library of threads is
// disturbed.
#include <heed/simd/multiply_add_chains.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <sched.h>
#include <thread>
#include <vector>

using heed::internal::simd::multiply_add_chains;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The sum of some numbers, so that they are read.
[[gnu::noinline]] double sweep(const std::vector<double>& memory) {
  double sums[8] = {};
  for (std::size_t i = 0; i + 8 <= memory.size(); i += 8)
    for (std::size_t j = 0; j < 8; ++j) sums[j] += memory[i + j];
  asm volatile("" : : "m"(sums));
  return double(memory.size() * sizeof(double));
}

// The processors of the calling thread, its own first: a thread that has just been made would share that one for a
// while.
std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> found{sched_getcpu()};
  if (found[0] < 0 || sched_getaffinity(0, sizeof set, &set) != 0) return {};
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set) && i != found[0]) found.push_back(i);
  return found;
}
void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

// What threads do together in a second, counted from the first that begins to the last that is done.
template <class Work> double rate(int threads, const Work& work) {
  struct span {
    double start, end, done;
  };
  std::vector<span> spans(std::size_t(threads), span{});
  std::atomic<int> there{0};
  const std::vector<int> own = processors();
  const auto run = [&](int thread) {
    if (thread > 0 && std::size_t(thread) < own.size()) stay_on(own[std::size_t(thread)]);
    ++there;
    for (const double patience = now() + 0.2; there < threads && now() < patience;) {}
    span& mine = spans[std::size_t(thread)];
    mine.start = now();
    mine.done = work();
    mine.end = now();
  };
  {
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
    run(0);
  }
  double start = std::numeric_limits<double>::infinity(), end = 0, done = 0;
  for (const span& s : spans) start = std::min(start, s.start), end = std::max(end, s.end), done += s.done;
  return done / (end - start);
}

}  // namespace

// GFLOP/s of numbers of 32 or 64 bits, in about half a millisecond. Of several threads the best of three, after a rest:
// what has just run may have threads that spin for milliseconds, and who waits for one of them is no yardstick.
extern "C" double study_peak(int threads, int bits) {
  const auto once = [&] {
    return rate(threads,
                [&] { return bits == 64 ? multiply_add_chains<double>(300000) : multiply_add_chains<float>(300000); });
  };
  if (threads == 1) return once() / 1e9;
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  double best = 0;
  for (int i = 0; i < 3; ++i) best = std::max(best, once());
  return best / 1e9;
}

// GB/s of reading memory that no cache holds, the best of three sweeps.
extern "C" double study_bandwidth(int threads) {
  const std::vector<double> memory(std::size_t(1) << 25, 1.0);
  double best = 0;
  for (int sweeps = 0; sweeps < 3; ++sweeps) best = std::max(best, rate(threads, [&] { return sweep(memory); }));
  return best / 1e9;
}
