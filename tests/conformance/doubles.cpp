// Attentions published in double: softmax and forgetting attention of flash-linear-attention, positions before heads;
// ONNX's FlexAttention of doubles.
#include "attention.hpp"

namespace {
using namespace heed_conformance;
using namespace heed_conformance::attention_axes;
using heed_tests::changed_score;
using heed_tests::pair_of_positions;
using f = attention_inputs<double>;

constexpr axis<"u"> u;
constexpr auto product = f::product(f::k);
constexpr auto plain = f::weighed(mask(product, seen), f::v);
constexpr auto top = arrange<b, n, heads>(merge<g, r, heads>(max<m>(mask(product, seen))));
// Lin et al. 2025: a score loses what the positions between its key and its query forget.
constexpr auto gate = input<"gate", double>(b, u, heads);  // logarithms of what is kept from one position to the next
constexpr auto until = group_heads<heads, g, r>(running_sum<u>(gate));
constexpr auto forgotten = rename<u, n>(until) - rename<u, m>(until);
constexpr auto forgetting = f::weighed(mask(product + forgotten, causal(n, m)), f::v);
// What varies with keys and with the query heads of a group has a fused gradient where every query head has keys of its
// own: here by stride 0.
constexpr auto repeated_k = input<"repeated_k", double>(b, g, r, m, d);
constexpr auto repeated_v = input<"repeated_v", double>(b, g, r, m, e);
constexpr auto forgetting_repeated = f::weighed(mask(f::product(repeated_k) + forgotten, causal(n, m)), repeated_v);

void run(const conformance_case& c) {
  const bool flex = c.op == "FlexAttention", forgets = c.has("g");
  const auto in = [&](const char* ours, const char* onnx) -> const std::string { return flex ? onnx : ours; };
  const array &Q = c.inputs.at(in("q", "Q")), &K = c.inputs.at(in("k", "K")), &V = c.inputs.at(in("v", "V")),
              &DY = c.cotangents.at(in("o", "Y"));
  const std::size_t head_axis = flex ? 1 : 2;
  const attention_operands<double> o(Q, K, V, !flex, Q.extent(head_axis), K.extent(head_axis));
  const double scale = 1 / std::sqrt(double(o.D));
  constexpr double far = 1 << 30;
  const bool is_causal = !flex && c.number("causal", 1) != 0;
  const double above_by = is_causal ? 0 : far, below_by = -c.number("window_size", far) + 1;
  const std::vector<double> each(std::size_t(o.B), 1);
  const auto times = [&](double x) {
    std::vector<double> r(each);
    for (double& e : r) e *= x;
    return r;
  };
  const operand<std::int64_t> high(times(above_by), {o.B}), low(times(below_by), {o.B}), len(times(far), {o.B});
  const operand<bool> all({1}, {o.B, o.H, o.N, o.K}, {0, 0, 0, 0});
  const operand<double> dy = o.cotangent(DY);
  const attention_results<double> y(o);

  const heed_tests::attention_problem problem = o.problem(scale, DY);
  std::vector<double> kept(forgets ? std::size_t(o.B * o.H * o.N) : 0);  // up to each position
  for (extent_t i = 0; i < extent_t(kept.size()); ++i) {
    const extent_t position = i % o.N, head = i / o.N % o.H, item = i / o.N / o.H;
    kept[std::size_t(i)] = (position ? kept[std::size_t(i - 1)] : 0) +
                           double(c.inputs.at("g").values[std::size_t((item * o.N + position) * o.H + head)]);
  }
  const auto change = [&]<class X>(X x, const pair_of_positions& at) {
    const double position = double(at.m) - double(at.n);
    changed_score<X> s;
    s.visible = position <= above_by && position >= below_by;
    s.score = x;
    if (forgets && s.visible) {
      const auto cumulative = [&](std::size_t n) {
        return kept[(at.b * std::size_t(o.H) + at.g * problem.R + at.r) * problem.N + n];
      };
      s.score += X(cumulative(at.n) - cumulative(at.m)),
          s.added = std::fabs(cumulative(at.n)) + std::fabs(cumulative(at.m));
    }
    return s;
  };
  const auto unit = heed_tests::error_units<double>(problem, change);

  const auto call = [&](const auto& what, auto&&... more) {
    what(f::q = o.q.bind(), f::k = o.k.bind(), f::v = o.v.bind(), f::scale = scale, with(r, o.H / o.G),
         std::forward<decltype(more)>(more)...);
  };
  const auto masked = [&](const auto& what, auto&&... more) {
    call(what, keep = all.bind(), below = low.bind(), above = high.bind(), lengths = len.bind(),
         std::forward<decltype(more)>(more)...);
  };
  const auto want = [&](const char* ours, const char* onnx) -> const std::vector<double>& {
    return c.gradients.at(in(ours, onnx)).values;
  };
  if (forgets) {
    const operand<double> gates(c.inputs.at("g").values, {o.B, o.N, o.H});
    const auto dgates = operand<double>::result({o.B, o.N, o.H});
    call(fuse<forgetting>, gate = gates.bind(), into(y.o.bind()));
    call(fuse<gradient<forgetting>(wrt(f::q, f::k, f::v))>, gate = gates.bind(), cotangent<forgetting> = dy.bind(),
         into(y.dq.bind(), y.dk.bind(), y.dv.bind()));
    const auto repeated = [&](const array& a, extent_t width) {
      const std::vector<extent_t> s = o.strides(o.G, o.K, width);
      return operand<double>(a.values, {o.B, o.G, o.H / o.G, o.K, width}, {s[0], s[1], 0, s[2], 1});
    };
    const operand<double> keys = repeated(K, o.D), values = repeated(V, o.E);
    fuse<gradient<forgetting_repeated>(wrt(gate)), strict>(
        f::q = o.q.bind(), repeated_k = keys.bind(), repeated_v = values.bind(), f::scale = scale, gate = gates.bind(),
        cotangent<forgetting_repeated> = dy.bind(), into(dgates.bind()));
    std::vector<double> gate_unit(gates.size);  // a gate is in every score whose query does not stand before it, and in
                                                // the key's too
    for (std::size_t i = 0; i < unit.ds.size(); ++i) {
      const std::size_t m = i % problem.M, n = i / problem.M % problem.N, head = i / problem.M / problem.N;
      for (std::size_t at = 0; at <= n; ++at)
        gate_unit[(head / std::size_t(o.H) * problem.N + at) * std::size_t(o.H) + head % std::size_t(o.H)] +=
            unit.ds[i] * (at <= m ? 2 : 1);
    }
    compare(c.name + ", gradient of the gates", dgates.values(), c.gradients.at("g").values, gate_unit);
  } else {
    masked(fuse<plain>, into(y.o.bind()));
    masked(fuse<gradient<plain>(wrt(f::q, f::k, f::v))>, cotangent<plain> = dy.bind(),
           into(y.dq.bind(), y.dk.bind(), y.dv.bind()));
  }
  if (c.published.count("max_logits")) {
    const auto largest = operand<double>::result({o.B, o.N, o.H});
    fuse<top>(f::q = o.q.bind(), f::k = o.k.bind(), f::scale = scale, with(r, o.H / o.G), keep = all.bind(),
              below = low.bind(), above = high.bind(), lengths = len.bind(), into(largest.bind()));
    std::vector<double> row_unit;  // that of the log-sum-exp, positions before heads
    for (extent_t i = 0; i < o.B; ++i)
      for (extent_t n = 0; n < o.N; ++n)
        for (extent_t h = 0; h < o.H; ++h) row_unit.push_back(unit.lse[std::size_t((i * o.H + h) * o.N + n)]);
    compare(c.name + ", largest scores", largest.values(), c.published.at("max_logits").values, row_unit);
  }
  compare(c.name + ", o", o.rows(y.o.values(), o.E), o.rows(c.forward.at(in("o", "Y")).values, o.E), unit.o);
  compare(c.name + ", gradient of q", o.rows(y.dq.values(), o.D), o.rows(want("q", "Q"), o.D), unit.dq);
  compare(c.name + ", gradient of k", o.keys(y.dk.values(), o.D), o.keys(want("k", "K"), o.D), unit.dk);
  compare(c.name + ", gradient of v", o.keys(y.dv.values(), o.E), o.keys(want("v", "V"), o.E), unit.dv);
}
const registered softmax_attention("fla/softmax_attn", run), forgetting_attention("fla/forgetting_attn", run),
    of_doubles("onnx/flexattention/test_flexattention_double", run);
}  // namespace
