// Attention as ONNX defines it (operators Attention and FlexAttention): grouped heads, masks, windows, causal offsets,
// caches, softcaps, forward and gradients. One graph takes every mask: what varies between cases are extents, strides
// and numbers.
#include "attention.hpp"

namespace {
using namespace heed_conformance;
using namespace heed_conformance::attention_axes;
using heed_tests::changed_score;
using heed_tests::pair_of_positions;

// The scores (b, g, r, n, m) of grouped queries, and what may be looked at beside the result.
constexpr auto bias = input<"bias">(b, heads, n, m);
constexpr auto past_k = input<"past_k">(b, g, p, d);
constexpr auto past_v = input<"past_v">(b, g, p, e);
constexpr auto cap = input<"cap">();
using f = attention_inputs<float>;
constexpr auto new_k = input<"k">(b, g, t, d);
constexpr auto new_v = input<"v">(b, g, t, e);
constexpr auto all_k = concat<p, t, m>(past_k, new_k);
constexpr auto all_v = concat<p, t, m>(past_v, new_v);
constexpr auto biases = group_heads<heads, g, r>(bias);

constexpr auto product = f::product(f::k);
constexpr auto plain = f::weighed(mask(product, seen), f::v);
constexpr auto biased = f::weighed(mask(product + biases, seen), f::v);
constexpr auto capped = f::weighed(mask(softcap(product, cap) + biases, seen), f::v);
constexpr auto cached_product = f::product(all_k);
constexpr auto cached = f::weighed(mask(cached_product + biases, seen), all_v);
constexpr auto halved = f::merged(dot<m>(softmax<m>(product) * 0.5, f::v));  // FlexAttention's prob_mod
constexpr auto distant = f::weighed(product + cast<float>(n - m), f::v);

constexpr auto shown = [](const auto& score) { return arrange<b, heads, n, m>(merge<g, r, heads>(score)); };
constexpr auto shown_product = shown(cached_product);
constexpr auto shown_biased = shown(mask(cached_product + biases, seen));
constexpr auto shown_weights = shown(softmax<m>(mask(cached_product + biases, seen)));
constexpr auto shown_capped = shown(softmax<m>(mask(softcap(cached_product, cap) + biases, seen)));

// An ONNX mask, shape broadcast from the right to (B, H, N, M); a short last axis means that the rest is masked.
struct mask_of_case {
  std::vector<extent_t> shape{1, 1, 1, 1};
  extent_t columns = 1;  // of the mask as it is given
  std::vector<double> values;

  mask_of_case(const array* a, extent_t M, double nothing, double excluded) : columns(M), values{nothing} {
    if (!a) return;
    const std::size_t rank = a->shape.size();
    for (std::size_t i = 0; i < rank; ++i) shape[4 - rank + i] = a->shape[i];
    columns = shape[3], values = a->values;
    if (columns == 1 || columns == M) return;
    values.clear();
    for (std::size_t row = 0; row * std::size_t(columns) < a->values.size(); ++row)
      for (extent_t m = 0; m < M; ++m)
        values.push_back(m < columns ? a->values[row * std::size_t(columns) + std::size_t(m)] : excluded);
    shape[3] = M;
  }
  std::size_t at(std::size_t b, std::size_t h, std::size_t n, std::size_t m) const {
    const std::size_t index[] = {b, h, n, m};
    std::size_t r = 0;
    for (std::size_t i = 0; i < 4; ++i) r = r * std::size_t(shape[i]) + (shape[i] == 1 ? 0 : index[i]);
    return r;
  }
  template <class T> operand<T> bound(extent_t B, extent_t H, extent_t N, extent_t M) const {
    std::vector<extent_t> strides = operand<T>::dense(shape);
    for (std::size_t i = 0; i < 4; ++i)
      if (shape[i] == 1) strides[i] = 0;
    return {values, {B, H, N, M}, strides};
  }
  // A gradient of every pair, summed to the shape that the mask was given in.
  std::vector<double> folded(const std::vector<double>& pairs, extent_t B, extent_t H, extent_t N, extent_t M) const {
    std::vector<double> sums(values.size()), r;
    std::size_t i = 0;
    for (extent_t b = 0; b < B; ++b)
      for (extent_t h = 0; h < H; ++h)
        for (extent_t n = 0; n < N; ++n)
          for (extent_t m = 0; m < M; ++m)
            sums[at(std::size_t(b), std::size_t(h), std::size_t(n), std::size_t(m))] += pairs[i++];
    for (std::size_t j = 0; j < sums.size(); ++j)
      if (extent_t(j) % shape[3] < columns) r.push_back(sums[j]);
    return r;
  }
};

void run(const conformance_case& c) {
  const array& Q = c.inputs.at("Q");
  const bool flat = Q.shape.size() == 3;  // heads x width is one axis
  const attention_operands<float> o(Q, c.inputs.at("K"), c.inputs.at("V"), flat,
                                    flat ? extent_t(c.number("q_num_heads", 0)) : Q.extent(1),
                                    flat ? extent_t(c.number("kv_num_heads", 0)) : c.inputs.at("K").extent(1));
  const extent_t P = c.has("past_key") ? c.inputs.at("past_key").extent(2) : 0, M = P + o.K, H = o.H, N = o.N;
  const bool is_flex = c.op == "FlexAttention",
             is_causal = c.number("is_causal", 0) != 0 || c.name.ends_with("causal_mask");
  const double softcap_by = c.name.ends_with("soft_cap") ? 20 : c.number("softcap", 0);
  const bool relative = c.name.ends_with("relative_positional"), half = c.name.ends_with("prob_mod");
  const double scale = c.number("scale", 1 / std::sqrt(double(o.D)));

  const array* given = c.has("attn_mask") ? &c.inputs.at("attn_mask") : nullptr;
  const bool is_bool = given && given->type == "bool";
  mask_of_case bias_values(is_bool ? nullptr : given, M, 0, -INFINITY);
  if (c.name.ends_with("_score_mod")) bias_values.values = {0.5};
  const mask_of_case keep_values(is_bool ? given : nullptr, M, 1, 0);

  // n - left <= m <= n + right, both moved by the keys that the queries stand behind; keys before `length` are there.
  constexpr double far = 1 << 30;
  std::vector<double> lower, upper, length;
  for (extent_t i = 0; i < o.B; ++i) {
    const bool external = c.has("nonpad_kv_seqlen");
    const double there = external ? c.inputs.at("nonpad_kv_seqlen").values[std::size_t(i)] : double(M);
    const double offset = P ? double(P) : external ? there - double(N) : 0;
    const double left = c.number("left_window_size", -1), right = c.number("right_window_size", -1);
    lower.push_back(left < 0 ? -far : offset - left);
    upper.push_back(is_causal ? offset : right < 0 ? far : offset + right);
    length.push_back(there);
  }

  const operand<float> B4 = bias_values.bound<float>(o.B, H, N, M);
  const operand<bool> keep_bound = keep_values.bound<bool>(o.B, H, N, M);
  const operand<std::int64_t> low(lower, {o.B}), high(upper, {o.B}), len(length, {o.B});
  const float scale_bound = float(scale), cap_bound = float(softcap_by);
  const auto in_mask = [&](const auto& what, auto&&... more) {
    what(f::scale = scale_bound, keep = keep_bound.bind(), below = low.bind(), above = high.bind(),
         lengths = len.bind(), with(r, H / o.G), std::forward<decltype(more)>(more)...);
  };

  // What must come out: from the case, with error units by the plain loops.
  heed_tests::attention_problem problem = o.problem(scale, c.cotangents.at("Y"));
  if (P) o.put_before(problem, c.inputs.at("past_key"), c.inputs.at("past_value"));
  const auto change = [&]<class X>(X x, const pair_of_positions& at) {
    const std::size_t head = at.g * problem.R + at.r;
    const double position = double(at.m) - double(at.n),
                 added = relative ? -position : bias_values.values[bias_values.at(at.b, head, at.n, at.m)];
    changed_score<X> s;
    s.visible = position >= lower[at.b] && position <= upper[at.b] && double(at.m) < length[at.b] &&
                keep_values.values[keep_values.at(at.b, head, at.n, at.m)] != 0 && std::isfinite(added);
    if (!s.visible) return s;
    s.score = x + X(added), s.added = std::fabs(added);
    if (softcap_by) {
      const X bent = std::tanh(x / X(softcap_by));
      s.score = X(softcap_by) * bent + X(added), s.slope = 1 - bent * bent, s.added += softcap_by;
    }
    return s;
  };
  heed_tests::attention_values<double> unit = heed_tests::error_units<float>(problem, change);
  if (half)
    for (auto* x : {&unit.o, &unit.dq, &unit.dk, &unit.dv})
      for (double& u : *x) u *= 0.5;

  const attention_results<float> y(o);
  const array& want = c.forward.at("Y");
  const auto checks = [&] {
    compare(c.name + ", Y", o.rows(y.o.values(), o.E), o.rows(want.values, o.E), unit.o);
    compare(c.name + ", gradient of Q", o.rows(y.dq.values(), o.D), o.rows(c.gradients.at("Q").values, o.D), unit.dq);
  };
  const auto call = [&](const auto& what, auto&&... more) {
    in_mask(what, f::q = o.q.bind(), f::k = o.k.bind(), f::v = o.v.bind(), std::forward<decltype(more)>(more)...);
  };
  const auto keys_and_values = [&] {
    compare(c.name + ", gradient of K", o.keys(y.dk.values(), o.D), o.keys(c.gradients.at("K").values, o.D),
            o.last_keys(unit.dk, M, o.D));
    compare(c.name + ", gradient of V", o.keys(y.dv.values(), o.E), o.keys(c.gradients.at("V").values, o.E),
            o.last_keys(unit.dv, M, o.E));
  };
  const auto dbias = operand<float>::result({o.B, H, N, M});
  const auto bias_gradient = [&] {
    if (c.gradients.count("attn_mask"))
      compare(c.name + ", gradient of the mask", bias_values.folded(dbias.values(), o.B, H, N, M),
              c.gradients.at("attn_mask").values, bias_values.folded(unit.ds, o.B, H, N, M));
  };
  if (P) {
    const array &PK = c.inputs.at("past_key"), &PV = c.inputs.at("past_value");
    const operand<float> pk(PK.values, PK.shape), pv(PV.values, PV.shape);
    const auto result = [](const std::vector<extent_t>& shape) { return operand<float>::result(shape); };
    const auto dpk = result(PK.shape), dpv = result(PV.shape), shown_k = result({o.B, o.G, M, o.D}),
               shown_v = result({o.B, o.G, M, o.E});
    const auto cached_call = [&](const auto& what, auto&&... more) {
      in_mask(what, f::q = o.q.bind(), new_k = o.k.bind(), new_v = o.v.bind(), past_k = pk.bind(), past_v = pv.bind(),
              bias = B4.bind(), std::forward<decltype(more)>(more)...);
    };
    cached_call(fuse<cached>, into(y.o.bind()));
    cached_call(fuse<gradient<cached>(wrt(f::q, new_k, new_v, bias, past_k, past_v))>,
                cotangent<cached> = o.cotangent(c.cotangents.at("Y")).bind(),
                into(y.dq.bind(), y.dk.bind(), y.dv.bind(), dbias.bind(), dpk.bind(), dpv.bind()));
    checks(), keys_and_values(), bias_gradient();
    compare(c.name + ", gradient of past keys", dpk.values(), c.gradients.at("past_key").values,
            o.first_keys(unit.dk, M, o.D));
    compare(c.name + ", gradient of past values", dpv.values(), c.gradients.at("past_value").values,
            o.first_keys(unit.dv, M, o.E));
    fuse<results(all_k, all_v)>(new_k = o.k.bind(), new_v = o.v.bind(), past_k = pk.bind(), past_v = pv.bind(),
                                into(shown_k.bind(), shown_v.bind()));
    compare(c.name + ", present keys", shown_k.values(), c.published.at("present_key").values,
            std::vector<double>(shown_k.size, 0));
    compare(c.name + ", present values", shown_v.values(), c.published.at("present_value").values,
            std::vector<double>(shown_v.size, 0));
  } else if (softcap_by) {
    call(fuse<capped, strict>, bias = B4.bind(), cap = cap_bound, into(y.o.bind()));
    call(fuse<gradient<capped>(wrt(f::q, f::k, f::v, bias))>, bias = B4.bind(), cap = cap_bound,
         cotangent<capped> = o.cotangent(c.cotangents.at("Y")).bind(),
         into(y.dq.bind(), y.dk.bind(), y.dv.bind(), dbias.bind()));
    checks(), keys_and_values(), bias_gradient();
  } else if (given && !is_bool) {
    call(fuse<biased, strict>, bias = B4.bind(), into(y.o.bind()));
    call(fuse<gradient<biased>(wrt(f::q, f::k, f::v, bias))>, bias = B4.bind(),
         cotangent<biased> = o.cotangent(c.cotangents.at("Y")).bind(),
         into(y.dq.bind(), y.dk.bind(), y.dv.bind(), dbias.bind()));
    checks(), keys_and_values(), bias_gradient();
  } else {
    const auto one = [&] < const auto & Out, auto... Options > (auto&& with_mask) {
      with_mask(fuse<Out, Options...>, into(y.o.bind()));
      with_mask(fuse<gradient<Out>(wrt(f::q, f::k, f::v)), Options...>,
                cotangent<Out> = o.cotangent(c.cotangents.at("Y")).bind(), into(y.dq.bind(), y.dk.bind(), y.dv.bind()));
      checks(), keys_and_values();
    };
    const auto without_mask = [&](const auto& what, auto&&... more) {
      what(f::q = o.q.bind(), f::k = o.k.bind(), f::v = o.v.bind(), f::scale = scale_bound, with(r, H / o.G),
           std::forward<decltype(more)>(more)...);
    };
    if (half) one.template operator()<halved>(without_mask);
    else if (relative) one.template operator()<distant, strict>(without_mask);
    else if (is_flex && c.name.ends_with("_score_mod"))
      one.template operator()<plain, strict>(call);  // adding a number changes nothing
    else one.template operator()<plain, strict>(call);
  }

  // What may be looked at: the product, the score, the weights, in the precision in which they were published.
  if (const auto it = c.published.find("qk_matmul_output"); it != c.published.end()) {
    const int mode = int(c.number("qk_matmul_output_mode", 0));
    const array* const PK = P ? &c.inputs.at("past_key") : nullptr;
    const operand<float> pk(PK ? PK->values : std::vector<double>{}, {o.B, o.G, P, o.D});
    const auto out = operand<float>::result({o.B, H, N, M});
    if (mode == 0)
      fuse<shown_product>(f::q = o.q.bind(), new_k = o.k.bind(), past_k = pk.bind(), f::scale = scale_bound,
                          with(r, H / o.G), into(out.bind()));
    else {
      const auto show = [&](const auto& what, auto&&... more) {
        in_mask(what, f::q = o.q.bind(), new_k = o.k.bind(), past_k = pk.bind(), bias = B4.bind(), into(out.bind()),
                std::forward<decltype(more)>(more)...);
      };
      if (mode == 2) show(fuse<shown_biased>);
      else if (softcap_by) show(fuse<shown_capped>, cap = cap_bound);
      else show(fuse<shown_weights>);
    }
    compare_published(c.name + ", what is looked at", out.values(), it->second);
  }
}
const registered onnx("onnx/attention", run), flex("onnx/flexattention", run);
}  // namespace
