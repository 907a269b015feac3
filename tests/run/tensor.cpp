// heed's tensor by itself: indices that are checked, those that are asserted, and what is printed.
#undef NDEBUG  // a user's debug build
#define BOOST_TEST_MODULE tensor
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <heed/memory/operand.hpp>
#include <heed/memory/print.hpp>
#include <numeric>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
using namespace heed;

namespace {
// What at(...) says.
template <class F> std::string refused(const F& f) {
  try {
    f();
  } catch (const error& e) { return e.what(); }
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
template <class Tensor> std::string printed(const Tensor& t, int digits = 6) {
  std::ostringstream s;
  s.precision(digits);
  s << t;
  return s.str();
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
  BOOST_TEST(refused([&] { tensor<float, 2> x{std::span<const extent_t>(three)}; }) ==
             "heed: expected 2 extents, got 3");
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
BOOST_AUTO_TEST_CASE(small_tensors_are_printed_whole) {
  tensor<float> number, line(3), rows(2, 2);
  number() = 2.5f;
  line[0] = -1, line[1] = std::numeric_limits<float>::infinity(), line[2] = -std::numeric_limits<float>::quiet_NaN();
  rows(0, 0) = 1e-9f, rows(1, 1) = -12;
  BOOST_TEST(printed(number) == "2.5");
  BOOST_TEST(printed(line) == "[ -1 inf nan]");
  BOOST_TEST(printed(rows) == "[[1e-09     0]\n [    0   -12]]");
  BOOST_TEST(printed(counted(tensor<std::int32_t, 3>(2, 2, 3))) ==
             "[[[ 0  1  2]\n  [ 3  4  5]]\n\n [[ 6  7  8]\n  [ 9 10 11]]]");
  tensor<bool> seen(2, 2);
  seen(0, 0) = seen(1, 0) = seen(1, 1) = true;
  BOOST_TEST(printed(seen) == "[[1 0]\n [1 1]]");
  tensor<std::int64_t> wide(1);
  wide[0] = std::int64_t(1) << 53;
  BOOST_TEST(printed(wide) == "[9007199254740992]");
  tensor<double> third(1);
  third[0] = 1. / 3;
  BOOST_TEST(printed(third, 3) == "[0.333]");
  BOOST_TEST(printed(third, 100) == "[0.33333333333333331]");
  BOOST_TEST(printed(tensor<float>(0, 64)) == "[] (0, 64)");
  BOOST_TEST(printed(tensor<float>(2, 0)) == "[[]\n []] (2, 0)");
  std::wostringstream other;
  other << rows;
  BOOST_TEST(other.str().size() == printed(rows).size());
}
BOOST_AUTO_TEST_CASE(large_tensors_are_printed_by_their_ends) {
  BOOST_TEST(printed(counted(tensor<float>(16))) == "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15]");
  BOOST_TEST(printed(counted(tensor<float>(17))) == "[ 0  1  2 ... 14 15 16] (17)");
  BOOST_TEST(printed(counted(tensor<float>(7, 2, 20))) ==
             "[[[  0   1   2 ...  17  18  19]\n  [ 20  21  22 ...  37  38  39]]\n\n"
             " [[ 40  41  42 ...  57  58  59]\n  [ 60  61  62 ...  77  78  79]]\n\n"
             " [[ 80  81  82 ...  97  98  99]\n  [100 101 102 ... 117 118 119]]\n\n"
             " ...\n\n"
             " [[160 161 162 ... 177 178 179]\n  [180 181 182 ... 197 198 199]]\n\n"
             " [[200 201 202 ... 217 218 219]\n  [220 221 222 ... 237 238 239]]\n\n"
             " [[240 241 242 ... 257 258 259]\n  [260 261 262 ... 277 278 279]]] (7, 2, 20)");
}
