// One test a case of the folder: $HEED_CONFORMANCE, or the one that CMake was told of. Without that folder all is
// skipped (status 77). A case is run, or named in not_run.txt with the reason; one that is neither fails.
#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>
#include "../support/naive_attention.hpp"
#include "cases.hpp"
#include <cstdio>
#include <cstdlib>
#include <set>

namespace heed_conformance {
namespace {
struct tally {
  std::string group;
  double worst = 0;
  long elements = 0, zeros = 0;
};
std::map<std::string, tally> tallies;  // by group, filled while cases run
std::string current;

void count(double units, double want) {
  tally& t = tallies[current];
  t.worst = std::max(t.worst, units), ++t.elements, t.zeros += want == 0;
}
}  // namespace

std::map<std::string, runner>& runners() {
  static std::map<std::string, runner> all;
  return all;
}
void compare(const std::string& what, const std::vector<double>& got, const std::vector<double>& want,
             const std::vector<double>& unit) {
  BOOST_REQUIRE_MESSAGE(got.size() == want.size() && unit.size() == want.size(),
                        what << ": " << got.size() << " elements for " << want.size());
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double units = heed_tests::in_units(got[i], want[i], unit[i]);
    count(units, want[i]);
    if (units > worst) worst = units, at = i;
  }
  BOOST_TEST(worst <= 16, what << ": " << worst << " error units at " << at << ", " << (got.empty() ? 0 : got[at])
                               << " for " << (got.empty() ? 0 : want[at]));
}
void compare_published(const std::string& what, const std::vector<double>& got, const array& want) {
  BOOST_REQUIRE_MESSAGE(got.size() == want.values.size(),
                        what << ": " << got.size() << " elements for " << want.values.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double w = want.values[i];
    count(0, w);
    BOOST_TEST((got[i] == w || std::fabs(got[i] - w) <= 2e-6 + 1e-5 * std::fabs(w)),
               what << " at " << i << ": " << got[i] << " for " << w);
  }
}

namespace {
namespace fs = std::filesystem;

// The longest group that a case begins with.
const runner* runner_of(const std::string& name) {
  for (std::string key = name; !key.empty(); key.pop_back())
    if (const auto it = runners().find(key); it != runners().end()) return &it->second;
  return nullptr;
}
std::string group_of(const std::string& name) {
  return name.starts_with("fla/") ? "fla" : name.substr(0, name.rfind('/'));
}

// not_run.txt: lines `case: reason`, where * stands for anything; # begins a comment.
struct exclusion {
  std::string pattern, reason;
  long cases = 0;
};
bool matches(const char* pattern, const char* name) {
  if (*pattern == '*') return matches(pattern + 1, name) || (*name && matches(pattern, name + 1));
  return *pattern == *name && (!*pattern || matches(pattern + 1, name + 1));
}
std::vector<exclusion> exclusions() {
  std::ifstream file(HEED_NOT_RUN);
  if (!file) throw std::runtime_error("there is no " HEED_NOT_RUN);
  std::vector<exclusion> r;
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.empty() || line.front() == '#') continue;
    if (colon == std::string::npos) throw std::runtime_error("not_run.txt: a line without a reason: " + line);
    r.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  return r;
}
fs::path folder() {
  const char* told = std::getenv("HEED_CONFORMANCE");
  return told && *told ? told : HEED_CONFORMANCE_FOLDER;
}
std::set<std::string> cases_in(const fs::path& root) {
  std::set<std::string> r;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().filename() == "case.txt")
      r.insert(fs::relative(entry.path().parent_path(), root).generic_string());
  return r;
}

std::map<std::string, long> cases_run;  // by group
std::vector<exclusion> named;

void print_table() {
  std::printf("%-30s %6s %10s %12s\n", "group", "cases", "elements", "worst units");
  for (const auto& [group, t] : tallies)
    std::printf("%-30s %6ld %10ld %12.2f\n", group.c_str(), cases_run[group], t.elements, t.worst);
  for (const exclusion& x : named)
    std::printf("not run, %2ld cases: %s: %s\n", x.cases, x.pattern.c_str(), x.reason.c_str());
}
bool add_cases() {
  using namespace boost::unit_test;
  const fs::path root = folder();
  named = exclusions();
  long total = 0, run = 0;
  for (const std::string& name : cases_in(root)) {
    ++total;
    bool excluded = false;
    for (exclusion& x : named)
      if (matches(x.pattern.c_str(), name.c_str())) ++x.cases, excluded = true;
    if (excluded) continue;
    ++run;
    std::string test = name;
    for (char& c : test)
      if (c == '/') c = '.';
    framework::master_test_suite().add(make_test_case(
        [root, name] {
          current = group_of(name);
          const runner* r = runner_of(name);
          BOOST_REQUIRE_MESSAGE(r, name << " is neither run nor named in not_run.txt");
          const long before = tallies[current].elements;
          (*r)(conformance_case(root, name));
          ++cases_run[current];
          BOOST_TEST(tallies[current].elements > before, name << ": nothing was compared");
        },
        test, __FILE__, __LINE__));
  }
  framework::master_test_suite().add(make_test_case(
      [total, run] {
        print_table();
        std::printf("%ld cases run, %ld not\n", run, total - run);
        for (const exclusion& x : named) BOOST_TEST(x.cases > 0, "not_run.txt names what is not there: " << x.pattern);
        for (const auto& [group, t] : tallies)
          BOOST_TEST(t.zeros * 2 < t.elements, group << ": expected values are mostly zero");
      },
      "what_was_run", __FILE__, __LINE__));
  return total > 0;
}
}  // namespace
}  // namespace heed_conformance

int main(int argc, char* argv[]) {
  const auto root = heed_conformance::folder();
  if (!std::filesystem::is_directory(root)) {
    std::printf("skipped: there is no folder %s\n", root.c_str());
    return 77;
  }
  return boost::unit_test::unit_test_main(heed_conformance::add_cases, argc, argv);
}
