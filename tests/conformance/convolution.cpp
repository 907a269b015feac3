// CausalConvWithState as ONNX defines it: each channel convolved with a kernel of its own over what came before, which
// may begin in a state; the last positions are the state that is handed on.
#include "cases.hpp"
#include <cmath>

namespace {
using namespace heed_conformance;

constexpr axis<"b"> b;
constexpr axis<"c"> c;
constexpr axis<"t"> t;
constexpr axis<"p"> p;
constexpr axis<"u"> u;
constexpr axis<"j"> j;
constexpr axis<"s"> s;
constexpr auto x = input<"x">(b, c, t);
constexpr auto past = input<"past">(b, c, p);
constexpr auto weight = input<"weight">(c, j);
constexpr auto shift_by = input<"shift_by">(c);
constexpr auto joined = concat<p, t, u>(past, x);
constexpr auto sums = arrange<b, c, t>(dot<j>(gather<u>(joined, t + j), weight) + shift_by);
constexpr auto gated = silu(sums);
constexpr auto state = arrange<b, c, s>(gather<u>(joined, size<t> + s));

template <const auto& Out> void run_as(const conformance_case& which) {
  const array &X = which.inputs.at("input"), &W = which.inputs.at("weight");
  const extent_t B = X.extent(0), C = X.extent(1), T = X.extent(2), K = W.extent(2), P = K - 1;
  const auto given = [&](const char* name, extent_t size) {
    return which.has(name) ? which.inputs.at(name).values : std::vector<double>(std::size_t(size), 0);
  };
  const auto cotangent_of = [&](const char* name, extent_t size) {
    return which.cotangents.count(name) ? which.cotangents.at(name).values : std::vector<double>(std::size_t(size), 0);
  };
  const auto size_of = [](std::vector<double> v) {
    for (double& e : v) e = std::fabs(e);
    return v;
  };
  const std::vector<double> shifts = given("bias", C), before = given("past_state", B * C * P),
                            dy = cotangent_of("output", B * C * T), dstate = cotangent_of("present_state", B * C * P);
  const operand<float> a(X.values, {B, C, T}), w(W.values, {C, K}), h(shifts, {C}), q(before, {B, C, P}),
      g(dy, {B, C, T}), gs(dstate, {B, C, P});
  const auto y = operand<float>::result({B, C, T}), present = operand<float>::result({B, C, P}),
             dx = operand<float>::result({B, C, T});
  const auto dw = operand<float>::result({C, K}), dh = operand<float>::result({C}),
             dq = operand<float>::result({B, C, P});
  fuse<results(Out, state)>(x = a.bind(), weight = w.bind(), shift_by = h.bind(), past = q.bind(), with(s, P),
                            into(y.bind(), present.bind()));
  fuse<gradient<results(Out, state)>(wrt(x, weight, shift_by, past))>(
      x = a.bind(), weight = w.bind(), shift_by = h.bind(), past = q.bind(), with(s, P),
      cotangent<results(Out, state), 0> = g.bind(), cotangent<results(Out, state), 1> = gs.bind(),
      into(dx.bind(), dw.bind(), dh.bind(), dq.bind()));

  // Sums of products: the same graph at magnitudes. The slope of x sigmoid(x) is at most 1.1, what an error of x is
  // worth in it 0.5.
  const operand<float> a_size(size_of(X.values), {B, C, T}), w_size(size_of(W.values), {C, K}),
      h_size(size_of(shifts), {C}), q_size(size_of(before), {B, C, P});
  const auto y_size = operand<double>::result({B, C, T}), present_size = operand<double>::result({B, C, P}),
             dx_size = operand<double>::result({B, C, T});
  const auto dw_size = operand<double>::result({C, K}), dh_size = operand<double>::result({C}),
             dq_size = operand<double>::result({B, C, P});
  reference<results(sums, state)>(x = a_size.bind(), weight = w_size.bind(), shift_by = h_size.bind(),
                                  past = q_size.bind(), with(s, P), into(y_size.bind(), present_size.bind()));
  std::vector<double> dy_size = size_of(dy);
  if (&Out == static_cast<const void*>(&gated))
    for (std::size_t i = 0; i < dy_size.size(); ++i) dy_size[i] *= 1.1 + y_size.memory[i];
  const operand<float> g_size(dy_size, {B, C, T}), gs_size(size_of(dstate), {B, C, P});
  reference<gradient<results(sums, state)>(wrt(x, weight, shift_by, past))>(
      x = a_size.bind(), weight = w_size.bind(), shift_by = h_size.bind(), past = q_size.bind(), with(s, P),
      cotangent<results(sums, state), 0> = g_size.bind(), cotangent<results(sums, state), 1> = gs_size.bind(),
      into(dx_size.bind(), dw_size.bind(), dh_size.bind(), dq_size.bind()));

  compare_scaled<float>(which.name + ", output", y.values(), which.forward.at("output").values, y_size.values());
  if (which.published.count("present_state"))
    compare_scaled<float>(which.name + ", state", present.values(), which.published.at("present_state").values,
                          present_size.values());
  compare_scaled<float>(which.name + ", gradient of the input", dx.values(), which.gradients.at("input").values,
                        dx_size.values());
  compare_scaled<float>(which.name + ", gradient of the weight", dw.values(), which.gradients.at("weight").values,
                        dw_size.values());
  if (which.has("bias"))
    compare_scaled<float>(which.name + ", gradient of the bias", dh.values(), which.gradients.at("bias").values,
                          dh_size.values());
  if (which.has("past_state"))
    compare_scaled<float>(which.name + ", gradient of the state", dq.values(), which.gradients.at("past_state").values,
                          dq_size.values());
}
void run(const conformance_case& which) {
  const auto it = which.attributes.find("activation");
  if (it == which.attributes.end() || it->second == "none") run_as<sums>(which);
  else if (it->second == "silu" || it->second == "swish") run_as<gated>(which);
  else throw std::runtime_error(which.name + ": activation " + it->second);
}
const registered convolution("onnx/causal_conv_with_state", run);
}  // namespace
