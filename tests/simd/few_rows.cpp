// Few rows, whose contractions have depth and width in the lanes, against sums in double: all depths, widths and counts
// up to some packs, every operand at the edge of a guard page; sums across lanes bit by bit those of one pack.
#include <heed/simd/few_rows.hpp>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>
#include "guarded.hpp"

namespace simd = heed::internal::simd;
using integer = std::ptrdiff_t;

namespace {
using reals = std::tuple<float, double>;
constexpr auto behind = [](auto value) { return guarded<decltype(value)>::side::behind; };

// Numbers in [-1, 1] that are not short in binary.
double number(std::uint64_t i) {
  i = (i + 1) * 0x9e3779b97f4a7c15u;
  i ^= i >> 31;
  return double(i % 20011) / 10005.3 - 1;
}
template <class T> struct numbers : guarded<T> {
  numbers(std::size_t count, std::uint64_t seed) : guarded<T>(count, behind(T())) {
    for (std::size_t i = 0; i < count; ++i) this->data()[i] = T(number(seed * 1000003 + i));
  }
};

// A sum of products in double beside the sum of their sizes, which says how far rounding may go.
struct exact_sum {
  double value = 0, size = 0;
  void add(double product) { value += product, size += std::fabs(product); }
  template <class T> bool is(T got, integer terms) const {
    return std::fabs(double(got) - value) <= double(terms + 2) * std::numeric_limits<T>::epsilon() * size;
  }
};

template <class T> int wrong_contractions(integer rows, integer groups, integer depth, integer stride) {
  const integer keys = groups * simd::group, apart = keys + 3;
  numbers<T> q(std::size_t(rows * depth), 1), x(std::size_t((keys - 1) * stride + depth), 2);
  guarded<T> to(std::size_t((rows - 1) * apart + keys), behind(T()));
  simd::contract_few<T>(q.data(), rows, x.data(), stride, depth, groups, to.data(), apart,
                        {x.data(), stride, depth, keys});
  int wrong = 0;
  for (integer r = 0; r < rows; ++r)
    for (integer i = 0; i < keys; ++i) {
      exact_sum s;
      for (integer d = 0; d < depth; ++d) s.add(double(q.data()[r * depth + d]) * double(x.data()[i * stride + d]));
      wrong += !s.is(to.data()[r * apart + i], depth);
    }
  return wrong;
}

template <class T> int wrong_values(integer rows, integer count, integer width, integer stride) {
  constexpr integer block = simd::block_rows<T>;
  numbers<T> p(std::size_t(count * block), 3), x(std::size_t((count - 1) * stride + width), 4);
  numbers<T> t(std::size_t((width - 1) * block + rows), 5);
  const std::vector<T> before(t.data(), t.data() + (width - 1) * block + rows);
  guarded<T> sums(std::size_t(simd::few_rows<T> * simd::room_for_sums<T>(width)), behind(T()));
  simd::accumulate_few<T>(p.data(), x.data(), stride, t.data(), width, count, rows, sums.data());
  int wrong = 0;
  for (integer c = 0; c < width; ++c)
    for (integer r = 0; r < block && c * block + r < integer(before.size()); ++r) {
      exact_sum s;
      s.add(double(before[std::size_t(c * block + r)]));
      if (r < rows)
        for (integer j = 0; j < count; ++j) s.add(double(x.data()[j * stride + c]) * double(p.data()[j * block + r]));
      wrong += !s.is(t.data()[c * block + r], count + 1);
    }
  return wrong;
}

template <class T, int Count> bool sums_are_those_of_one_pack() {
  using P = simd::pack<T>;
  P a[Count];
  T one_by_one[Count], together[Count];
  for (int i = 0; i < Count; ++i) {
    for (int l = 0; l < P::lanes; ++l) a[i].x[l] = T(number(std::uint64_t(i * 100 + l)));
    one_by_one[i] = simd::sum(a[i]);
  }
  simd::sums_of_packs<T, P::lanes, Count>::store(a, together);
  bool same = true;
  for (int i = 0; i < Count; ++i) same = same && one_by_one[i] == together[i];
  return same;
}
}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(contractions, T, reals) {
  for (integer rows = 1; rows <= simd::few_rows<T>; ++rows)
    for (const integer groups : {1, 3})
      for (integer depth = 1; depth <= 20 * simd::native_lanes<T>; depth += depth < 40 ? 1 : 7)
        BOOST_REQUIRE_MESSAGE(wrong_contractions<T>(rows, groups, depth, depth + (depth % 3 == 0 ? 5 : 0)) == 0,
                              rows << " rows, " << groups << " groups, depth " << depth);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(values, T, reals) {
  for (integer rows = 1; rows <= simd::few_rows<T>; ++rows)
    for (const integer count : {1, 2, 37})
      for (integer width = 1; width <= 20 * simd::native_lanes<T>; width += width < 40 ? 1 : 7)
        BOOST_REQUIRE_MESSAGE(wrong_values<T>(rows, count, width, width + (width % 3 == 0 ? 5 : 0)) == 0,
                              rows << " rows, " << count << " keys, width " << width);
}
BOOST_AUTO_TEST_CASE_TEMPLATE(sums_across_lanes, T, reals) {
  BOOST_TEST((sums_are_those_of_one_pack<T, 1>()));
  BOOST_TEST((sums_are_those_of_one_pack<T, 2>()));
  BOOST_TEST((sums_are_those_of_one_pack<T, 4>()));
  BOOST_TEST((sums_are_those_of_one_pack<T, 8>()));
}
