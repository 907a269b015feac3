// Where a sum, or what else is made of many elements, has anything to take: the stretch of an axis outside of which its
// mask leaves nothing, so that nothing is computed there. Found by looking at the mask itself, as far as that is cheap,
// from both ends.
#pragma once
#include "loop_body.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

struct loop_range {
  extent_t from, to;  // `from` is the first element of a pack, and `to` behind the last of one, or of the axis
};

template <const auto& Region>
struct loop_ranges {
  using state = loop_state<Region>;
  using M = typename state::M;
  static constexpr int lanes = state::lanes, size = state::size;

  // Is `what` what reduction or running sum i takes of an element that is left out?
  static constexpr bool is_nothing(int i, instruction what) {
    const op o = Region.code[i].code;
    if (what.code == op::cast) what = Region.code[what.a];
    if (what.code != op::constant) return false;
    if (o == op::sum || o == op::running_sum) return what.value == 0;
    if (class_of(Region.code[i].type) != value_class::real) return false;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return what.value == (o == op::min ? infinity : -infinity);
  }
  static constexpr bool is_cheap(int i) {
    const auto below = plan::needed_by(Region.code, plan::instruction_id(i));
    for (int j = 1; j <= i; ++j) {
      const op o = Region.code[j].code;
      if ((j == i || below[j]) && (loop_homes<Region>::is_made_of_many(o) || facts_of(o).costly || o == op::gather ||
                                   o == op::primitive || o == op::random_uniform || o == op::random_key))
        return false;
    }
    return true;
  }
  // The cheap conditions that all must hold where value i takes anything, of those that do not vary along an axis.
  static constexpr auto conditions(int i, int but) {
    std::array<bool, std::size_t(size)> r{}, open{};
    const instruction& from = Region.code[Region.code[i].a];
    if (from.code != op::where || !is_nothing(i, Region.code[from.c])) return r;
    open[from.a] = true;
    for (int j = size - 1; j > 0; --j) {
      if (!open[j]) continue;
      const instruction& x = Region.code[j];
      if (x.code == op::both) open[x.a] = open[x.b] = true;
      else r[j] = is_cheap(j) && !state::has(x.axes, but);
    }
    return r;
  }

  // Of value I along K, at the index that the bodies are at; Across: wherever they are along that axis.
  template <int I, int K, int Across = -1> static HEED_INLINE loop_range of(const state& bodies) {
    static constexpr auto all = listed<size>([is = conditions(I, Across)](int i) { return is[i]; });
    if constexpr (all.count == 0 || K < 0) return {0, extent_along(K, bodies.call.extent)};
    else return found<K, all>(bodies);
  }

 private:
  template <int K, const auto& All> [[gnu::noinline]] static loop_range found(const state& bodies) {
    const extent_t length = bodies.call.extent[K];
    return [&]<int... J>(std::integer_sequence<int, J...>) HEED_INLINED -> loop_range {
      loop_body<Region, K, 0> e{bodies};
      e.template start<All.of[J]...>();
      const auto leaves_some = [&](extent_t at) HEED_INLINED {
        e.at = at, e.count = int(std::min<extent_t>(lanes, length - at));
        return any(M::first(e.count) && (evaluate<Region, All.of[J]>(e) && ...));
      };
      extent_t from = 0, to = length;
      // mutants: range_of_what_is_left_out
      while (from < length && !leaves_some(from)) from += lanes;
      if (from >= length) return {0, 0};
      for (extent_t last = (length - 1) / lanes * lanes; last > from && !leaves_some(last); last -= lanes) to = last;
      return {from, to};
    }(std::make_integer_sequence<int, All.count>{});
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
