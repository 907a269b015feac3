// options: -O0 -DHEED_UNOPTIMISED
// The front alone: equal expressions are one node, graphs graft, shapes and elements follow their rules.
#include <boost/test/unit_test.hpp>
#include <heed/graph/results.hpp>
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr axis<"h", 4> h;
constexpr axis<"w", 16> w;
constexpr axis<"z"> z;
using B = axis<"b">;
using N = axis<"n">;
using M = axis<"m">;
using D = axis<"d", 64>;
using E = axis<"e", 32>;
using Z = axis<"z">;
using H = axis<"h", 4>;
using W = axis<"w", 16>;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto wide = input<"wide", double>(n);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto far = input<"far", std::int64_t>(n);
constexpr auto keep = input<"keep", bool>(b, m);
constexpr auto table = input<"table">(h, z);
constexpr axis<"h"> heads;
constexpr axis<"nb"> blocks;
constexpr axis<"j", 4> choices;

template <class T, class... Axes> constexpr bool has_shape = std::is_same_v<shape_of<T>, shape<Axes...>>;
template <class T, element Type> constexpr bool holds = element_of_expr<T> == Type;
#define SHAPE(EXPRESSION, ...) static_assert(has_shape<decltype(EXPRESSION), __VA_ARGS__>)
#define ELEMENT(EXPRESSION, TYPE) static_assert(holds<decltype(EXPRESSION), element::TYPE>)

// ---- shapes: those of the left operand, then what the right one adds
SHAPE(q + k, B, N, D, M);
SHAPE(k + q, B, M, D, N);
SHAPE(n < m, N, M);
SHAPE(n > m, N, M);  // which is m < n, and still begins with n
SHAPE(n >= m, N, M);
SHAPE(n != m, N, M);
SHAPE(where(keep, q, 0), B, N, D, M);
SHAPE(where(n < m, 1, v), B, M, E, N);
SHAPE(mask(q, keep), B, N, D, M);
SHAPE(-q, B, N, D);
SHAPE(pow(q, 2), B, N, D);
SHAPE((dot<d>(q, k)), B, N, M);
SHAPE((dot<b, d>(q, k)), N, M);
SHAPE((sum<n, d>(q)), B);
SHAPE(logsumexp<n>(q), B, D);
SHAPE(softmax<n>(q), B, N, D);
SHAPE((rename<n, z>(q)), B, Z, D);
SHAPE((split<d, h, w>(q)), B, N, H, W);
SHAPE((merge<h, w, d>(split<d, h, w>(q))), B, N, D);
SHAPE((merge<b, n, z>(q)), Z, D);
SHAPE((slice<d, e, 5>(q)), B, N, E);
SHAPE((shift<n>(q, 3)), B, N, D);
SHAPE((concat<d, e, axis<"c", 96>{}>(k, v)), B, M, axis<"c", 96>);
SHAPE((gather<z>(table, ids)), B, N, H);
SHAPE(table.at(n - m), N, M, H);
SHAPE(table.at(3), H);
SHAPE((arrange<d, b, n>(q)), D, B, N);
SHAPE(cast<double>(q), B, N, D);
static_assert(has_shape<decltype(size<n>)>);
static_assert(has_shape<decltype(dot<b, n, d>(q, q))>);

// ---- elements: whole numbers stay whole, open widths take what they meet
ELEMENT(q, f32);
ELEMENT(wide, f64);
ELEMENT(n, integer);
ELEMENT(n * 2 - m, integer);
ELEMENT(n / 2, real);
ELEMENT(ids + n, i32);
ELEMENT(ids + far, i64);
ELEMENT(-ids, i32);
ELEMENT(abs(far), i64);
ELEMENT(exp(ids), real);
ELEMENT(exp(wide), f64);
ELEMENT(q* ids, f32);
ELEMENT(q * 2.5, f32);
ELEMENT(wide * 2.5, f64);
ELEMENT(wide + n, f64);
ELEMENT(n + 0.5, real);
ELEMENT(n < q, boolean);
ELEMENT(keep == (n < 1), boolean);
ELEMENT(!keep, boolean);
ELEMENT(where(keep, ids, 1), i32);
ELEMENT(where(keep, keep, n < 1), boolean);
ELEMENT(mask(ids, keep), real);
ELEMENT(sum<n>(ids), i32);
ELEMENT(max<n>(far), i64);
ELEMENT(mean<n>(ids), real);
ELEMENT(softmax<n>(wide), f64);
ELEMENT((dot<n>(ids, ids)), real);
ELEMENT((dot<n>(wide, wide)), f64);
ELEMENT(cast<std::int32_t>(q), i32);
ELEMENT(cast<float>(wide), f32);
ELEMENT(size<n>, integer);
ELEMENT(size<d>, integer);

constexpr auto score = dot<d>(q, k) / sqrt(size<d>);
constexpr auto again = dot<d>(q, k) / sqrt(size<d>);
constexpr auto both = score * exp(again) + score;

// A chain of residual blocks, each reading its input three times.
template <int Blocks> constexpr auto chain() {
  if constexpr (Blocks == 0) return q + 0.5;
  else {
    const auto x = chain<Blocks - 1>();
    return x + tanh(x * 0.5) * rsqrt(mean<d>(x * x) + double(Blocks));
  }
}
}  // namespace

BOOST_AUTO_TEST_CASE(equal_expressions_are_one_node) {
  static_assert(score.g.size == again.g.size);
  BOOST_TEST(both.g.size == score.g.size + 3);  // exp, *, +: the second score is the first
  constexpr auto same = (q + k) * (q + k);
  BOOST_TEST(same.g.size == 5);  // nothing, q, k, q + k, *
  BOOST_TEST(same.top().a == same.top().b);
  constexpr auto twice = (n < m) && (m > n);  // one condition, written twice
  BOOST_TEST(twice.top().a == twice.top().b);
  constexpr auto other = (n < m) && (n > m);
  BOOST_TEST(other.top().a != other.top().b);
  constexpr auto numbers = (q + 1) * (q + 1.0);  // a whole and a real number are two constants
  BOOST_TEST(numbers.top().a != numbers.top().b);
}
BOOST_AUTO_TEST_CASE(what_tells_nodes_apart) {
  const auto hash = [](const auto& x) { return x.top().hash; };
  BOOST_TEST(hash(q - k) != hash(k - q));
  BOOST_TEST(hash(sum<n>(q)) != hash(sum<d>(q)));
  BOOST_TEST(hash(sum<n>(q)) != hash(max<n>(q)));
  BOOST_TEST(hash(pow(q, 2)) != hash(pow(q, 3)));
  BOOST_TEST(hash(rename<n, z>(q)) != hash(rename<n, m>(q)));
  BOOST_TEST(hash(slice<d, e, 1>(q)) != hash(slice<d, e, 2>(q)));
  BOOST_TEST(hash(shift<n>(q, 1)) != hash(shift<n>(q, -1)));
  BOOST_TEST(hash(split<d, h, w>(q)) != hash(split<d, w, h>(q)));
  BOOST_TEST(hash(concat<d, d, axis<"c", 128>{}>(k, input<"k2">(b, m, d))) !=
             hash(concat<d, d, axis<"c", 128>{}>(input<"k2">(b, m, d), k)));
  BOOST_TEST(hash(table.at(n)) != hash(table.at(m)));
  BOOST_TEST(hash(input<"x">(n)) != hash(input<"x">(m)));
  BOOST_TEST(hash(input<"x">(n)) != hash(input<"y">(n)));
  BOOST_TEST(hash(input<"x">(n)) != (hash(input<"x", double>(n))));
  BOOST_TEST(hash(input<"x">(n, m)) != hash(input<"x">(m, n)));
  BOOST_TEST(hash(axis<"a", 3>{} + 0) != hash(axis<"a", 4>{} + 0));
  BOOST_TEST(hash(q + 1) != hash(q + 2));
  BOOST_TEST(hash(cast<float>(n + 0)) != (hash(cast<double>(n + 0))));
}
BOOST_AUTO_TEST_CASE(the_hash_does_not_depend_on_numbering) {
  constexpr auto one = (q + k) * (v + n);
  static constexpr auto first = v + n;  // numbered before q and k
  constexpr auto other = [] {
    auto r = first;
    const node_id a = put(r.g, v + n), s = put(r.g, q + k);
    r.root =
        r.g.add(node{.code = op::multiply, .type = element::f32, .a = s, .b = a, .axes = r.g[s].axes | r.g[a].axes});
    return r;
  }();
  BOOST_TEST(one.top().hash == other.top().hash);
}
BOOST_AUTO_TEST_CASE(grafting_copies_what_is_missing) {
  graph g = score.g;
  const int before = g.size;
  BOOST_TEST(g.graft(score.g, score.root) == score.root);  // all there: the common prefix
  BOOST_TEST(g.size == before);
  const node_id i = g.graft(both.g, both.root);
  BOOST_TEST(g.size == before + 3);
  BOOST_TEST(g[i].hash == both.top().hash);
  constexpr auto apart = exp(v + n) * m;  // other axes, other inputs: every number changes
  const node_id j = g.graft(apart.g, apart.root);
  BOOST_TEST(g[j].hash == apart.top().hash);
  BOOST_TEST(g.input_count == 3);
  const axis_set axes = g[j].axes;
  for (const label& name : {make_label("b"), make_label("m"), make_label("e"), make_label("n")})
    BOOST_TEST((axes >> g.find_axis(name) & 1) == 1u);
  BOOST_TEST((axes >> g.find_axis(make_label("d")) & 1) == 0u);
  BOOST_TEST(g.graft(apart.g, apart.root) == j);
  for (int x = 1; x < g.size; ++x)  // operands come first
    for (const node_id y : {g[x].a, g[x].b, g[x].c}) BOOST_TEST(y < x);
}
// Small numbers differ in their highest bits alone, and so did what was made of them: graphs that read a table at 0 and
// at 2 were taken for the same beginning where the name of an axis was one of each seven.
BOOST_AUTO_TEST_CASE(numbers_at_the_beginning_of_graphs_are_told_apart) {
  for (int name = 0; name < 300; ++name) {
    std::vector<std::uint64_t> seen;
    for (int i = 0; i < 8; ++i) {
      graph g{};
      const int along = g.axis({label{{std::uint64_t(name + 1), 0}}, 8});
      const node_id place = add_index(g, along);
      add_read(g, place, g.add_constant(i, element::integer), along);
      for (const std::uint64_t other : seen) BOOST_TEST(other != g.prefix[g.size], "axis " << name << " at " << i);
      seen.push_back(g.prefix[g.size]);
    }
  }
}
// As they were met.
constexpr auto picks = input<"pick", std::int32_t>(heads, blocks, choices);
BOOST_AUTO_TEST_CASE(entries_of_a_table_are_told_apart) {
  const auto seen = [](const auto& i) {
    return gather<blocks>(picks.at(i), floor_divide(n, 16)) == floor_divide(m, 16);
  };
  const auto any = seen(0) || seen(1) || seen(2) || seen(3);
  int read = 0;
  for (int i = 1; i < any.g.size; ++i)
    if (const node& x = any.g[i]; x.code == op::gather && any.g[x.a].code == op::input) ++read;
  BOOST_TEST(read == 4);
}
BOOST_AUTO_TEST_CASE(a_chain_of_residual_blocks_is_linear) {
  constexpr auto ten = chain<10>();
  constexpr auto twenty = chain<20>();
  constexpr int block = (twenty.g.size - ten.g.size) / 10;
  BOOST_TEST(twenty.g.size - ten.g.size == 10 * block);
  BOOST_TEST(block <= 9);  // x*0.5, tanh, x*x, mean, a constant, +, rsqrt, *, +
  static_assert(std::is_same_v<std::remove_const_t<decltype(ten)>, std::remove_const_t<decltype(twenty)>>);  // nor does
                                                                                                             // its type
                                                                                                             // grow
}
BOOST_AUTO_TEST_CASE(what_a_failed_check_leaves_is_absorbed) {
  constexpr ill_formed x;
  static_assert(is_ill_formed<decltype(x + q)>);
  static_assert(is_ill_formed<decltype(where(keep, x, q))>);
  static_assert(is_ill_formed<decltype(softmax<n>(x))>);
  static_assert(is_ill_formed<decltype(dot<d>(q, x))>);
  static_assert(is_ill_formed<decltype(gather<z>(table, x))>);
  static_assert(is_ill_formed<decltype(x.at(n))>);
  static_assert(is_ill_formed<decltype(pow(x, 2))>);
  static_assert(!results(q, x).well_formed);
  static_assert(results(q, k).count == 2);
  BOOST_TEST(results(q, k).of[1] == static_cast<const expression*>(&k));
}
