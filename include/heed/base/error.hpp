// The one exception of heed: bad input at run time. Thrown before anything is written, never from a parallel region.
#pragma once
#include "label.hpp"
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>

namespace heed {

// what() reads `heed: operand 'k', axis 'd': expected 64, got 32`; the parts are kept for programs. A part that does
// not apply is empty.
class error : public std::runtime_error {
 public:
  // What was wrong. Numbered as programs in other languages know them (export/interface.h).
  enum class mistake : std::uint8_t {
    count = 1,
    rank,
    element,
    device,
    extent,
    memory,
    overlap,
    value,
    workspace,
    saved
  };
  error(std::string operand, std::string axis, std::string expected, std::string got, mistake kind = mistake::value)
      : std::runtime_error(sentence(operand, axis, expected, got)),
        operand_(std::move(operand)),
        axis_(std::move(axis)),
        expected_(std::move(expected)),
        got_(std::move(got)),
        kind_(kind) {}

  const std::string& operand() const noexcept { return operand_; }
  const std::string& axis() const noexcept { return axis_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& got() const noexcept { return got_; }
  mistake kind() const noexcept { return kind_; }

 private:
  [[gnu::cold]] static std::string sentence(const std::string& operand, const std::string& axis,
                                            const std::string& expected, const std::string& got) {
    std::string s = "heed:";
    for (const auto& [what, name] :
         {std::pair(" operand '", &operand), std::pair(operand.empty() ? " axis '" : ", axis '", &axis)})
      if (!name->empty()) s.append(what).append(*name).append("'");
    if (s.size() > 5) s.append(":");
    return s.append(" expected ").append(expected).append(", got ").append(got);
  }
  std::string operand_, axis_, expected_, got_;
  mistake kind_;
};

}  // namespace heed
namespace heed::internal {

// A piece of a message: words, a name, a number. A message is put together where it is thrown and nowhere else: strings
// built on the spot, one rule after another, were a quarter of what g++ needed for a small program.
struct piece {
  const char* words = "";
  label name{};
  long number = 0;
  bool counted = false;    // is there a number?
  const char* after = "";  // words behind both

  constexpr piece() = default;
  constexpr piece(const char* w) : words(w) {}
  piece(const std::string& s) : words(s.c_str()) {}  // which must live until the message is written
  constexpr piece(label n) : name(n) {}
  constexpr piece(const char* w, label n, const char* a) : words(w), name(n), after(a) {}
  constexpr piece(long n) : number(n), counted(true) {}
  constexpr piece(int n) : piece(long(n)) {}
  constexpr piece(const char* w, long n) : words(w), number(n), counted(true) {}
};
using pieces = std::initializer_list<piece>;

[[gnu::cold, gnu::noinline]] inline std::string written(pieces all) {
  std::string s;
  for (const piece& x : all) {
    s.append(x.words).append(x.name.text());
    if (x.counted) s.append(std::to_string(x.number));
    s.append(x.after);
  }
  return s;
}
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(error::mistake kind, piece operand, piece axis,
                                                          pieces expected, pieces got) {
  throw error(written({operand}), written({axis}), written(expected), written(got), kind);
}
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(piece operand, piece axis, pieces expected, pieces got) {
  refuse(error::mistake::value, operand, axis, expected, got);
}

}  // namespace heed::internal
