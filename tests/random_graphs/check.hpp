// What the programs that write.py makes need: operands from numbers, results against what must come out, in error
// units.
#pragma once
#include <heed/heed.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <span>
#include <vector>

namespace random_graphs {
using namespace heed;
using namespace heed::internal;

template <class T> tensor<T> filled(std::initializer_list<extent_t> extents, std::initializer_list<double> values) {
  tensor<T> t{std::span(extents.begin(), extents.size())};
  std::size_t i = 0;
  for (const double x : values) t[i++] = T(x);
  return t;
}
// Memory for a result; what nobody writes is seen.
template <class T> tensor<T> room(std::initializer_list<extent_t> extents) {
  tensor<T> t{std::span(extents.begin(), extents.size())};
  for (T& x : t) x = T(77);
  return t;
}

struct wanted {
  int at;
  double value, unit;
};

class report {
 public:
  explicit report(int graph) : graph_(graph) {}
  // gate: how many units a result may be off; precision: what a unit is multiplied by, for units are those of float.
  template <class T>
  void compare(const char* who, const char* what, const T* got, std::initializer_list<wanted> wants, double gate,
               double precision) {
    double worst = 0;
    int wrong = 0;
    wanted first{};
    double found = 0;
    for (const wanted& w : wants) {
      const double x = double(got[w.at]);
      if (x == w.value) continue;
      const double off = std::fabs(x - w.value) / (w.unit * precision);
      worst = off <= worst ? worst : off;
      if (off <= gate) continue;
      if (wrong++ == 0) first = w, found = x;
    }
    if (wrong)
      std::printf("graph %d: %s, %s: %d of %d wrong, element %d is %.9g and should be %.9g, %.3g units off\n", graph_,
                  who, what, wrong, int(wants.size()), first.at, found, first.value,
                  std::fabs(found - first.value) / (first.unit * precision));
    else if (std::getenv("HEED_UNITS")) std::printf("units %.2f of graph %d: %s, %s\n", worst, graph_, who, what);
    failures += wrong != 0;
  }
  template <class T>
  void compare(const char* who, const char* what, const tensor<T>& got, std::initializer_list<wanted> wants,
               double gate, double precision) {
    compare(who, what, got.begin(), wants, gate, precision);
  }
  template <class Call> void call(const char* who, const Call& f) {
    try {
      f();
    } catch (const std::exception& x) {
      std::printf("graph %d: %s: refused: %s\n", graph_, who, x.what());
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
