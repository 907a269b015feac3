// std::cout << Q: the elements of a tensor for people, the last axis as rows, a blank line between matrices. A long
// axis is shown by its ends, and the extents follow where not every element could be shown.
#pragma once
#include "tensor.hpp"
#include <cstdio>
#include <iosfwd>

namespace heed::internal::run {

// A number in at most `digits` digits; a truth is 1 or 0.
inline std::string number_text(double x, int digits) {
  if (x != x) return "nan";  // printf would say -nan of some
  char s[32];
  std::snprintf(s, sizeof s, "%.*g", std::clamp(digits, 1, 17), x);
  return s;
}
inline std::string number_text(float x, int digits) { return number_text(double(x), digits); }
template <class T> std::string number_text(T x, int) { return std::to_string(std::int64_t(x)); }

template <class Tensor>
class printed_tensor {
 public:
  printed_tensor(const Tensor& t, int digits) : t_(t), digits_(digits), most_(t.size() > 256 ? 2 * shown_ends : 16) {
    along(0, 0);
    text_.clear();
    along(0, 0);  // again, for now the width of the widest number is known
    const auto& extents = t.extents();
    if (t.size() == 0 || std::any_of(extents.begin(), extents.end(), [&](extent_t e) { return e > most_; }))
      text_.append(" ").append(in_parentheses(extents));
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr extent_t shown_ends = 3;  // of a long axis: the first and the last three

  // The elements from `place` on, along this axis and those behind it.
  void along(int axis, extent_t place) {
    if (axis == t_.rank()) return number(place);
    const extent_t extent = t_.extent(axis);
    text_ += '[';
    for (extent_t i = 0; i < extent; ++i) {
      if (i > 0) next(axis);
      if (extent > most_ && i == shown_ends) {
        text_ += "...";
        next(axis);
        i = extent - shown_ends;
      }
      along(axis + 1, place + i * t_.strides()[axis]);
    }
    text_ += ']';
  }
  void number(extent_t place) {
    const std::string s = number_text(t_[place], digits_);
    width_ = std::max(width_, s.size());
    text_.append(width_ - s.size(), ' ').append(s);
  }
  // Between two elements of a row, two rows, two matrices, ...
  void next(int axis) {
    const int inner = t_.rank() - 1 - axis;
    if (inner == 0) text_ += ' ';
    else text_.append(std::size_t(inner), '\n').append(std::size_t(axis + 1), ' ');
  }

  const Tensor& t_;
  int digits_;
  extent_t most_;
  std::size_t width_ = 0;
  std::string text_;
};

}  // namespace heed::internal::run

namespace heed {

// With the precision of the stream.
template <class Char, class Traits, class T, int Rank>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& to, const tensor<T, Rank>& t) {
  return to << internal::run::printed_tensor(t, int(to.precision())).text().c_str();
}

}  // namespace heed
