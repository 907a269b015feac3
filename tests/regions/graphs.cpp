// Every graph through its kernels: the fused run of each equals the oracle, at several extents.
#include "fused_against_oracle.hpp"
using namespace heed;
using namespace heed_tests::graphs;

#define CHECK(...) heed_tests::check_fused<results(__VA_ARGS__)>(#__VA_ARGS__)

BOOST_AUTO_TEST_CASE(every_graph_runs) {
  CHECK(past_only);
  CHECK(past_only, lse, top);
  CHECK(lse);
  CHECK(sloped);
  CHECK(capped);
  CHECK(capped_after);
  CHECK(documents);
  CHECK(nearby);
  CHECK(padded);
  CHECK(kept);
  CHECK(relative);
  CHECK(with_bias);
  CHECK(gated);
  CHECK(grouped);
  CHECK(shared_keys);
  CHECK(decode);
  CHECK(doubled);
  CHECK(two_tiles);
  CHECK(over_n);
  CHECK(weights);
  CHECK(past_only, weights);
  CHECK(projected);
  CHECK(gelu_of);
  CHECK(mlp);
  CHECK(gated_mlp);
  CHECK(post_norm);
  CHECK(embedded);
  CHECK(pooled);
  CHECK(cosine);
  CHECK(column_softmax);
  CHECK(inner);
  CHECK(layer);
  CHECK(attended);
  CHECK(heads);
  CHECK(shifted);
  CHECK(joined_value);
  CHECK(sliced);
  CHECK(masked_result);
  CHECK(masked_dot);
  CHECK(conditions);
  CHECK(whole_sum);
  CHECK(minimum);
  CHECK(scalars);
  CHECK(picked);
  CHECK(turned);
  CHECK(turned_rows);
  CHECK(several_axes);
  CHECK(x, x, projected);
  CHECK(projected, projected, mlp);
  CHECK(layer, attended, weights);
}
