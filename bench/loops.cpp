// loops/...: attentions that run as loop regions, beside the same written by hand (loops_by_hand.hpp) in the same
// program, called in turn: hand_double and hand_float say how many times as long those take in numbers of that type, by
// the least processor time of each. Two heads, 64 wide, causal. Useful are two operations for each element of a
// weighted value and as many for each of the depth as the score has, a function counted as one; with all gradients ten
// more. Results that differ from those by hand are an error.
#include "attention.hpp"
#include "loops_by_hand.hpp"
#include <ctime>

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto w = input<"w">(d);
constexpr auto weighed(const auto& score) { return dot<m>(softmax<m>(mask(score, causal(n, m))), v); }
constexpr auto additive = weighed(sum<d>(tanh(q + k) * w));                          // Bahdanau et al. 2015
constexpr auto farthest = weighed(-max<d>(abs(q - k)));                              // Chebyshev's distance
constexpr auto cubed = weighed(-pow(sum<d>(pow(abs(q - k), 3)), 1.0 / 3));           // Minkowski's, of order 3
constexpr auto selective = weighed(s - running_sum<n>(where(m < n, max(s, 0), 0)));  // Leviathan et al. 2025
constexpr auto additive_gradients = gradient<additive>(wrt(q, k, v, w));

struct problem {
  static constexpr extent_t heads = 2, width = 64;
  explicit problem(extent_t length_) : length(length_) {}
  extent_t length;
  tensor<float> Q = drawn(1, {heads, length, width}), K = drawn(2, {heads, length, width}),
                V = drawn(3, {heads, length, width}), W = drawn(4, {width}), G = drawn(5, {heads, length, width});
  workspace memory;
  by_hand::sizes sizes() const { return {heads, length, width}; }
  double pairs() const { return double(heads) * double(length) * double(length + 1) / 2; }
};
using results = std::vector<tensor<float>>;

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}
template <class F> double processor_time(const F& f) {
  const double start = processor_seconds();
  f();
  return processor_seconds() - start;
}
// The largest difference over the largest value, of all results.
double difference(const results& a, const results& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double off = 0, size = 0;
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      const double x = double(a[i][j]), y = double(b[i][j]);
      size = std::max(size, std::abs(y)), off = std::abs(x - y) <= off ? off : std::abs(x - y);
    }
    worst = off <= worst * size ? worst : off / size;  // NaN counts
  }
  return worst;
}

// Calls are fused(results), and by_hand(number, results) for numbers of two types.
template <class Fused, class ByHand>
void add_beside(const std::string& name, extent_t length, double operations, results (*results_of)(const problem&),
                const Fused& fused, const ByHand& by_hand) {
  const auto run = [=](benchmark::State& state) {
    problem x(length);
    results got = results_of(x), in_double = results_of(x), in_float = results_of(x);
    double least = 1e9, least_double = least, least_float = least;
    const auto call = [&] { fused(x, got); };
    stopwatch<float> watch{operations * x.pairs()};
    call();
    for (auto _ : state) {
      least = std::min(least, processor_time(call));
      least_double = std::min(least_double, processor_time([&] { by_hand(double(), x, in_double); }));
      least_float = std::min(least_float, processor_time([&] { by_hand(float(), x, in_float); }));
      state.SetIterationTime(watch.time(call));
    }
    if (!(difference(got, in_double) < 1e-5)) state.SkipWithError("results differ from those by hand");
    count(state, watch.medians());
    state.counters["hand_double"] = least_double / least;
    state.counters["hand_float"] = least_float / least;
  };
  add("loops/" + name + "/" + std::to_string(length), run)->Iterations(length > 512 ? 3 : 15);
}
results values(const problem& x) {
  results r;
  r.emplace_back(x.heads, x.length, x.width);
  return r;
}
results gradients(const problem& x) {
  results r;
  for (int i = 0; i < 3; ++i) r.emplace_back(x.heads, x.length, x.width);
  r.emplace_back(x.width);
  return r;
}
}  // namespace

void add_loops() {
  constexpr double D = double(problem::width);
  for (const extent_t length : {128, 512, 2048}) {
    add_beside(
        "additive", length, 5 * D, values,
        [](problem& x, results& to) { fuse<additive>(q = x.Q, k = x.K, v = x.V, w = x.W, into(to[0]), x.memory); },
        []<class T>(T, const problem& x, results& to) {
          by_hand::additive<T>(x.sizes(), x.Q.data(), x.K.data(), x.W.data(), x.V.data(), to[0].data());
        });
    add_beside(
        "farthest", length, 5 * D, values,
        [](problem& x, results& to) { fuse<farthest>(q = x.Q, k = x.K, v = x.V, into(to[0]), x.memory); },
        []<class T>(T, const problem& x, results& to) {
          by_hand::largest_difference<T>(x.sizes(), x.Q.data(), x.K.data(), x.V.data(), to[0].data());
        });
    add_beside(
        "cubed", length, 6 * D, values,
        [](problem& x, results& to) { fuse<cubed>(q = x.Q, k = x.K, v = x.V, into(to[0]), x.memory); },
        []<class T>(T, const problem& x, results& to) {
          by_hand::cubed_distance<T>(x.sizes(), x.Q.data(), x.K.data(), x.V.data(), to[0].data());
        });
    add_beside(
        "selective", length, 4 * D, values,
        [](problem& x, results& to) { fuse<selective>(q = x.Q, k = x.K, v = x.V, into(to[0]), x.memory); },
        []<class T>(T, const problem& x, results& to) {
          by_hand::selective<T>(x.sizes(), x.Q.data(), x.K.data(), x.V.data(), to[0].data());
        });
  }
  for (const extent_t length : {128, 512})  // by hand 2048 positions take many seconds
    add_beside(
        "additive_gradients", length, 15 * D, gradients,
        [](problem& x, results& to) {
          fuse<additive_gradients>(q = x.Q, k = x.K, v = x.V, w = x.W, cotangent<additive> = x.G,
                                   into(to[0], to[1], to[2], to[3]), x.memory);
        },
        []<class T>(T, const problem& x, results& to) {
          by_hand::additive_gradients<T>(x.sizes(), x.Q.data(), x.K.data(), x.W.data(), x.V.data(), x.G.data(),
                                         to[0].data(), to[1].data(), to[3].data(), to[2].data());
        });
}
}  // namespace heed_bench
