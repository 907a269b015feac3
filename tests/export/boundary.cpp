// options: -O0 -DHEED_UNOPTIMISED
// What leaves a function for another language: a code, and texts that fit where they go, whatever was thrown inside.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#define HEED_TEST_HAS_DLPACK
#endif
using namespace heed::internal;
using exported::guarded;

namespace {
heed_error unread() {
  heed_error e;
  std::memset(&e, 0xff, sizeof e);
  return e;
}
}  // namespace

BOOST_AUTO_TEST_CASE(texts_are_cut_and_end) {
  heed_error e = unread();
  const std::string very_long(2000, 'x');
  const int code = guarded(
      &e, [&] { throw heed::error(very_long, very_long, very_long, very_long, heed::error::mistake::overlap); });
  BOOST_TEST(code == HEED_OVERLAP);
  BOOST_TEST(e.code == HEED_OVERLAP);
  BOOST_TEST(e.operand == std::string(63, 'x'));
  BOOST_TEST(e.axis == std::string(63, 'x'));
  BOOST_TEST(e.expected == std::string(255, 'x'));
  BOOST_TEST(e.got == std::string(255, 'x'));
  BOOST_TEST(std::strlen(e.message) == 767u);
}
BOOST_AUTO_TEST_CASE(whatever_is_thrown) {
  heed_error e = unread();
  BOOST_TEST(guarded(&e, [] {}) == HEED_OK);
  BOOST_TEST((e.code == HEED_OK && !*e.message));
  BOOST_TEST(guarded(&e, [] { throw std::runtime_error("a reason"); }) == HEED_INTERNAL);
  BOOST_TEST(e.got == std::string("a reason"));
  BOOST_TEST(guarded(&e, [] { throw 7; }) == HEED_INTERNAL);
  BOOST_TEST(guarded(&e, [] { throw std::bad_alloc(); }) == HEED_OUT_OF_MEMORY);
  BOOST_TEST(guarded(&e, [] { throw std::length_error("of a vector"); }) == HEED_OUT_OF_MEMORY);
  BOOST_TEST(guarded(&e, [] { throw heed::error("q", "", "4", "5"); }) == HEED_WRONG_VALUE);
  BOOST_TEST(e.message == std::string("heed: operand 'q': expected 4, got 5"));
  BOOST_TEST(guarded(nullptr, [] { throw 7; }) == HEED_INTERNAL);
}
// The layout that other languages fill: DLPack's.
BOOST_AUTO_TEST_CASE(layout_of_descriptors) {
  BOOST_TEST(sizeof(heed_tensor) == 48u);
  BOOST_TEST(offsetof(heed_tensor, device) == 8u);
  BOOST_TEST(offsetof(heed_tensor, ndim) == 16u);
  BOOST_TEST(offsetof(heed_tensor, dtype) == 20u);
  BOOST_TEST(offsetof(heed_tensor, shape) == 24u);
  BOOST_TEST(offsetof(heed_tensor, strides) == 32u);
  BOOST_TEST(offsetof(heed_tensor, byte_offset) == 40u);
#ifdef HEED_TEST_HAS_DLPACK
  BOOST_TEST(sizeof(heed_tensor) == sizeof(DLTensor));
  BOOST_TEST(offsetof(heed_tensor, dtype) == offsetof(DLTensor, dtype));
  BOOST_TEST(offsetof(heed_tensor, byte_offset) == offsetof(DLTensor, byte_offset));
  BOOST_TEST(int(kDLCPU) == 1);
#endif
}
