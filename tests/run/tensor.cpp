// heed's tensor by itself: indices that are checked and those that are asserted.
#undef NDEBUG                                              // a user's debug build
#define BOOST_TEST_MODULE tensor
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <heed/run/operand.hpp>
#include <numeric>
#include <sys/wait.h>
#include <unistd.h>
using namespace heed;

namespace {
// What at(...) says.
template <class F> std::string refused(const F& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "nothing was thrown";
}
// Does a program end by an assertion there?
template <class F> bool aborts(const F& f) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    if (!std::freopen("/dev/null", "w", stderr)) _exit(2);
    f();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
template <class T, int Rank> tensor<T, Rank> counted(tensor<T, Rank> t) {
  std::iota(t.begin(), t.end(), T(0));
  return t;
}
}  // namespace

BOOST_AUTO_TEST_CASE(elements_and_extents) {
  const tensor<float> t = counted(tensor<float>(2, 3, 4));
  const tensor<float, 3> s = counted(tensor<float, 3>(2, 3, 4));
  BOOST_TEST((t.extent(0) == 2 && t.extent(1) == 3 && t.extent(2) == 4 && s.extent(2) == 4));
  for (int i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (long k = 0; k < 4; ++k) {
        const float want = float(i * 12 + int(j) * 4 + int(k));
        BOOST_TEST((t(i, j, k) == want && t.at(i, j, k) == want && s(i, j, k) == want && s.at(i, j, k) == want));
      }
  tensor<double, 2> w(2, 2);
  w.at(1, 0) = 3, w(0, 1) = 5;
  BOOST_TEST((w[2] == 3 && w[1] == 5));
  tensor<float> number;
  number.at() = 7;
  BOOST_TEST(number() == 7);
  const tensor<float, 2> nothing;
  BOOST_TEST((nothing.rank() == 2 && nothing.size() == 0 && nothing.extent(1) == 0));
  static_assert(operand_traits<tensor<float, 3>>::rank == 3 && operand_traits<tensor<float>>::rank == -1);
}
BOOST_AUTO_TEST_CASE(at_names_what_is_wrong) {
  tensor<float> t(2, 3, 4);
  const tensor<float> line(5), empty(2, 0);
  tensor<float, 2> s(2, 3);
  BOOST_TEST(refused([&] { t.at(1, 3, 0); }) == "heed: expected 3 indices inside (2, 3, 4), got (1, 3, 0)");
  BOOST_TEST(refused([&] { t.at(0, 0, -1); }) == "heed: expected 3 indices inside (2, 3, 4), got (0, 0, -1)");
  BOOST_TEST(refused([&] { t.at(1, 2); }) == "heed: expected 3 indices inside (2, 3, 4), got (1, 2)");
  BOOST_TEST(refused([&] { t.at(1, 2, 3, 0); }) == "heed: expected 3 indices inside (2, 3, 4), got (1, 2, 3, 0)");
  BOOST_TEST(refused([&] { t.at(); }) == "heed: expected 3 indices inside (2, 3, 4), got ()");
  BOOST_TEST(refused([&] { line.at(std::size_t(5)); }) == "heed: expected 1 index inside (5), got (5)");
  BOOST_TEST(refused([&] { empty.at(0, 0); }) == "heed: expected 2 indices inside (2, 0), got (0, 0)");
  BOOST_TEST(refused([&] { s.at(2, 0); }) == "heed: expected 2 indices inside (2, 3), got (2, 0)");
  const extent_t three[] = {1, 2, 3};
  BOOST_TEST(refused([&] { tensor<float, 2> x{std::span<const extent_t>(three)}; }) == "heed: expected 2 extents, got 3");
}
BOOST_AUTO_TEST_CASE(unchecked_access_asserts) {
  tensor<float> t(2, 3);
  const tensor<float, 2> s(2, 3);
  BOOST_TEST(!aborts([&] { t(1, 2) = t[5] = s(1, 2) + float(t.extent(1)); }));
  BOOST_TEST(aborts([&] { t(1, 3) = 0; }));
  BOOST_TEST(aborts([&] { t(-1, 0) = 0; }));
  BOOST_TEST(aborts([&] { t(1) = 0; }));
  BOOST_TEST(aborts([&] { t(0, 0, 0) = 0; }));
  BOOST_TEST(aborts([&] { t[6] = 0; }));
  BOOST_TEST(aborts([&] { t[0] = s(2, 0); }));
  BOOST_TEST(aborts([&] { t[0] = float(t.extent(2)); }));
  BOOST_TEST(aborts([&] { t[0] = float(t.extent(-1)); }));
}
