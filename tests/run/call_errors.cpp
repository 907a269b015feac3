// options: -O0 -DHEED_UNOPTIMISED
// Bad calls: each throws one heed::error that names operand, axis, what was expected and what came, and writes nothing:
// all results lie in `arena`, whose bytes are compared afterwards.
#include "against_reference.hpp"
#include <cstring>
#include <functional>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e"> e;
constexpr axis<"w"> w;
constexpr axis<"o"> o;
constexpr axis<"h", 2> h;
constexpr axis<"x3", 3> three;
constexpr axis<"z"> z;
constexpr axis<"g"> g;
constexpr axis<"r"> r;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto out = dot<m>(softmax<m>(dot<d>(q, k)), v);
constexpr auto lse = logsumexp<m>(dot<d>(q, k));
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto words = input<"words">(w, d);
constexpr auto looked_up = gather<w>(words, ids);
constexpr auto long_ids = input<"long_ids", std::int64_t>(n);
constexpr auto whole = long_ids * 2;
constexpr auto long_look_up = gather<w>(words, long_ids);
constexpr auto renamed_look_up = gather<w>(words, rename<n, m>(ids));
constexpr auto sliced_look_up = gather<w>(words, slice<n, three, 1>(ids));
constexpr auto split_look_up = gather<w>(words, split<n, h, e>(ids));
constexpr auto p = input<"p">(n);
constexpr auto xo = input<"xo">(n, o);
constexpr auto parts = split<o, h, e>(xo) * 2;
constexpr auto unseen_parts = sum<e>(split<o, h, e>(xo));
constexpr auto joined_heads = merge<g, r, o>(input<"xg">(n, g, r)) + xo;
constexpr auto renamed_sum = p + rename<m, n>(input<"r">(m));
constexpr auto both_parts = concat<n, m, z>(p, input<"p2">(m)) + input<"p3">(z);
constexpr auto sliced = slice<w, three, 2>(words) * 1;
constexpr auto counted = p * size<z>;
constexpr auto product = q * k;
constexpr auto total = sum<n>(p);
constexpr auto slope = gradient<total>(wrt(p));
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto documents = dot<m>(softmax<m>(mask(dot<d>(q, k), doc.at(n) == doc.at(m))), v);
constexpr auto grouped = split<o, g, r>(xo) * input<"group">(g);
constexpr auto positions = n + input<"shift", std::int32_t>();
constexpr auto together = p + cast<float>(n * size<z>);
constexpr auto flags = input<"flag", bool>(n) || n < 2;

struct wrong {
  const char *what, *operand, *axis, *expected, *got;
  std::function<void()> call;
};

alignas(64) std::byte arena[1 << 14];
using extents = std::vector<extent_t>;  // not initializer_list: the calls below outlive one
tensor<float> t(const extents& s) { return tensor<float>(std::span<const extent_t>(s)); }
template <class T = float> view<T> result(const extents& s, extent_t offset = 0) {
  return view<T>(reinterpret_cast<T*>(arena) + offset, std::span<const extent_t>(s));
}
view<float> result(const extents& s, const extents& strides, extent_t offset = 0) {
  return view<float>(reinterpret_cast<float*>(arena) + offset, std::span<const extent_t>(s),
                     std::span<const extent_t>(strides));
}
template <class T, class... V> tensor<T> list_of(V... x) {
  tensor<T> y(extent_t(sizeof...(x)));
  std::size_t i = 0;
  ((y[i++] = T(x)), ...);
  return y;
}

// out with operands of these extents, or with this view in the place of q, k, v or the result.
auto shaped(extents a, extents c, extents f) {
  return [=] { fuse<out>(q = t(a), k = t(c), v = t(f), into(result({2, 3, 4}))); };
}
auto queries(view<float> a) {
  return [=] { fuse<out>(q = a, k = t({2, 5, 8}), v = t({2, 5, 4}), into(result({2, 3, 4}))); };
}
auto keys(view<float> a) {
  return [=] { fuse<out>(q = t({2, 3, 8}), k = a, v = t({2, 5, 4}), into(result({2, 3, 4}))); };
}
auto values(view<float> a) {
  return [=] { fuse<out>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = a, into(result({2, 3, 4}))); };
}
auto to(view<float> r) {
  return [=] { fuse<out>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), into(r)); };
}
auto to_both(view<float> r, view<float> l) {
  return [=] { fuse<results(out, lse)>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), into(r, l)); };
}
auto at_ids(std::int32_t x) {
  return [=] { fuse<looked_up>(ids = list_of<std::int32_t>(0, x, 3), words = t({4, 8}), into(result({3, 8}))); };
}
float spare[64];
float* const misaligned = reinterpret_cast<float*>(reinterpret_cast<char*>(spare) + 2);
const extent_t huge = extent_t(1) << 40;
}  // namespace

// What is wrong, the parts of the error, the call.
static const wrong mistakes[] = {
  {"rank too low", "q", "", "3 axes (b, n, d)", "2", shaped({3, 8}, {2, 5, 8}, {2, 5, 4})},
  {"rank too high", "q", "", "3 axes (b, n, d)", "4", shaped({1, 2, 3, 8}, {2, 5, 8}, {2, 5, 4})},
  {"rank beyond all", "q", "", "3 axes (b, n, d)", "13", shaped({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 8}, {2, 5, 8}, {2, 5, 4})},
  {"rank of k", "k", "", "3 axes (b, m, d)", "1", shaped({2, 3, 8}, {5}, {2, 5, 4})},
  {"rank of v", "v", "", "3 axes (b, m, e)", "2", shaped({2, 3, 8}, {2, 5, 8}, {10, 4})},
  {"one axis", "p", "", "1 axis (n)", "2", [] { fuse<counted>(p = t({4, 1}), with(z, 2), into(result({4}))); }},
  {"static width of q", "q", "d", "8, as declared", "9", shaped({2, 3, 9}, {2, 5, 8}, {2, 5, 4})},
  {"static width of k", "k", "d", "8, as declared", "7", shaped({2, 3, 8}, {2, 5, 7}, {2, 5, 4})},
  {"width 0", "q", "d", "8, as declared", "0", shaped({2, 3, 0}, {2, 5, 8}, {2, 5, 4})},
  {"batches differ", "k", "b", "2, as in operand 'q'", "1", shaped({2, 3, 8}, {1, 5, 8}, {2, 5, 4})},
  {"batches of values differ", "v", "b", "2, as in operand 'q'", "3", shaped({2, 3, 8}, {2, 5, 8}, {3, 5, 4})},
  {"keys differ", "v", "m", "5, as in operand 'k'", "6", shaped({2, 3, 8}, {2, 5, 8}, {2, 6, 4})},
  {"no keys but values", "v", "m", "0, as in operand 'k'", "5", shaped({2, 3, 8}, {2, 0, 8}, {2, 5, 4})},
  {"null queries", "q", "", "memory", "a null pointer", queries({static_cast<float*>(nullptr), {2, 3, 8}})},
  {"null keys", "k", "", "memory", "a null pointer", keys({static_cast<float*>(nullptr), {2, 5, 8}})},
  {"misaligned queries", "q", "", "memory aligned to its elements of 4 bytes", "an address that is 2 past", queries({misaligned, {2, 3, 8}, {0, 0, 0}})},
  {"misaligned result", "into", "", "memory aligned to its elements of 4 bytes", "an address that is 1 past", to({reinterpret_cast<float*>(arena + 1), {2, 3, 4}})},
  {"negative extent", "q", "n", "an extent that is not negative", "-3", queries({spare, {2, -3, 8}})},
  {"negative batch", "q", "b", "an extent that is not negative", "-2", queries({spare, {-2, 3, 8}})},
  {"negative extent of a result", "into", "n", "an extent that is not negative", "-3", to({spare, {2, -3, 4}})},
  {"an extent beyond memory", "q", "n", "at most 2^47 positions", "9223372036854775807", queries({spare, {2, std::numeric_limits<extent_t>::max(), 8}, {0, 0, 0}})},
  {"more elements than 64 bits count", "q", "", "at most 2^63 elements", "more", queries({spare, {huge, huge, 8}})},
  {"... by stride 0", "q", "", "at most 2^63 elements", "more", queries({spare, {huge, huge, 8}, {0, 0, 0}})},
  {"a stride beyond 64 bits", "k", "", "addresses within 64 bits", "extents and strides beyond", keys({spare, {2, 5, 8}, {std::numeric_limits<extent_t>::max(), 8, 1}})},
  {"a stride before address 0", "k", "", "addresses within 64 bits", "extents and strides beyond", keys({spare, {2, 5, 8}, {-(extent_t(1) << 60), 8, 1}})},
  {"vector too short", "v", "", "memory of at least 40 elements", "39", [] { std::vector<float> x(39); values(view(x, {2, 5, 4}))(); }},
  {"span too short for its strides", "v", "", "memory of at least 44 elements", "43", [] { std::vector<float> x(43); values(view(std::span(x), {2, 5, 4}, {24, 4, 1}))(); }},
  {"span read before its start", "v", "", "elements from the first of its memory on", "one that lies 3 before", [] { std::vector<float> x(80); values(view(std::span(x), {2, 5, 4}, {20, 4, -1}))(); }},
  {"flat vector of another length", "p", "n", "4, as in operand 'r' along axis 'm', which is renamed to it", "5", [] { fuse<renamed_sum>(input<"r">(m) = std::vector<float>(4), p = std::vector<float>(5), into(result({5}))); }},
  {"result too small", "into", "n", "3, as in operand 'q'", "2", to(result({2, 2, 4}))},
  {"result too large", "into", "n", "3, as in operand 'q'", "4", to(result({2, 4, 4}))},
  {"result's batch", "into", "b", "2, as in operand 'q'", "1", to(result({1, 3, 4}))},
  {"result's width", "into", "e", "4, as in operand 'v'", "5", to(result({2, 3, 5}))},
  {"result's rank", "into", "", "3 axes (b, n, e)", "2", to(result({6, 4}))},
  {"result's rank too high", "into", "", "3 axes (b, n, e)", "4", to(result({1, 2, 3, 4}))},
  {"a product of elements where a dot is meant", "into", "", "4 axes (b, n, d, m)", "3", [] { fuse<product>(q = t({2, 3, 8}), k = t({2, 5, 8}), into(result({2, 3, 5}))); }},
  {"a number into a vector", "into", "", "0 axes ()", "1", [] { fuse<total>(p = t({4}), into(result({1}))); }},
  {"a gradient's rank", "grad(p)", "", "1 axis (n)", "0", [] { fuse<slope>(p = t({4}), into(grad(p) = result({}))); }},
  {"null result", "into", "", "memory", "a null pointer", to({static_cast<float*>(nullptr), {2, 3, 4}})},
  {"second result's extent", "into 2", "n", "3, as in operand 'q'", "4", to_both(result({2, 3, 4}), result({2, 4}, 100))},
  {"second result's rank", "into 2", "", "2 axes (b, n)", "3", to_both(result({2, 3, 4}), result({2, 3, 1}, 100))},
  {"first of two results", "into 1", "e", "4, as in operand 'v'", "5", to_both(result({2, 3, 5}), result({2, 3}, 100))},
  {"results over each other", "into 2", "", "memory of its own", "memory that operand 'into 1' lies in", to_both(result({2, 3, 4}), result({2, 3}, 23))},
  {"results interleaved, one element shared", "into 2", "", "memory of its own", "memory that operand 'into 1' lies in", to_both(result({2, 3, 4}, {24, 8, 1}), result({2, 3}, {24, 8}, 3))},
  {"result with stride 0 along n", "into", "n", "a stride of at least 1 either way, so that elements lie apart", "0", to(result({2, 3, 4}, {12, 0, 1}))},
  {"result with stride 0 along e", "into", "e", "a stride of at least 1 either way, so that elements lie apart", "0", to(result({2, 3, 4}, {12, 4, 0}))},
  {"result with stride 0 along b", "into", "b", "a stride of at least 1 either way, so that elements lie apart", "0", to(result({2, 3, 4}, {0, 4, 1}))},
  {"rows of a result overlap", "into", "n", "a stride of at least 4 either way, so that elements lie apart", "3", to(result({2, 3, 4}, {12, 3, 1}))},
  {"batches of a result overlap backwards", "into", "b", "a stride of at least 12 either way, so that elements lie apart", "-11", to(result({2, 3, 4}, {-11, 4, 1}, 20))},
  {"result over q", "into", "", "memory of its own", "memory that operand 'q' lies in", [] { fuse<out>(q = result({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), into(result({2, 3, 4}, 40))); }},
  {"result over v", "into", "", "memory of its own", "memory that operand 'v' lies in", [] { fuse<out>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = result({2, 5, 4}), into(result({2, 3, 4}, {-12, -4, -1}, 62))); }},
  {"in place", "into", "", "memory of its own", "memory that operand 'p' lies in", [] { fuse<counted>(p = result({4}), with(z, 2), into(result({4}))); }},
  {"a number over an operand", "into", "", "memory of its own", "memory that operand 'flag' lies in", [] { fuse<flags>(input<"flag", bool>(n) = result<bool>({4}), into(result<bool>({4}, 3))); }},
  {"reference over its operand", "into", "", "memory of its own", "memory that operand 'p' lies in", [] { reference<counted>(p = result({4}, 7), with(z, 2), into(result<double>({4}))); }},
  {"index below", "ids", "w", "indices from 0 to 3", "-1", at_ids(-1)},
  {"index above", "ids", "w", "indices from 0 to 3", "4", at_ids(4)},
  {"index far above", "ids", "w", "indices from 0 to 3", "2147483647", at_ids(2147483647)},
  {"index far below", "ids", "w", "indices from 0 to 3", "-2147483648", at_ids(-2147483647 - 1)},
  {"empty table", "ids", "w", "no indices, for the table is empty", "0", [] { fuse<looked_up>(ids = list_of<std::int32_t>(0, 0, 0), words = t({0, 8}), into(result({3, 8}))); }},
  {"wide index above", "long_ids", "w", "indices from 0 to 3", "4294967296", [] { fuse<long_look_up>(long_ids = list_of<std::int64_t>(0, std::int64_t(1) << 32, 0), words = t({4, 8}), into(result({3, 8}))); }},
  {"renamed index above", "ids", "w", "indices from 0 to 3", "9", [] { fuse<renamed_look_up>(ids = list_of<std::int32_t>(0, 1, 9), words = t({4, 8}), into(result({3, 8}))); }},
  {"index above in a slice", "ids", "w", "indices from 0 to 3", "5", [] { fuse<sliced_look_up>(ids = list_of<std::int32_t>(9, 1, 2, 5), words = t({4, 8}), into(result({3, 8}))); }},
  {"index above in a split", "ids", "w", "indices from 0 to 3", "5", [] { fuse<split_look_up>(ids = list_of<std::int32_t>(3, 1, 2, 5), words = t({4, 8}), into(result({2, 2, 8}))); }},
  {"whole number too wide", "long_ids", "", "whole numbers within 32 bits", "4294967296", [] { fuse<whole>(long_ids = list_of<std::int64_t>(0, 1, std::int64_t(1) << 32), into(result<std::int64_t>({3}))); }},
  {"whole number too negative", "long_ids", "", "whole numbers within 32 bits", "-4294967296", [] { fuse<whole>(long_ids = list_of<std::int64_t>(-(std::int64_t(1) << 32), 1, 2), into(result<std::int64_t>({3}))); }},
  {"odd split", "xo", "o", "a multiple of 2 (axis 'h')", "7", [] { fuse<parts>(xo = t({4, 7}), into(result({4, 2, 3}))); }},
  {"odd split that nobody sees", "xo", "o", "a multiple of 2 (axis 'h')", "7", [] { fuse<unseen_parts>(xo = t({4, 7}), into(result({4, 2}))); }},
  {"result of a split", "into", "e", "3, as axis 'o' (6) over axis 'h' (2)", "4", [] { fuse<parts>(xo = t({4, 6}), into(result({4, 2, 4}))); }},
  {"merge of another product", "xo", "o", "2 x 3 (axes 'g' and 'r')", "7", [] { fuse<joined_heads>(input<"xg">(n, g, r) = t({4, 2, 3}), xo = t({4, 7}), into(result({4, 7}))); }},
  {"groups that do not divide", "xo", "o", "a multiple of 4 (axis 'g')", "6", [] { fuse<grouped>(xo = t({2, 6}), input<"group">(g) = t({4}), into(result({2, 4, 1}))); }},
  {"no groups", "xo", "o", "a multiple of 0 (axis 'g')", "6", [] { fuse<grouped>(xo = t({2, 6}), input<"group">(g) = t({0}), into(result({2, 0, 1}))); }},
  {"renamed axes differ", "p", "n", "5, as in operand 'r' along axis 'm', which is renamed to it", "4", [] { fuse<renamed_sum>(p = t({4}), input<"r">(m) = t({5}), into(result({4}))); }},
  {"concat of another sum", "p3", "z", "2 + 3 (axes 'n' and 'm')", "6", [] { fuse<both_parts>(p = t({2}), input<"p2">(m) = t({3}), input<"p3">(z) = t({6}), into(result({6}))); }},
  {"slice outside", "words", "w", "at least 5 elements, to be read at axis 'x3'", "4", [] { fuse<sliced>(words = t({4, 8}), into(result({3, 8}))); }},
  {"an axis nobody carries", "", "z", "an operand that carries it, or with(z, extent)", "none", [] { fuse<counted>(p = t({4}), into(result({4}))); }},
  {"with against an operand", "p", "n", "5, as in with(n, 5)", "4", [] { fuse<counted>(p = t({4}), with(n, 5), with(z, 2), into(result({4}))); }},
  {"with against a declaration", "", "d", "8, as declared", "7", [] { fuse<out>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), with(d, 7), into(result({2, 3, 4}))); }},
  {"with a negative extent", "", "z", "an extent that is not negative", "-2", [] { fuse<counted>(p = t({4}), with(z, -2), into(result({4}))); }},
  {"with an extent beyond 32 bits that is computed with", "", "z", "an extent below 2^31 where it is computed with", "2147483648", [] { fuse<counted>(p = t({4}), with(z, extent_t(1) << 31), into(result({4}))); }},
  {"with an axis of another graph", "", "w", "an axis of the graph", "one that it does not have", [] { fuse<counted>(p = t({4}), with(z, 1), with(w, 2), into(result({4}))); }},
  {"positions beyond 32 bits", "into", "n", "at most 2^31 positions where indices are computed with", "2147483649", [] { fuse<positions>(input<"shift", std::int32_t>() = std::int32_t(1), into(result<std::int32_t>({(extent_t(1) << 31) + 1}))); }},
  {"positions along two axes beyond 32 bits", "p", "n", "fewer than 2^31 positions together with axis 'z', whose extent it is multiplied by", "4 x 536870912", [] { fuse<together>(p = t({4}), with(z, extent_t(1) << 29), into(result({4}))); }},
  {"table shorter than the queries", "doc", "z", "at least 3 elements, to be read at axis 'n'", "2", [] { fuse<documents>(q = t({2, 3, 8}), k = t({2, 2, 8}), v = t({2, 2, 4}), doc = tensor<std::int32_t>(2), into(result({2, 3, 4}))); }},
  {"table shorter than the keys", "doc", "z", "at least 5 elements, to be read at axis 'm'", "4", [] { fuse<documents>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), doc = tensor<std::int32_t>(4), into(result({2, 3, 4}))); }},
  {"a workspace that is in use", "workspace", "", "one for each call that runs", "one that another call is using", [] { workspace w; const workspace::lease held(w); fuse<out>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), into(result({2, 3, 4})), w); }},
  {"tensor with a negative extent", "", "", "extents that are not negative", "-1", [] { tensor<float> x(2, -1); }},
  {"tensor beyond 64 bits", "", "", "at most 2^63 elements", "more", [] { tensor<float> x(huge, huge); }},
  {"tensor beyond 64 bits of bytes", "", "", "at most 2^63 bytes", "more", [] { tensor<float> x(extent_t(1) << 62); }},
  {"strides of another rank", "", "", "2 strides", "1", [] { view<float> x(spare, {2, 3}, {1}); }},
  {"a view of 13 axes", "", "", "at most 12 axes", "13", [] { view<float> x(spare, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}); }},
};

BOOST_AUTO_TEST_CASE(every_mistake_is_one_typed_error_and_writes_nothing) {
  BOOST_TEST(std::size(mistakes) >= 40u);
  for (const wrong& x : mistakes) {
    std::memset(arena, 0x3c, sizeof arena);
    bool thrown = false;
    try {
      x.call();
    } catch (const error& e) {
      thrown = true;
      BOOST_TEST(e.operand() == x.operand, std::string(x.what) + ": operand '" + e.operand() + "' in: " + e.what());
      BOOST_TEST(e.axis() == x.axis, std::string(x.what) + ": axis '" + e.axis() + "' in: " + e.what());
      BOOST_TEST(e.expected() == x.expected, std::string(x.what) + ": expected '" + e.expected() + "'");
      BOOST_TEST(e.got() == x.got, std::string(x.what) + ": got '" + e.got() + "'");
    }
    BOOST_TEST(thrown, std::string(x.what) + ": nothing was thrown");
    BOOST_TEST(std::all_of(std::begin(arena), std::end(arena), [](std::byte y) { return y == std::byte(0x3c); }),
               std::string(x.what) + ": a result was written");
  }
}
BOOST_AUTO_TEST_CASE(the_sentence_names_all_four) {
  try {
    shaped({2, 3, 8}, {2, 5, 8}, {2, 6, 4})();
    BOOST_TEST(false);
  } catch (const error& e) {
    BOOST_TEST(e.what() == std::string("heed: operand 'v', axis 'm': expected 5, as in operand 'k', got 6"));
  }
}
