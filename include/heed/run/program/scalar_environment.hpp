// A program without reductions at one point: an index by axis number, every value a plain number of 64 bits.
#pragma once
#include "evaluate.hpp"
#include "../frame/axes.hpp"
#include "../frame/elements.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct scalar_environment {
  using types = uniform_types<double, std::int64_t, bool>;
  static constexpr bool wide(const instruction&) { return false; }
  static constexpr bool given(const instruction&) { return false; }

  const environment& call;
  extent_t index[max_axes];

  extent_t offset(const view& v, axis_set axes) const { return offset_at(axes, index, v); }
  template <int I> auto get() const {
    constexpr instruction x = Region.code[I];
    if constexpr (x.code == op::load) {
      const view& v = call.operands[x.operand];
      constexpr operand o = Region.operands[x.operand];
      return element_at<o.type, value_type<I>>(v.data, offset(v, o.axes));
    } else if constexpr (x.code == op::index) {
      return index[x.axis];
    } else {
      static_assert(x.code == op::size, "heed: internal error: a reduction or a tile outside the loops that give it");
      return call.extent[x.axis];
    }
  }
  template <int I> auto gather(std::int64_t at) const {
    constexpr instruction x = Region.code[I];
    constexpr operand o = Region.operands[x.operand];
    const view& v = call.operands[x.operand];
    const extent_t top = call.extent[x.axis] - 1;
    if (top < 0) return value_type<I>(0);
    at = at < 0 ? 0 : at > top ? top : at;
    return element_at<o.type, value_type<I>>(v.data,
                                             offset(v, o.axes & ~(axis_set(1) << x.axis)) + at * v.stride[x.axis]);
  }

 private:
  template <int I> using value_type =
      std::conditional_t<class_of(Region.code[I].type) == value_class::real, double,
                         std::conditional_t<class_of(Region.code[I].type) == value_class::whole, std::int64_t, bool>>;
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
