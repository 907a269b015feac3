// Tiles of fewer packs than a block has, side by side or with one between them, against loops in double: contractions
// at any distance between keys, in front of a guard page, and sums over keys that leave the packs between alone.
#include "guarded.hpp"
#include <boost/test/unit_test.hpp>
#include <heed/simd/tile.hpp>
#include <tuple>
#include <vector>

namespace simd = heed::internal::simd;

namespace {
template <class T> constexpr int B = simd::block_rows<T>;
template <class T> constexpr int L = simd::native_lanes<T>;
double number(std::size_t i) { return double((i + 1) * 7919 % 2003) / 1001 - 1; }

template <int Packs, class T> int wrong_contractions(int step, std::ptrdiff_t depth, std::ptrdiff_t stride) {
  const std::size_t extent = depth ? std::size_t((simd::group - 1) * stride + depth) : 0;
  guarded<T> x(extent, guarded<T>::side::behind);
  std::vector<T> t(std::size_t((depth + 1) * B<T>));
  for (std::size_t i = 0; i < extent; ++i) x[i] = T(number(i));
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = T(number(i + 5));
  simd::pack<T> acc[simd::group][Packs];
  simd::contract(t.data(), x.data(), stride, depth, acc, {}, step);
  int wrong = 0;
  for (int i = 0; i < simd::group; ++i)
    for (int v = 0; v < Packs; ++v)
      for (int r = 0; r < L<T>; ++r) {
        double s = 0;
        for (std::ptrdiff_t d = 0; d < depth; ++d)
          s += double(t[std::size_t(d * B<T> + v * step * L<T> + r)]) * double(x[std::size_t(i * stride + d)]);
        wrong += !(std::abs(double(acc[i][v][r]) - s) <= 1e-5);
      }
  return wrong;
}
}  // namespace

using reals = std::tuple<float, double>;
BOOST_AUTO_TEST_CASE_TEMPLATE(contractions, T, reals) {
  for (std::ptrdiff_t depth = 0; depth <= 19; ++depth)
    for (std::ptrdiff_t padding : {0, 5}) {
      BOOST_TEST((wrong_contractions<1, T>(1, depth, depth + padding)) == 0);
      BOOST_TEST((wrong_contractions<2, T>(1, depth, depth + padding)) == 0);
      BOOST_TEST((wrong_contractions<2, T>(2, depth, depth + padding)) == 0);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sums_over_keys, T, reals) {
  constexpr int width = 21, count = 13;
  std::vector<T> p(count * B<T>), x(count * width);
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = T(number(i));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = T(number(i + 3));
  for (const simd::some_packs packs : {simd::some_packs{0, 1}, {1, 1}, {0, 2}, {1, 2}, {0, 2, 2}, {0, 3}}) {
    std::vector<T> t(width * B<T>, T(9)), present = t;
    simd::accumulate_all(p.data() + packs.first * L<T>, x.data(), width, t.data() + packs.first * L<T>, width, count,
                         packs);
    simd::accumulate_present(p.data() + packs.first * L<T>, x.data(), width, present.data() + packs.first * L<T>, width,
                             count, packs);
    int wrong = 0;
    for (int c = 0; c < width; ++c)
      for (int r = 0; r < B<T>; ++r) {
        const int v = r / L<T>;
        const bool in = packs.step == 2 ? v != 1 : v >= packs.first && v < packs.first + packs.count;
        double s = 9;
        for (int j = 0; j < count && in; ++j)
          s += double(p[std::size_t(j * B<T> + r)]) * double(x[std::size_t(j * width + c)]);
        const std::size_t at = std::size_t(c * B<T> + r);
        wrong += !(std::abs(double(t[at]) - s) <= 1e-5) + !(std::abs(double(present[at]) - s) <= 1e-5);
        wrong += packs.has(v) != in;
      }
    BOOST_TEST(wrong == 0, "packs from " << packs.first << ", " << packs.count << ", apart " << packs.step);
  }
}
