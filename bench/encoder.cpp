// encoder/minilm: six layers of width 384, 12 heads of 32, MLP 1536 with exact GELU, 16 sequences of 128 tokens.
#include "problems.hpp"

namespace heed_bench {
namespace {
constexpr axis<"b"> b;
constexpr axis<"t"> t;
constexpr axis<"s"> s;
constexpr axis<"c", 384> c;
constexpr axis<"o", 384> o;
constexpr axis<"h", 12> h;
constexpr axis<"d", 32> d;
constexpr axis<"f", 1536> f;
constexpr auto x = input<"x">(b, t, c);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto wq = input<"wq">(o, c);
constexpr auto wk = input<"wk">(o, c);
constexpr auto wv = input<"wv">(o, c);
constexpr auto wo = input<"wo">(c, o);
constexpr auto w1 = input<"w1">(f, c);
constexpr auto w2 = input<"w2">(c, f);
constexpr auto wide = input<"wide">(f);
constexpr auto bias = input<"bias">(c);
constexpr auto bias_o = input<"bias_o">(o);
constexpr auto scale = input<"scale">(c);
constexpr auto q = split_heads<o, h, d>(project<c>(x, wq, bias_o));
constexpr auto k = rename<t, s>(split_heads<o, h, d>(project<c>(x, wk, bias_o)));
constexpr auto v = rename<t, s>(split_heads<o, h, d>(project<c>(x, wv, bias_o)));
constexpr auto context = merge_heads<h, d, o>(attention<d, s>(q, k, v, padding(s, length)));
constexpr auto attended = layer_norm<c>(x + project<o>(context, wo, bias), scale, bias, 1e-12);
constexpr auto layer =
    layer_norm<c>(attended + project<f>(gelu(project<c>(attended, w1, wide)), w2, bias), scale, bias, 1e-12);
}  // namespace

void add_encoder() {
  add("encoder/minilm", [](benchmark::State& state) {
    constexpr extent_t B = 16, T = 128;
    tensor<float> X = drawn(1, {B, T, 384}), Y(B, T, 384);
    const tensor<float> square = drawn(2, {384, 384}), up = drawn(3, {1536, 384}), down = drawn(4, {384, 1536}),
                        narrow = drawn(5, {384}), broad = drawn(6, {1536});
    tensor<std::int32_t> lengths(B);
    std::fill(lengths.begin(), lengths.end(), std::int32_t(T));
    workspace memory;
    const double tokens = double(B * T), flops = 6 * (2 * tokens * (4.0 * 384 * 384 + 2.0 * 384 * 1536) +
                                                      4.0 * double(B) * 12 * double(T) * double(T) * 32);
    report(state, flops, [&] {
      for (int i = 0; i < 6; ++i) {
        fuse<layer, strict>(x = X, length = lengths, wq = square, wk = square, wv = square, wo = square, w1 = up,
                            w2 = down, wide = broad, bias = narrow, bias_o = narrow, scale = narrow, into(Y), memory);
        std::swap(X, Y);
      }
    });
  });
}
}  // namespace heed_bench
