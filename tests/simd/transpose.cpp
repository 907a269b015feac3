#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE simd_transpose
#include <heed/simd/transpose.hpp>

#include <boost/test/unit_test.hpp>

#include <tuple>

namespace simd = heed::internal::simd;

template <class T, int N>
struct square {
  using element = T;
  static constexpr int size = N;
};
using squares = std::tuple<square<float, 2>, square<float, 4>, square<float, 8>, square<float, 16>, square<double, 2>,
                           square<double, 4>, square<double, 8>, square<double, 16>, square<std::int32_t, 8>,
                           square<std::int64_t, 4>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(rows_become_columns, S, squares) {
  using T = typename S::element;
  constexpr int n = S::size;
  simd::pack<T, n> r[n];
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) r[i].x[j] = T(100 * i + j);
  simd::transpose(r);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) BOOST_TEST(r[i][j] == T(100 * j + i));
  simd::transpose(r);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) BOOST_TEST(r[i][j] == T(100 * i + j));
}
