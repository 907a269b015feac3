// The machine's FMA peak, measured: the yardstick of every number. Ten independent chains of multiply-adds in registers and
// nothing else; ratios against it hold where absolute rates drift.
#pragma once
#include "heed/simd/pack.hpp"
#include <algorithm>
#include <chrono>
#include <vector>

namespace heed_bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Multiply-adds a second of one core, in GFLOP/s, at the vector width this is compiled for. About a millisecond long.
template <class T = float>
__attribute__((noinline)) double peak_gflops(long rounds = 300000) {
  using P = heed::simd::pack<T>;
  constexpr int chains = 10;
  // Opaque, or the compiler drops the chain that starts at the fixed point of a * x + y and the peak comes out a tenth too high.
  P a[chains], x = P(T(0.999)), y = P(T(1e-3));
  for (int i = 0; i < chains; ++i) a[i] = P(T(i));
  HEED_UNROLL for (int i = 0; i < chains; ++i) asm volatile("" : "+v"(a[i].x));
  asm volatile("" : "+v"(x.x), "+v"(y.x));
  const double start = now();
  for (long r = 0; r < rounds; ++r) {
    HEED_UNROLL for (int i = 0; i < chains; ++i) a[i] = fma(a[i], x, y);
  }
  const double seconds = now() - start;
  P sum = a[0];
  for (int i = 1; i < chains; ++i) sum = sum + a[i];
  asm volatile("" : : "x"(sum.x));
  return 2.0 * double(rounds) * chains * P::lanes / seconds / 1e9;
}

struct measurement {
  double seconds = 0, gflops = 0, share = 0;               // medians; share of the peak
  double unrest = 0;                                       // how far the peak itself moved, relative
};
inline double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}
// Runs f several times, each between two peak loops; the share is the median of the ratios.
template <class T = float, class F>
measurement measure(double flops, const F& f, int runs = 15) {
  std::vector<double> seconds, share, peaks;
  f();
  for (int i = 0; i < runs; ++i) {
    const double before = peak_gflops<T>(), start = now();
    f();
    const double t = now() - start, after = peak_gflops<T>();
    seconds.push_back(t);
    share.push_back(flops / t / 1e9 / ((before + after) / 2));
    peaks.push_back(before), peaks.push_back(after);
  }
  measurement m;
  m.seconds = median(seconds), m.share = median(share), m.gflops = flops / m.seconds / 1e9;
  std::sort(peaks.begin(), peaks.end());
  m.unrest = (peaks[peaks.size() * 9 / 10] - peaks[peaks.size() / 10]) / median(peaks);
  return m;
}

}  // namespace heed_bench
