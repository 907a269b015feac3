// A chain of residual blocks stays linear: in nodes of its graph, in regions, in evaluation; and the names of what is
// compiled do not grow at all.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include <heed/heed.hpp>
#include <typeinfo>
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 2> h;
constexpr axis<"d", 4> d;
constexpr axis<"c", 8> c;
constexpr axis<"o", 8> o;
constexpr axis<"f", 16> f;
constexpr auto wq = input<"wq">(o, c);
constexpr auto wk = input<"wk">(o, c);
constexpr auto wv = input<"wv">(o, c);
constexpr auto wo = input<"wo">(c, o);
constexpr auto w1 = input<"w1">(f, c);
constexpr auto w2 = input<"w2">(c, f);

template <class X> constexpr auto block(const X& x) {
  const auto y = rms_norm<c>(x);
  const auto q = split_heads<o, h, d>(project<c>(y, wq));
  const auto k = rename<n, m>(split_heads<o, h, d>(project<c>(y, wk)));
  const auto v = rename<n, m>(split_heads<o, h, d>(project<c>(y, wv)));
  const auto attended = x + project<o>(merge_heads<h, d, o>(attention<d, m>(q, k, v, causal(n, m))), wo);
  return attended + project<f>(silu(project<c>(attended, w1)), w2);
}
template <int K, class X> constexpr auto stack(const X& x) {
  if constexpr (K == 0) return x;
  else return stack<K - 1>(block(x));
}
constexpr auto x = input<"x">(b, n, c);
using plain = expr<shape<axis<"b">, axis<"n">, axis<"c", 8>>, element::f32>;
constexpr auto out_4 = stack<4>(static_cast<const plain&>(x));
constexpr auto out_8 = stack<8>(static_cast<const plain&>(x));
constexpr auto out_16 = stack<16>(static_cast<const plain&>(x));

template <class T> constexpr std::size_t length_of_type() { return sizeof(__PRETTY_FUNCTION__); }
template <result_list R> constexpr const auto& first_alike = plan::first_alike_of<*R.of[0]>;
template <result_list R> constexpr int regions = plan::plan_of<*R.of[0]>.region_count;
}  // namespace

BOOST_AUTO_TEST_CASE(nodes_grow_linearly) {
  const int four = out_4.g.size, eight = out_8.g.size, sixteen = out_16.g.size;
  BOOST_TEST(sixteen - eight == 2 * (eight - four));
  BOOST_TEST((eight - four) / 4 <= 30);   // nodes of a block
  BOOST_TEST(four <= eight - four + 16);  // and nothing that only the first pays for but inputs and constants
}
BOOST_AUTO_TEST_CASE(regions_grow_linearly) {
  BOOST_TEST(regions<out_16> - regions<out_8> == 2 * (regions<out_8> - regions<out_4>));
  BOOST_TEST(regions<out_16> == 16 * 8);  // norm, three projections, attention, back, two of the MLP
}
// However many blocks there are, the first, the last and one between are compiled.
BOOST_AUTO_TEST_CASE(equal_loops_are_compiled_once) {
  const auto kernels = [](const auto& first) {
    int count = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      BOOST_TEST(first[std::size_t(first[i])] == first[i]);
      count += first[i] == int(i);
    }
    return count;
  };
  BOOST_TEST(kernels(first_alike<out_4>) == kernels(first_alike<out_8>));
  BOOST_TEST(kernels(first_alike<out_8>) <= 3 * 8);
}
BOOST_AUTO_TEST_CASE(names_stay_short) {
  BOOST_TEST(std::string(typeid(out_16).name()) == typeid(out_4).name());  // the type of a value is its shape and
                                                                           // element
  BOOST_TEST(length_of_type<decltype(fuse<out_16>)>() == length_of_type<decltype(fuse<out_4>)>() + 1);  // "out_16" for
                                                                                                        // "out_4"
  const std::string four = typeid(fuse<out_4>).name(), sixteen = typeid(fuse<out_16>).name();
  BOOST_TEST(sixteen.size() == four.size() + 1);
  BOOST_TEST(sixteen.size() < 200u);
}
