// The machine's peak, measured: what a program divides the speed of a kernel by. Chains of multiply-adds in registers
// and nothing else, on one thread or on several at the same time, for the instruction set that this is compiled for.
#pragma once
#include "../run/team.hpp"
#include "../simd/multiply_add_chains.hpp"
#include <chrono>
#include <vector>

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// In GFLOP/s, the best of a few measurements of about a millisecond: threads begin together, or nearly.
template <class T>
double peak_of(int threads) {
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  struct span {
    double start, end, operations;
  };
  std::vector<span> spans(std::size_t(threads), span{});
  double best = 0;
  for (int measurement = 0; measurement < 5; ++measurement) {
    std::ptrdiff_t there = 0;
    run::for_each_item(threads, threads, [&](std::ptrdiff_t item, int) {
      __atomic_fetch_add(&there, 1, __ATOMIC_ACQ_REL);
      run::patience waiting;  // not for ever: the team may be smaller
      while (__atomic_load_n(&there, __ATOMIC_ACQUIRE) < threads && waiting.rounds < 1 << 16) waiting.wait();
      span& mine = spans[item];
      mine.start = now();
      mine.operations = simd::multiply_add_chains<T>(300000);
      mine.end = now();
    });
    double operations = 0, start = spans[0].start, end = spans[0].end;
    for (const span& s : spans)
      operations += s.operations, start = std::min(start, s.start), end = std::max(end, s.end);
    best = std::max(best, operations / (end - start) / 1e9);
  }
  return best;
}
// `bits` of a number: 32 or 64. 0 for what cannot be.
[[gnu::cold]] inline double peak(std::int32_t threads, std::int32_t bits) noexcept {
  try {
    return threads < 1 ? 0 : bits == 32 ? peak_of<float>(threads) : bits == 64 ? peak_of<double>(threads) : 0;
  } catch (...) { return 0; }
}

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
