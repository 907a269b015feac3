// What the programs that write.py makes need besides operands (sheet.hpp): results against what must come out, in error
// units, and the graphs of a program run by their numbers.
#pragma once
#include <heed/heed.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace random_graphs {
using namespace heed;
using namespace heed::internal;

struct wanted {
  int at;
  double value, unit;
};

class report {
 public:
  explicit report(int graph) : graph_(graph) {}
  // gate: how many units a result may be off; precision: what a unit is multiplied by, for units are those of float.
  void compare(const char* who, const std::string& what, const std::vector<double>& got,
               const std::vector<wanted>& wants, double gate, double precision) {
    double worst = 0;
    int wrong = 0;
    wanted first{};
    for (const wanted& w : wants) {
      const double x = got[std::size_t(w.at)];
      if (x == w.value || (std::isnan(x) && std::isnan(w.value))) continue;
      const double off = std::fabs(x - w.value) / (w.unit * precision);
      worst = off <= worst ? worst : off;
      if (off <= gate) continue;
      if (wrong++ == 0) first = w;
    }
    if (wrong)
      std::printf("graph %d: %s, %s: %d of %d wrong, element %d is %.9g and should be %.9g, %.3g units off\n", graph_,
                  who, what.c_str(), wrong, int(wants.size()), first.at, got[std::size_t(first.at)], first.value,
                  std::fabs(got[std::size_t(first.at)] - first.value) / (first.unit * precision));
    else if (std::getenv("HEED_UNITS"))
      std::printf("units %.2f of graph %d: %s, %s\n", worst, graph_, who, what.c_str());
    failures += wrong != 0;
  }
  void require(bool holds, const char* who, const std::string& what, const char* otherwise) {
    if (!holds) std::printf("graph %d: %s, %s: %s\n", graph_, who, what.c_str(), otherwise), ++failures;
  }
  void call(const char* who, const std::string& where, const std::function<void()>& f) {
    try {
      f();
    } catch (const std::exception& x) {
      std::printf("graph %d: %s%s: refused: %s\n", graph_, who, where.c_str(), x.what());
      ++failures;
    }
  }
  int number() const { return graph_; }
  int failures = 0;

 private:
  int graph_;
};

// What no fused region takes, and why.
template <result_list Results> void show_loops(const report& r) {
#ifdef HEED_SHOW_LOOPS
  const plan::execution_plan& p = []<std::size_t... I>(std::index_sequence<I...>) -> const plan::execution_plan& {
    return plan::plan_of<*Results.of[I]...>;
  }(std::make_index_sequence<std::size_t(Results.count)>{});
  for (int i = 0; i < p.region_count; ++i)
    if (*p.regions[std::size_t(i)].reason)
      std::printf("loop of graph %d: %s\n", r.number(), p.regions[std::size_t(i)].reason);
#else
  (void)r;
#endif
}

// How often a program draws extents anew: HEED_DRAWS, or 4 times.
inline int draws() {
  const char* told = std::getenv("HEED_DRAWS");
  return told ? std::atoi(told) : 4;
}

struct entry {
  int number;
  void (*check)(report&);
};

// Runs the graphs that the arguments name, or all.
inline int run_all(std::initializer_list<entry> graphs, int argc, char** argv) {
  int failures = 0;
  for (const entry& e : graphs) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::atoi(argv[i]) == e.number;
    if (!wanted) continue;
    report r(e.number);
    std::printf("begin %d\n", e.number), std::fflush(stdout);
    e.check(r);
    std::printf("end %d\n", e.number), std::fflush(stdout);
    failures += r.failures;
  }
  return failures != 0;
}

}  // namespace random_graphs
