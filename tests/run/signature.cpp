// What a graph says of itself to whoever wants to call it: names, elements and axes in memory order, as a value of
// exact size, seen through one type for all graphs.
#include <boost/test/unit_test.hpp>
#include <heed/heed.hpp>
#include <string>
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 4> e;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k", double>(m, d);
constexpr auto v = input<"v", double>(m, e);
constexpr auto keep = input<"keep", bool>(b, m);
constexpr auto score = scaled_dot<d>(cast<double>(q), k);
constexpr auto out = dot<m>(softmax<m>(mask(score, keep&& m <= n)), v);
constexpr auto back = gradient<out>(wrt(v, k));
constexpr auto nothing = 0 * q + 1;

template <result_list R> constexpr const run::signature& signature_of = run::signature_of<*R.of[0]>;
template <result_list R> constexpr const auto& data_of = run::signature_data_of<*R.of[0]>;

// q: float (b, n, d 8)
std::string described(const run::signature& of, const run::signature_entry& x) {
  static const char* const names[] = {"bool", "integer", "int8", "int32", "int64", "real", "float", "double"};
  std::string s = x.name.text() + ": " + names[int(x.type)] + " (";
  for (const int axis : of.order_of(x)) {
    s += s.back() == '(' ? "" : ", ";
    s += of.axes[axis].name.text();
    if (of.axes[axis].extent != runtime) s += " " + std::to_string(of.axes[axis].extent);
  }
  return s + ")";
}
}  // namespace

BOOST_AUTO_TEST_CASE(operands_and_results_in_order) {
  const run::signature& of = signature_of<out>;  // of every graph the same type
  BOOST_TEST_REQUIRE(of.operands.size() == 4);
  BOOST_TEST(described(of, of.operands[0]) == "q: float (b, n, d 8)");
  BOOST_TEST(described(of, of.operands[1]) == "k: double (m, d 8)");
  BOOST_TEST(described(of, of.operands[2]) == "keep: bool (b, m)");
  BOOST_TEST(described(of, of.operands[3]) == "v: double (m, e 4)");
  BOOST_TEST_REQUIRE(of.results.size() == 1);
  BOOST_TEST(described(of, of.results[0]) == ": double (b, n, e 4)");
  BOOST_TEST(of.declared_axes == 5);
  BOOST_TEST(of.find_axis(make_label("m")) >= 0);
  BOOST_TEST(of.find_axis(make_label("x")) == -1);
}
BOOST_AUTO_TEST_CASE(results_are_named_after_what_they_are_gradients_of) {
  const run::signature& of = run::signature_of<*back.of[0], *back.of[1]>;
  BOOST_TEST_REQUIRE(of.results.size() == 2);
  BOOST_TEST(described(of, of.results[0]) == "v: double (m, e 4)");
  BOOST_TEST(described(of, of.results[1]) == "k: double (m, d 8)");
  BOOST_TEST(written({of.result_name(0)}) == "grad(v)");
  BOOST_TEST(of.operands.size() == 5);  // the cotangent too
}
// What simplification has removed is known, and need not be bound.
BOOST_AUTO_TEST_CASE(an_operand_that_nobody_reads) {
  const run::signature& of = signature_of<nothing>;
  BOOST_TEST_REQUIRE(of.operands.size() == 1);
  BOOST_TEST(of.operands[0].is_declared);
}
// As large as what it says.
BOOST_AUTO_TEST_CASE(exact_size) {
  BOOST_TEST(sizeof(data_of<out>) < 512u);
  static_assert(data_of<out>.axes.of.size() == 5 && data_of<out>.operands.of.size() == 4 &&
                data_of<out>.orders.of.size() == 12);
  BOOST_TEST(sizeof(run::call_table_data_of<*result_list(out).of[0]>) < 512u);
}
