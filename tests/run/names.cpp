// options: -O1
// Names of a user's beside heed's. `using namespace heed` takes those that are documented; a word for a part of the
// library is as good a name for something of his as any other, at global scope too. And without a using, expressions
// find their operators and functions.
#include <heed/heed.hpp>
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"element", 3> element;
constexpr auto shape = input<"shape">(n, element);
constexpr auto node = input<"node">(m, element);
constexpr auto role = input<"role">(m);
constexpr auto region = mask(dot<element>(shape, node), m <= n);
constexpr auto graph = dot<m>(softmax<m>(region), role);
constexpr auto plan = fuse<graph, strict>;

enum class op { add, remove };
enum class element_kind { one };
struct text {
  std::string of;
};
struct label {
  int number;
};
struct expression {
  label first;
};
struct program {
  std::vector<op> steps;
};
struct options {
  bool strict = false;
};
namespace simd {
constexpr int lanes = 3;
}
namespace run {
inline int count = 0;
}
namespace middle {
template <class T> T of(T a, T b) { return (a + b) / 2; }
}  // namespace middle
int show = 1, given = 2, has = 3, join = 4, drop = 5, buffer = 6, rank = 7, piece = 8, storage = 9, bound = 10,
    runtime = 11, fused = 12, avx2 = 13, avx512 = 14, scalar = 15;
template <class T> int graph_of(const T&) {
  return 16;
}  // with operands of heed: nothing of heed's is found by its arguments
template <class T> int put(const T&) { return 17; }
template <class T> int describe(const T& x) { return graph_of(x) + put(x); }

BOOST_AUTO_TEST_CASE(words_for_parts_of_the_library_are_left_to_its_users) {
  const float shapes[2][3] = {{1, 2, 3}, {0, 0, 0}}, nodes[2][3] = {{4, 5, 6}, {7, 8, 9}}, values[2] = {10, 30};
  float into_here[2];
  plan(shape = shapes, node = nodes, role = values, into(into_here));
  BOOST_TEST(into_here[0] == 10);  // the first sees the first alone
  BOOST_TEST(into_here[1] == 20);  // two scores of 0
  const text words{"own"};
  const expression e{label{simd::lanes}};
  const program p{{op::add, op::remove}};
  const options o{.strict = true};
  run::count += int(p.steps.size());
  BOOST_TEST(words.of + std::to_string(e.first.number) == "own3");
  BOOST_TEST((run::count == 2 && o.strict && element_kind::one == element_kind{} && middle::of(2, 4) == 3));
  BOOST_TEST(show + given + has + join + drop + buffer + rank + piece + storage + bound + runtime + fused + avx2 +
                 avx512 + scalar ==
             120);
  BOOST_TEST(describe(graph) == 33);
  BOOST_TEST(describe(shape) == 33);
  BOOST_TEST(describe(n) == 33);
  BOOST_TEST(describe(tensor<float>(2)) == 33);
}

namespace {
// Bounds of a primitive, and a value that names its packs.
struct halved {
  static constexpr auto name = "halved";
  static heed::pack<float> value(const heed::pack<float>& x) { return x * 0.5f; }
  static heed::pack<double> value(const heed::pack<double>& x) { return x * 0.5; }
  static heed::interval bounds(heed::interval x) { return x * heed::interval(0.5); }
  static constexpr auto derivative(const auto&) { return 0.5; }
};
}  // namespace

// No using of heed in what follows: its own operators and functions are found for expressions, and for axes, which are
// none yet.
namespace without_using {
constexpr heed::axis<"i"> i;
constexpr heed::axis<"j"> j;
constexpr auto x = heed::input<"x">(i, j);
constexpr auto y = heed::input<"y">(j);
constexpr auto keep = (j <= i && !(i - j > 2)) || i == j;
constexpr auto far = max(i, j) - min(i, 1) * 2 + -j % 2;
constexpr auto all = sum<j>(mask(abs(x) * y / 2, keep&& far != 7 && j < i + 1 && i >= 0));
constexpr auto half = heed::primitive<halved>(all);
}  // namespace without_using

BOOST_AUTO_TEST_CASE(expressions_and_axes_find_their_operators_without_a_using) {
  const float xs[2][2] = {{-2, 100}, {4, 6}}, ys[2] = {1, 3};
  float alls[2], halves[2];
  heed::fuse<without_using::all>(without_using::x = xs, without_using::y = ys, heed::into(alls));
  BOOST_TEST((alls[0] == 1 && alls[1] == 11));  // |-2| / 2; (4 * 1 + 6 * 3) / 2
  heed::fuse<without_using::half>(without_using::x = xs, without_using::y = ys, heed::into(halves));
  BOOST_TEST((halves[0] == 0.5f && halves[1] == 5.5f));
  std::ostringstream out;
  out << heed::tensor<float>(2);
  BOOST_TEST(out.str() == "[0 0]");
}
