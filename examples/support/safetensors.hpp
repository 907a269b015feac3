// Reads safetensors files (https://github.com/huggingface/safetensors): 8 bytes of little-endian header length, a JSON
// header, raw row-major data. The file is mapped, the header is read by a JSON library, and everything it says is
// checked against the file before it is believed.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace heed_examples {

// What is wrong with a file: its path, the tensor if one is concerned, what was expected and what came.
struct safetensors_error : std::runtime_error {
  safetensors_error(const std::string& file, const std::string& tensor, const std::string& expected,
                    const std::string& got)
      : std::runtime_error(file + (tensor.empty() ? "" : ", tensor '" + tensor + "'") + ": expected " + expected +
                           ", got " + got) {}
};

class memory_map {
 public:
  explicit memory_map(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY);
    struct stat s{};
    if (file < 0 || ::fstat(file, &s) != 0) {
      if (file >= 0) ::close(file);
      throw safetensors_error(path, "", "a readable file", "none");
    }
    size_ = std::size_t(s.st_size);
    if (size_) data_ = static_cast<const char*>(::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0));
    ::close(file);
    if (data_ == MAP_FAILED) throw safetensors_error(path, "", "a file that can be mapped", "none");
  }
  memory_map(const memory_map&) = delete;
  memory_map& operator=(const memory_map&) = delete;
  ~memory_map() {
    if (size_) ::munmap(const_cast<char*>(data_), size_);
  }
  const char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

inline float half_to_float(std::uint16_t h) {
  const std::uint32_t sign = std::uint32_t(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  return (sign ? -1.f : 1.f) * float(fraction) * 0x1p-24f;
}

class safetensors_file {
 public:
  struct entry {
    std::string type;
    std::vector<std::int64_t> shape;
    std::size_t first, bytes;
  };

  explicit safetensors_file(const std::string& path) : path_(path), map_(path) {
    const auto fail = [&](const std::string& tensor, const std::string& expected, const std::string& got) {
      throw safetensors_error(path_, tensor, expected, got);
    };
    if (map_.size() < 8) fail("", "at least 8 bytes", std::to_string(map_.size()));
    std::uint64_t length;
    std::memcpy(&length, map_.data(), 8);
    if (length > map_.size() - 8) fail("", "a header within the file", "one of " + std::to_string(length) + " bytes");
    if (length > 100'000'000) fail("", "a header of at most 100 MB", std::to_string(length) + " bytes");
    const auto header = nlohmann::json::parse(map_.data() + 8, map_.data() + 8 + length, nullptr, false);
    if (!header.is_object())
      fail("", "a JSON object as the header", header.is_discarded() ? "what is not JSON" : header.type_name());
    base_ = 8 + std::size_t(length);
    const std::size_t size = map_.size() - base_;
    for (const auto& [name, x] : header.items()) {
      if (name == "__metadata__") continue;
      if (!x.is_object() || !x.contains("dtype") || !x["dtype"].is_string() || !x.contains("shape") ||
          !x["shape"].is_array() || !x.contains("data_offsets") || !x["data_offsets"].is_array() ||
          x["data_offsets"].size() != 2)
        fail(name, "dtype, shape and two data_offsets", x.dump().substr(0, 80));
      entry e{x["dtype"].get<std::string>(), {}, 0, 0};
      std::uint64_t elements = std::uint64_t(width(e.type));
      if (!elements) fail(name, "F64, F32, F16, BF16, I64, I32 or BOOL", e.type);
      for (const auto& d : x["shape"]) {
        if (!d.is_number_unsigned()) fail(name, "extents that are whole numbers", d.dump());
        e.shape.push_back(d.get<std::int64_t>());
        if (e.shape.back() < 0 || __builtin_mul_overflow(elements, d.get<std::uint64_t>(), &elements))
          fail(name, "extents within 64 bits", d.dump());
      }
      const auto& o = x["data_offsets"];
      if (!o[0].is_number_unsigned() || !o[1].is_number_unsigned())
        fail(name, "offsets that are whole numbers", o.dump());
      const std::uint64_t first = o[0].get<std::uint64_t>(), end = o[1].get<std::uint64_t>();
      if (first > end || end > size) fail(name, "data within " + std::to_string(size) + " bytes", o.dump());
      if (end - first != elements)
        fail(name, std::to_string(elements) + " bytes, as shape and dtype say", std::to_string(end - first));
      e.first = base_ + std::size_t(first), e.bytes = std::size_t(end - first);
      entries_.emplace(name, std::move(e));
    }
    // The format allows neither overlaps nor holes: each tensor begins where the one before it ends.
    std::vector<std::pair<std::size_t, const std::string*>> order;
    for (const auto& [name, e] : entries_)
      if (e.bytes) order.emplace_back(e.first, &name);
    std::sort(order.begin(), order.end());
    std::size_t end = base_;
    for (const auto& [first, name] : order) {
      if (first != end)
        fail(*name, "data from byte " + std::to_string(end - base_) + " on, where the tensor before it ends",
             std::to_string(first - base_));
      end += entries_.at(*name).bytes;
    }
    if (end != map_.size())
      fail("", "tensors up to the end of the file", std::to_string(map_.size() - end) + " bytes that belong to none");
  }

  bool has(const std::string& name) const { return entries_.count(name) != 0; }
  const entry& at(const std::string& name) const {
    const auto i = entries_.find(name);
    if (i == entries_.end()) throw safetensors_error(path_, name, "a tensor of that name", "none");
    return i->second;
  }
  // The numbers of a tensor as float, row-major; `shape` must be its shape (-1: any extent).
  std::vector<float> read(const std::string& name, std::initializer_list<std::int64_t> shape) const {
    const entry& e = at(name);
    bool same = e.shape.size() == shape.size();
    std::size_t k = 0;
    for (const std::int64_t d : shape) same = same && (d < 0 || e.shape[k] == d), ++k;
    if (!same) throw safetensors_error(path_, name, "shape " + text(std::vector<std::int64_t>(shape)), text(e.shape));
    std::vector<float> r(e.bytes / std::size_t(width(e.type)));
    for (std::size_t i = 0; i < r.size(); ++i) r[i] = number(e, i);
    return r;
  }
  std::vector<std::int32_t> read_whole(const std::string& name) const {
    const entry& e = at(name);
    if (e.type != "I32") throw safetensors_error(path_, name, "I32", e.type);
    std::vector<std::int32_t> r(e.bytes / 4);
    if (!r.empty()) std::memcpy(r.data(), map_.data() + e.first, e.bytes);
    return r;
  }
  const std::string& path() const { return path_; }

 private:
  static int width(const std::string& type) {
    return type == "F64" || type == "I64"    ? 8
           : type == "F32" || type == "I32"  ? 4
           : type == "F16" || type == "BF16" ? 2
           : type == "BOOL"                  ? 1
                                             : 0;
  }
  static std::string text(const std::vector<std::int64_t>& shape) {
    std::string s = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? ", " : "") + std::to_string(shape[i]);
    return s + "]";
  }
  float number(const entry& e, std::size_t i) const {
    const char* p = map_.data() + e.first;
    const auto raw = [&](auto v) {
      std::memcpy(&v, p + i * sizeof v, sizeof v);
      return v;
    };
    if (e.type == "F32") return raw(0.f);
    if (e.type == "F16") return half_to_float(raw(std::uint16_t()));
    if (e.type == "BF16") return std::bit_cast<float>(std::uint32_t(raw(std::uint16_t())) << 16);
    if (e.type == "F64") return float(raw(0.0));
    if (e.type == "I32") return float(raw(std::int32_t()));
    if (e.type == "I64") return float(raw(std::int64_t()));
    return float(raw(char()));
  }

  std::string path_;
  memory_map map_;
  std::size_t base_ = 0;
  std::map<std::string, entry> entries_;
};

}  // namespace heed_examples
