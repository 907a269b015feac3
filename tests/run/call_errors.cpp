// Bad calls: each throws one heed::error that names operand, axis, what was expected and what came, and writes nothing.
#include "against_reference.hpp"
#include <functional>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;  constexpr axis<"n"> n;  constexpr axis<"m"> m;  constexpr axis<"d", 8> d;  constexpr axis<"e"> e;
constexpr axis<"w"> w;  constexpr axis<"o"> o;  constexpr axis<"h", 2> h;  constexpr axis<"x3", 3> three;  constexpr axis<"z"> z;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto out = dot<m>(softmax<m>(dot<d>(q, k)), v);
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto words = input<"words">(w, d);
constexpr auto looked_up = gather<w>(words, ids);
constexpr auto long_ids = input<"long_ids", std::int64_t>(n);
constexpr auto whole = long_ids * 2;
constexpr auto parts = split<o, h, e>(input<"xo">(n, o));
constexpr auto renamed_sum = input<"p">(n) + rename<m, n>(input<"r">(m));
constexpr auto sliced = slice<w, three, 2>(words) * 1;
constexpr auto counted = input<"p">(n) * size<z>;
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto documents = dot<m>(softmax<m>(mask(dot<d>(q, k), doc.at(n) == doc.at(m))), v);

struct wrong { const char *what, *operand, *axis, *expected, *got; std::function<void(tensor<float>&)> call; };

float memory[4096];
using extents = std::vector<extent_t>;                     // not initializer_list: the calls below outlive one
tensor<float> t(const extents& s) { return tensor<float>(std::span<const extent_t>(s)); }
}  // namespace

BOOST_AUTO_TEST_CASE(every_mistake_is_one_typed_error) {
  const auto Q = t({2, 3, 8}), K = t({2, 5, 8}), V = t({2, 5, 4});
  tensor<std::int32_t> I(3);
  const auto shaped = [&](extents a, extents c, extents f) {
    return [=](tensor<float>& O) { fuse<out>(q = t(a), k = t(c), v = t(f), into(O)); };
  };
  const auto strange_view = [&](view<float> a) { return [=](tensor<float>& O) { fuse<out>(q = a, k = t({2, 5, 8}), v = t({2, 5, 4}), into(O)); }; };
  const auto to = [&](view<float> r) { return [=](tensor<float>&) { fuse<out>(q = t({2, 3, 8}), k = t({2, 5, 8}), v = t({2, 5, 4}), into(r)); }; };
  const auto at_ids = [&](std::int32_t x) { return [=](tensor<float>&) mutable { tensor<std::int32_t> i(3); i[1] = x; tensor<float> r(3, 8); fuse<looked_up>(ids = i, words = t({4, 8}), into(r)); }; };
  std::vector<wrong> all = {
      {"rank too low", "q", "", "3 axes", "2", shaped({3, 8}, {2, 5, 8}, {2, 5, 4})},
      {"rank too high", "q", "", "3 axes", "4", shaped({1, 2, 3, 8}, {2, 5, 8}, {2, 5, 4})},
      {"rank of k", "k", "", "3 axes", "1", shaped({2, 3, 8}, {5}, {2, 5, 4})},
      {"rank of v", "v", "", "3 axes", "2", shaped({2, 3, 8}, {2, 5, 8}, {10, 4})},
      {"static width of q", "q", "d", "8", "9", shaped({2, 3, 9}, {2, 5, 8}, {2, 5, 4})},
      {"static width of k", "k", "d", "8", "7", shaped({2, 3, 8}, {2, 5, 7}, {2, 5, 4})},
      {"width 0", "q", "d", "8", "0", shaped({2, 3, 0}, {2, 5, 8}, {2, 5, 4})},
      {"batches differ", "k", "b", "2", "1", shaped({2, 3, 8}, {1, 5, 8}, {2, 5, 4})},
      {"batches of values differ", "v", "b", "2", "3", shaped({2, 3, 8}, {2, 5, 8}, {3, 5, 4})},
      {"keys differ", "v", "m", "5", "6", shaped({2, 3, 8}, {2, 5, 8}, {2, 6, 4})},
      {"no keys but values", "v", "m", "0", "5", shaped({2, 3, 8}, {2, 0, 8}, {2, 5, 4})},
      {"null queries", "q", "", "memory", "a null pointer", strange_view({static_cast<float*>(nullptr), {2, 3, 8}})},
      {"negative extent", "q", "n", "an extent that is not negative", "-3", strange_view({memory, {2, -3, 8}})},
      {"negative batch", "q", "b", "an extent that is not negative", "-2", strange_view({memory, {-2, 3, 8}})},
      {"result too small", "into", "n", "3", "2", to({memory, {2, 2, 4}})},
      {"result too large", "into", "n", "3", "4", to({memory, {2, 4, 4}})},
      {"result's batch", "into", "b", "2", "1", to({memory, {1, 3, 4}})},
      {"result's width", "into", "e", "4", "5", to({memory, {2, 3, 5}})},
      {"result's rank", "into", "", "3 axes", "2", to({memory, {6, 4}})},
      {"result's rank too high", "into", "", "3 axes", "4", to({memory, {1, 2, 3, 4}})},
      {"null result", "into", "", "memory", "a null pointer", to({static_cast<float*>(nullptr), {2, 3, 4}})},
      {"result with stride 0 along n", "into", "n", "a stride that keeps elements apart", "stride 0", to({memory, {2, 3, 4}, {12, 0, 1}})},
      {"result with stride 0 along e", "into", "e", "a stride that keeps elements apart", "stride 0", to({memory, {2, 3, 4}, {12, 4, 0}})},
      {"result with stride 0 along b", "into", "b", "a stride that keeps elements apart", "stride 0", to({memory, {2, 3, 4}, {0, 4, 1}})},
      {"result over q", "into", "", "memory of its own", "memory that operand 'q' lies in", [&](tensor<float>&) {
         fuse<out>(q = view<float>(memory, {2, 3, 8}), k = K, v = V, into(view<float>(memory + 40, {2, 3, 4}))); }},
      {"result over v", "into", "", "memory of its own", "memory that operand 'v' lies in", [&](tensor<float>&) {
         fuse<out>(q = Q, k = K, v = view<float>(memory, {2, 5, 4}), into(view<float>(memory + 23, {2, 3, 4}, {-12, -4, -1}))); }},
      {"index below", "ids", "w", "indices from 0 to 3", "-1", at_ids(-1)},
      {"index above", "ids", "w", "indices from 0 to 3", "4", at_ids(4)},
      {"index far above", "ids", "w", "indices from 0 to 3", "2147483647", at_ids(2147483647)},
      {"index far below", "ids", "w", "indices from 0 to 3", "-2147483648", at_ids(-2147483647 - 1)},
      {"empty table", "ids", "w", "indices from 0 to -1", "0", [&](tensor<float>&) { tensor<float> r(3, 8); fuse<looked_up>(ids = I, words = t({0, 8}), into(r)); }},
      {"whole number too wide", "long_ids", "", "whole numbers within 32 bits", "4294967296", [&](tensor<float>&) {
         tensor<std::int64_t> x(3), r(3); x[2] = std::int64_t(1) << 32; fuse<whole>(long_ids = x, into(r)); }},
      {"whole number too negative", "long_ids", "", "whole numbers within 32 bits", "-4294967296", [&](tensor<float>&) {
         tensor<std::int64_t> x(3), r(3); x[0] = -(std::int64_t(1) << 32); fuse<whole>(long_ids = x, into(r)); }},
      {"odd split", "", "o", "2 x 3 (axes 'h' and 'e')", "7", [&](tensor<float>&) { tensor<float> r(4, 2, 3); fuse<parts>(input<"xo">(n, o) = t({4, 7}), into(r)); }},
      {"renamed axes differ", "", "n", "5, as axis 'm' that is renamed to it", "4", [&](tensor<float>&) { tensor<float> r(4); fuse<renamed_sum>(input<"p">(n) = t({4}), input<"r">(m) = t({5}), into(r)); }},
      {"slice outside", "words", "w", "at least 5 elements, to be read at axis 'x3'", "4", [&](tensor<float>&) { tensor<float> r(3, 8); fuse<sliced>(words = t({4, 8}), into(r)); }},
      {"an axis nobody carries", "", "z", "an operand that carries it, or with(z, extent)", "none", [&](tensor<float>&) { tensor<float> r(4); fuse<counted>(input<"p">(n) = t({4}), into(r)); }},
      {"with against an operand", "p", "n", "5", "4", [&](tensor<float>&) { tensor<float> r(4); fuse<counted>(input<"p">(n) = t({4}), with(n, 5), with(z, 2), into(r)); }},
      {"with a negative extent", "", "z", "an extent that is not negative", "-2", [&](tensor<float>&) { tensor<float> r(4); fuse<counted>(input<"p">(n) = t({4}), with(z, -2), into(r)); }},
      {"with an axis of another graph", "", "w", "an axis of the graph", "one that it does not have", [&](tensor<float>&) { tensor<float> r(4); fuse<counted>(input<"p">(n) = t({4}), with(z, 1), with(w, 2), into(r)); }},
      {"table shorter than the queries", "doc", "z", "at least 3 elements, to be read at axis 'n'", "2", [&](tensor<float>& O) {
         tensor<std::int32_t> x(2); fuse<documents>(q = Q, k = t({2, 2, 8}), v = t({2, 2, 4}), doc = x, into(O)); }},
      {"table shorter than the keys", "doc", "z", "at least 5 elements, to be read at axis 'm'", "4", [&](tensor<float>& O) {
         tensor<std::int32_t> x(4); fuse<documents>(q = Q, k = K, v = V, doc = x, into(O)); }},
      {"tensor with a negative extent", "", "", "extents that are not negative", "-1", [&](tensor<float>&) { tensor<float> x(2, -1); }},
      {"tensor beyond 64 bits", "", "", "at most 2^63 elements", "more", [&](tensor<float>&) { tensor<float> x(extent_t(1) << 40, extent_t(1) << 40); }},
      {"strides of another rank", "", "", "2 strides", "1", [&](tensor<float>&) { view<float> x(memory, {2, 3}, {1}); }},
  };
  BOOST_TEST(all.size() >= 40u);
  for (const wrong& x : all) {
    tensor<float> O(2, 3, 4);
    std::fill(O.begin(), O.end(), 7.f);
    std::fill(std::begin(memory), std::end(memory), 5.f);
    bool thrown = false;
    try {
      x.call(O);
    } catch (const error& e) {
      thrown = true;
      BOOST_TEST(e.operand() == x.operand, std::string(x.what) + ": operand '" + e.operand() + "' in: " + e.what());
      BOOST_TEST(e.axis() == x.axis, std::string(x.what) + ": axis '" + e.axis() + "' in: " + e.what());
      BOOST_TEST(e.expected() == x.expected, std::string(x.what) + ": expected '" + e.expected() + "'");
      BOOST_TEST(e.got() == x.got, std::string(x.what) + ": got '" + e.got() + "'");
    }
    BOOST_TEST(thrown, std::string(x.what) + ": nothing was thrown");
    for (const float y : O) if (y != 7.f) BOOST_TEST(false, std::string(x.what) + ": the result was written");
    for (const float y : memory) if (y != 5.f) { BOOST_TEST(false, std::string(x.what) + ": memory was written"); break; }
  }
}
