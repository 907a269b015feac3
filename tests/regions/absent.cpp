// What is absent stays absent on its way through memory: behind views, gathers, shifts and joins, in a product, in a
// value that is a result too. Memory holds numbers alone, so each of these has read -inf where there was nothing.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "fused_against_oracle.hpp"
using namespace heed;
using namespace heed_tests::graphs;

namespace {
template <class V> constexpr auto weighed_values(const V& values) { return dot<m>(softmax<m>(s), values); }
constexpr auto half = mask(projected, o < 5);
constexpr auto product = dot<m>(mask(input<"a1">(n, m), m <= n) * 2, input<"a2">(m, d));
constexpr auto product_of_dot = dot<o>(half * 2, w2);
constexpr auto product_of_both = dot<o>(half * 2, mask(w2, o < 6) * 3);
constexpr auto weighted_mask = weighed_values(mask(v, m < 3));
constexpr auto weighted_product = weighed_values(mask(v, m < 3) * 2);
constexpr auto weighted_pairs = weighed_values(mask(v, m <= n) * 2);
constexpr auto weighted_both = dot<m>(softmax<m>(mask(s, m <= n)), mask(v, m > 0) * 2);
constexpr auto masked_queries = dot<m>(softmax<m>(dot<d>(mask(q, q <= 0.1), k)), v);
constexpr auto masked_keys = logsumexp<m>(dot<d>(q, mask(k, k <= 0.1)));
constexpr auto renamed = sum<t>(rename<n, t>(mask(gate * 2, n < 2)));
constexpr auto renamed_dot = mean<t>(rename<n, t>(half * 3));
constexpr auto shifted_on = sum<n>(shift<n>(mask(gate * 2, n < 2), 1));
constexpr auto shifted_back = mean<n>(shift<n>(mask(gate * 2, n < 2), -1));
constexpr auto cut = sum<two>(slice<c, two, 1>(mask(x * 2, c < 2)));
constexpr auto divided = mean<d>(split<o, h, d>(half));
constexpr auto united = max<c>(merge<h, d, c>(mask(q * 2, d < 2)));
constexpr auto read_rows = sum<n>(gather<eleven>(mask(word * 2, eleven < 3), ids));
constexpr auto read_index = sum<n>(gather<eleven>(word, cast<std::int32_t>(mask(ids, ids < 4))));
constexpr auto joined_up = mean<eleven>(concat<c, e, eleven>(mask(x * 2, c < 3), input<"y">(b, n, e)));
constexpr auto sum_with_mask = sum<o>(projected + mask(bias_o, o < 5));
constexpr auto absent_result = half * 2;
constexpr auto sum_of_it = sum<o>(absent_result);
constexpr auto pairs_result = mask(s, m <= n) * 2;
constexpr auto sum_of_pairs = sum<m>(pairs_result);
constexpr auto view_of_it = rename<n, t>(mask(gate * 2, n < 2));
#define CHECK(...) heed_tests::check_fused<results(__VA_ARGS__)>(#__VA_ARGS__)
}  // namespace

BOOST_AUTO_TEST_CASE(in_products) {
  CHECK(product);
  CHECK(product_of_dot);
  CHECK(product_of_both);
  CHECK(weighted_mask);
  CHECK(weighted_product);
  CHECK(weighted_pairs);
  CHECK(weighted_both);
  CHECK(masked_queries);  // element by element, as few widths as that leaves
  CHECK(masked_keys);
}
BOOST_AUTO_TEST_CASE(behind_views) {
  CHECK(renamed);
  CHECK(renamed_dot);
  CHECK(shifted_on);
  CHECK(shifted_back);
  CHECK(cut);
  CHECK(divided);
  CHECK(united);
  CHECK(read_rows);
  CHECK(read_index);
  CHECK(joined_up);
  CHECK(view_of_it);
}
BOOST_AUTO_TEST_CASE(in_results) {
  CHECK(sum_with_mask);
  CHECK(absent_result, sum_of_it);
  CHECK(pairs_result, sum_of_pairs);
}
