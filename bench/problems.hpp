// One benchmark: a call, its useful flops, and the counters every table and JSON file carries.
#pragma once
#include "peak.hpp"
#include <benchmark/benchmark.h>
#include <heed/heed.hpp>
#include <random>

namespace heed_bench {
using namespace heed;

inline tensor<float> drawn(unsigned seed, std::initializer_list<extent_t> extents) {
  tensor<float> t{std::span(extents.begin(), extents.size())};
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& x : t) x = uniform(random);
  return t;
}
inline void count(benchmark::State& state, const measurement& m) {
  state.counters["median_ms"] = 1e3 * m.seconds;
  state.counters["useful_gflops"] = m.gflops;
  state.counters["share_of_peak"] = m.share;
  state.counters["unrest"] = m.unrest;
  state.counters["busy"] = m.busy();
}
// Every iteration is a call between two peak loops; what is reported are medians.
template <class T = float, class F>
void report(benchmark::State& state, double useful_flops, const F& call) {
  stopwatch<T> watch{useful_flops};
  call();
  for (auto _ : state) state.SetIterationTime(watch.time(call));
  count(state, watch.medians());
}
// Registers name as `name`, measured a fixed number of times.
template <class F> benchmark::internal::Benchmark* add(const std::string& name, F f) {
  return benchmark::RegisterBenchmark(name.c_str(), f)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(15);
}

void add_forward();
void add_backward();
void add_masks();
void add_biases();
void add_normalizers();
void add_decoupled();
void add_distances();
void add_metrics();
void add_loops();
void add_projections();
void add_encoder();
void add_variants();
void add_staged();

}  // namespace heed_bench
