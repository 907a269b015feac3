// What a mask reads along the keys, known before any tile is met: each value that depends on keys alone (documents,
// remainders, entries of tables at computed indices, conditions of them) is worked out key by key, once a call, and
// bounded over groups of keys, over 8 of those, and so on, so that a stretch of any length is known by a few bounds.
#pragma once
#include "../program/mask_bounds.hpp"
#include "../team.hpp"
#include "score_values.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_columns {
  using values = score_values<Region, T>;
  static constexpr int size = values::size, column = values::column;
  static constexpr extent_t group = simd::group, fan = 8;

  // Of such a value interval arithmetic knows all that there is: it rises or falls with the key.
  static constexpr auto monotone = [] {
    fixed_array<bool, program::capacity> known{};
    for (int i = 1; i < size; ++i) {
      const instruction& x = Region.code[i];
      if (x.where != role::column) continue;
      const auto uniform = [&](int k) { return Region.code[k].where == role::uniform; };
      switch (x.code) {
        case op::index: known[i] = true; break;
        case op::cast:
        case op::negate:
        case op::invert: known[i] = known[x.a]; break;
        case op::floor_divide: known[i] = known[x.a] && uniform(x.b); break;
        case op::add:
        case op::subtract:
        case op::multiply:
        case op::minimum:
        case op::maximum:
        case op::less:
        case op::less_equal: known[i] = (known[x.a] && uniform(x.b)) || (uniform(x.a) && known[x.b]); break;
        default: break;
      }
    }
    return known;
  }();
  // The others, as far as what is more than a value of the keys reads them.
  static constexpr auto bounded = listed<size>([](int i) {
    if (Region.pair.keep == 0 || !values::in_mask[i] || Region.code[i].where != role::column || monotone[i])
      return false;
    bool read = i == Region.pair.keep;
    for (int k = i + 1; k < size; ++k) {
      const instruction& x = Region.code[k];
      read = read || (values::in_mask[k] && x.where != role::column && (x.a == i || x.b == i || x.c == i));
    }
    return read;
  });
  static constexpr int number_of(int value) {
    for (int k = 0; k < bounded.count; ++k)
      if (bounded.of[k] == value) return k;
    return -1;
  }
  // The batch axes along which they differ.
  static constexpr axis_list items = [] {
    axis_set read = 0;
    for (int k = 0; k < bounded.count; ++k) {
      const auto needed = plan::needed_by(Region.code, instruction_id(bounded.of[k]));
      for (int i = 1; i < size; ++i) {
        const instruction& x = Region.code[i];
        if (!needed[i]) continue;
        read |= x.axes;
        if (x.code == op::load || x.code == op::gather) read |= Region.operands[x.operand].axes;
      }
    }
    axis_list r;
    for (int i = 0; i < Region.batch.count; ++i)
      if (read >> Region.batch[i] & 1) r.add(Region.batch[i]);
    return r;
  }();

  // Of one value: the bounds of groups of keys, then those of 8 groups, ...
  static constexpr extent_t groups_of(extent_t keys) { return (keys + group - 1) / group; }
  static constexpr extent_t bounds_of_value(extent_t keys) {
    extent_t n = 0;
    for (extent_t level = groups_of(keys); level > 0; level = level > 1 ? (level + fan - 1) / fan : 0) n += level;
    return n;
  }
  // How many intervals an item takes.
  static constexpr extent_t count(extent_t keys) {
    if constexpr (bounded.count == 0) return 0;
    else return bounded.count * bounds_of_value(keys);
  }
  // Of the keys [first, end), where first is a multiple of the group. `at`: the item.
  static void set_groups(scalar_environment<Region> at, extent_t keys, extent_t first, extent_t end,
                         plan::interval* to) {
    each_of<bounded>([&]<int K>() {
      plan::interval* const own = to + number_of(K) * bounds_of_value(keys);
      for (extent_t g = first; g < end; g += group) {
        plan::bounds_of_values over;
        for (extent_t i = g; i < std::min(g + group, end); ++i) {
          at.index[column] = i;
          over.add(double(evaluate<Region, K>(at)));
        }
        own[g / group] = over.bounds();
      }
    });
  }
  // Of longer stretches, when those of all groups are there.
  static void set_stretches(extent_t keys, plan::interval* to) {
    for (int k = 0; k < bounded.count; ++k) {
      plan::interval* level = to + k * bounds_of_value(keys);
      for (extent_t n = groups_of(keys); n > 1; level += n, n = (n + fan - 1) / fan)
        for (extent_t i = 0; i < n; i += fan) level[n + i / fan] = hull_between(level, i, std::min(i + fan, n) - 1);
    }
  }
  static void set(const scalar_environment<Region>& at, extent_t keys, plan::interval* to) {
    if constexpr (bounded.count > 0) {
      set_groups(at, keys, 0, keys, to);
      set_stretches(keys, to);
    }
  }
  // Of all items of a call, one behind the other.
  static void set_all(const environment& call, plan::interval* to) {
    if constexpr (bounded.count > 0) {
      constexpr extent_t piece = 1024 * group;
      const extent_t keys = call.extent[column], pieces = (keys + piece - 1) / piece,
                     all = count_of(items, call.extent);
      for_each_item(all * pieces, call.threads, [&](extent_t i, int) {
        scalar_environment<Region> at{call, {}};
        index_of(items, call.extent, i / pieces, at.index);
        const extent_t first = i % pieces * piece;
        set_groups(at, keys, first, std::min(first + piece, keys), to + i / pieces * count(keys));
      });
      for (extent_t i = 0; i < all; ++i) set_stretches(keys, to + i * count(keys));
    }
  }
  static extent_t count_of_all(const environment& call) {
    if constexpr (bounded.count == 0) return 0;
    else return count_of(items, call.extent) * count(call.extent[column]);
  }
  // Those of an item, of all.
  static const plan::interval* of_item(const scalar_environment<Region>& at, const plan::interval* all) {
    if constexpr (bounded.count == 0) return all;
    else return all + number_of_item(at) * count(at.call.extent[column]);
  }

  // Bounds of a value on keys [first, last].
  static plan::interval between(const plan::interval* bounds, int value, extent_t keys, extent_t first, extent_t last) {
    const plan::interval* level = bounds + value * bounds_of_value(keys);
    extent_t n = groups_of(keys), from = first / group, to = last / group;
    plan::interval r = level[from];
    for (;; level += n, n = (n + fan - 1) / fan) {
      if (to - from < 2 * fan) return hull_of(r, hull_between(level, from, to));
      for (; from % fan; ++from) r = hull_of(r, level[from]);
      for (; (to + 1) % fan; --to) r = hull_of(r, level[to]);
      from /= fan, to = (to + 1) / fan - 1;
    }
  }

 private:
  static extent_t number_of_item(const scalar_environment<Region>& at) {
    return run::number_of(items, at.call.extent, at.index);
  }
  static plan::interval hull_of(plan::interval a, plan::interval b) {
    a.lo = std::min(a.lo, b.lo), a.hi = std::max(a.hi, b.hi);
    return a;
  }
  static plan::interval hull_between(const plan::interval* bounds, extent_t first, extent_t last) {
    plan::interval r = bounds[first];
    for (extent_t i = first + 1; i <= last; ++i) r = hull_of(r, bounds[i]);
    return r;
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
