// heed-bench: Google Benchmark with a table of shares at the end, and a word when the machine is too busy to trust.
#include "problems.hpp"
#include <cstdio>
#include <omp.h>

namespace {
struct row { std::string name; double milliseconds, gflops, share, unrest; };
class reporter : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    benchmark::ConsoleReporter::ReportRuns(runs);
    for (const Run& r : runs)
      if (r.counters.count("share_of_peak"))
        rows.push_back({r.benchmark_name(), r.GetAdjustedRealTime(), r.counters.at("useful_gflops"), r.counters.at("share_of_peak"),
                        r.counters.at("unrest")});
  }
  std::vector<row> rows;
};
}  // namespace

int main(int argc, char** argv) {
  benchmark::AddCustomContext("lanes", std::to_string(heed::simd::native_lanes<float>));
  benchmark::AddCustomContext("threads", std::to_string(omp_get_max_threads()));
  benchmark::AddCustomContext("compiler", __VERSION__);
  heed_bench::add_forward();
  heed_bench::add_masks();
  heed_bench::add_biases();
  heed_bench::add_projections();
  heed_bench::add_encoder();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  reporter r;
  benchmark::RunSpecifiedBenchmarks(&r);
  std::printf("\n%-28s %10s %10s %14s\n", "medians", "ms", "GFLOP/s", "of FMA peak");
  double unrest = 0;
  for (const row& x : r.rows) {
    std::printf("%-28s %10.2f %10.1f %12.1f %%\n", x.name.substr(0, x.name.find("/iterations")).c_str(), x.milliseconds, x.gflops, 100 * x.share);
    unrest = std::max(unrest, x.unrest);
  }
  if (unrest > 0.08) std::printf("the machine is too busy to trust: its own peak moved by %.0f %% during a benchmark\n", 100 * unrest);
}
