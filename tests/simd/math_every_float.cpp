// Every float there is through every one-argument float function: the largest error is printed and must stay within the
// bound the docstring states. Slow. HEED_EVERY=n takes every n-th float instead of all.
#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE simd_math_every_float
#include "functions_of_float.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace functions_of_float;

struct worst_case {
  double error = 0;
  float at = 0;
  std::uint64_t count = 0;
};

worst_case over_every_float(const function& f, std::uint64_t stride) {
  constexpr std::int64_t chunk = std::int64_t(1) << 20;
  const std::int64_t points = std::int64_t(((std::uint64_t(1) << 32) + stride - 1) / stride);
  worst_case worst;
#pragma omp parallel
  {
    worst_case mine;
#pragma omp for schedule(dynamic, 1)
    for (std::int64_t begin = 0; begin < points; begin += chunk)
      for (std::int64_t i = begin; i < std::min(points, begin + chunk); i += floats::lanes) {
        float x[floats::lanes], y[floats::lanes];
        for (int l = 0; l < floats::lanes; ++l) {
          const std::uint32_t bits = std::uint32_t(std::min(i + l, points - 1) * std::int64_t(stride));
          __builtin_memcpy(&x[l], &bits, 4);
          if (x[l] < f.first || x[l] > f.last) x[l] = 0;
        }
        f.apply(floats::load(x)).store(y);
        for (int l = 0; l < floats::lanes; ++l) {
          const double error = error_in_ulp(y[l], f.expected(x[l]));
          if (!(error <= mine.error)) mine.error = error, mine.at = x[l];
          ++mine.count;
        }
      }
#pragma omp critical
    {
      worst.count += mine.count;
      if (!(mine.error <= worst.error)) worst.error = mine.error, worst.at = mine.at;
    }
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(errors_stay_within_the_stated_bounds_for_every_float) {
  const char* every = std::getenv("HEED_EVERY");
  const std::uint64_t stride = every ? std::strtoull(every, nullptr, 10) : 1;
  BOOST_REQUIRE(stride >= 1);
  for (const function& f : all()) {
    const auto start = std::chrono::steady_clock::now();
    const worst_case worst = over_every_float(f, stride);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%-12s largest error %.3f ULP at %a (bound %.2f), %llu floats, %.1f s\n", f.name, worst.error,
                double(worst.at), f.bound, static_cast<unsigned long long>(worst.count), seconds.count());
    std::fflush(stdout);
    BOOST_TEST_CONTEXT(f.name) {
      BOOST_TEST(worst.error <= f.bound);
      BOOST_TEST(worst.count >= (std::uint64_t(1) << 32) / stride);
    }
  }
}
