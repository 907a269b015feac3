// The one exception of heed: bad input at run time. Thrown before anything is written, never from a parallel region.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace heed {

// what() reads `heed: operand 'k', axis 'd': expected 64, got 32`; the parts are kept for programs. A part that does not
// apply is empty.
class error : public std::runtime_error {
 public:
  error(std::string operand, std::string axis, std::string expected, std::string got)
      : std::runtime_error(sentence(operand, axis, expected, got)),
        operand_(std::move(operand)), axis_(std::move(axis)), expected_(std::move(expected)), got_(std::move(got)) {}

  const std::string& operand() const noexcept { return operand_; }
  const std::string& axis() const noexcept { return axis_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& got() const noexcept { return got_; }

 private:
  static std::string sentence(const std::string& operand, const std::string& axis, const std::string& expected,
                              const std::string& got) {
    std::string s = "heed:";
    if (!operand.empty()) s += " operand '" + operand + "'";
    if (!axis.empty()) s += (operand.empty() ? " axis '" : ", axis '") + axis + "'";
    if (!operand.empty() || !axis.empty()) s += ":";
    return s + " expected " + expected + ", got " + got;
  }
  std::string operand_, axis_, expected_, got_;
};

}  // namespace heed
