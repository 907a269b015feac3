// forward and backward/distances, and the same of far_distances: causal attention, 64 wide, whose queries meet a
// learned vector for the distance to a key besides the key: a table for all distances of all heads (Huang et al. 2018),
// and one of 33 for distances that are clamped (Shaw et al. 2018). Useful are three products for each visible pair, and
// eight more for the gradients of all four operands, which a call runs behind the forward pass, whatever clamped
// distances share. places: the first table alone, no keys; two products, and five more.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr axis<"t"> t;
constexpr auto far = input<"far">(t, d);
constexpr auto scored(const auto& place) { return (dot<d>(q, k) + dot<d>(q, place)) / sqrt(size<d>); }
constexpr auto distances = dot<m>(softmax<m>(mask(scored(gather<t>(far, n - m)), causal(n, m))), v);
constexpr auto far_distances =
    dot<m>(softmax<m>(mask(scored(gather<t>(far, clamp(m - n, -16, 16) + 16)), causal(n, m))), v);

constexpr auto places = dot<m>(softmax<m>(mask(dot<d>(q, gather<t>(far, n - m)) / sqrt(size<d>), causal(n, m))), v);
constexpr auto place_gradients = gradient<places>(wrt(q, v, far));

template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v, far));

template <const auto& Out> void add_both(const std::string& name, extent_t entries) {
  const auto earlier = [](extent_t i) { return i + 1; };
  add("forward/" + name, [=](benchmark::State& state) {
    attention_operands x(64);
    const tensor<float> table = drawn(4, {entries, 64});
    report(state, 1.5 * x.flops(earlier),
           [&] { fuse<Out, strict>(q = x.Q, k = x.K, v = x.V, far = table, into(x.O), x.memory); });
  });
  add("backward/" + name, [=](benchmark::State& state) {
    attention_operands x(64);
    const tensor<float> table = drawn(4, {entries, 64}), G = drawn(7, {x.heads, x.length, 64});
    tensor<float> dQ{x.heads, x.length, 64}, dK{x.heads, x.length, 64}, dV{x.heads, x.length, 64}, dT{entries, 64};
    report(state, 5.5 * x.flops(earlier), [&] {
      fuse<gradients<Out>, strict>(q = x.Q, k = x.K, v = x.V, far = table, cotangent<Out> = G, into(dQ, dK, dV, dT),
                                   x.memory);
    });
  });
}
void add_places() {
  const auto earlier = [](extent_t i) { return i + 1; };
  add("forward/places/64", [=](benchmark::State& state) {
    attention_operands x(64);
    const tensor<float> table = drawn(4, {x.length, 64});
    report(state, x.flops(earlier), [&] { fuse<places, strict>(q = x.Q, v = x.V, far = table, into(x.O), x.memory); });
  });
  add("backward/places/64", [=](benchmark::State& state) {
    attention_operands x(64);
    const tensor<float> table = drawn(4, {x.length, 64}), G = drawn(7, {x.heads, x.length, 64});
    tensor<float> dQ{x.heads, x.length, 64}, dV{x.heads, x.length, 64}, dT{x.length, 64};
    report(state, 3.5 * x.flops(earlier), [&] {
      fuse<place_gradients, strict>(q = x.Q, v = x.V, far = table, cotangent<places> = G, into(dQ, dV, dT), x.memory);
    });
  });
}
}  // namespace

void add_distances() {
  add_both<distances>("distances/64", attention_operands::length);
  add_both<far_distances>("far_distances/64", 33);
  add_places();
}
}  // namespace heed_bench
