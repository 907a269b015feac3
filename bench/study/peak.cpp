// The yardstick beside every implementation: chains of multiply-adds in registers and nothing else, on one thread or on
// several at the same time, and a sweep over memory. Its threads are its own, so that no system's library of threads is
// disturbed.
#include <heed/simd/multiply_add_chains.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
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

// What threads do together in a second, counted from the first that begins to the last that is done.
template <class Work> double rate(int threads, const Work& work) {
  struct span {
    double start, end, done;
  };
  std::vector<span> spans(std::size_t(threads), span{});
  std::atomic<int> there{0};
  const auto run = [&](int thread) {
    ++there;
    for (long waited = 0; there < threads && waited < 10'000'000; ++waited) {}
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

// GFLOP/s of numbers of 32 or 64 bits, in about half a millisecond.
extern "C" double study_peak(int threads, int bits) {
  return rate(threads,
              [&] { return bits == 64 ? multiply_add_chains<double>(300000) : multiply_add_chains<float>(300000); }) /
         1e9;
}

// GB/s of reading memory that no cache holds, the best of three sweeps.
extern "C" double study_bandwidth(int threads) {
  const std::vector<double> memory(std::size_t(1) << 25, 1.0);
  double best = 0;
  for (int sweeps = 0; sweeps < 3; ++sweeps) best = std::max(best, rate(threads, [&] { return sweep(memory); }));
  return best / 1e9;
}
