// Every graph through its kernels: the fused run of each equals the oracle, at several extents.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "fused_against_oracle.hpp"
using namespace heed;
using namespace heed_tests::graphs;

#define CHECK(...) heed_tests::check_fused<results(__VA_ARGS__)>(#__VA_ARGS__)

BOOST_AUTO_TEST_CASE(every_graph_runs) { HEED_EVERY_GRAPH(CHECK) }
