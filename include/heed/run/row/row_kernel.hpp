// The row region: for every row, reductions along one axis (or none) in as many passes as they depend on each other,
// and a pass that writes the result. The lanes of a pack run along the reduced axis, or across the fastest axis of the
// rows, as the plan says. Sums are taken in a fixed order that depends on the length of a row alone.
#pragma once
#include "../../plan/facts/score_match.hpp"
#include "../../simd/over_lanes.hpp"
#include "../program/evaluate.hpp"
#include "../program/row_statistic.hpp"
#include "../frame/axes.hpp"
#include "../frame/elements.hpp"
#include "../frame/pieces.hpp"
#include "../team.hpp"
#include "running_sum.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

using phases = std::array<std::int8_t, program::capacity>;

// In which pass an instruction is known: 0 before any, k after the k-th.
constexpr phases phases_of(const region& r) {
  phases known{};
  for (int i = 1; i < r.code.size; ++i) {
    const instruction& x = r.code[i];
    for (int j : {int(x.a), int(x.b), int(x.c)}) known[i] = std::max(known[i], known[j]);
    if (is_reduction(x.code)) ++known[i];
  }
  return known;
}

template <const auto& Region, class T>
struct row_loops {
  using P = simd::pack<T>;
  using W = simd::pack<simd::integer_of_size<sizeof(T)>>;
  using M = typename P::mask;
  static constexpr int lanes = P::lanes, size = Region.code.size;
  static constexpr phases phase = phases_of(Region);
  static constexpr int last_phase = *std::max_element(phase.begin(), phase.end());
  static constexpr bool along = Region.row.lanes_along;
  static constexpr int lane = along ? (Region.columns.count ? Region.columns[0] : -1) : Region.row.lane_axis;
  static constexpr int column = Region.columns.count ? Region.columns[0] : -1;
  static constexpr output out = Region.outputs[0];
  static constexpr int running = running_sum_in(Region);
  static constexpr bool from_the_end = running > 0 && Region.code[running].value != 0;
  static constexpr bool varies(axis_set axes) { return (axes & plan::bit(lane)) != 0; }

  // Of one row (or one pack of rows): where operands start, and what the passes have found.
  struct state {
    const environment& call;
    extent_t index[max_axes]{};
    extent_t base[max_operands]{};  // of operands at this row, lane and column 0
    P reduced_wide[size];
    T reduced[size];
    T cached[size];  // values that do not vary over the lanes, along only
    [[no_unique_address]] std::conditional_t<(running > 0), running_sum<T, along, from_the_end>, no_running_sum> sum;
    explicit state(const environment& e) : call(e) {}
  };

  // Where the operands of a row begin, for loops that store: what lies in `state` may be what they have written.
  static constexpr int operand_count = Region.operands.count;
  struct row_starts {
    const void* of[operand_count > 0 ? operand_count : 1];
    explicit row_starts(const state& s) {
      [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
        ((of[K] = static_cast<const storage<Region.operands[K].type>*>(s.call.operands[K].data) + s.base[K]), ...);
      }(std::make_integer_sequence<int, operand_count>{});
    }
  };
  struct no_starts {
    no_starts() = default;
    explicit no_starts(const state&) {}
  };
  template <bool Beside> using starts_if = std::conditional_t<Beside, row_starts, no_starts>;
  // Beside: what varies over the lanes lies side by side along them (lies_side_by_side).
  template <bool Narrow, bool Beside = false> struct environment_at {
    using types = pack_types<T>;
    static constexpr bool wide(const instruction& x) { return varies(x.axes); }
    // Row values are worked out once a row; only those of real type are kept.
    static constexpr bool given(const instruction& x) {
      return !Narrow && along && !varies(x.axes) && class_of(x.type) == value_class::real && x.code != op::constant;
    }
    const state& now;
    extent_t at;   // first lane
    extent_t col;  // column, where lanes run across
    int count;     // lanes that exist
    [[no_unique_address]] starts_if<Beside> starts;

    extent_t offset(int k) const {
      return now.base[k] + (along ? 0 : col * stride_along(column, now.call.operands[k]));
    }

    template <int I> HEED_INLINE auto get() const {
      constexpr instruction x = Region.code[I];
      if constexpr (given(x)) return now.cached[I];
      else if constexpr (is_reduction(x.code)) {
        using simd::to_integer;
        if constexpr (class_of(x.type) != value_class::whole) {
          if constexpr (varies(x.axes)) return now.reduced_wide[I];
          else return now.reduced[I];
        } else if constexpr (varies(x.axes)) return to_integer(now.reduced_wide[I]);
        else return typename W::element(now.reduced[I]);
      } else if constexpr (x.code == op::running_sum) {
        using simd::to_integer;
        if constexpr (class_of(x.type) != value_class::whole) {
          if constexpr (varies(x.axes)) return now.sum.here;
          else return now.sum.here[0];
        } else if constexpr (varies(x.axes)) return to_integer(now.sum.here);
        else return typename W::element(now.sum.here[0]);
      } else if constexpr (x.code == op::size) return typename W::element(now.call.extent[x.axis]);
      else if constexpr (x.code == op::index) {
        if constexpr (x.axis == lane) return simd::iota<typename W::element, lanes>(typename W::element(at));
        else if constexpr (x.axis == column) return typename W::element(col);
        else return typename W::element(now.index[x.axis]);
      } else if constexpr (Beside) return read_beside<I>();
      else return read<I>(offset(x.operand), Region.operands[x.operand].axes);
    }
    template <int I> HEED_INLINE auto read_beside() const {
      constexpr instruction x = Region.code[I];
      constexpr element e = Region.operands[x.operand].type;
      constexpr bool real = class_of(x.type) == value_class::real, truth = class_of(x.type) == value_class::truth;
      const void* from = starts.of[x.operand];
      if constexpr (!along && column >= 0)
        from = static_cast<const storage<e>*>(from) + col * now.call.operands[x.operand].stride[column];
      if constexpr (!varies(x.axes)) {
        using E = std::conditional_t<real, T, std::conditional_t<truth, bool, typename W::element>>;
        return element_at<e, E>(from, 0);
      } else {
        const auto r = load_lanes<e, std::conditional_t<real, P, W>>(from, at, 1, count);
        if constexpr (truth) return r != W(0);
        else return r;
      }
    }
    template <int I> HEED_INLINE auto read(extent_t from, axis_set axes) const {
      constexpr instruction x = Region.code[I];
      constexpr element e = Region.operands[x.operand].type;
      const view& v = now.call.operands[x.operand];
      constexpr value_class c = class_of(x.type);
      if constexpr (!varies(x.axes)) {
        if constexpr (c == value_class::real) return element_at<e, T>(v.data, from);
        else if constexpr (c == value_class::whole) return element_at<e, typename W::element>(v.data, from);
        else return element_at<e, bool>(v.data, from);
      } else {
        const extent_t stride = !varies(axes) ? 0 : Beside ? 1 : v.stride[lane];
        if constexpr (c == value_class::real) return load_lanes<e, P>(v.data, from + at * stride, stride, count);
        else if constexpr (c == value_class::whole) return load_lanes<e, W>(v.data, from + at * stride, stride, count);
        else return load_lanes<e, W>(v.data, from + at * stride, stride, count) != W(0);
      }
    }
    // A table at an index: at one for all lanes it is read as any operand from there on, at an index for each lane
    // element by element. Of an empty table everything is 0.
    template <int I, class Index> HEED_INLINE auto gather(Index where) const {
      constexpr instruction x = Region.code[I];
      constexpr element e = Region.operands[x.operand].type;
      constexpr axis_set axes = Region.operands[x.operand].axes;
      const view& v = now.call.operands[x.operand];
      // the table's own axis is not an axis of this row: take its share out of the base (which has none of the lanes'
      // axis)
      const extent_t step = v.stride[x.axis], top = now.call.extent[x.axis] - 1;
      extent_t from = offset(x.operand) - (x.axis == lane ? 0 : now.index[x.axis] * step);
      if constexpr (!along && column == x.axis && (axes & plan::bit(column))) from -= col * step;
      const auto clamped = [&](extent_t i) { return i < 0 ? 0 : i > top ? top : i; };
      if constexpr (std::is_arithmetic_v<Index>) {
        if (top < 0) {
          if constexpr (varies(x.axes)) return wide_zero<I>();
          else return narrow_zero<I>();
        }
        return read<I>(from + clamped(where) * step, x.axis == lane ? axes & ~plan::bit(lane) : axes);
      } else {
        using E = std::conditional_t<class_of(x.type) == value_class::real, T, typename W::element>;
        alignas(64) E r[lanes];
        const extent_t stride = x.axis != lane && varies(axes) ? v.stride[lane] : 0;
        for (int i = 0; i < lanes; ++i)
          r[i] = i < count && top >= 0
                     ? element_at<e, E>(v.data, from + (at + i) * stride + clamped(extent_t(where[i])) * step)
                     : E(0);
        if constexpr (class_of(x.type) == value_class::truth) return W::load(r) != W(0);
        else return simd::pack<E>::load(r);
      }
    }
    template <int I> static auto wide_zero() {
      if constexpr (class_of(Region.code[I].type) == value_class::real) return P(T(0));
      else if constexpr (class_of(Region.code[I].type) == value_class::whole) return W(typename W::element(0));
      else return M(false);
    }
    template <int I> static auto narrow_zero() {
      if constexpr (class_of(Region.code[I].type) == value_class::real) return T(0);
      else if constexpr (class_of(Region.code[I].type) == value_class::whole) return typename W::element(0);
      else return false;
    }
  };

  // Row values that pass `Phase` can use, worked out once.
  template <int Phase>
  static constexpr auto row_values =
      listed<size>([](int i) { return along && phase[i] == Phase && environment_at<false>::given(Region.code[i]); });
  template <int Phase> static void cache_row(state& s) {
    each_of<row_values<Phase>>(
        [&]<int I>() { s.cached[I] = evaluate<Region, I>(environment_at<true>{s, 0, 0, 1, {}}); });
  }
  static constexpr T neutral(op o) {
    return o == op::sum   ? T(0)
           : o == op::max ? -std::numeric_limits<T>::infinity()
                          : std::numeric_limits<T>::infinity();
  }
  template <op O, class V> static HEED_INLINE V combined(V a, V b) {
    if constexpr (O == op::sum) return a + b;
    // a NaN on either side stays: max and min of packs return the second operand where one is NaN
    else if constexpr (O == op::max) return simd::select(a != a, a, simd::max(a, b));
    else return simd::select(a != a, a, simd::min(a, b));
  }
  template <int Phase>
  static constexpr auto reductions = listed<size>([](int i) {
    return is_reduction(Region.code[i].code) && !takes_passes(Region.code[i].code) && phase[i] == Phase;
  });
  template <int Phase>
  static constexpr auto statistics =
      listed<size>([](int i) { return takes_passes(Region.code[i].code) && phase[i] == Phase; });

  // What takes passes of its own: the program is evaluated in each. Of the rows from `first` on, where lanes run
  // across.
  template <int I> static HEED_NOINLINE void find_statistic(state& s, extent_t first, int count) {
    constexpr instruction x = Region.code[I];
    using search = row_statistic<T, std::conditional_t<along, row_along_lanes, rows_in_lanes>>;
    const extent_t length = extent_along(column, s.call.extent);
    P rank(T(x.value));
    if constexpr (x.b != 0) {
      const int rows = along ? lanes : count;
      rank = P(evaluate_real<x.b>(environment_at<false>{s, along ? 0 : first, 0, rows, {}}));
    }
    const P found = search::template of<x.code>(x.value, rank, [&](const auto& next) HEED_INLINED {
      for (extent_t at = 0; at < length; at += along ? lanes : 1) {
        const int present = along ? int(std::min<extent_t>(lanes, length - at)) : count;
        const environment_at<false> env{s, along ? at : first, along ? 0 : at, present, {}};
        const P v(evaluate_real<x.a>(env));
        next(along && present < lanes ? simd::select(M::first(present), v, P(-search::infinity)) : v, 0);
      }
    });
    s.reduced_wide[I] = found;
    s.reduced[I] = found[0];
  }
  // One pass along the columns: every reduction of the phase. Where lanes run across, of the rows from `first` on.
  template <int Phase, bool Beside> static void reduce(state& s, extent_t first, int count) {
    constexpr int strands = 4;  // independent sums, joined in a fixed order
    P total[size][strands];
    each_of<reductions<Phase>>([&]<int I>() {
      for (int k = 0; k < strands; ++k) total[I][k] = P(neutral(Region.code[I].code));
    });
    const extent_t length = extent_along(column, s.call.extent);
    const starts_if<Beside> starts(s);
    const auto pass = [&](extent_t at, extent_t col, int present, int strand) HEED_INLINED {
      const environment_at<false, Beside> env{s, at, col, present, starts};
      each_of<reductions<Phase>>([&]<int I>() HEED_INLINED {
        constexpr op o = Region.code[I].code;
        P v(evaluate_real<Region.code[I].a>(env));
        if (along && present < lanes) v = simd::select(M::first(present), v, P(neutral(o)));
        total[I][strand] = combined<o>(total[I][strand], v);
      });
    };
    if constexpr (along) {
      extent_t at = 0;
      for (; at + lanes * strands <= length; at += lanes * strands) HEED_UNROLL
        for (int k = 0; k < strands; ++k) pass(at + k * lanes, 0, lanes, k);
      for (int k = 0; at < length; at += lanes, ++k) pass(at, 0, int(std::min<extent_t>(lanes, length - at)), k);
    } else {
      for (extent_t col = 0; col < length; ++col) pass(first, col, count, int(col % strands));
    }
    each_of<reductions<Phase>>([&]<int I>() {
      constexpr op o = Region.code[I].code;
      const P all = combined<o>(combined<o>(total[I][0], total[I][1]), combined<o>(total[I][2], total[I][3]));
      if constexpr (along) {
        T r = all[0];
        if constexpr (o == op::sum) r = simd::sum(all);
        else
          for (int k = 1; k < lanes; ++k)
            r = r != r ? r : all[k] != all[k] ? all[k] : o == op::max ? std::max(r, all[k]) : std::min(r, all[k]);
        s.reduced[I] = r;
      } else {
        s.reduced_wide[I] = all;
        s.reduced[I] = all[0];
      }
    });
    if constexpr (statistics<Phase>.count > 0)
      each_of<statistics<Phase>>([&]<int I>() { find_statistic<I>(s, first, count); });
  }
  // Reductions are taken in real numbers, those of whole numbers too.
  template <int I, class Env> static HEED_INLINE auto evaluate_real(const Env& env) {
    auto v = evaluate<Region, I>(env);
    if constexpr (class_of(Region.code[I].type) == value_class::whole) return simd::to_real(v);
    else return v;
  }

  static void write(state& s, extent_t at, extent_t col, int count, extent_t base) {
    const environment_at<false> env{s, at, col, count, {}};
    const view& v = s.call.outputs[0];
    constexpr instruction x = Region.code[out.result];
    if constexpr (column >= 0)
      if (!along && (out.axes & plan::bit(column))) base += col * stride_along(column, v);
    const auto r = evaluate<Region, out.result>(env);
    const extent_t stride = varies(out.axes) ? stride_along(lane, v) : 0;
    if constexpr (!varies(out.axes)) {
      if constexpr (varies(x.axes)) put_element<out.type>(v.data, base, r[0]);
      else put_element<out.type>(v.data, base, r);
    } else if constexpr (!varies(x.axes)) {
      for (int i = 0; i < count; ++i) put_element<out.type>(v.data, base + (at + i) * stride, r);
    } else if constexpr (class_of(x.type) == value_class::truth) {
      for (int i = 0; i < count; ++i) put_element<out.type>(v.data, base + (at + i) * stride, r[i]);
    } else {
      store_lanes<out.type>(v.data, base + at * stride, stride, count, r);
    }
  }

  // The rows' axes but for the one in the lanes.
  static constexpr axis_list outer = [] {
    axis_list l;
    for (int i = 0; i < Region.rows.count; ++i)
      if (along || Region.rows[i] != lane) l.add(Region.rows[i]);
    return l;
  }();

  // At the row of a number: where operands start; the return value is where the result does.
  static extent_t start(state& s, extent_t number) {
    index_of(outer, s.call.extent, number, s.index);
    return start(s);
  }
  static extent_t start(state& s) {
    for (int k = 0; k < Region.operands.count; ++k) s.base[k] = offset_at(outer, s.index, s.call.operands[k]);
    return offset_at(outer, s.index, s.call.outputs[0]);
  }
  // Everything that is reduced; where lanes run across, of the rows from `first` on.
  template <bool Beside = false> static void passes(state& s, extent_t first, int count) {
    [&]<int... K>(std::integer_sequence<int, K...>) {
      ((cache_row<K>(s), reduce<K + 1, Beside>(s, first, count)), ...);
    }(std::make_integer_sequence<int, last_phase>{});
    cache_row<last_phase>(s);
  }

  // One row, or, where lanes run across, one after another the packs of rows that differ along the lane axis alone: its
  // passes, then the result, once or for every column.
  static void row(state& s, extent_t base) {
    const extent_t length = extent_along(column, s.call.extent);
    const bool per_element = column >= 0 && (out.axes & plan::bit(column));
    if constexpr (along) {
      passes(s, 0, lanes);
      if (!per_element) write(s, 0, 0, 1, base);
      else
        for (extent_t at = 0; at < length; at += lanes)
          write(s, at, 0, int(std::min<extent_t>(lanes, length - at)), base);
    } else {
      const extent_t width = extent_along(lane, s.call.extent);
      for (extent_t at = 0; at < width; at += lanes) {
        const int count = int(std::min<extent_t>(lanes, width - at));
        passes(s, at, count);
        if (!per_element) write(s, at, 0, count, base);
        else
          for (extent_t col = 0; col < length; ++col) write(s, at, col, count, base);
      }
    }
  }

  static void row(const environment& call, extent_t number) {
    state s(call);
    row(s, start(s, number));
  }
  // ---- with a running sum: strips of rows, along the columns in its direction
  static constexpr int packs = along ? 1 : 4;  // of rows side by side, so that lines of memory are read whole
  static extent_t strips(const environment& call) {
    return along ? 1 : (extent_along(lane, call.extent) + packs * lanes - 1) / (packs * lanes);
  }
  // The next element of the sum in `count` lanes, and the result there.
  static HEED_INLINE void step(state& s, extent_t at, extent_t col, int count, extent_t base) {
    constexpr instruction x = Region.code[out.result];
    const environment_at<false> env{s, at, col, count, {}};
    P v(evaluate_real<Region.code[running].a>(env));
    if (along && count < lanes) v = simd::select(M::first(count), v, P(T(0)));
    s.sum.add(v);
    if constexpr (varies(x.axes) && class_of(x.type) != value_class::truth) {
      const view& to = s.call.outputs[0];
      const extent_t stride = stride_along(lane, to), first = along ? 0 : col * stride_along(column, to);
      store_lanes<out.type>(to.data, base + first + at * stride, stride, count, evaluate<Region, out.result>(env));
    } else {
      write(s, at, col, count, base);
    }
  }
  // Several packs of rows from `first` on, in the direction of the sum. Whole: all lanes exist.
  template <bool Whole> static void columns_of(state (&s)[packs], extent_t first, int used, int rest, extent_t base) {
    const extent_t length = extent_along(column, s[0].call.extent);
    for (extent_t i = 0; i < length; ++i) {
      const extent_t col = from_the_end ? length - 1 - i : i;
      if constexpr (Whole) {
        HEED_UNROLL for (int k = 0; k < packs; ++k)
          step(s[k], first + k * lanes, col, lanes, base);
      } else {
        for (int k = 0; k < used; ++k) step(s[k], first + k * lanes, col, k + 1 < used ? lanes : rest, base);
      }
    }
  }
  static void strip(const environment& call, extent_t number, extent_t which) {
    if constexpr (along) {
      const extent_t length = extent_along(column, call.extent), blocks = (length + lanes - 1) / lanes;
      state s(call);
      const extent_t base = start(s, number);
      passes(s, 0, lanes);
      for (extent_t k = 0; k < blocks; ++k) {
        const extent_t at = (from_the_end ? blocks - 1 - k : k) * lanes;
        if (length - at >= lanes) step(s, at, 0, lanes, base);
        else step(s, at, 0, int(length - at), base);
      }
    } else {
      const extent_t left = extent_along(lane, call.extent) - which * packs * lanes, first = which * packs * lanes;
      const int used = int(std::min<extent_t>(packs, (left + lanes - 1) / lanes));
      const int rest = int(std::min<extent_t>(lanes, left - (used - 1) * lanes));
      state s[packs] = {state(call), state(call), state(call), state(call)};
      extent_t base = 0;
      for (int k = 0; k < used; ++k)
        base = start(s[k], number), passes(s[k], first + k * lanes, k + 1 < used ? lanes : rest);
      if (used == packs && rest == lanes) columns_of<true>(s, first, used, rest, base);
      else columns_of<false>(s, first, used, rest, base);
    }
  }
};

template <const auto& Region>
struct row_kernel {
  using loops = row_loops<Region, std::conditional_t<Region.real == element::f64, double, float>>;
  static scratch_need need(const environment&) { return {}; }
  // How many pieces of so much work are one for a thread.
  static extent_t grain_of(extent_t work) { return std::max<extent_t>(1, 8192 / std::max<extent_t>(1, work)); }
  static void run(const environment& call, const scratch&) noexcept {
    const extent_t rows = count_of(loops::outer, call.extent);
    extent_t work = count_of(Region.columns, call.extent);
    if constexpr (loops::running > 0) {
      const extent_t strips = loops::strips(call), grain = grain_of(work * loops::packs * loops::lanes);
      for_each_item((rows * strips + grain - 1) / grain, call.threads, [&](extent_t item, int) {
        for (extent_t r = item * grain; r < rows * strips && r < (item + 1) * grain; ++r)
          loops::strip(call, r / strips, r % strips);
      });
      return;
    }
    if (!loops::along) work *= extent_along(loops::lane, call.extent);
    const extent_t grain = grain_of(work);
    for_each_item((rows + grain - 1) / grain, call.threads, [&](extent_t item, int) {
      for (extent_t r = item * grain; r < rows && r < (item + 1) * grain; ++r) loops::row(call, r);
    });
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
