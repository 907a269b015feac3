// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
// Bad calls through the C interface: each gives its code and its sentence, and nothing is written. Every function of a
// kernel meets them before the first write, so what memory the call could touch is compared afterwards.
#define HEED_KERNEL_PART test
#include "descriptors.hpp"
#include "against_reference.hpp"
#include <cstring>
#include <functional>
#include <limits>
using namespace heed_tests;

namespace error_kernels {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"w"> w;
constexpr axis<"z"> z;
constexpr axis<"d", 8> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto score = scaled_dot<d>(q, k);
constexpr auto out = dot<m>(softmax<m>(mask(score, m <= n)), v);
constexpr auto lse = logsumexp<m>(score);
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto words = input<"words", double>(w, d);
constexpr auto looked_up = gather<w>(words, ids);
constexpr auto whole = input<"count", std::int64_t>(n) * 2;
constexpr auto p = input<"p">(n);
constexpr auto counted = p * size<z>;
constexpr auto flagged = where(input<"flag", bool>(n), p, -p);
HEED_KERNEL(attend, out)
HEED_KERNEL(both, results(out, lse))
HEED_KERNEL(step, out, wrt(q, k, v))
HEED_KERNEL(other_step, out, wrt(q, k))
HEED_KERNEL(look_up, looked_up)
HEED_KERNEL(doubled, whole)
HEED_KERNEL(count, counted)
HEED_KERNEL(flag, flagged)
}  // namespace error_kernels
using namespace error_kernels;

namespace {
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
alignas(64) unsigned char arena[1 << 16];  // results, saved values and workspaces lie here
float* floats(std::size_t byte) { return reinterpret_cast<float*>(arena + byte); }
std::vector<float> numbers(4096, 0.5f);
std::vector<double> doubles(64, 0.5);
std::vector<std::int32_t> indices{0, 3, 1};
std::vector<std::int64_t> wide{1, 2, std::int64_t(1) << 40};
bool flags[] = {true, false, true};
std::int64_t extent = 2;
using shape = descriptors::extents;
const heed_dtype f32 = dtype_of<float>(), f64 = dtype_of<double>(), i32 = dtype_of<std::int32_t>(),
                 i64 = dtype_of<std::int64_t>(), truth = dtype_of<bool>();

// Good operands of each kernel; the result lies at the beginning of the arena.
descriptors of_attend(std::size_t results = 1) {
  descriptors x;
  x.add(numbers.data(), f32, {2, 3, 8}), x.add(numbers.data(), f32, {2, 5, 8}), x.add(numbers.data(), f32, {2, 5, 4});
  x.add(arena, f32, {2, 3, 4});
  if (results > 1) x.add(floats(4096), f32, {2, 3});
  return x;
}
descriptors of_backward(std::size_t gradients = 3) {
  descriptors x;
  x.add(numbers.data(), f32, {2, 3, 8}), x.add(numbers.data(), f32, {2, 5, 8}), x.add(numbers.data(), f32, {2, 5, 4});
  x.add(numbers.data(), f32, {2, 3, 4});
  x.add(arena, f32, {2, 3, 8}), x.add(floats(1024), f32, {2, 5, 8});
  if (gradients > 2) x.add(floats(2048), f32, {2, 5, 4});
  return x;
}
descriptors of_look_up() {
  descriptors x;
  x.add(doubles.data(), f64, {4, 8}), x.add(indices.data(), i32, {3}), x.add(arena, f64, {3, 8});
  return x;
}
descriptors of_doubled() {
  descriptors x;
  x.add(wide.data(), i64, {2}), x.add(arena, i64, {2});
  return x;
}
descriptors of_count() {
  descriptors x;
  x.add(numbers.data(), f32, {3}), x.extent(extent), x.add(arena, f32, {3});
  return x;
}
descriptors of_flag() {
  descriptors x;
  x.add(numbers.data(), f32, {3}), x.add(flags, truth, {3}), x.add(arena, f32, {3});
  return x;
}

struct bad_call {
  const char* what;
  int code;
  const char *operand, *axis, *expected, *got;
  std::function<int(heed_error&)> call;
};
using change = std::function<void(descriptors&)>;
std::function<int(heed_error&)> attending(change f, std::int32_t count = 4) {
  return [=](heed_error& e) {
    descriptors x = of_attend();
    f(x);
    return heed_part_attend__test.call(x.data(), count, nullptr, 0, &e);
  };
}
std::function<int(heed_error&)> with_both(change f) {
  return [=](heed_error& e) {
    descriptors x = of_attend(2);
    f(x);
    return heed_part_both__test.call(x.data(), x.count(), nullptr, 0, &e);
  };
}
template <class Make> std::function<int(heed_error&)> calling(const heed_kernel_part& part, Make make, change f) {
  return [=, &part](heed_error& e) {
    descriptors x = make();
    f(x);
    return part.call(x.data(), x.count(), nullptr, 0, &e);
  };
}
// A shape and strides that live as long as the table below.
std::int64_t* kept(std::initializer_list<std::int64_t> x) {
  static std::deque<shape> all;
  return all.emplace_back(x).data();
}
void reshape(heed_tensor& x, std::initializer_list<std::int64_t> s) {
  x.ndim = std::int32_t(s.size()), x.shape = kept(s);
}
const std::string not_aligned = "an address that is 2 past";

// What forward has kept of good operands, changed, and a backward call that reads it.
std::vector<std::uint64_t> forward_kept(std::int64_t keys = 5, bool other = false) {
  descriptors x = of_attend();
  for (const int i : {1, 2}) x[i].shape[1] = keys;
  const heed_kernel_part& part = other ? heed_part_other_step__test : heed_part_step__test;
  std::size_t bytes = 0;
  BOOST_REQUIRE(part.saved_bytes(x.data(), x.count(), &bytes, nullptr) == HEED_OK);
  std::vector<std::uint64_t> saved((bytes + 7) / 8);
  std::vector<float> result(24);
  x[3].data = result.data();
  BOOST_REQUIRE(part.forward(x.data(), x.count(), saved.data(), bytes, nullptr, 0, nullptr) == HEED_OK);
  return saved;
}
std::function<int(heed_error&)> reading(std::function<std::vector<std::uint64_t>()> make, long less = 0) {
  return [=](heed_error& e) {
    descriptors x = of_backward();
    const std::vector<std::uint64_t> saved = make();
    return heed_part_step__test.backward(x.data(), x.count(), saved.data(), saved.size() * 8 - std::size_t(less),
                                         nullptr, 0, &e);
  };
}
std::function<int(heed_error&)> forwarding(void* saved, std::size_t bytes, change f = [](descriptors&) {}) {
  return [=](heed_error& e) {
    descriptors x = of_attend();
    f(x);
    return heed_part_step__test.forward(x.data(), x.count(), saved, bytes, nullptr, 0, &e);
  };
}
std::size_t kept_bytes() {
  descriptors x = of_attend();
  std::size_t bytes = 0;
  heed_part_step__test.saved_bytes(x.data(), x.count(), &bytes, nullptr);
  return bytes;
}
std::size_t work_bytes() {
  descriptors x = of_attend();
  std::size_t bytes = 0;
  heed_part_attend__test.workspace_bytes(x.data(), x.count(), &bytes, nullptr);
  return bytes;
}
std::function<int(heed_error&)> working_in(void* workspace, std::size_t bytes) {
  return [=](heed_error& e) {
    descriptors x = of_attend();
    return heed_part_attend__test.call(x.data(), x.count(), workspace, bytes, &e);
  };
}
template <class N> std::string text(N n) { return std::to_string(n); }

std::deque<std::string> texts;  // of expectations that are numbers
const char* at_least(std::size_t n) { return texts.emplace_back("at least " + text(n) + " bytes").c_str(); }
const char* number(std::size_t n) { return texts.emplace_back(text(n)).c_str(); }

std::vector<bad_call> all_bad_calls() {
  const std::size_t kept_size = kept_bytes(), work_size = work_bytes();
  return {
      {"too few", HEED_WRONG_COUNT, "", "", "4 operands (q, k, v, result)", "3", attending([](auto&) {}, 3)},
      {"too many", HEED_WRONG_COUNT, "", "", "4 operands (q, k, v, result)", "5", attending([](auto&) {}, 5)},
      {"negative", HEED_WRONG_COUNT, "", "", "4 operands (q, k, v, result)", "-1", attending([](auto&) {}, -1)},
      {"no operands", HEED_WRONG_MEMORY, "", "", "an array of 4 operands", "a null pointer",
       [](heed_error& e) { return heed_part_attend__test.call(nullptr, 4, nullptr, 0, &e); }},
      {"rank", HEED_WRONG_RANK, "q", "", "3 axes (h, n, d)", "2", attending([](auto& x) { reshape(x[0], {6, 8}); })},
      {"negative rank", HEED_WRONG_RANK, "v", "", "3 axes (h, m, e)", "-1", attending([](auto& x) { x[2].ndim = -1; })},
      {"huge rank", HEED_WRONG_RANK, "k", "", "3 axes (h, m, d)", "2147483647",
       attending([](auto& x) { x[1].ndim = std::numeric_limits<std::int32_t>::max(); })},
      {"rank of the result", HEED_WRONG_RANK, "result", "", "3 axes (h, n, e)", "4",
       attending([](auto& x) { reshape(x[3], {1, 2, 3, 4}); })},
      {"rank of a second result", HEED_WRONG_RANK, "result2", "", "2 axes (h, n)", "1",
       with_both([](auto& x) { reshape(x[4], {6}); })},
      {"double", HEED_WRONG_DTYPE, "q", "", "float32", "float64", attending([](auto& x) { x[0].dtype = f64; })},
      {"half", HEED_WRONG_DTYPE, "k", "", "float32", "float16", attending([](auto& x) { x[1].dtype.bits = 16; })},
      {"bfloat", HEED_WRONG_DTYPE, "k", "", "float32", "bfloat16", attending([](auto& x) { x[1].dtype = {4, 16, 1}; })},
      {"lanes", HEED_WRONG_DTYPE, "k", "", "float32", "float32 in 4 lanes",
       attending([](auto& x) { x[1].dtype.lanes = 4; })},
      {"an unknown type", HEED_WRONG_DTYPE, "result", "", "float32", "type 77 of 32",
       attending([](auto& x) { x[3].dtype.code = 77; })},
      {"long indices", HEED_WRONG_DTYPE, "ids", "", "int32", "int64",
       calling(heed_part_look_up__test, of_look_up, [](auto& x) { x[1].dtype = i64; })},
      {"bytes for bool", HEED_WRONG_DTYPE, "flag", "", "bool", "uint8",
       calling(heed_part_flag__test, of_flag, [](auto& x) { x[1].dtype = {1, 8, 1}; })},
      {"extent of 32 bits", HEED_WRONG_DTYPE, "z", "", "int64", "int32",
       calling(heed_part_count__test, of_count, [](auto& x) { x[1].dtype = i32; })},
      {"device", HEED_WRONG_DEVICE, "v", "", "the processor's memory (device type 1)", "device type 2",
       attending([](auto& x) { x[2].device.type = 2; })},
      {"pinned memory", HEED_WRONG_DEVICE, "result", "", "the processor's memory (device type 1)", "device type 3",
       attending([](auto& x) { x[3].device.type = 3; })},
      {"static extent", HEED_WRONG_EXTENT, "q", "d", "8, as declared", "9",
       attending([](auto& x) { reshape(x[0], {2, 3, 9}); })},
      {"extents disagree", HEED_WRONG_EXTENT, "v", "m", "5, as in operand 'k'", "6",
       attending([](auto& x) { reshape(x[2], {2, 6, 4}); })},
      {"extent of the result", HEED_WRONG_EXTENT, "result", "n", "3, as in operand 'q'", "2",
       attending([](auto& x) { reshape(x[3], {2, 2, 4}); })},
      {"negative extent", HEED_WRONG_EXTENT, "k", "m", "an extent that is not negative", "-5",
       attending([](auto& x) { reshape(x[1], {2, -5, 8}); })},
      {"extent beyond", HEED_WRONG_EXTENT, "q", "n", "at most 2^47 positions", "9223372036854775807",
       attending([](auto& x) { reshape(x[0], {2, largest, 8}); })},
      {"negative given extent", HEED_WRONG_EXTENT, "z", "", "an extent that is not negative", "-2",
       calling(heed_part_count__test, of_count,
               [](auto& x) {
                 static std::int64_t minus = -2;
                 x[1].data = &minus;
               })},
      {"null shape", HEED_WRONG_MEMORY, "q", "", "an array of 3 extents", "a null pointer",
       attending([](auto& x) { x[0].shape = nullptr; })},
      {"null data", HEED_WRONG_MEMORY, "v", "", "memory", "a null pointer",
       attending([](auto& x) { x[2].data = nullptr; })},
      {"null result", HEED_WRONG_MEMORY, "result", "", "memory", "a null pointer",
       attending([](auto& x) { x[3].data = nullptr; })},
      {"null extent", HEED_WRONG_MEMORY, "z", "", "memory", "a null pointer",
       calling(heed_part_count__test, of_count, [](auto& x) { x[1].data = nullptr; })},
      {"not aligned", HEED_WRONG_MEMORY, "q", "", "memory aligned to its elements of 4 bytes", not_aligned.c_str(),
       attending([](auto& x) { x[0].byte_offset = 2; })},
      {"byte offset beyond", HEED_WRONG_MEMORY, "q", "", "addresses within 64 bits", "a byte offset beyond",
       attending([](auto& x) { x[0].byte_offset = ~std::uint64_t(0); })},
      {"strides beyond", HEED_WRONG_MEMORY, "k", "", "addresses within 64 bits", "extents and strides beyond",
       attending([](auto& x) { x[1].strides = kept({largest / 2, 8, 1}); })},
      {"a result over itself", HEED_OVERLAP, "result", "n",
       "a stride of at least 4 either way, so that elements lie apart", "3",
       attending([](auto& x) { x[3].strides = kept({12, 3, 1}); })},
      {"a broadcast result", HEED_OVERLAP, "result", "h",
       "a stride of at least 1 either way, so that elements lie apart", "0",
       attending([](auto& x) { x[3].strides = kept({0, 4, 1}); })},
      {"a result over an operand", HEED_OVERLAP, "result", "", "memory of its own", "memory that operand 'q' lies in",
       attending([](auto& x) { x[0].data = arena + 64; })},
      {"a result over another", HEED_OVERLAP, "result2", "", "memory of its own",
       "memory that operand 'result1' lies in", with_both([](auto& x) { x[4].data = arena + 64; })},
      {"an index outside", HEED_WRONG_VALUE, "ids", "w", "indices from 0 to 3", "4",
       calling(heed_part_look_up__test, of_look_up,
               [](auto& x) {
                 static std::int32_t bad[] = {0, 4, 1};
                 x[1].data = bad;
               })},
      {"an index below", HEED_WRONG_VALUE, "ids", "w", "indices from 0 to 3", "-1",
       calling(heed_part_look_up__test, of_look_up,
               [](auto& x) {
                 static std::int32_t bad[] = {0, 3, -1};
                 x[1].data = bad;
               })},
      {"beyond 32 bits", HEED_WRONG_VALUE, "count", "", "whole numbers within 32 bits", "1099511627776",
       calling(heed_part_doubled__test, of_doubled, [](auto& x) { reshape(x[0], {3}), reshape(x[1], {3}); })},
      {"a small workspace", HEED_WORKSPACE_TOO_SMALL, "workspace", "", at_least(work_size), number(work_size - 1),
       working_in(floats(8192), work_size - 1)},
      {"an empty workspace", HEED_WORKSPACE_TOO_SMALL, "workspace", "", at_least(work_size), "0",
       working_in(floats(8192), 0)},
      {"a workspace over the result", HEED_OVERLAP, "workspace", "", "memory of its own",
       "memory that operand 'result' lies in", working_in(arena, work_size)},
      {"a workspace over an operand", HEED_OVERLAP, "workspace", "", "memory of its own",
       "memory that operand 'q' lies in", working_in(numbers.data(), work_size)},
      {"nowhere to save", HEED_WRONG_SAVED, "saved", "",
       texts.emplace_back("memory of " + text(kept_size) + " bytes").c_str(), "a null pointer",
       forwarding(nullptr, kept_size)},
      {"little room to save", HEED_WRONG_SAVED, "saved", "", at_least(kept_size), number(kept_size - 1),
       forwarding(arena + 8192, kept_size - 1)},
      {"saved not aligned", HEED_WRONG_SAVED, "saved", "", "memory aligned to 8 bytes", "an address that is 4 past",
       forwarding(arena + 8196, kept_size)},
      {"saved over the result", HEED_OVERLAP, "saved", "", "memory of its own", "memory that operand 'result' lies in",
       forwarding(arena, kept_size)},
      {"nothing saved", HEED_WRONG_SAVED, "saved", "",
       texts.emplace_back("memory of " + text(sizeof(std::uint64_t) * 4 + 256) + " bytes").c_str(), "a null pointer",
       [](heed_error& e) {
         descriptors x = of_backward();
         return heed_part_step__test.backward(x.data(), x.count(), nullptr, 4096, nullptr, 0, &e);
       }},
      {"zeros saved", HEED_WRONG_SAVED, "saved", "", "what a forward pass has kept", "other bytes",
       reading([] { return std::vector<std::uint64_t>(512); })},
      {"another kernel's", HEED_WRONG_SAVED, "saved", "", "what the forward pass of this kernel has kept",
       "what another has", reading([] { return forward_kept(5, true); })},
      {"other extents'", HEED_WRONG_SAVED, "saved", "m", "5, as in this call", "6 in the forward pass",
       reading([] { return forward_kept(6); })},
      {"half of it", HEED_WRONG_SAVED, "saved", "", at_least(kept_size), number(kept_size - 64),
       reading([] { return forward_kept(); }, 64)},
      {"operands of backward", HEED_WRONG_COUNT, "", "", "7 operands (q, k, v, cotangent, grad(q), grad(k), grad(v))",
       "6",
       [](heed_error& e) {
         descriptors x = of_backward(2);
         auto s = forward_kept();
         return heed_part_step__test.backward(x.data(), x.count(), s.data(), s.size() * 8, nullptr, 0, &e);
       }},
      {"a cotangent", HEED_WRONG_EXTENT, "cotangent", "n", "3, as in operand 'q'", "4",
       [](heed_error& e) {
         descriptors x = of_backward();
         reshape(x[3], {2, 4, 4});
         auto s = forward_kept();
         return heed_part_step__test.backward(x.data(), x.count(), s.data(), s.size() * 8, nullptr, 0, &e);
       }},
      {"a gradient over another", HEED_OVERLAP, "grad(k)", "", "memory of its own",
       "memory that operand 'grad(q)' lies in",
       [](heed_error& e) {
         descriptors x = of_backward();
         x[5].data = arena + 64;
         auto s = forward_kept();
         return heed_part_step__test.backward(x.data(), x.count(), s.data(), s.size() * 8, nullptr, 0, &e);
       }},
      {"no place for the number", HEED_WRONG_MEMORY, "bytes", "", "memory for the number", "a null pointer",
       [](heed_error& e) {
         descriptors x = of_attend();
         return heed_part_attend__test.workspace_bytes(x.data(), x.count(), nullptr, &e);
       }},
      {"shapes asked about", HEED_WRONG_EXTENT, "v", "m", "5, as in operand 'k'", "6",
       [](heed_error& e) {
         descriptors x = of_attend();
         reshape(x[2], {2, 6, 4});
         std::size_t bytes;
         return heed_part_attend__test.workspace_bytes(x.data(), x.count(), &bytes, &e);
       }},
      {"the oracle's results", HEED_WRONG_DTYPE, "result", "", "float64", "float32",
       [](heed_error& e) {
         descriptors x = of_attend();
         return heed_part_attend__test.reference(x.data(), x.count(), &e);
       }},
  };
}
}  // namespace

BOOST_AUTO_TEST_CASE(each_its_code_and_its_sentence) {
  const std::vector<bad_call> all = all_bad_calls();
  BOOST_TEST(all.size() >= 50u);
  for (const bad_call& x : all) {
    BOOST_TEST_CONTEXT(x.what) {
      std::memset(arena, 0x5a, sizeof arena);
      heed_error e;
      std::memset(&e, 0xff, sizeof e);
      const int code = x.call(e);
      BOOST_TEST(code == x.code);
      BOOST_TEST(e.code == x.code);
      BOOST_TEST(e.operand == std::string(x.operand));
      BOOST_TEST(e.axis == std::string(x.axis));
      BOOST_TEST(e.expected == std::string(x.expected));
      BOOST_TEST(e.got == std::string(x.got));
      const std::string where = *x.operand ? std::string(" operand '") + x.operand + "'" + (*x.axis ? ", " : "") : " ",
                        axis = *x.axis ? std::string("axis '") + x.axis + "'" : "",
                        what = where == " " && axis.empty() ? "" : where + axis + ":";
      BOOST_TEST(e.message == "heed:" + what + " expected " + x.expected + ", got " + x.got);
      BOOST_TEST(std::all_of(arena, arena + sizeof arena, [](unsigned char c) { return c == 0x5a; }));
    }
  }
}
// Good operands are good, and who wants no words gets none.
BOOST_AUTO_TEST_CASE(the_same_calls_without_a_mistake) {
  const auto attend = of_attend(), both = of_attend(2), look_up = of_look_up(), doubled = of_doubled(),
             count = of_count(), flag = of_flag();
  for (const auto& [part, x] : {std::pair(&heed_part_attend__test, &attend),
                                {&heed_part_both__test, &both},
                                {&heed_part_look_up__test, &look_up},
                                {&heed_part_doubled__test, &doubled},
                                {&heed_part_count__test, &count},
                                {&heed_part_flag__test, &flag}}) {
    heed_error e;
    std::memset(&e, 0xff, sizeof e);
    BOOST_TEST(part->call(x->data(), x->count(), nullptr, 0, &e) == HEED_OK, e.message);
    BOOST_TEST((e.code == HEED_OK && !*e.message && !*e.operand && !*e.axis && !*e.expected && !*e.got));
    BOOST_TEST(part->call(x->data(), x->count(), nullptr, 0, nullptr) == HEED_OK);
    BOOST_TEST(part->call(x->data(), x->count() - 1, nullptr, 0, nullptr) == HEED_WRONG_COUNT);
  }
}
