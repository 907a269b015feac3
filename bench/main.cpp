// heed-bench: Google Benchmark behind a table of shares of the FMA peak, which says when the machine is too busy to
// trust.
#include "problems.hpp"
#include <cstdio>
#include <unistd.h>

namespace {
const std::string compiler =
#ifdef __clang__
    __VERSION__;
#else
    std::string("g++ ") + __VERSION__;
#endif
const std::string lanes = std::to_string(heed::internal::simd::native_lanes<float>),
                  threads = std::to_string(omp_get_max_threads());

// A row for each benchmark as soon as it is measured; JSON and CSV go to --benchmark_out as Google Benchmark writes
// them.
class table : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override {
    std::printf(
        "%s, packs of %s floats, OMP_NUM_THREADS=%s; medians of calls between two FMA-peak loops of all threads\n\n",
        compiler.c_str(), lanes.c_str(), threads.c_str());
    std::printf("%-28s %8s %12s %12s %14s\n", "", "threads", "ms", "GFLOP/s", "of FMA peak");
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& r : runs) {
      std::printf("%-28s", r.run_name.function_name.c_str());
      const auto number = [&](const char* name) { return r.counters.count(name) ? double(r.counters.at(name)) : 0; };
      std::printf(" %8s %12.2f %12.1f %12.1f %%", threads.c_str(), number("median_ms"), number("useful_gflops"),
                  100 * number("share_of_peak"));
      for (const auto& [name, value] : r.counters)
        if (!is_column(name)) std::printf("   %s %.6g", name.c_str(), double(value));
      if (number("busy")) std::printf("   %sbusy%s", colour("\033[33m"), colour("\033[m"));
      std::printf("\n");
      std::fflush(stdout);
      if (number("busy")) ++busy_, unrest_ = std::max(unrest_, number("unrest"));
    }
  }
  void Finalize() override {
    if (busy_)
      std::printf(
          "\nthe machine is too busy to trust: its own peak moved by up to %.0f %% during %d of these benchmarks\n",
          100 * unrest_, busy_);
  }

 private:
  static bool is_column(const std::string& name) {
    for (const char* c : {"median_ms", "useful_gflops", "share_of_peak", "unrest", "busy"})
      if (name == c) return true;
    return false;
  }
  const char* colour(const char* escape) const { return terminal_ ? escape : ""; }
  bool terminal_ = isatty(STDOUT_FILENO) != 0;
  int busy_ = 0;
  double unrest_ = 0;
};
}  // namespace

int main(int argc, char** argv) {
  benchmark::AddCustomContext("compiler", compiler);
  benchmark::AddCustomContext("lanes", lanes);
  benchmark::AddCustomContext("threads", threads);
  heed_bench::add_forward();
  heed_bench::add_backward();
  heed_bench::add_masks();
  heed_bench::add_biases();
  heed_bench::add_normalizers();
  heed_bench::add_decoupled();
  heed_bench::add_distances();
  heed_bench::add_metrics();
  heed_bench::add_loops();
  heed_bench::add_projections();
  heed_bench::add_encoder();
  heed_bench::add_variants();
  heed_bench::add_staged();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  table rows;
  return benchmark::RunSpecifiedBenchmarks(&rows) ? 0 : 1;  // a filter that fits nothing is a mistake
}
