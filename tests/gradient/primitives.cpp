// Every primitive of the language: its gradient, and where it is smooth the gradient of its gradient, against central
// differences.
// options: -O0 -DHEED_UNOPTIMISED
#include "gradient_graphs.hpp"
using namespace heed_tests;
using namespace heed_tests::gradient_graphs;

BOOST_AUTO_TEST_CASE(pointwise_functions) {
  GRADIENTS("a", -(a * a));
  GRADIENTS("a", abs(a) * a);
  GRADIENTS("a", exp(a));
  GRADIENTS("a", exp2(a));
  GRADIENTS("a_pos", log(pos));
  GRADIENTS("a", tanh(a));
  GRADIENTS("a_pos", sqrt(pos));
  GRADIENTS("a_pos", rsqrt(pos));
  GRADIENTS("a", erf(a));
  GRADIENTS("a", sigmoid(a));
  GRADIENTS("a", softplus(a * 3));
  GRADIENTS("a", sin(a * 2) * a);
  GRADIENTS("a", cos(a * a));
  GRADIENT(sign(a) * a2 + floor(a * 3) * a + round(a2 * 4) * a2);
  GRADIENTS("a", clamp(a, -0.25, 0.5) * a);
  GRADIENT(clamp(a, row - 0.7, gate) * a2);  // an empty range here and there: its end
  GRADIENT(clamp(scale, a, 2) + clamp(n * a, -1, 1));
  GRADIENTS("a_pos", pow(pos, a));
  GRADIENTS("a", pow(pos, a));
  GRADIENT(pow(pos, row) * pow(2, gate) + pow(pos, n) + pow(n + 1, a));
  GRADIENTS("a_pos", pow(pos, 1.5));
  GRADIENTS("a", pow(a, 3));
  GRADIENTS("a_pos", pow(pos, -2));
  GRADIENTS("a", a * a + a2);
  GRADIENTS("a", a2 - a * a * a);
  GRADIENTS("a", a * a2 * a);
  GRADIENTS("a", a / pos * a);
  GRADIENTS("a_pos", a / pos);
  GRADIENTS("a_pos", 3 / pos);
  GRADIENTS("a", min(a, a2) * a);
  GRADIENTS("a", max(a * a, a2));
  GRADIENT(max(a, 0) + min(0.3, a2));
  GRADIENTS("a", where(a < a2, a * a2, a2 * a * a));
  GRADIENT(where((a < a2 && !(a == a2)) || a2 >= 0.4, a, 2));
  GRADIENTS("a", mask(a * a, keep_in) * a2);
  GRADIENTS("a", random_uniform(7, n, c) * a * a + where(random_uniform(3, c, n) < 0.5, a, 2 * a2));
  GRADIENT(cast<double>(cast<float>(a)) * a);
  GRADIENT(cast<double>(cast<std::int32_t>(a * 10)) * a);
}

BOOST_AUTO_TEST_CASE(values_that_vary_over_fewer_axes) {
  GRADIENTS("row", a * row * row);
  GRADIENTS("gate", a * gate * row + gate * gate);
  GRADIENTS("scale", a * scale * scale);
  GRADIENT(scale * row + gate);
  GRADIENT(gate / (2 + row));
  GRADIENT(row - gate);
  GRADIENT(where(ids < 2, row, scale));
  GRADIENT(where(gate > 0.1, row, gate * scale));
  GRADIENT(max(row, gate));
  GRADIENT(mask(row, ids < 3) * 2);
  GRADIENT(gate * n + scale * m);  // an axis that no input has
  GRADIENT(gate * size<n> + scale * size<m>);
  GRADIENT(exp(scale));
  GRADIENT(a + a);
  GRADIENT(sum<n>(gate) * a);
}

BOOST_AUTO_TEST_CASE(contractions) {
  GRADIENTS("q", dot<d>(q, k) * dot<d>(q, k));
  GRADIENT(dot<d>(q, k));
  GRADIENT(dot<h, d>(q, k));
  GRADIENT(dot<h, n, d>(q, q));
  GRADIENT(dot<c>(a, a2));
  GRADIENT(dot<c>(a, a));
  GRADIENT(dot<n, c>(a, a2));
  GRADIENT(dot<c>(a, row));
  GRADIENT(dot<n>(a, gate));
  GRADIENT(dot<n>(gate, gate));
  GRADIENT(dot<c>(a, input<"w", double>(o, c)));
  GRADIENT(dot<m>(mask(dense, m <= n), v));
  GRADIENT(dot<m>(dense, mask(v, m < length)));
  GRADIENT(dot<m>(softmax<m>(s), mask(input<"key", double>(m), m < length)));
  GRADIENT(dot<m>(softmax<m>(mask(s, m <= n)), mask(dense, m < length)));
  GRADIENT(dot<n>(gate, n * scale));
  GRADIENT(dot<m>(dense, m * m));
  GRADIENT(dot<m>(softmax<m>(dense), softmax<m>(s)));
  GRADIENT(dot<m>(softmax<m>(dense), softmax<m>(dense)));
}

BOOST_AUTO_TEST_CASE(reductions) {
  GRADIENTS("a", sum<c>(a * a));
  GRADIENT(sum<n, c>(a * a2));
  GRADIENT(sum<n>(a) * sum<c>(a));
  GRADIENT(sum<c>(mask(a * a2, keep_in)));
  GRADIENT(sum<m>(dense * m + gate));
  GRADIENT(sum<n, m>(gate * m));
  GRADIENTS("a", running_sum<n>(a * a));
  GRADIENTS("a", running_sum<c>(a * a2, from_the_end) * a);
  GRADIENTS("a", running_sum<n>(running_sum<n>(a * a)) * a);
  GRADIENT(running_sum<n>(scale + gate * a) + running_sum<n>(gate * n));
  GRADIENT(sum<n>(running_sum<n>(a)));  // what comes back does not vary along n
  GRADIENT(running_sum<c>(mask(a * a, keep_in)) * a2);
  GRADIENT(running_sum<n>(mask(a, n < length)) + mask(running_sum<n>(a, from_the_end), keep_in));
  GRADIENT(weighed(s + running_sum<m>(dense, from_the_end)));
  GRADIENTS("a", mean<c>(a * a));
  GRADIENT(mean<n, c>(a));
  GRADIENT(mean<n>(scale + a));  // summed over c, which its gradient has, and n, which it lacks
  GRADIENT(mean<n>(a * gate));
  GRADIENT(mean<c>(mask(a * a, keep_in)));
  GRADIENT(mean<n>(mask(a, n < length)));
  GRADIENT(mean<m>(mask(dense, m <= n) * scale));
  GRADIENT(mean<m>(gate * m));
  GRADIENT(sum<c>(mask(a, keep_in) * a2));  // what is left out of the product has no part in the other factor
  GRADIENT(sum<c>(mask(a, keep_in) * a2) + sum<c>(a2 * a2));
  GRADIENT(sum<n, c>(where(a < 0, mask(a, keep_in), a2) * row));
  GRADIENT(mean<t>(rename<n, t>(mask(gate * gate, ids < 3))));
  GRADIENT(mean<two>(slice<c, two, 2>(mask(a * a, keep_in))));
  GRADIENT(mean<two, d>(split<c, two, d>(mask(a * a, keep_in))));
  GRADIENT(mean<c>(merge<h, d, c>(mask(q, n < 2))));
  GRADIENT(mean<n>(shift<n>(mask(gate, n < length - 1), -1)));
  GRADIENT(mean<words>(concat<d, e, words>(mask(input<"k5", double>(n, d), n < 2), input<"k6", double>(n, e))));
  GRADIENT(mean<n>(level.at(n) * gather<words>(mask(word, words < 3), ids)));
  GRADIENT(max<c>(a));
  GRADIENT(max<n, c>(a * a2));
  GRADIENT(max<c>(mask(a, keep_in)));
  GRADIENTS("a", min<n>(a) * a);
  GRADIENT(min<c>(mask(a * a2, keep_in)));
  GRADIENT(max<c>(row * gate));
  GRADIENTS("a", logsumexp<c>(a));
  GRADIENT(logsumexp<n, c>(a));
  GRADIENTS("a", logsumexp<c>(mask(a * a2, keep_in)));
  GRADIENT(logsumexp<c>(row * gate + scale));
  GRADIENT(logsumexp<m>(gate * m));
  GRADIENTS("a", softmax<c>(a));
  GRADIENTS("a", softmax<c>(mask(a * a2, keep_in)));
  GRADIENT(softmax<n>(a) * softmax<c>(a));
  GRADIENT(softmax<c>(row * gate));
  GRADIENT(softmax<c>(a) * logsumexp<c>(a));
  GRADIENT(logsumexp<c>(a) - logsumexp<c>(a * 2));
}

BOOST_AUTO_TEST_CASE(readings) {
  GRADIENT(gather<words>(word, ids));
  GRADIENTS("word", gather<words>(word * word, ids));
  GRADIENT(gather<words>(word, ids - 2));  // outside: the nearest end
  GRADIENT(gather<words>(word, 3));
  GRADIENT(table.at(n - m + 3));
  GRADIENT(tables.at(n - m + 3) + dense);
  GRADIENT(tables.at(max(n - m, 0) * 3));
  GRADIENT(sum<m>(table.at(n - m + 3) * dense));
  GRADIENT(level.at(n));
  GRADIENT(level.at(n) - level.at(m));
  GRADIENT(level.at(ids));
  GRADIENT(gather<c>(a, ids));  // the index varies over an axis of the table
  GRADIENT(gather<c>(row, cast<std::int32_t>(gate * 3)) * gate);
  GRADIENT(gather<z>(table * table, 2) * gate);
  GRADIENT(table.at(cast<std::int32_t>(mask(ids, ids < 4))) * 1.5);
}

BOOST_AUTO_TEST_CASE(views) {
  GRADIENT(rename<n, t>(a) * 2);
  GRADIENTS("a", rename<n, t>(a) * a);
  GRADIENT(rename<n, t>(gate) * q);
  GRADIENTS("a", split<c, two, d>(a * a));
  GRADIENT(split<c, two, d>(a * row) * row);
  GRADIENT(sum<two>(split<c, two, d>(a)));
  GRADIENT(sum<d, two>(split<c, two, d>(a)) * gate);
  GRADIENT(merge<h, d, c>(q * q));
  GRADIENT(merge<h, d, c>(q) * row);
  GRADIENT(sum<c>(merge<h, d, c>(q)));
  GRADIENT(slice<c, two, 1>(a));
  GRADIENT(slice<c, four, 2>(a) * slice<c, four, 0>(a));
  GRADIENT(sum<two>(slice<c, two, 3>(a)));
  GRADIENT(shift<n>(a, 1));
  GRADIENTS("a", shift<n>(a * a, -2) + shift<n>(a, 1) * a);
  GRADIENT(sum<n>(shift<n>(a, 1)));
  GRADIENT(sum<n>(shift<n>(gate, -1)) * a);
  GRADIENT(concat<d, e, words>(input<"k5", double>(n, d) * 2, input<"k6", double>(n, e)) * gate);
  GRADIENT(sum<words>(concat<d, e, words>(input<"k5", double>(n, d), input<"k6", double>(n, e))));
  GRADIENT(arrange<c, n>(a * row));
}
