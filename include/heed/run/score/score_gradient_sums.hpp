// What the items of a score-gradient region give to sums: for every item a number, or one for each row, key or element
// of a table, in shared memory. They are added at the end, in order, by one thread: an output of sums may lack any
// batch axis.
#pragma once
#include "score_gradient_block.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct gradient_sums {
  using shape = gradient_shape<Region>;
  using sizes = gradient_sizes<Region, T>;
  static constexpr int column = shape::column;

  // By a number that is known at run time: who asks the region itself has all of it in the program, 31 KB.
  static constexpr auto kinds = [] {
    fixed_array<sink_kind, std::size_t(Region.outputs.count)> r{};
    for (int k = 0; k < Region.outputs.count; ++k) r[k] = Region.gradient.sinks[k].kind;
    return r;
  }();

  // The sums of all items, [item][...]: of tables [entries], of uniform sums one number, both in double; [rows] or
  // [keys] in T.
  static std::size_t bytes_of(const sizes& n, int output) {
    const auto room = [&](extent_t elements, std::size_t size) {
      return rounded_up(std::size_t(elements * n.items()) * size);
    };
    switch (kinds[output]) {
      case sink_kind::uniform_sum: return room(1, sizeof(double));
      case sink_kind::table_sum: return room(n.entries[output], sizeof(double));
      case sink_kind::row_sum: return room(n.rows_total, sizeof(T));
      case sink_kind::column_sum: return room(n.keys, sizeof(T));
      default: return 0;
    }
  }
  static std::size_t bytes(const sizes& n) {
    std::size_t r = 0;
    for (int k = 0; k < Region.outputs.count; ++k) r += bytes_of(n, k);
    return r;
  }
  static std::byte* of(const sizes& n, const scratch& s, int output) {
    std::byte* r = s.shared;
    for (int k = 0; k < output; ++k) r += bytes_of(n, k);
    return r;
  }
  // All outputs that are sums, when every item has given its part.
  static void finish(const environment& call, const sizes& n, const scratch& s) {
    shape::each_output([&]<int K>() {
      if constexpr (adds_items(Region.gradient.sinks[K].kind)) add_items<K>(call, n, s);
      else if constexpr (shape::carries(K)) {  // nothing was added up: zeros
        static constexpr axis_list all = listed(Region.outputs[K].axes);
        const view& v = call.outputs[K];
        extent_t index[max_axes]{};
        if (n.serial == 0)
          each_index(all, call.extent, index,
                     [&] { put_element<Region.outputs[K].type>(v.data, offset_at(all, index, v), T(0)); });
      }
    });
  }

 private:
  static constexpr axis_list listed(axis_set s) {
    axis_list l;
    for (int i = 0; i < max_axes; ++i)
      if (s >> i & 1) l.add(i);
    return l;
  }
  // Output K: for every element of it the sum over the items, and within them over what the item has not summed itself,
  // in double and in order.
  template <int K>
  static void add_items(const environment& call, const sizes& n, const scratch& s) {
    static constexpr sink k = Region.gradient.sinks[K];
    constexpr output o = Region.outputs[K];
    static constexpr axis_set inside = k.kind == sink_kind::row_sum ? axis_set(1) << column : 0;  // summed within an
                                                                                                  // item already
    static constexpr axis_list kept = listed(o.axes), own_rows = shape::kept_rows(K), gone = [] {
      axis_set summed = k.over & ~inside;
      for (int i = 0; i < Region.rows.count; ++i)
        if (k.kind != sink_kind::row_sum) summed &= ~(axis_set(1) << Region.rows[i]);
      return listed(k.kind == sink_kind::uniform_sum || k.kind == sink_kind::table_sum
                        ? summed & ~(axis_set(1) << column)
                        : summed);
    }();
    const view& v = call.outputs[K];
    extent_t index[max_axes]{};
    each_index(kept, call.extent, index, [&] {
      double sum = 0;
      each_index(gone, call.extent, index, [&] {
        const extent_t item = number_of(Region.batch, call.extent, index);
        const std::byte* p = of(n, s, K);
        if constexpr (k.kind == sink_kind::table_sum)
          sum += reinterpret_cast<const double*>(
              p)[item * n.entries[K] + number_of(own_rows, call.extent, index) * call.extent[k.table] + index[k.table]];
        else if constexpr (k.kind == sink_kind::uniform_sum) sum += reinterpret_cast<const double*>(p)[item];
        else if constexpr (k.kind == sink_kind::row_sum)
          sum +=
              double(reinterpret_cast<const T*>(p)[item * n.rows_total + number_of(Region.rows, call.extent, index)]);
        else sum += double(reinterpret_cast<const T*>(p)[item * n.keys + index[column]]);
      });
      put_element<o.type>(v.data, offset_at(kept, index, v), sum);
    });
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
