// links: heed_example_support
// options: -O1
// A file that is cut short, lies about sizes or names unknown types is a typed error; what can be read is read right.
#include "safetensors.hpp"
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
using namespace heed_examples;

namespace {
const std::string path =
    (std::filesystem::temp_directory_path() / ("heed_safetensors_" + std::to_string(::getpid()))).string();
std::string file_of(const std::string& header, const std::string& data, std::uint64_t length = ~std::uint64_t(0)) {
  if (length == ~std::uint64_t(0)) length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}
void write(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
// What the typed error says; empty if there is none. Any other exception is a failure of the test.
std::string complaint(const std::string& bytes) {
  write(bytes);
  try {
    const safetensors_file f(path);
    f.read("x", {2});
    return "";
  } catch (const safetensors_error& e) { return e.what(); }
}
bool refused(const std::string& bytes) { return !complaint(bytes).empty(); }
const std::string good_header = R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})";
const std::string good_data("\x00\x3c\x00\xc0", 4);  // 1 and -2
}  // namespace

BOOST_AUTO_TEST_CASE(a_good_file) {
  write(file_of(good_header, good_data));
  const std::vector<float> x = safetensors_file(path).read("x", {2});
  BOOST_TEST(x == (std::vector<float>{1, -2}), boost::test_tools::per_element());
}
BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  const std::string whole = file_of(good_header, good_data);
  for (std::size_t i = 0; i < whole.size(); ++i)
    BOOST_TEST(refused(whole.substr(0, i)), "cut to " + std::to_string(i) + " bytes");
}
BOOST_AUTO_TEST_CASE(lies_are_refused_by_name) {
  struct lie {
    const char *header, *says;
  };
  for (
      const lie& l : {
          lie{"", "a JSON object as the header, got what is not JSON"},
          lie{"{", "got what is not JSON"},
          lie{"[]", "a JSON object as the header, got array"},
          lie{"7", "a JSON object as the header, got number"},
          lie{R"({"x":7})", "tensor 'x': expected dtype, shape and two data_offsets, got 7"},
          lie{R"({"x":{}})", "dtype, shape and two data_offsets"},
          lie{R"({"x":{"dtype":"F17","shape":[2],"data_offsets":[0,4]}})",
              "tensor 'x': expected F64, F32, F16, BF16, I64, I32 or BOOL, got F17"},
          lie{R"({"x":{"dtype":3,"shape":[2],"data_offsets":[0,4]}})", "dtype, shape and two data_offsets"},
          lie{R"({"x":{"dtype":"F16","shape":2,"data_offsets":[0,4]}})", "dtype, shape and two data_offsets"},
          lie{R"({"x":{"dtype":"F16","shape":[-2],"data_offsets":[0,4]}})", "extents that are whole numbers, got -2"},
          lie{R"({"x":{"dtype":"F16","shape":[2.5],"data_offsets":[0,4]}})", "extents that are whole numbers, got 2.5"},
          lie{R"({"x":{"dtype":"F16","shape":[3],"data_offsets":[0,4]}})",
              "expected 6 bytes, as shape and dtype say, got 4"},
          lie{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
              "expected 8 bytes, as shape and dtype say, got 4"},
          lie{R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[4,0]}})", "data within 4 bytes, got [4,0]"},
          lie{R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4000]}})", "data within 4 bytes, got [0,4000]"},
          lie{R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0]}})", "two data_offsets"},
          lie{R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,-4]}})",
              "offsets that are whole numbers, got [0,-4]"},
          lie{R"({"x":{"dtype":"F16","shape":[9223372036854775807,4],"data_offsets":[0,4]}})",
              "extents within 64 bits"},
          lie{R"({"x":{"dtype":"F16","shape":[18446744073709551615],"data_offsets":[0,4]}})", "extents within 64 bits"},
          lie{R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"y":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})",
              "tensor 'y': expected data from byte 4 on, where the tensor before it ends, got 0"},
          lie{R"({"x":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"y":{"dtype":"I32","shape":[0],"data_offsets":[3,3]}})",
              "2 bytes that belong to none"},
          lie{R"({"x":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
              "tensor 'x': expected data from byte 0 on, where the tensor before it ends, got 2"},
          lie{R"({"y":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})",
              "tensor 'x': expected a tensor of that name, got none"},
          lie{R"({"x":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}})",
              "tensor 'x': expected shape [2], got [1, 2]"},
      }) {
    const std::string said = complaint(file_of(l.header, good_data));
    BOOST_TEST(said.find(l.says) != std::string::npos, l.header << ": " << said);
  }
}
BOOST_AUTO_TEST_CASE(header_lengths_that_lie) {
  BOOST_TEST(complaint(file_of(good_header, good_data, std::uint64_t(1) << 60)).find("a header within the file") !=
             std::string::npos);
  BOOST_TEST(complaint(file_of(good_header, good_data, ~std::uint64_t(0) - 1)).find("a header within the file") !=
             std::string::npos);
  BOOST_TEST(refused(file_of(good_header, good_data, good_header.size() - 1)));
  // Longer than the format allows, and all there: a sparse file.
  write(file_of("", "", 100'000'001));
  std::filesystem::resize_file(path, 8 + 100'000'001);
  BOOST_CHECK_EXCEPTION(safetensors_file{path}, safetensors_error, [](const auto& e) {
    return std::string(e.what()).find("a header of at most 100 MB") != std::string::npos;
  });
}
BOOST_AUTO_TEST_CASE(what_is_no_file) {
  std::filesystem::remove(path);
  BOOST_CHECK_THROW(safetensors_file{path}, safetensors_error);
  BOOST_CHECK_THROW(safetensors_file{std::filesystem::temp_directory_path().string()}, safetensors_error);
}
BOOST_AUTO_TEST_CASE(every_element_type) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"f64":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"i64":{"dtype":"I64","shape":[1],"data_offsets":[8,16]},)"
      R"("f32":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},"i32":{"dtype":"I32","shape":[1],"data_offsets":[20,24]},)"
      R"("bf16":{"dtype":"BF16","shape":[1],"data_offsets":[24,26]},"bool":{"dtype":"BOOL","shape":[1],"data_offsets":[26,27]}})";
  const double f64 = 1.5;
  const std::int64_t i64 = -7;
  const float f32 = 2.25;
  const std::int32_t i32 = 9;
  std::string data;
  const auto add = [&](const auto& x) { data.append(reinterpret_cast<const char*>(&x), sizeof x); };
  add(f64), add(i64), add(f32), add(i32), add(std::uint16_t(0x3fc0)), add(true);
  write(file_of(header, data));
  const safetensors_file f(path);
  BOOST_TEST(f.read("f64", {1})[0] == 1.5f);
  BOOST_TEST(f.read("i64", {1})[0] == -7.f);
  BOOST_TEST(f.read("f32", {1})[0] == 2.25f);
  BOOST_TEST(f.read("i32", {-1})[0] == 9.f);
  BOOST_TEST(f.read("bf16", {1})[0] == 1.5f);
  BOOST_TEST(f.read("bool", {1})[0] == 1.f);
  BOOST_TEST(f.read_whole("i32")[0] == 9);
  BOOST_CHECK_THROW(f.read_whole("f32"), safetensors_error);
  BOOST_CHECK_THROW(f.read("__metadata__", {1}), safetensors_error);
}
BOOST_AUTO_TEST_CASE(halves) {
  BOOST_TEST(half_to_float(0x0001) == 0x1p-24f);  // the smallest
  BOOST_TEST(half_to_float(0x83ff) == -0x3ffp-24f);
  BOOST_TEST(half_to_float(0x7bff) == 65504.f);
  BOOST_TEST(std::isinf(half_to_float(0xfc00)));
  BOOST_TEST(std::isnan(half_to_float(0x7e00)));
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
