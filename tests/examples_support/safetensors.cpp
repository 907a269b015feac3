// links: heed_example_support
// A file that is cut short, lies about sizes or names unknown types is a typed error; what can be read is read right.
#include "safetensors.hpp"
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
using namespace heed_examples;

namespace {
const std::string path = (std::filesystem::temp_directory_path() / ("heed_safetensors_" + std::to_string(::getpid()))).string();
std::string file_of(const std::string& header, const std::string& data, std::uint64_t length = ~std::uint64_t(0)) {
  if (length == ~std::uint64_t(0)) length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}
void write(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
bool refused(const std::string& bytes) {
  write(bytes);
  try {
    const safetensors_file f(path);
    f.read("x", {2});
    return false;
  } catch (const safetensors_error&) {
    return true;
  }
}
const std::string good_header = R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})";
const std::string good_data("\x00\x3c\x00\xc0", 4);        // 1 and -2
}  // namespace

BOOST_AUTO_TEST_CASE(a_good_file) {
  write(file_of(good_header, good_data));
  const std::vector<float> x = safetensors_file(path).read("x", {2});
  BOOST_TEST(x == (std::vector<float>{1, -2}), boost::test_tools::per_element());
}
BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const std::string whole = file_of(good_header, good_data);
  for (std::size_t i = 0; i < whole.size(); ++i) BOOST_TEST(refused(whole.substr(0, i)), "cut to " + std::to_string(i) + " bytes");
}
BOOST_AUTO_TEST_CASE(lies_are_refused) {
  for (const char* header : {"", "[]", "7", "{", R"({"y":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", R"({"x":7})", R"({"x":{}})",
                             R"({"x":{"dtype":"F17","shape":[2],"data_offsets":[0,4]}})", R"({"x":{"dtype":3,"shape":[2],"data_offsets":[0,4]}})",
                             R"({"x":{"dtype":"F16","shape":2,"data_offsets":[0,4]}})", R"({"x":{"dtype":"F16","shape":[-2],"data_offsets":[0,4]}})",
                             R"({"x":{"dtype":"F16","shape":[2.5],"data_offsets":[0,4]}})", R"({"x":{"dtype":"F16","shape":[3],"data_offsets":[0,4]}})",
                             R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[4,0]}})",
                             R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4000]}})", R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0]}})",
                             R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,-4]}})", R"({"x":{"dtype":"F16","shape":[9223372036854775807,4],"data_offsets":[0,4]}})",
                             R"({"x":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}})"})
    BOOST_TEST(refused(file_of(header, good_data)), header);
  BOOST_TEST(refused(file_of(good_header, good_data, std::uint64_t(1) << 60)));
  std::filesystem::remove(path);
  BOOST_CHECK_THROW(safetensors_file{path}, safetensors_error);
}
BOOST_AUTO_TEST_CASE(flipped_bytes_never_do_worse_than_an_error) {
  const std::string whole = file_of(good_header, good_data);
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const int bit : {0, 3, 7}) {
      std::string bytes = whole;
      bytes[i] = char(bytes[i] ^ (1 << bit));
      refused(bytes);
    }
  std::filesystem::remove(path);
}
