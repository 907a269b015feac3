// A graph evaluated as `reference` does, but every real number on the way is moved by a relative step, up or down: how
// far results move then tells how far off an honest evaluation in numbers of such a precision may be.
#pragma once
#include <heed/heed.hpp>
#include <cmath>
#include <random>

namespace random_graphs {
using namespace heed::internal;

class moved_graph : public run::reference_graph {
 public:
  moved_graph(const run::evaluated_graph& g, const extents& extent, const run::view* inputs, std::mt19937& random,
              const double& step)
      : reference_graph(g, extent, inputs),
        random_(random),
        step_(step) {}

 private:
  // What an operation rounds; views and choices hand on what they are given. What decides something stays as it is: it
  // is computed one way everywhere.
  void known(const node& x, run::dense_value& value) override {
    if (!is_real(x.type) || is_view(x.code)) return;
    switch (x.code) {
      case op::input:
      case op::constant:
      case op::mask:
      case op::present:
      case op::where:
      case op::gather:
      case op::shift:
      case op::concat:
      case op::random_uniform: return;
      case op::softmax: move_rows(x, value); break;
      default: break;
    }
    for (double& v : value.number) v *= 1 + moved();
  }
  double moved() { return random_() % 2 ? step_ : -step_; }

  // The weights of a row are exp(a - logsumexp(a)), the logarithm being one rounded number: a unit of it is so much of
  // each weight, however far the scores lie from 0.
  void move_rows(const node& x, run::dense_value& weights) {
    each(x.axes & ~x.over, [&](extents index) {
      double total = 0, top = -INFINITY;
      along(x.over, index, [&] { top = std::fmax(top, at(x.a, index)); });
      if (!std::isfinite(top)) return;
      along(x.over, index, [&] { total += std::exp(at(x.a, index) - top); });
      const double factor = 1 + moved() * std::fabs(top + std::log(total));
      along(x.over, index, [&] { weights.number[std::size_t(offset(weights, index))] *= factor; });
    });
  }
  std::mt19937& random_;
  const double step_;
};

template <const expression&... Outs> struct moved_call {
  template <class... Args>
  void operator()(std::mt19937& random, double step, Args&&... args) const {
    const typename run::compiled<run::evaluator::oracle, Outs...>::frame frame(run::arguments_by_key(args...));
    run::evaluate_naively<moved_graph>(run::evaluated_graph_of<Outs...>, run::signature_of<Outs...>, frame, random,
                                       step);
  }
};
// moved<out>(random, step, q = Q, ..., into(O)): results in double, as `reference` gives them.
template <heed::result_list R>
inline constexpr run::call_of<R, moved_call> moved{};

}  // namespace random_graphs
