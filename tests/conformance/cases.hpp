// Cases of operators as others have published them: a folder each, with a text file that names raw little-endian arrays
// (the operator's inputs, its results, a cotangent, gradients in double). Every source here registers a runner for some
// groups of cases.
#pragma once
#include <heed/heed.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace heed_conformance {
using namespace heed;

// An array of a case, its elements as doubles, row-major.
struct array {
  std::string type;  // f32 f16 f64 i64 bool
  std::vector<extent_t> shape;
  std::vector<double> values;

  extent_t extent(std::size_t axis) const { return axis < shape.size() ? shape[axis] : 1; }
};

class conformance_case {
 public:
  std::string name, op;  // name: its folder, below the folder of all cases
  std::map<std::string, std::string> attributes;
  std::map<std::string, array> inputs, published, forward, cotangents, gradients;  // published: in the operator's own
                                                                                   // precision

  conformance_case(const std::filesystem::path& root, const std::string& folder)
      : name(folder),
        folder_(root / folder) {
    std::ifstream file(folder_ / "case.txt");
    if (!file) throw std::runtime_error(name + ": there is no case.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string kind, key, type, slot;
      words >> kind;
      const bool numbered = name.starts_with("onnx/") && (kind == "input" || kind == "output");
      if (kind == "op") words >> op;
      else if (kind.starts_with("attr")) words >> key >> attributes[key];
      else if (kind == "fwd64" || kind == "cot64" || kind == "grad64")
        words >> key, table(kind)[key] = read("f64", words);
      else if (kind == "input" || kind == "output" || kind == "cot" || kind == "grad") {
        if (numbered) words >> slot;
        words >> key >> type;
        table(kind)[key] = read(type, words);
      }
    }
    if (name.starts_with("fla/")) forward = published;  // those are in double themselves
  }
  bool has(const std::string& input) const { return inputs.count(input) != 0; }
  double number(const std::string& key, double otherwise) const {
    const auto it = attributes.find(key);
    return it == attributes.end() ? otherwise : std::stod(it->second);
  }

 private:
  std::filesystem::path folder_;

  std::map<std::string, array>& table(const std::string& kind) {
    if (kind == "input") return inputs;
    if (kind == "output") return published;
    if (kind == "fwd64") return forward;
    return kind.starts_with("cot") ? cotangents : gradients;
  }
  array read(const std::string& type, std::istringstream& words) const {
    array a{.type = type, .shape = {}, .values = {}};
    std::size_t rank = 0, count = 1;
    words >> rank;
    for (a.shape.resize(rank); extent_t & e : a.shape) words >> e, count *= std::size_t(e);
    std::string file;
    if (!(words >> file)) throw std::runtime_error(name + ": a line of case.txt is cut off");
    std::ifstream data(folder_ / file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(data), {}};
    const auto convert = [&]<class T>(T) {
      if (bytes.size() != count * sizeof(T))
        throw std::runtime_error(name + ": " + file + " has another size than its shape");
      for (std::size_t i = 0; i < count; ++i) {
        T x;
        std::memcpy(&x, bytes.data() + i * sizeof(T), sizeof(T));
        a.values.push_back(double(x));
      }
    };
    if (type == "f32") convert(0.f);
    else if (type == "f64") convert(0.);
    else if (type == "i64") convert(std::int64_t(0));
    else if (type == "bool") convert(std::uint8_t(0));
    else if (type != "f16")
      throw std::runtime_error(name + ": element type " + type);  // f16: none of heed's, left empty
    return a;
  }
};

// Elements in memory of a type and an order of axes that a graph wants: extents, and where index 0, ... and each step
// lie.
template <class T>
struct operand {
  std::vector<extent_t> extents, strides;
  std::unique_ptr<T[]> memory;
  std::size_t size;

  operand(const std::vector<double>& from, std::vector<extent_t> e, std::vector<extent_t> s)
      : extents(std::move(e)),
        strides(std::move(s)),
        memory(new T[from.size() + 1]),
        size(from.size()) {
    for (std::size_t i = 0; i < size; ++i) memory[i] = T(from[i]);
  }
  operand(const std::vector<double>& from, std::vector<extent_t> e) : operand(from, e, dense(e)) {}
  // A result: its elements have a value that nobody expects.
  static operand result(const std::vector<extent_t>& e) { return {std::vector<double>(count(e), 7), e}; }
  static operand result(const std::vector<extent_t>& e, const std::vector<extent_t>& s) {
    return {std::vector<double>(count(e), 7), e, s};
  }

  heed::view<T> bind() const {
    return {memory.get(), std::span<const extent_t>(extents), std::span<const extent_t>(strides)};
  }
  std::vector<double> values() const { return {memory.get(), memory.get() + size}; }

  static std::size_t count(const std::vector<extent_t>& e) {
    std::size_t n = 1;
    for (const extent_t x : e) n *= std::size_t(x);
    return n;
  }
  static std::vector<extent_t> dense(const std::vector<extent_t>& e) {
    std::vector<extent_t> s(e.size(), 1);
    for (std::size_t i = e.size(); i-- > 1;) s[i - 1] = s[i] * e[i];
    return s;
  }
};

// Compares what heed gives with what a case says, element by element, in error units; what is compared is counted.
void compare(const std::string& what, const std::vector<double>& got, const std::vector<double>& want,
             const std::vector<double>& unit);
// ... with values published in float: within the tolerance that the operator's own tests allow.
void compare_published(const std::string& what, const std::vector<double>& got, const array& want);
// ... where every element has the unit eps * (the largest magnitude that its sum is made of): pointwise operators and
// norms.
template <class T> void compare_scaled(const std::string& what, const std::vector<double>& got,
                                       const std::vector<double>& want, const std::vector<double>& magnitude) {
  std::vector<double> unit(magnitude);
  for (double& u : unit) u *= double(std::numeric_limits<T>::epsilon());
  compare(what, got, want, unit);
}

// Runs the cases of a group: onnx/attention, fla/softmax_attn, ...
using runner = std::function<void(const conformance_case&)>;
std::map<std::string, runner>& runners();
struct registered {
  registered(const std::string& group, runner r) { runners()[group] = std::move(r); }
};

}  // namespace heed_conformance
