// links: heed_train
// options: -O1
// Reading a text character by character, with cached keys and values, expects the same as reading it at once.
#include "model.hpp"
#include "text.hpp"
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
using namespace training;

namespace {
// Weights far from their quiet beginning: attention that looks at some characters more than at others.
weights loud() {
  weights w = weights::initial(3);
  std::mt19937 random{5};
  std::normal_distribution<float> normal(0, 0.15f);
  for (const auto& e : w.all())
    if (e.is_matrix)
      for (float& x : *e.values) x = normal(random);
  return w;
}
}  // namespace

BOOST_AUTO_TEST_CASE(cached_logits_are_the_uncached_ones) {
  weights w = loud();
  const std::vector<std::int32_t> text = numbers_of(
      "In the beginning was the word, and it had 96 letters.\nThen came attention; it read them all, from the first to "
      "the last one.");
  const expectation want = expected_after(w, text);
  reader r(w, extent_t(text.size()), extent_t(text.size()));
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::vector<float>& got = r.read(text[i]);
    for (extent_t j = 0; j < characters; ++j) {
      // An error unit: that of the last projection alone, eps |hidden| |table|; all four blocks before it have to do
      // with it.
      double unit = 0;
      for (extent_t k = 0; k < 256; ++k) unit += std::fabs(double(want.hidden(i, k)) * double(w.table(j, k)));
      unit *= double(std::numeric_limits<float>::epsilon());
      const double off = std::fabs(double(got[std::size_t(j)]) - double(want.logits(i, j))) / unit;
      worst = off <= worst ? worst : std::isnan(off) ? INFINITY : off;
      largest = std::max(largest, std::fabs(double(want.logits(i, j))));
    }
  }
  BOOST_TEST_MESSAGE("worst difference: " << worst << " error units");
  // Four blocks have rounded before the last projection, in another order for one character than for many: 11 to 16.
  BOOST_TEST(worst <= 24, "cached and uncached logits differ by " + std::to_string(worst) + " error units");
  BOOST_TEST(largest > 1);  // not nearly nothing
}
// What is left in the cache matters: without it the same character leads elsewhere.
BOOST_AUTO_TEST_CASE(the_cache_is_looked_at) {
  weights w = loud();
  reader long_text(w, 64, 64), short_text(w, 64, 64), forgetful(w, 2, 64);
  const std::vector<std::int32_t> text = numbers_of("abcabcabc");
  std::vector<float> all, last;
  for (const std::int32_t t : text) all = long_text.read(t), last = forgetful.read(t);
  const std::vector<float> one = short_text.read(text.back());
  BOOST_TEST(std::fabs(all[5] - one[5]) > 1e-3f);
  BOOST_TEST(std::fabs(all[5] - last[5]) > 1e-3f);  // a context of two forgets the rest
}
BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_refused) {
  weights w = weights::initial(1);
  reader r(w, 4, 2);
  BOOST_CHECK_THROW(r.read(96), heed::error);
  r.read(0), r.read(95);
  BOOST_CHECK_THROW(r.read(0), heed::error);  // beyond its length
}
