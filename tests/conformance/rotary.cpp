// RotaryEmbedding as ONNX defines it: pairs of channels turned by an angle for each position, the pairs being halves of
// the width or neighbours, of all channels or of the first few; angles from a table at position numbers, or given for
// each position.
#include "cases.hpp"
#include <cmath>

namespace {
using namespace heed_conformance;

constexpr axis<"b"> b;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"z"> z;
constexpr axis<"d", 8> d;
constexpr axis<"one", 1> one;
constexpr axis<"two", 2> two;
constexpr axis<"rest", 4> rest;
constexpr auto x = input<"x">(b, h, n, d);
constexpr auto ids = input<"ids", std::int64_t>(b, n);

// Sign 1 turns; -1 adds up in magnitude, with magnitudes as operands: every result is a sum of products.
template <int Width, bool Neighbours, bool FromTable> struct rotation {
  static constexpr bool from_table = FromTable;
  static constexpr axis<"half", Width / 2> half{};
  static constexpr axis<"other", Width / 2> other{};
  static constexpr axis<"pairs", Width> pairs{};
  static constexpr auto table_shape = [](const auto& f) {
    if constexpr (FromTable) return f(z, half);
    else return f(b, n, half);
  };
  static constexpr auto cosine = table_shape([](const auto&... a) { return input<"cosine">(a...); });
  static constexpr auto sine = table_shape([](const auto&... a) { return input<"sine">(a...); });
  template <class X> static constexpr auto read(const X& table) {
    if constexpr (FromTable) return gather<z>(table, ids);
    else return table;
  }
  template <class X> static constexpr auto turn(const X& y, double sign) {  // y (b, h, n, pairs)
    const auto c = read(cosine);
    const auto s = read(sine);
    if constexpr (Neighbours) {
      const auto in_pairs = split<pairs, half, two>(y);
      const auto first = sum<one>(slice<two, one, 0>(in_pairs)), second = sum<one>(slice<two, one, 1>(in_pairs));
      return merge<half, two, pairs>(where(two == 0, first * c - sign * (second * s), second * c + first * s));
    } else {
      const auto first = slice<pairs, half, 0>(y), second = slice<pairs, half, Width / 2>(y);
      return concat<half, other, pairs>(first * c - sign * (second * s), rename<half, other>(second * c + first * s));
    }
  }
  static constexpr auto all(double sign) {
    if constexpr (Width == 8) return arrange<b, h, n, d>(rename<pairs, d>(turn(rename<d, pairs>(x), sign)));
    else return arrange<b, h, n, d>(concat<pairs, rest, d>(turn(slice<d, pairs, 0>(x), sign), slice<d, rest, 4>(x)));
  }
  static constexpr auto out = all(1);
  static constexpr auto magnitude = all(-1);
};

template <class R> void run_as(const conformance_case& c) {
  const array &X = c.inputs.at("input"), &C = c.inputs.at("cos_cache"), &S = c.inputs.at("sin_cache");
  const bool flat = X.shape.size() == 3;
  const extent_t H = flat ? extent_t(c.number("num_heads", 1)) : X.extent(1), B = X.extent(0),
                 N = X.extent(flat ? 1 : 2), D = 8;
  const std::vector<extent_t> shape{B, H, N, D},
      strides = flat ? std::vector<extent_t>{N * H * D, D, H * D, 1} : std::vector<extent_t>{H * N * D, N * D, D, 1};
  const auto size_of = [](std::vector<double> v) {
    for (double& e : v) e = std::fabs(e);
    return v;
  };
  const auto with_ids = [&](const auto& what, auto&&... more) {
    if constexpr (R::from_table) {
      const operand<std::int64_t> at(c.inputs.at("position_ids").values, {B, N});
      what(ids = at.bind(), std::forward<decltype(more)>(more)...);
    } else {
      what(std::forward<decltype(more)>(more)...);
    }
  };
  const std::vector<double>& DY = c.cotangents.at("output").values;
  const operand<float> a(X.values, shape, strides), cosine(C.values, C.shape), sine(S.values, S.shape),
      dy(DY, shape, strides);
  const operand<float> a_size(size_of(X.values), shape, strides), c_size(size_of(C.values), C.shape),
      s_size(size_of(S.values), S.shape), dy_size(size_of(DY), shape, strides);
  const auto y = operand<float>::result(shape, strides), dx = operand<float>::result(shape, strides),
             dc = operand<float>::result(C.shape), ds = operand<float>::result(S.shape);
  const auto y_unit = operand<double>::result(shape, strides), dx_unit = operand<double>::result(shape, strides),
             dc_unit = operand<double>::result(C.shape), ds_unit = operand<double>::result(S.shape);
  with_ids(fuse<R::out>, x = a.bind(), R::cosine = cosine.bind(), R::sine = sine.bind(), into(y.bind()));
  with_ids(fuse<gradient<R::out>(wrt(x, R::cosine, R::sine))>, x = a.bind(), R::cosine = cosine.bind(),
           R::sine = sine.bind(), cotangent<R::out> = dy.bind(), into(dx.bind(), dc.bind(), ds.bind()));
  with_ids(reference<R::magnitude>, x = a_size.bind(), R::cosine = c_size.bind(), R::sine = s_size.bind(),
           into(y_unit.bind()));
  with_ids(reference<gradient<R::magnitude>(wrt(x, R::cosine, R::sine))>, x = a_size.bind(), R::cosine = c_size.bind(),
           R::sine = s_size.bind(), cotangent<R::magnitude> = dy_size.bind(),
           into(dx_unit.bind(), dc_unit.bind(), ds_unit.bind()));
  compare_scaled<float>(c.name + ", output", y.values(), c.forward.at("output").values, y_unit.values());
  compare_scaled<float>(c.name + ", gradient of the input", dx.values(), c.gradients.at("input").values,
                        dx_unit.values());
  compare_scaled<float>(c.name + ", gradient of the cosines", dc.values(), c.gradients.at("cos_cache").values,
                        dc_unit.values());
  compare_scaled<float>(c.name + ", gradient of the sines", ds.values(), c.gradients.at("sin_cache").values,
                        ds_unit.values());
}
void run(const conformance_case& c) {
  const bool neighbours = c.number("interleaved", 0) != 0, table = c.has("position_ids");
  const double width = c.number("rotary_embedding_dim", 0);
  if (width == 0 && !neighbours && table) run_as<rotation<8, false, true>>(c);
  else if (width == 0 && !neighbours) run_as<rotation<8, false, false>>(c);
  else if (width == 0 && neighbours && !table) run_as<rotation<8, true, false>>(c);
  else if (width == 4 && neighbours && table) run_as<rotation<4, true, true>>(c);
  else if (width == 4 && !neighbours && table) run_as<rotation<4, false, true>>(c);
  else throw std::runtime_error(c.name + ": a rotation that no graph here has");
}
const registered rotary("onnx/rotary_embedding", run);
}  // namespace
