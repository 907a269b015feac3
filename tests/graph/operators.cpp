// options: -O0 -DHEED_UNOPTIMISED
// Every operator of the language in a fused graph, against the oracle: real, whole and boolean, in float and double.
#include "against_reference.hpp"
using namespace heed::internal;
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c", 7> c;
constexpr axis<"o", 3> o;
constexpr axis<"z"> z;
constexpr axis<"c2", 14> twice;
constexpr axis<"s", 4> s;
constexpr axis<"hi", 2> hi;
constexpr axis<"lo", 7> lo;
constexpr auto x = input<"x">(n, c);
constexpr auto y = input<"y">(n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto wide = input<"wide", double>(n, c);
constexpr auto i = input<"i", std::int32_t>(n, c);
constexpr auto l = input<"l", std::int64_t>(c);
constexpr auto t = input<"t", bool>(n, c);
constexpr auto table = input<"table">(z, c);
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto bias = input<"bias">(z);

struct operands {
  tensor<float> X = filled<float>(1, 1, {11, 7}), Y = filled<float>(2, 1, {11, 7}), W = filled<float>(3, 1, {3, 7});
  tensor<float> table = filled<float>(4, 1, {13, 7}), bias = filled<float>(5, 1, {13});
  tensor<double> wide = filled<double>(6, 1, {11, 7});
  tensor<std::int32_t> I{11, 7}, ids{11}, doc{13};
  tensor<std::int64_t> L{7};
  tensor<bool> T{11, 7};
  operands() {
    for (std::size_t k = 0; k < I.size(); ++k) I[k] = std::int32_t(k * 7 % 11) - 5, T[k] = k % 3 == 0;
    for (std::size_t k = 0; k < L.size(); ++k) L[k] = std::int64_t(k * 5 % 7) - 3;
    for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = std::int32_t(k * 4 % 13);
    for (std::size_t k = 0; k < doc.size(); ++k) doc[k] = std::int32_t(k / 3);
  }
} const given_operands;

template <class T> tensor<T> output_of(const expression& e) {
  std::vector<extent_t> extents;
  for (int k = 0; k < e.shape->rank; ++k) {
    const axis_entry& a = e.shape->axes[std::size_t(k)];
    extents.push_back(a.extent != runtime                                      ? a.extent
                      : a.name == make_label("n") || a.name == make_label("m") ? 11
                                                                               : 13);
  }
  return tensor<T>(extents);
}
// Every result of R against the oracle within `tolerance` of its size.
template <result_list R, class... Bind>
void check(const char* names, double tolerance, const Bind&... bind) {
  [&]<std::size_t... K>(std::index_sequence<K...>) {
    std::tuple got{output_of<storage<stored(R.of[K]->g[R.of[K]->root].type)>>(*R.of[K])...};
    std::tuple want{((void)K, output_of<double>(*R.of[K]))...};
    fuse<R>(bind..., into(std::get<K>(got)...));
    reference<R>(bind..., into(std::get<K>(want)...));
    (([&] {
       const auto& g = std::get<K>(got);
       const auto& r = std::get<K>(want);
       double worst = 0, different = 0;
       for (std::size_t j = 0; j < r.size(); ++j) {
         if (double(g[j]) == r[j] || (std::isnan(double(g[j])) && std::isnan(r[j]))) continue;
         const double d = std::fabs(double(g[j]) - r[j]) / (1 + std::fabs(r[j]));
         worst = d <= worst ? worst : std::isnan(d) ? INFINITY : d;
       }
       for (std::size_t j = 1; j < r.size(); ++j) different += r[j] != r[0];
       BOOST_TEST(worst <= tolerance,
                  std::string(names) + ", result " + std::to_string(K + 1) + ": off by " + std::to_string(worst));
       BOOST_TEST((r.size() < 2 || different > 0),
                  std::string(names) + ", result " + std::to_string(K + 1) + ": the oracle gives one value everywhere");
     }()),
     ...);
  }(std::make_index_sequence<std::size_t(R.count)>{});
}
#define RESULTS(...) check<results(__VA_ARGS__)>(#__VA_ARGS__

// ---- expressions need static storage
constexpr auto e_exp = exp(x);
constexpr auto e_exp2 = exp2(x);
constexpr auto e_log = log(abs(x) + 0.1);
constexpr auto e_tanh = tanh(x);
constexpr auto e_sqrt = sqrt(abs(x));
constexpr auto e_rsqrt = rsqrt(abs(x) + 1);
constexpr auto e_erf = erf(x);
constexpr auto e_sigmoid = sigmoid(x);
constexpr auto e_relu = relu(x);
constexpr auto e_gelu = gelu(x);
constexpr auto e_gelu_tanh = gelu_tanh(x);
constexpr auto e_silu = silu(x);
constexpr auto e_softplus = softplus(x * 4);
constexpr auto e_sin = sin(x * 9);
constexpr auto e_cos = cos(x * y * 9);
constexpr auto e_sign = sign(x - 0.3);
constexpr auto e_floor = floor(x * 3);
constexpr auto e_round = round(x * 3 - y);
constexpr auto e_clamp = clamp(x, -0.5, y);
constexpr auto e_pow_of_two = pow(abs(x) + 0.1, y) + pow(2, x) + pow(x, i) + pow(l, 2);
constexpr auto e_whole_sign = sign(i - l) * 2 + floor(i) - round(l);
constexpr auto e_whole_clamp = clamp(i * 3 - l, -2, l);
constexpr auto e_pow = pow(abs(x), 1.7);
constexpr auto e_cube = pow(x, 3);
constexpr auto e_inverse = pow(x, -2);
constexpr auto e_nan = pow(x, 0.5);
constexpr auto e_add = x + y;
constexpr auto e_subtract = 2 - x * y;
constexpr auto e_divide = x / (y * y + 1);
constexpr auto e_negate = -x;
constexpr auto e_min = min(x, y);
constexpr auto e_max = max(x, 0.3);
constexpr auto e_abs = abs(x);
constexpr auto e_plus = +x / 3;
constexpr auto e_less = x < y;
constexpr auto e_at_most = x <= y;
constexpr auto e_greater = x > y;
constexpr auto e_at_least = x >= y;
constexpr auto e_equal = i == 2;
constexpr auto e_different = i != l;
constexpr auto e_and = t && x < 0;
constexpr auto e_or = !t || i > 0;
constexpr auto e_whole = i * 3 - l;
constexpr auto e_ratio = i / 4;
constexpr auto e_whole_abs = abs(-i);
constexpr auto e_whole_min = min(i, l) + max(i, 0);
constexpr auto e_index = n * 2 - c;
constexpr auto e_mixed = n * x + l;
constexpr auto e_size = x * size<n> + size<c>;
constexpr auto e_same = t == (i < 1);
constexpr auto e_where = where(t, x, -y);
constexpr auto e_where_whole = where(t, i, 7);
constexpr auto e_where_truth = where(t, i < 0, i > 2);
constexpr auto e_mask = mask(x, t);
constexpr auto e_drop = cast<std::int32_t>(x * 10);
constexpr auto e_narrow = cast<float>(wide) * x;
constexpr auto e_wide = cast<double>(x) * wide;
constexpr auto e_wide_functions =
    exp(wide) + erf(wide) * tanh(wide) - log(abs(wide) + 1) + sigmoid(wide) + rsqrt(1 + abs(wide));
constexpr auto e_dot = dot<c>(x, w);
constexpr auto e_dot_all = dot<n, c>(x, y);
constexpr auto e_sum = sum<c>(x);
constexpr auto e_sum_all = sum<n, c>(x * y);
constexpr auto e_max_of = max<n>(x);
constexpr auto e_min_of = min<c>(x);
constexpr auto e_mean = mean<n>(x);
constexpr auto e_mean_all = mean<c, n>(x);
constexpr auto e_logsumexp = logsumexp<c>(x);
constexpr auto e_logsumexp_all = logsumexp<n, c>(x);
constexpr auto e_softmax = softmax<c>(x);
constexpr auto e_running = running_sum<n>(x * y);
constexpr auto e_running_back = running_sum<c>(mask(x, t), from_the_end);
constexpr auto e_running_whole = running_sum<n>(i * 3);
constexpr auto e_softmax_n = softmax<n>(x);
constexpr auto e_whole_sum = sum<n>(i * n * 400001);
constexpr auto e_whole_max = max<c>(i * 2);
constexpr auto e_wide_dot = dot<c>(wide, wide);
constexpr auto e_wide_softmax = softmax<c>(wide);
constexpr auto e_masked_mean = mean<c>(mask(x, t));
constexpr auto e_masked_max = max<c>(mask(x, x < -1));
constexpr auto e_rows = gather<z>(table, ids);
constexpr auto e_there = doc.at(n) == doc.at(m);
constexpr auto e_table = bias.at(n - m + 6) * 1;
constexpr auto e_far = bias.at(ids * 3 - 9);
constexpr auto e_fixed = table.at(2);
constexpr auto e_rename = rename<n, m>(x) * 2;
constexpr auto e_split = split<twice, hi, lo>(concat<c, c, twice>(x, y));
constexpr auto e_concat = concat<c, c, twice>(x, y * 2);
constexpr auto e_merge = merge<o, c, axis<"oc", 21>{}>(w + 1);
constexpr auto e_slice = slice<c, s, 2>(x) - slice<c, s, 3>(y);
constexpr auto e_shift = shift<n>(x, 2) + shift<n>(y, -1);
constexpr auto e_arrange = arrange<c, n>(x + y);
constexpr auto e_concat_truth = concat<c, c, twice>(t, t);

const auto& g = given_operands;
}  // namespace

BOOST_AUTO_TEST_CASE(real_functions) {
  RESULTS(e_exp, e_exp2, e_log, e_tanh, e_sqrt, e_rsqrt, e_erf, e_sigmoid), 1e-6, x = g.X);
  RESULTS(e_softplus, e_sin, e_sign, e_floor), 1e-6, x = g.X);
  RESULTS(e_cos, e_round, e_clamp, e_pow_of_two), 2e-6, x = g.X, y = g.Y, i = g.I, l = g.L);
  RESULTS(e_relu, e_gelu, e_gelu_tanh, e_silu, e_pow, e_cube, e_inverse, e_nan), 2e-6, x = g.X);
}
BOOST_AUTO_TEST_CASE(arithmetic_and_conditions) {
  RESULTS(e_add, e_subtract, e_divide, e_negate, e_min, e_max, e_abs, e_plus), 1e-6, x = g.X, y = g.Y);
  RESULTS(e_less, e_at_most, e_greater, e_at_least), 0, x = g.X, y = g.Y);
  RESULTS(e_equal, e_different, e_and, e_or), 0, i = g.I, l = g.L, t = g.T, x = g.X);
}
BOOST_AUTO_TEST_CASE(whole_numbers_and_elements) {
  RESULTS(e_whole, e_ratio, e_whole_abs, e_whole_min), 1e-6, i = g.I, l = g.L);
  RESULTS(e_whole_sign, e_whole_clamp), 0, i = g.I, l = g.L);
  RESULTS(e_index, e_mixed, e_size, e_same), 1e-6, x = g.X, l = g.L, t = g.T, i = g.I);
  RESULTS(e_where, e_where_whole, e_where_truth, e_mask, e_drop), 1e-6, x = g.X, y = g.Y, t = g.T, i = g.I);
  RESULTS(e_narrow, e_wide), 1e-7, x = g.X, wide = g.wide);
  RESULTS(e_wide_functions, e_wide_dot, e_wide_softmax), 1e-14, wide = g.wide);
}
BOOST_AUTO_TEST_CASE(along_axes) {
  RESULTS(e_dot, e_dot_all, e_sum, e_sum_all), 2e-6, x = g.X, y = g.Y, w = g.W);
  RESULTS(e_max_of, e_min_of, e_mean, e_mean_all), 1e-6, x = g.X);
  RESULTS(e_running, e_running_back), 1e-6, x = g.X, y = g.Y, t = g.T);
  RESULTS(e_running_whole), 0, i = g.I);
  RESULTS(e_logsumexp, e_logsumexp_all, e_softmax, e_softmax_n), 1e-6, x = g.X);
  RESULTS(e_whole_sum, e_whole_max), 0, i = g.I);
  RESULTS(e_masked_mean, e_masked_max), 1e-6, x = g.X, t = g.T);
}
BOOST_AUTO_TEST_CASE(tables_and_views) {
  RESULTS(e_rows, e_fixed), 0, table = g.table, ids = g.ids);
  RESULTS(e_there), 0, doc = g.doc, with(n, 11), with(m, 11));
  RESULTS(e_table, e_far), 0, bias = g.bias, ids = g.ids, with(m, 11));
  RESULTS(e_rename, e_split, e_concat, e_slice, e_shift, e_arrange), 1e-6, x = g.X, y = g.Y);
  RESULTS(e_merge), 1e-6, w = g.W);
  RESULTS(e_concat_truth), 0, t = g.T);
}
