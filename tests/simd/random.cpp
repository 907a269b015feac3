// Philox 4x32-10: the known answers that its authors publish, and the same words from packs of every width, whose
// lanes may each have a key and a counter of their own.
// labels: widths
#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE simd_random
#include <heed/simd/random.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <tuple>
#include <vector>

namespace simd = heed::internal::simd;

namespace {

using words = std::array<std::uint32_t, 4>;
words philox(const words& counter, std::uint32_t key_0, std::uint32_t key_1) {
  const auto r = simd::philox(simd::philox_words<std::uint64_t>{{counter[0], counter[1], counter[2], counter[3]}},
                              std::uint64_t(key_0), std::uint64_t(key_1));
  words low;
  for (std::size_t i = 0; i < 4; ++i) low[i] = std::uint32_t(r.word[i]);
  return low;
}

constexpr int half = simd::native_lanes<double>;  // lanes of half a register of 32-bit elements
using packs = std::tuple<simd::pack<std::int32_t>, simd::pack<std::int64_t>, simd::pack<std::int32_t, half>,
                         simd::pack<std::int32_t, 1>, simd::pack<std::int64_t, 1>, simd::pack<std::int64_t, 2 * half>>;

// Of both signs, some of them small.
std::int32_t some(int i, int seed) { return std::int32_t(std::uint32_t(i * 7 + seed) * (i % 3 ? 0x9e3779b1u : 1u)); }

}  // namespace

// Random123, kat_vectors.
BOOST_AUTO_TEST_CASE(known_answers) {
  const std::uint32_t f = 0xffffffff;
  BOOST_TEST(philox({0, 0, 0, 0}, 0, 0) == (words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}),
             boost::test_tools::per_element());
  BOOST_TEST(philox({f, f, f, f}, f, f) == (words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}),
             boost::test_tools::per_element());
  BOOST_TEST(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0) ==
                 (words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_draws_are_made_of) {
  BOOST_TEST(simd::random_key(7, 3, -2) == std::int32_t(philox({3, 0xfffffffe, 1, 0}, 7, 0)[0]));
  BOOST_TEST(simd::random_uniform(7, 3, -2) == float(philox({3, 0xfffffffe, 0, 0}, 7, 0)[0] >> 8) / 0x1p24f);
  BOOST_TEST(simd::random_uniform(std::int64_t(-7), std::int64_t(1) << 40, std::int64_t(5)) ==
             philox({0, 5, 0, 0}, std::uint32_t(-7), 0)[0] / 256 / 0x1p24);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(packs_draw_what_numbers_draw, P, packs) {
  using I = typename P::element;
  for (int seed = 0; seed < 50; ++seed) {
    P key, i, j;
    for (int l = 0; l < P::lanes; ++l)
      key.x[l] = some(l, seed), i.x[l] = some(l, seed + 11), j.x[l] = some(l, 3 * seed);
    const auto number = I(some(seed, 5)), other = I(seed);
    const auto all = simd::random_key(key, i, j), of_one_key = simd::random_key(number, i, j),
               of_one_row = simd::random_key(number, other, j), of_one_column = simd::random_key(key, i, other);
    const auto drawn = simd::random_uniform(number, i, j);
    for (int l = 0; l < P::lanes; ++l) {
      BOOST_TEST(all[l] == simd::random_key(key[l], i[l], j[l]));
      BOOST_TEST(of_one_key[l] == simd::random_key(number, i[l], j[l]));
      BOOST_TEST(of_one_row[l] == simd::random_key(number, other, j[l]));
      BOOST_TEST(of_one_column[l] == simd::random_key(key[l], i[l], other));
      BOOST_TEST(drawn[l] == simd::random_uniform(number, i[l], j[l]));
      BOOST_TEST(double(drawn[l]) ==
                 simd::random_uniform(std::int64_t(number), std::int64_t(i[l]), std::int64_t(j[l])));
    }
  }
}
