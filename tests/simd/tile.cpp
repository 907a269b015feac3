// The register tiles against naive double loops: all widths, depths and counts up to 40 and a few beyond, every operand
// at the edge of a guard page.
#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE simd_tile
#include <heed/simd/tile.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>
#include <vector>

#include "guarded.hpp"

namespace simd = heed::internal::simd;
using integer = std::ptrdiff_t;

namespace {

using reals = std::tuple<float, double>;
template <class T>
constexpr int B = simd::block_rows<T>;
constexpr auto behind = [](auto value) { return guarded<decltype(value)>::side::behind; };

// Numbers in [-1, 1] that are not short in binary.
double number(std::uint64_t i) {
  i = (i + 1) * 0x9e3779b97f4a7c15u;
  i ^= i >> 31;
  return double(i % 20011) / 10005.3 - 1;
}
template <class T>
void fill(T* p, std::size_t count, std::uint64_t seed) {
  for (std::size_t i = 0; i < count; ++i) p[i] = T(number(seed * 1000003 + i));
}

// A sum of products in double beside the sum of their sizes, which says how far rounding may go.
struct exact_sum {
  double value = 0, size = 0;
  void add(double product) { value += product, size += std::fabs(product); }
};
template <class T>
bool close(T got, exact_sum s, integer terms) {
  return std::fabs(double(got) - s.value) <= double(terms + 2) * std::numeric_limits<T>::epsilon() * s.size;
}
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <int Keys, class T>
int wrong_contractions(integer depth, integer stride) {
  const std::size_t extent = depth ? std::size_t((Keys - 1) * stride + depth) : 0;
  guarded<T> x(extent, behind(T())), t(std::size_t(depth * B<T>), behind(T()));
  fill(x.data(), extent, 1), fill(t.data(), std::size_t(depth * B<T>), 2);
  simd::pack<T> acc[Keys][simd::vectors];
  simd::contract(t.data(), x.data(), stride, depth, acc);
  int wrong = 0;
  for (int i = 0; i < Keys; ++i)
    for (int r = 0; r < B<T>; ++r) {
      exact_sum s;
      for (integer d = 0; d < depth; ++d)
        s.add(double(t[std::size_t(d * B<T> + r)]) * double(x[std::size_t(i * stride + d)]));
      wrong += !close(acc[i][r / simd::native_lanes<T>][r % simd::native_lanes<T>], s, depth);
    }
  return wrong;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(contract_equals_the_sum_over_depth, T, reals) {
  for (integer depth = 0; depth <= 40; ++depth)
    for (integer padding : {0, 3}) {
      BOOST_TEST((wrong_contractions<simd::group, T>(depth, depth + padding)) == 0);
      BOOST_TEST((wrong_contractions<1, T>(depth, depth + padding)) == 0);
      BOOST_TEST((wrong_contractions<3, T>(depth, depth + padding)) == 0);
    }
  BOOST_TEST((wrong_contractions<simd::group, T>(257, 257)) == 0);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(accumulate_equals_the_sum_over_keys, T, reals) {
  for (integer width = 0; width <= 40; ++width)
    for (integer count : {0, 1, 2, 3, 7, 8, 33}) {
      const integer stride = width + (count % 3);
      const std::size_t extent = width && count ? std::size_t((count - 1) * stride + width) : 0;
      guarded<T> x(extent, behind(T())), p(std::size_t(count * B<T>), behind(T())),
          t(std::size_t(width * B<T>), behind(T()));
      fill(x.data(), extent, 3), fill(p.data(), std::size_t(count * B<T>), 4),
          fill(t.data(), std::size_t(width * B<T>), 5);
      const std::vector<T> before(t.data(), t.data() + width * B<T>);
      simd::accumulate_all(p.data(), x.data(), stride, t.data(), width, count);
      int wrong = 0;
      for (integer c = 0; c < width; ++c)
        for (int r = 0; r < B<T>; ++r) {
          exact_sum s;
          s.add(double(before[std::size_t(c * B<T> + r)]));
          for (integer j = 0; j < count; ++j)
            s.add(double(p[std::size_t(j * B<T> + r)]) * double(x[std::size_t(j * stride + c)]));
          wrong += !close(t[std::size_t(c * B<T> + r)], s, count + 1);
        }
      BOOST_TEST(wrong == 0, "width " << width << ", count " << count << ": " << wrong << " sums are wrong");

      // a column's sum does not depend on its neighbours, and the slow twin gives the same bits
      const std::vector<T> all(t.data(), t.data() + width * B<T>);
      std::vector<T> columns = before, present = before;
      for (integer c = 0; c < width; ++c)
        simd::accumulate_all(p.data(), x.data() + c, stride, columns.data() + c * B<T>, 1, count);
      simd::accumulate_present(p.data(), x.data(), stride, present.data(), width, count);
      BOOST_TEST(same_bits(columns, all));
      BOOST_TEST(same_bits(present, all));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(absent_values_reach_no_row, T, reals) {
  const integer width = 5, count = 9;
  std::vector<T> x(std::size_t(width * count)), clean, p(std::size_t(count * B<T>)), t(std::size_t(width * B<T>), T(1)),
      u = t;
  fill(x.data(), x.size(), 6), fill(p.data(), p.size(), 7);
  clean = x;
  // key 2 is seen by no row, key 5 by the odd rows only, one of them with a weight of 0
  for (int r = 0; r < B<T>; ++r) {
    p[std::size_t(2 * B<T> + r)] = simd::excluded<simd::pack<T>>()[0];
    if (r % 2 == 0) p[std::size_t(5 * B<T> + r)] = T(-0.0);
    else if (r == 3) p[std::size_t(5 * B<T> + r)] = 0;
  }
  for (integer c = 0; c < width; ++c) {
    x[std::size_t(2 * width + c)] = c % 2 ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
    x[std::size_t(5 * width + c)] = std::numeric_limits<T>::quiet_NaN();
    clean[std::size_t(2 * width + c)] = clean[std::size_t(5 * width + c)] = 0;
  }
  simd::accumulate_present(p.data(), x.data(), width, t.data(), width, count);
  simd::accumulate_all(p.data(), clean.data(), width, u.data(), width, count);
  for (integer c = 0; c < width; ++c)
    for (int r = 0; r < B<T>; ++r) {
      const std::size_t at = std::size_t(c * B<T> + r);
      if (r % 2) BOOST_TEST(std::isnan(t[at]));  // they do see key 5
      else BOOST_TEST(t[at] == u[at]);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(all_finite_sees_every_element_and_no_other, T, reals) {
  const T bad[] = {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                   -std::numeric_limits<T>::infinity()};
  for (integer width = 0; width <= 40; ++width)
    for (integer count : {0, 1, 3})
      for (integer padding : {0, 2}) {
        const integer stride = width + padding;
        const std::size_t extent = width && count ? std::size_t((count - 1) * stride + width) : 0;
        guarded<T> x(extent, behind(T()), std::numeric_limits<T>::quiet_NaN());
        for (integer j = 0; j < count; ++j)
          for (integer c = 0; c < width; ++c)
            x[std::size_t(j * stride + c)] =
                (c + j) % 2 ? std::numeric_limits<T>::max() : std::numeric_limits<T>::lowest();
        BOOST_TEST(simd::all_finite(x.data(), stride, width, count));
        int missed = 0;
        for (integer j = 0; j < count; ++j)
          for (integer c = 0; c < width; ++c) {
            T& element = x[std::size_t(j * stride + c)];
            const T kept = element;
            element = bad[(j + c) % 3];
            missed += simd::all_finite(x.data(), stride, width, count);
            element = kept;
          }
        BOOST_TEST(missed == 0);
      }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(transposes_for_any_depth_and_count, T, reals) {
  std::vector<integer> depths(41);
  for (int d = 0; d <= 40; ++d) depths[std::size_t(d)] = d;
  depths.insert(depths.end(), {64, 67, 129});
  for (integer depth : depths)
    for (int count : {0, 1, 2, simd::native_lanes<T>, simd::native_lanes<T> + 1, B<T> - 1, B<T>}) {
      const integer row_stride = depth + count % 2;  // rows in one array that ends, and rows in one that begins, at a
                                                     // guard page
      const std::size_t extent = depth && count ? std::size_t((count - 1) * row_stride + depth) : 0;
      for (auto where : {guarded<T>::side::before, guarded<T>::side::behind}) {
        guarded<T> x(extent, where), t(std::size_t(depth * B<T>), where, T(9));
        fill(x.data(), extent, 8);
        const T scale = T(0.3);
        simd::transpose_in(x.data(), row_stride, count, 1, depth, scale, t.data());
        int wrong = 0;
        for (integer d = 0; d < depth; ++d)
          for (int r = 0; r < B<T>; ++r)
            wrong += t[std::size_t(d * B<T> + r)] != (r < count ? x[std::size_t(r * row_stride + d)] * scale : T(0));
        BOOST_TEST(wrong == 0, "in, depth " << depth << ", rows " << count << ": " << wrong << " elements are wrong");

        std::vector<T> factor(B<T>);
        fill(factor.data(), factor.size(), 9);
        guarded<T> y(extent, where, T(7));
        simd::transpose_out(t.data(), factor.data(), depth, y.data(), row_stride, count, 1);
        wrong = 0;
        for (std::size_t i = 0; i < extent; ++i) {
          const integer r = integer(i) / row_stride, d = integer(i) % row_stride;
          wrong += y[i] != (d < depth ? t[std::size_t(d * B<T> + r)] * factor[std::size_t(r)] : T(7));
        }
        BOOST_TEST(wrong == 0, "out, depth " << depth << ", rows " << count << ": " << wrong << " elements are wrong");
      }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(transposes_for_any_rows_and_strides, T, reals) {
  for (integer element_stride : {-2, 0, 1, 3, 61})
    for (integer depth : {1, 5, 17, 40})
      for (int count : {1, 3, simd::native_lanes<T>, B<T>})
        for (bool consecutive : {false, true}) {
          // rows one element apart (a matrix stored transposed) or scattered in no order
          std::vector<T> memory(20000), t(std::size_t(depth * B<T>)), factor(B<T>);
          fill(memory.data(), memory.size(), 10), fill(factor.data(), factor.size(), 11);
          std::vector<T*> rows;
          std::vector<const T*> read;
          for (int r = 0; r < count; ++r) {
            rows.push_back(memory.data() + 6000 + (consecutive ? r : (r * 29 % 48) * 211));
            read.push_back(rows.back());
          }
          simd::transpose_in<T>(read.data(), count, element_stride, depth, T(-1.5), t.data());
          int wrong = 0;
          for (integer d = 0; d < depth; ++d)
            for (int r = 0; r < B<T>; ++r)
              wrong += t[std::size_t(d * B<T> + r)] !=
                       (r < count ? read[std::size_t(r)][d * element_stride] * T(-1.5) : T(0));
          BOOST_TEST(wrong == 0, "in, stride " << element_stride << ", depth " << depth << ", rows " << count);

          if (element_stride == 0 || (consecutive && std::abs(element_stride) < count))
            continue;  // elements would coincide
          std::vector<T> expected = memory;
          for (integer d = 0; d < depth; ++d)
            for (int r = 0; r < count; ++r)
              expected[std::size_t(rows[std::size_t(r)] - memory.data() + d * element_stride)] =
                  t[std::size_t(d * B<T> + r)] * factor[std::size_t(r)];
          simd::transpose_out<T>(t.data(), factor.data(), depth, rows.data(), count, element_stride);
          BOOST_TEST(same_bits(memory, expected),
                     "out, stride " << element_stride << ", depth " << depth << ", rows " << count);
        }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(missing_rows_are_zero_even_beside_nan, T, reals) {
  std::vector<T> x(40, std::numeric_limits<T>::quiet_NaN()), t(20 * B<T>, T(1));
  simd::transpose_in(x.data(), 20, 2, 1, 20, T(1), t.data());
  for (int d = 0; d < 20; ++d)
    for (int r = 2; r < B<T>; ++r) BOOST_TEST(t[std::size_t(d * B<T> + r)] == T(0));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(panels_multiply_for_any_rows_depth_outputs, T, reals) {
  for (integer depth = 0; depth <= 40; ++depth)
    for (integer rows : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 17})
      for (int outputs : {1, B<T> / 2 + 1, B<T>}) {
        const bool by_columns = (depth + rows) % 2;  // the weight stored [outputs][depth] or [depth][outputs]
        const integer output_stride = by_columns ? 1 : depth + 1, element_stride = by_columns ? outputs : 1;
        const std::size_t extent =
            depth ? std::size_t((outputs - 1) * output_stride + (depth - 1) * element_stride + 1) : 0;
        const integer x_stride = depth + rows % 3;
        const std::size_t x_extent = depth && rows ? std::size_t((rows - 1) * x_stride + depth) : 0;
        guarded<T> w(extent, behind(T())), panel(std::size_t(depth * B<T>), behind(T())), x(x_extent, behind(T()));
        guarded<T> sums(std::size_t(rows * B<T>), behind(T()), T(3));
        fill(w.data(), extent, 12), fill(x.data(), x_extent, 13);
        simd::transpose_in<T>(w.data(), output_stride, outputs, element_stride, depth, T(1), panel.data());
        simd::multiply_panel(x.data(), x_stride, rows, panel.data(), depth, sums.data());
        int wrong = 0;
        for (integer i = 0; i < rows; ++i)
          for (int o = 0; o < B<T>; ++o) {
            exact_sum s;
            for (integer c = 0; o < outputs && c < depth; ++c)
              s.add(double(x[std::size_t(i * x_stride + c)]) *
                    double(w[std::size_t(o * output_stride + c * element_stride)]));
            wrong += !close(sums[std::size_t(i * B<T> + o)], s, depth);
          }
        BOOST_TEST(wrong == 0,
                   "depth " << depth << ", rows " << rows << ", outputs " << outputs << ": " << wrong << " wrong");

        // row by row: the same bits
        const std::vector<T> all(sums.data(), sums.data() + rows * B<T>);
        std::vector<T> alone(all.size(), T(5));
        for (integer i = 0; i < rows; ++i)
          simd::multiply_panel(x.data() + (x_extent ? i * x_stride : 0), x_stride, 1, panel.data(), depth,
                               alone.data() + i * B<T>);
        BOOST_TEST(same_bits(alone, all));

        // activations in groups of rows: the same bits
        std::vector<T> grouped(all.size(), T(5)), x_grouped(std::size_t(depth * simd::group), T(7));
        for (integer first = 0; first < rows; first += simd::group) {
          const integer present = std::min<integer>(simd::group, rows - first);
          for (integer c = 0; c < depth; ++c)
            for (integer i = 0; i < present; ++i)
              x_grouped[std::size_t(c * simd::group + i)] = x[std::size_t((first + i) * x_stride + c)];
          simd::multiply_panel_grouped(x_grouped.data(), present, panel.data(), depth, grouped.data() + first * B<T>);
        }
        BOOST_TEST(same_bits(grouped, all));
      }
}
