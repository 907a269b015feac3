// forward and gradients of variants of the literature, 4 heads unless said otherwise, 2048 positions:
// differential (Ye et al. 2025): two attentions, whose difference is normalised; their products.
// dropout (Srivastava et al. 2014), of weights, causal; entmax15 (Peters et al. 2019) and top_k of 64, causal: the two
// products of attention, whatever a search contracts besides.
// slots (Locatello et al. 2020): weights that compete for their keys, which are queries' shares; the two products.
// contrastive (Radford et al. 2021): both losses of a batch of pairs, no values and no mask; one product.
// talking_heads (Shazeer et al. 2020): 8 heads, mixed before the softmax and behind it, causal, 1024 positions; the
// products that are done, 8 times those of attention. talking_of_a_call: the width of the values is known to a call.
// A call for gradients makes weights or log-sum-exps anew. Its useful flops are 2.5 times those of the forward pass
// where a threshold is searched (entmax15, top_k), else 3.5 times, for the forward pass is among them; of the loss 4
// times.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto earlier = causal(n, m);
constexpr auto q2 = input<"q2">(h, n, d);
constexpr auto k2 = input<"k2">(h, m, d);
constexpr auto lambda = input<"lambda">(h);
constexpr auto weight = input<"weight">(e);
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto difference = attention<d, m>(q, k, v, earlier) - lambda * attention<d, m>(q2, k2, v, earlier);
constexpr auto differential = rms_norm<e>(difference, weight) * 0.2;
constexpr auto dropped = dot<m>(dropout(0.1, softmax<m>(mask(s, earlier)), seed), v);
constexpr auto sparse = dot<m>(entmax15<m>(mask(s, earlier)), v);
constexpr auto largest = dot<m>(top_k_softmax<m>(mask(s, earlier), 64), v);
constexpr auto competing = softmax<n>(s);
constexpr auto slots = dot<m>(competing, v) / (sum<m>(competing) + 1e-8);

constexpr auto x = input<"x">(n, d);
constexpr auto y = input<"y">(m, d);
constexpr auto t = input<"t">();
constexpr auto similar = exp(t) * cosine_similarity<d>(x, y);
constexpr auto matches = exp(t) * cosine_similarity<d>(x, rename<m, n>(y));
constexpr auto contrastive = (mean<n>(logsumexp<m>(similar)) + mean<m>(logsumexp<n>(similar))) / 2 - mean<n>(matches);
constexpr auto contrastive_gradient = gradient<contrastive>(wrt(x, y, t));

constexpr axis<"a", 8> a;  // heads of queries and keys, of scores, of values
constexpr axis<"b", 8> b;
constexpr axis<"c", 8> c;
constexpr axis<"d", 64> deep;
constexpr axis<"e", 64> wide;
constexpr auto qa = input<"q">(a, n, deep);
constexpr auto ka = input<"k">(a, m, deep);
constexpr auto vc = input<"v">(c, m, wide);
constexpr auto before = input<"before">(a, b);
constexpr auto behind = input<"behind">(b, c);
constexpr auto mixed = softmax<m>(mask(dot<a>(before, scaled_dot<deep>(qa, ka)), earlier));
constexpr auto talking = dot<m>(dot<b>(behind, mixed), vc);
constexpr auto ve = input<"v">(c, m, e);  // of a width that a call brings
constexpr auto talking_wide = dot<m>(dot<b>(behind, mixed), ve);
constexpr auto talking_gradient = gradient<talking>(wrt(qa, ka, vc, before, behind));

constexpr auto differential_gradient = gradient<differential>(wrt(q, q2, k, k2, v, lambda, weight));
constexpr auto dropped_gradient = gradient<dropped>(wrt(q, k, v));
constexpr auto sparse_gradient = gradient<sparse>(wrt(q, k, v));
constexpr auto largest_gradient = gradient<largest>(wrt(q, k, v));
constexpr auto slots_gradient = gradient<slots>(wrt(q, k, v));

struct operands : attention_operands {
  explicit operands(extent_t D, extent_t H = 4) : attention_operands(D, H) {}
  tensor<float> G = drawn(7, {heads, length, width});
  tensor<float> dQ{heads, length, width}, dK{heads, length, width}, dV{heads, length, width};
};
const auto causally = [](extent_t i) { return i + 1; };
const auto fully = [](extent_t) { return attention_operands::length; };

// One with operands q, k, v and perhaps a seed; `products`: of gradients, over those of the forward pass.
template <const auto& Out, const auto& Gradient, bool Seeded = false, class Visible>
void add_variant(const std::string& name, double products, const Visible& visible) {
  for (const extent_t D : widths) {
    const std::string at = "/" + name + "/" + std::to_string(D);
    add("forward" + at, [=](benchmark::State& state) {
      operands o(D);
      report(state, o.flops(visible), [&] {
        if constexpr (Seeded) fuse<Out, strict>(q = o.Q, k = o.K, v = o.V, seed = std::int64_t(7), into(o.O), o.memory);
        else fuse<Out, strict>(q = o.Q, k = o.K, v = o.V, into(o.O), o.memory);
      });
    });
    add("gradients" + at, [=](benchmark::State& state) {
      operands o(D);
      report(state, products * o.flops(visible), [&] {
        if constexpr (Seeded)
          fuse<Gradient, strict>(q = o.Q, k = o.K, v = o.V, seed = std::int64_t(7), cotangent<Out> = o.G,
                                 into(o.dQ, o.dK, o.dV), o.memory);
        else fuse<Gradient, strict>(q = o.Q, k = o.K, v = o.V, cotangent<Out> = o.G, into(o.dQ, o.dK, o.dV), o.memory);
      });
    });
  }
}
void add_differential() {
  for (const extent_t D : widths) {
    const std::string at = "/differential/" + std::to_string(D);
    add("forward" + at, [=](benchmark::State& state) {
      operands o(D), p(D);
      const tensor<float> L = drawn(8, {o.heads}), W = drawn(9, {D});
      report(state, 2 * o.flops(causally), [&] {
        fuse<differential, strict>(q = o.Q, k = o.K, q2 = p.K, k2 = p.Q, v = o.V, lambda = L, weight = W, into(o.O),
                                   o.memory);
      });
    });
    add("gradients" + at, [=](benchmark::State& state) {
      operands o(D), p(D);
      const tensor<float> L = drawn(8, {o.heads}), W = drawn(9, {D});
      tensor<float> dL{o.heads}, dW{D};
      report(state, 7 * o.flops(causally), [&] {
        fuse<differential_gradient, strict>(q = o.Q, k = o.K, q2 = p.K, k2 = p.Q, v = o.V, lambda = L, weight = W,
                                            cotangent<differential> = o.G, into(o.dQ, p.dQ, o.dK, p.dK, o.dV, dL, dW),
                                            o.memory);
      });
    });
  }
}
void add_contrastive() {
  const double product = 2.0 * 2048 * 2048 * 64;
  add("forward/contrastive/64", [=](benchmark::State& state) {
    const tensor<float> X = drawn(1, {2048, 64}), Y = drawn(2, {2048, 64});
    workspace memory;
    float value = 0;
    report(state, product, [&] { fuse<contrastive, strict>(x = X, y = Y, t = 1.f, into(value), memory); });
  });
  add("gradients/contrastive/64", [=](benchmark::State& state) {
    const tensor<float> X = drawn(1, {2048, 64}), Y = drawn(2, {2048, 64});
    tensor<float> dX{2048, 64}, dY{2048, 64};
    workspace memory;
    float dT = 0;
    report(state, 4 * product,
           [&] { fuse<contrastive_gradient, strict>(x = X, y = Y, t = 1.f, into(dX, dY, dT), memory); });
  });
}
template <const auto& Out, class Values>
void add_talking_forward(const char* name, double products, const Values& of_v) {
  constexpr extent_t H = 8, S = 1024, D = 64;
  add(name, [=](benchmark::State& state) {
    const tensor<float> Q = drawn(1, {H, S, D}), K = drawn(2, {H, S, D}), V = drawn(3, {H, S, D}), B = drawn(4, {H, H}),
                        C = drawn(5, {H, H});
    tensor<float> O{H, S, D};
    workspace memory;
    report(state, products,
           [&] { fuse<Out, strict>(qa = Q, ka = K, of_v = V, before = B, behind = C, into(O), memory); });
  });
}
void add_talking() {
  constexpr extent_t H = 8, S = 1024, D = 64;
  const double products = H * 4.0 * D * H * S * (S + 1) / 2;
  add_talking_forward<talking>("forward/talking_heads/64", products, vc);
  add_talking_forward<talking_wide>("forward/talking_of_a_call/64", products, ve);
  add("gradients/talking_heads/64", [=](benchmark::State& state) {
    const tensor<float> Q = drawn(1, {H, S, D}), K = drawn(2, {H, S, D}), V = drawn(3, {H, S, D}), B = drawn(4, {H, H}),
                        C = drawn(5, {H, H}), G = drawn(6, {H, S, D});
    tensor<float> dQ{H, S, D}, dK{H, S, D}, dV{H, S, D}, dB{H, H}, dC{H, H};
    workspace memory;
    report(state, 3.5 * products, [&] {
      fuse<talking_gradient, strict>(qa = Q, ka = K, vc = V, before = B, behind = C, cotangent<talking> = G,
                                     into(dQ, dK, dV, dB, dC), memory);
    });
  });
}
}  // namespace

void add_variants() {
  add_differential();
  add_variant<dropped, dropped_gradient, true>("dropout", 3.5, causally);
  add_variant<sparse, sparse_gradient>("entmax15", 2.5, causally);
  add_variant<largest, largest_gradient>("top_k", 2.5, causally);
  add_variant<slots, slots_gradient>("slots", 3.5, fully);
  add_contrastive();
  add_talking();
}
}  // namespace heed_bench
