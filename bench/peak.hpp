// The machine's FMA peak, measured: the yardstick of every number. Ten independent chains of multiply-adds in registers
// and nothing else, on one thread or on all threads of a team at the same time; ratios against it hold where absolute
// rates drift.
#pragma once
#include "heed/simd/pack.hpp"
#include <algorithm>
#include <chrono>
#include <limits>
#include <omp.h>
#include <vector>

namespace heed_bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The chains, at the vector width this is compiled for; returns how many floating-point operations they were.
template <class T = float>
__attribute__((noinline)) double fma_chains(long rounds) {
  using P = heed::internal::simd::pack<T>;
  constexpr int chains = 10;
  // Opaque, or the compiler drops the chain that starts at the fixed point of a * x + y and the peak comes out a tenth
  // too high.
  P a[chains], x = P(T(0.999)), y = P(T(1e-3));
  for (int i = 0; i < chains; ++i) a[i] = P(T(i));
  HEED_UNROLL for (int i = 0; i < chains; ++i)
    asm volatile("" : "+v"(a[i].x));
  asm volatile("" : "+v"(x.x), "+v"(y.x));
  for (long r = 0; r < rounds; ++r) {
    HEED_UNROLL for (int i = 0; i < chains; ++i)
      a[i] = fma(a[i], x, y);
  }
  P sum = a[0];
  for (int i = 1; i < chains; ++i) sum = sum + a[i];
  asm volatile("" : : "x"(sum.x));
  return 2.0 * double(rounds) * chains * P::lanes;
}

// What one thread reaches, in GFLOP/s. About a millisecond long.
template <class T = float>
double peak_gflops(long rounds = 300000) {
  const double start = now(), flops = fma_chains<T>(rounds);
  return flops / (now() - start) / 1e9;
}
// What a team of threads reaches together, in GFLOP/s: all run the chains at the same time, and the clock stops when
// the slowest is done. Two cores that share a vector unit, or clock down together, are a smaller peak, not a worse
// kernel.
template <class T = float>
double team_peak_gflops(int threads = omp_get_max_threads(), long rounds = 300000) {
  if (threads <= 1) return peak_gflops<T>(rounds);
  double start = std::numeric_limits<double>::infinity(), end = 0, flops = 0;
#pragma omp parallel num_threads(threads) reduction(min : start) reduction(max : end) reduction(+ : flops)
  {
#pragma omp barrier
    start = now();
    flops = fma_chains<T>(rounds);
    end = now();
  }
  return flops / (end - start) / 1e9;
}

inline double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}
struct measurement {
  double seconds = 0, gflops = 0, share = 0;   // medians; share of the peak of all threads together
  double unrest = 0;                           // how far the peak itself moved, relative
  bool busy() const { return unrest > 0.08; }  // too far to trust the share
};
// Times calls of `flops` useful operations, each between two peak loops.
template <class T = float>
struct stopwatch {
  double flops;
  int threads = omp_get_max_threads();
  std::vector<double> seconds{}, shares{}, peaks{};

  template <class F> double time(const F& f) {  // in seconds
    const double before = team_peak_gflops<T>(threads), start = now();
    f();
    const double t = now() - start, after = team_peak_gflops<T>(threads);
    seconds.push_back(t), shares.push_back(flops / t / 1e9 / ((before + after) / 2));
    peaks.push_back(before), peaks.push_back(after);
    return t;
  }
  measurement medians() {
    measurement m;
    m.seconds = median(seconds), m.share = median(shares), m.gflops = flops / m.seconds / 1e9;
    std::sort(peaks.begin(), peaks.end());
    m.unrest = (peaks[peaks.size() * 9 / 10] - peaks[peaks.size() / 10]) / median(peaks);
    return m;
  }
};
// Runs f once to warm up, then `runs` times under the stopwatch.
template <class T = float, class F>
measurement measure(double flops, const F& f, int runs = 15) {
  stopwatch<T> watch{flops};
  f();
  for (int i = 0; i < runs; ++i) watch.time(f);
  return watch.medians();
}

}  // namespace heed_bench
