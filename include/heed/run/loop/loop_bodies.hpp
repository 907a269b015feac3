// Runs the bodies of a loop region (loop_homes.hpp) for one thread: a program along one axis, elements of it in the
// lanes of a pack, all in double. Before a body runs its homes are filled, as far as they do not hold what it needs:
// then it is a loop without branches.
#pragma once
#include "loop_ranges.hpp"
#include "../frame/pieces.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct loop_bodies : loop_state<Region> {
  using state = loop_state<Region>;
  using homes = typename state::homes;
  using P = typename state::P;
  using M = typename state::M;
  using row = typename state::row;
  template <int I> using pack_of = typename state::template pack_of<I>;
  template <int I> using number_of = typename state::template number_of<I>;
  using ranges = loop_ranges<Region>;
  template <int K, int Self, int Lane = K, int Step = Lane == K ? -1 : K, bool Dense = false>
  using body = loop_body<Region, K, Self, Lane, Step, Dense>;
  using state::call, state::index, state::lanes, state::size, state::has;

  static extent_t length(int home, const environment& call) {
    const int along = homes::all[home].along;
    return ((along < 0 ? 1 : call.extent[along]) + lanes - 1) / lanes * lanes;
  }
  // The bodies of a thread lie in front of the entries of their homes.
  struct memory_of_thread {
    loop_bodies* all;
    std::int64_t* entries;
  };
  static memory_of_thread lay_out(const environment& call, pieces& take) {
    extent_t entries = 0;
    for (int k = 0; k < homes::count; ++k) entries += length(k, call);
    loop_bodies* const all = take.of<loop_bodies>(1);
    return {all, take.of<std::int64_t>(entries)};
  }
  loop_bodies(const environment& c, std::int64_t* entries) : state(c) {
    for (int k = 0; k < homes::count; ++k) {
      this->rows[k].entries = entries, this->rows[k].valid = false, this->rows[k].fills = 0;
      entries += length(k, c);
    }
    std::fill_n(index, std::size_t(max_axes), extent_t(0));
  }
  // In memory at an address that is a multiple of 64; nothing is remembered.
  static void begin(const environment& call, std::byte* memory) {
    pieces take{memory};
    const memory_of_thread m = lay_out(call, take);
    new (static_cast<void*>(m.all)) loop_bodies(call, m.entries);
  }
  static loop_bodies& in(std::byte* memory) { return *std::launder(reinterpret_cast<loop_bodies*>(memory)); }

  template <const auto& List, class F> static HEED_INLINE void each_downwards(const F& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
      (f.template operator()<List.of[List.count - 1 - I]>(), ...);
    }(std::make_integer_sequence<int, List.count>{});
  }

  // ---- homes
  // Does the home of value I, seen from a body along K, hold [from, to) at the index?
  template <int I, int K> bool holds(extent_t from, extent_t to) const {
    constexpr axis_set others = Region.code[I].axes & ~plan::bit(K);
    const row& r = this->rows[homes::number(I, K)];
    bool same = r.valid;
    if constexpr (has(Region.code[I].axes, K)) same = same && r.from <= from && r.to >= to;
    for (int a = 0; others >> a; ++a)
      if (others >> a & 1) same = same && r.at[a] == index[a];
    return same;
  }
  // What is missing of [from, to) is to be filled: all, or what does not lie in a stretch that it holds and that this
  // one continues.
  struct filling {
    extent_t from, to;
    extent_t number;  // of all that the home has seen
  };
  template <int I, int K> filling begin_filling(extent_t from, extent_t to) {
    row& r = this->rows[homes::number(I, K)];
    filling missing{from, to, ++r.fills};
    const bool continued = has(Region.code[I].axes, K) && from <= r.to && to >= r.from &&
                           (from >= r.from || to <= r.to) && holds<I, K>(r.from, r.to);
    if (!continued) r.from = from, r.to = to;
    // mutants: stretch_not_continued
    else if (from >= r.from) missing.from = r.to, r.to = to;
    else missing.to = r.from, r.from = from;
    for (int a = 0; Region.code[I].axes >> a; ++a)
      if (Region.code[I].axes >> a & 1) r.at[a] = index[a];
    r.valid = false;
    return missing;
  }
  // Reductions that fill other homes may have begun to fill this one anew, at another index: then it holds neither.
  template <int I, int K> void end_filling(const filling& f) {
    row& r = this->rows[homes::number(I, K)];
    r.valid = r.fills == f.number;
  }
  // Fills what a body along K needs for its elements in [from, to).
  template <int K, int Self, int A, int B = 0> [[gnu::noinline]] void prepare(extent_t from, extent_t to) {
    static constexpr auto wanted = homes::wanted({A, B}, K, Self);
    static constexpr auto reduced_rows = listed<size>(
        [](int i) { return wanted[i] && is_reduction(Region.code[i].code) && has(Region.code[i].axes, K); });
    static constexpr auto running_rows = listed<size>(
        [](int i) { return wanted[i] && Region.code[i].code == op::running_sum && has(Region.code[i].axes, K); });
    static constexpr auto singles = listed<size>([](int i) { return wanted[i] && !has(Region.code[i].axes, K); });
    static constexpr auto other_rows = listed<size>(
        [](int i) { return wanted[i] && !homes::is_made_of_many(Region.code[i].code) && has(Region.code[i].axes, K); });
    // What is reduced for one home may pass through another at other indices: again, until all hold. Values are
    // computed from earlier ones alone, so every round leaves less.
    for (bool more = reduced_rows.count + running_rows.count + singles.count > 0; more;) {
      more = false;
      if constexpr (reduced_rows.count > 0) more = fill_side_by_side<K, reduced_rows>(from, to);
      each_downwards<running_rows>([&]<int I>() {
        if (!holds<I, K>(from, to)) more = true, fill_running_row<I, K>(from, to);
      });
      each_downwards<singles>([&]<int I>() {
        if (holds<I, K>(0, 1)) return;
        more = true;
        const filling f = begin_filling<I, K>(0, 1);
        if constexpr (is_reduction(Region.code[I].code)) {
          state::template put<I>(this->rows[homes::number(I, K)].entries, reduce<I>());
        } else if constexpr (Region.code[I].code == op::running_sum) {
          state::template put<I>(this->rows[homes::number(I, K)].entries, element_of_running_row<I>());
        } else {
          prepare<-1, I, I>(0, 1);
          body<-1, I> e{*this};
          e.template start<I>();
          state::template keep<I>(this->rows[homes::number(I, K)].entries, evaluate<Region, I>(e));
        }
        end_filling<I, K>(f);
      });
    }
    each_of<other_rows>([&]<int I>() {
      if (!holds<I, K>(from, to)) fill_row<I, K>(from, to);
    });
  }
  // Rows of reductions, element by element: they share what they are reduced from. Is there one that did not hold?
  template <int K, const auto& List> [[gnu::noinline]] bool fill_side_by_side(extent_t from, extent_t to) {
    bool stale[List.count], any = false;
    filling missing[List.count];
    [&]<int... J>(std::integer_sequence<int, J...>) {
      ((stale[J] = !holds<List.of[J], K>(from, to), any = any || stale[J]), ...);
      if (!any) return;
      ((stale[J] ? void(missing[J] = begin_filling<List.of[J], K>(from, to)) : void(missing[J] = {to, from, 0})), ...);
      bool one_by_one[List.count];
      extent_t first = to, last = from;
      ((one_by_one[J] = stale[J] && !reduce_across<List.of[J], K>(missing[J].from, missing[J].to) &&
                        !reduce_row<List.of[J], K>(missing[J].from, missing[J].to),
        first = one_by_one[J] ? std::min(first, missing[J].from) : first,
        last = one_by_one[J] ? std::max(last, missing[J].to) : last),
       ...);
      const extent_t here = index[K];
      for (index[K] = first; index[K] < last; ++index[K])
        ((one_by_one[J] && index[K] >= missing[J].from && index[K] < missing[J].to
              ? state::template put<List.of[J]>(this->rows[homes::number(List.of[J], K)].entries + index[K],
                                                reduce<List.of[J]>())
              : void()),
         ...);
      index[K] = here;
      ((stale[J] ? end_filling<List.of[J], K>(missing[J]) : void()), ...);
    }(std::make_integer_sequence<int, List.count>{});
    return any;
  }
  template <int I, int K> [[gnu::noinline]] void fill_row(extent_t from, extent_t to) {
    const filling missing = begin_filling<I, K>(from, to);
    std::int64_t* const entries = this->rows[homes::number(I, K)].entries;
    body<K, I> e{*this};
    e.template start<I>();
    for (e.at = missing.from; e.at < missing.to; e.at += lanes) {
      e.count = int(std::min<extent_t>(lanes, missing.to - e.at));
      state::template keep<I>(entries + e.at, evaluate<Region, I>(e));
    }
    end_filling<I, K>(missing);
  }

  // ---- running sums: element by element in their direction, so that their bits are the same whoever asks for them
  template <int I> static constexpr bool from_the_end = Region.code[I].value != 0;
  template <int I, int K> [[gnu::noinline]] void fill_running_row(extent_t from, extent_t to) {
    constexpr int own = plan::only_axis(Region.code[I].over);
    if constexpr (K == own) add_up_along<I>();
    else if constexpr (homes::moves_on(I)) move_on<I, K>();
    else {
      const filling missing = begin_filling<I, K>(from, to);
      const extent_t here = index[K];
      for (index[K] = missing.from; index[K] < missing.to; ++index[K])
        state::template put<I>(this->rows[homes::number(I, K)].entries + index[K], element_of_running_row<I>());
      index[K] = here;
      end_filling<I, K>(missing);
    }
  }
  // Along its own axis: all of it.
  template <int I> void add_up_along() {
    constexpr int K = plan::only_axis(Region.code[I].over);
    const extent_t length = call.extent[K], blocks = (length + lanes - 1) / lanes;
    const filling missing = begin_filling<I, K>(0, length);
    const loop_range some = ranges::template of<I, K>(*this);
    prepare<K, 0, Region.code[I].a>(some.from, some.to);
    std::int64_t* const entries = this->rows[homes::number(I, K)].entries;
    body<K, 0> e{*this};
    e.template start<Region.code[I].a>();
    number_of<I> total = 0;
    for (extent_t k = 0; k < blocks; ++k) {
      e.at = (from_the_end<I> ? blocks - 1 - k : k) * lanes, e.count = int(std::min<extent_t>(lanes, length - e.at));
      pack_of<I> v = pack_of<I>(number_of<I>(0));
      if (e.at >= some.from && e.at < some.to) v = pack_of<I>(evaluate<Region, Region.code[I].a>(e));
      const int first = from_the_end<I> ? e.count - 1 : 0, step = from_the_end<I> ? -1 : 1;
      for (int j = 0; j < e.count; ++j)
        state::template put<I>(entries + e.at + first + j * step, total += v[first + j * step]);
    }
    end_filling<I, K>(missing);
  }
  // At one index, out of the row along its own axis.
  template <int I> number_of<I> element_of_running_row() {
    constexpr int own = plan::only_axis(Region.code[I].over);
    if (!holds<I, own>(0, call.extent[own])) add_up_along<I>();
    return state::template single<I>(this->rows[homes::number(I, own)].entries + index[own])[0];
  }
  // The row along another axis, all of it, whatever part is asked for: else it would begin anew with each other part.
  template <int I, int K> void move_on() {
    constexpr instruction x = Region.code[I];
    constexpr int own = plan::only_axis(x.over);
    const extent_t step = from_the_end<I> ? -1 : 1, here = index[own], length = call.extent[K];
    row& r = this->rows[homes::number(I, K)];
    if (r.valid) index[own] = r.at[own];
    const bool there = holds<I, K>(0, length) && (here - index[own]) * step >= 0;
    index[own] = here;  // mutants: running_sum_moves_on_late
    const extent_t next = there ? r.at[own] + step : from_the_end<I> ? call.extent[own] - 1 : 0;
    if (!there) std::fill(r.entries, r.entries + length, std::int64_t(0));  // 0 as a real number too
    const filling all = begin_filling<I, K>(0, length);
    for (index[own] = next; (here - index[own]) * step >= 0; index[own] += step) {
      const loop_range some = ranges::template of<I, K>(*this);
      prepare<K, 0, x.a>(some.from, some.to);
      body<K, 0> e{*this};
      e.template start<x.a>();
      for (e.at = some.from; e.at < some.to; e.at += lanes) {
        e.count = int(std::min<extent_t>(lanes, some.to - e.at));
        state::template keep<I>(r.entries + e.at,
                                state::template kept<I>(r.entries + e.at) + pack_of<I>(evaluate<Region, x.a>(e)));
      }
    }
    index[own] = here;
    end_filling<I, K>(all);
  }

  // ---- reductions
  template <op O, class V> static HEED_INLINE V combined(V a, V b) {
    if constexpr (O == op::sum) return a + b;
    else if constexpr (std::is_floating_point_v<typename V::element>)
      return O == op::max ? simd::select((b > a) || (b != b), b, a) : simd::select((b < a) || (b != b), b, a);
    else return O == op::max ? simd::select(b > a, b, a) : simd::select(b < a, b, a);
  }
  template <int I> static constexpr auto neutral() {
    using T = number_of<I>;
    constexpr op o = Region.code[I].code;
    if constexpr (o == op::sum) return T(0);
    else if constexpr (std::is_same_v<T, double>)
      return o != op::min ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    else return o != op::min ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
  }
  // May reduction I have elements along K in its lanes? Not where it needs something of each that it has in rows along
  // its own axis, nor where real values are compared: its sums are taken in another order.
  template <int I, int K> static constexpr bool goes_across = [] {
    constexpr instruction x = Region.code[I];
    if (takes_passes(x.code) || class_of(x.type) != value_class::real || !has(Region.code[x.a].axes, K)) return false;
    const auto wanted = homes::wanted({x.a, 0}, homes::inner_axis(x.over), 0);
    for (int i = 1; i < size; ++i) {
      const instruction& y = Region.code[i];
      if (wanted[i] && has(y.axes, K)) return false;
      if ((y.code == op::less || y.code == op::less_equal || y.code == op::equal) &&
          class_of(Region.code[y.a].type) == value_class::real && Region.code[y.a].code != op::constant &&
          Region.code[y.b].code != op::constant)
        return false;
    }
    return true;
  }();
  // ... and should it: what it reads lies side by side along K, and not along its own axis.
  template <int I, int K> bool is_better_across() const {
    constexpr int own = homes::inner_axis(Region.code[I].over);
    bool better = false, worse = false;
    constexpr auto used = needed<Region, body<own, 0, K>, Region.code[I].a>();
    for (int i = 1; i < size; ++i) {
      const instruction& x = Region.code[i];
      if (!used[i] || body<own, 0, K>::keeps(i) || x.code != op::load) continue;
      const axis_set axes = Region.operands[x.operand].axes;
      const view& v = call.operands[x.operand];
      if (!has(axes, K)) continue;
      if (v.stride[K] != 1) worse = true;
      else if (has(axes, own) && v.stride[own] != 1) better = true;
    }
    return better && !worse;
  }
  // The same axes as before, the next index along all but K; false: that was the last.
  bool next_index(axis_set over, int K) {
    for (int a = max_axes - 1; a >= 0; --a) {
      if (a == K || !(over >> a & 1)) continue;
      if (++index[a] < call.extent[a]) return true;
      index[a] = 0;
    }
    return false;
  }
  // Calls run() for all indices along the axes of a reduction but its inner one, if there are any.
  template <int I, class F> HEED_INLINE void each_run(const F& run) {
    constexpr axis_set over = Region.code[I].over;
    extent_t saved[max_axes];
    bool none = false;
    for (int a = 0; over >> a; ++a)
      if (over >> a & 1) saved[a] = index[a], index[a] = 0, none = none || call.extent[a] == 0;
    if (!none) do
        run();
      while (next_index(over, homes::inner_axis(over)));
    for (int a = 0; over >> a; ++a)
      if (over >> a & 1) index[a] = saved[a];
  }
  // t and the element that a body is at.
  template <int I, class V, class E> static HEED_INLINE V with_next(V t, const E& e) {
    constexpr instruction x = Region.code[I], from = Region.code[x.a];
    constexpr bool product =
        x.code == op::sum && std::is_same_v<V, P> && from.code == op::multiply && !from.decides && !E::keeps(x.a);
    if constexpr (product) {  // a product that is summed is one fma
      auto v = compute<Region, from.a, from.b>(e);
      return simd::fma(slot<Region, E, from.a>(v), slot<Region, E, from.b>(v), t);
    } else {
      return combined<x.code>(t, V(evaluate<Region, x.a>(e)));
    }
  }
  // Fills the row of reduction I along K with lanes along K, if that is better.
  template <int I, int K> bool reduce_across(extent_t from, extent_t to) {
    if constexpr (!goes_across<I, K>) return false;
    else {
      if (!is_better_across<I, K>()) return false;
      sum_across<I, K>(from, to);
      return true;
    }
  }
  // The row of a sum with elements along K in the lanes: several packs of them at a time go along the axis of the sum
  // together, so that what does not vary along K is computed once for all of them.
  template <int I, int K> [[gnu::noinline]] void sum_across(extent_t from, extent_t to) {
    constexpr instruction x = Region.code[I];
    constexpr int own = homes::inner_axis(x.over), packs = 4;
    double* const entries = reinterpret_cast<double*>(this->rows[homes::number(I, K)].entries);
    std::fill(entries + from, entries + to, neutral<I>());
    each_run<I>([&] {
      const loop_range some = ranges::template of<I, own, K>(*this);
      prepare<own, 0, x.a>(some.from, some.to);
      body<own, 0, K, own, true> e{*this};
      e.template start<x.a>();
      for (extent_t first = from; first < to;) {
        const bool whole = first + packs * lanes <= to;
        e.at = first, e.count = int(std::min<extent_t>(lanes, to - first));
        if (whole) {
          P t[packs];
          for (int k = 0; k < packs; ++k) t[k] = P::load(entries + first + k * lanes);
          for (e.step = some.from; e.step < some.to; ++e.step) HEED_UNROLL
            for (int k = 0; k < packs; ++k) {
              e.at = first + k * lanes, e.count = lanes;
              t[k] = with_next<I>(t[k], e);
            }
          for (int k = 0; k < packs; ++k) t[k].store(entries + first + k * lanes);
          first += packs * lanes;
        } else {
          P t = P::load(entries + first);
          for (e.step = some.from; e.step < some.to; ++e.step) t = with_next<I>(t, e);
          t.store(entries + first);
          first += lanes;
        }
      }
    });
  }
  // Partial results of a reduction, independent of each other, for an addition takes a few cycles: as many as the packs
  // that are taken at a time. What is costly to compute leaves time enough for one.
  template <int I> static constexpr int partial_results = [] {
    using E = body<homes::inner_axis(Region.code[I].over), 0>;
    constexpr auto used = needed<Region, E, Region.code[I].a>();
    for (int i = 1; i < size; ++i)
      if (used[i] && facts_of(Region.code[i].code).costly && !is_supplied<Region, E>(i)) return 1;
    return 4;
  }();
  template <int I> struct reduced {
    // Of real numbers the largest or the smallest is found beside a NaN that stood in its place: two that wait for
    // nothing.
    static constexpr bool compared = Region.code[I].code != op::sum && std::is_same_v<pack_of<I>, P>;
    static constexpr int parts = partial_results<I>;
    pack_of<I> part[parts], strange;
    HEED_INLINE reduced() {
      for (auto& one : part) one = pack_of<I>(neutral<I>());
      strange = pack_of<I>(number_of<I>(0));
    }
    template <class E> HEED_INLINE void add_pack(int k, const E& e) {
      if constexpr (compared) {
        constexpr instruction x = Region.code[I];
        P v = P(evaluate<Region, x.a>(e));
        if (e.count < lanes) v = simd::select(M::first(e.count), v, P(neutral<I>()));
        part[k] = x.code == op::max ? simd::max(v, part[k]) : simd::min(v, part[k]);
        // mutants: not_a_number_not_compared
        strange = simd::select(v != v, v, strange);
      } else if (e.count < lanes) {
        part[k] = simd::select(M::first(e.count), with_next<I>(part[k], e), part[k]);
      } else {
        part[k] = with_next<I>(part[k], e);
      }
    }
    // ... of the elements of a body in a range.
    template <class E> HEED_INLINE void add(E& e, loop_range some) {
      constexpr int step = parts * lanes;
      extent_t at = some.from;
      if constexpr (parts > 1) {
        e.count = lanes;
        for (; at + step <= some.to; at += step) {
          if constexpr (E::dense) {
            HEED_UNROLL for (int k = 0; k < parts; ++k)
              e.at = at + k * lanes, add_pack(k, e);
          } else {
            HEED_KEEP_LOOP for (int k = 0; k < parts; ++k) e.at = at + k * lanes, add_pack(k, e);
          }
        }
      }
      for (; at < some.to; at += lanes) {
        e.at = at, e.count = int(std::min<extent_t>(lanes, some.to - at));
        add_pack(0, e);
      }
    }
    HEED_INLINE number_of<I> all() const {
      constexpr op o = Region.code[I].code;
      const auto join = [](auto u, auto v) HEED_INLINED {
        if constexpr (compared) return o == op::max ? simd::max(u, v) : simd::min(u, v);
        else return combined<o>(u, v);
      };
      const auto plus = [](auto u, auto v) HEED_INLINED { return u + v; };
      const number_of<I> found = simd::fold(of_parts(part, join), join);
      if constexpr (compared)
        if (const double s = simd::fold(strange, plus); s != 0) return s;  // NaN
      return found;
    }
    template <class F> static HEED_INLINE pack_of<I> of_parts(const pack_of<I>* p, const F& join) {
      if constexpr (parts == 1) return p[0];
      else return join(join(p[0], p[1]), join(p[2], p[3]));
    }
  };
  // Runs with a dense body where that is what lies there.
  template <class Any, class Dense, int Root, class F> HEED_INLINE void either_way(const F& run) {
    if (Any{*this}.template is_dense<Root>()) {
      Dense e{*this};
      e.template start<Root>();
      run(e);
    } else {
      Any e{*this};
      e.template start<Root>();
      run(e);
    }
  }
  template <int I> [[gnu::noinline]] number_of<I> reduce() {
    constexpr instruction x = Region.code[I];
    if constexpr (takes_passes(x.code)) return loop_statistic<Region, I>(*this);
    else {
      constexpr int K = homes::inner_axis(x.over);
      reduced<I> r;
      each_run<I>([&] {
        const loop_range some = ranges::template of<I, K>(*this);
        prepare<K, 0, x.a>(some.from, some.to);
        either_way<body<K, 0>, body<K, 0, K, -1, true>, x.a>([&](auto& e) HEED_INLINED { r.add(e, some); });
      });
      return r.all();
    }
  }
  // Is reduction I along one axis, of all of it and with nothing in a home that varies along K? Then its row along K is
  // one loop in another, which looks for nothing between its elements.
  template <int I, int K> static constexpr bool is_plain_row = [] {
    constexpr instruction x = Region.code[I];
    if (takes_passes(x.code) || plan::count_of(x.over) != 1 || K < 0 || !has(Region.code[x.a].axes, K)) return false;
    for (const bool bounded : ranges::conditions(I, -1))
      if (bounded) return false;
    const auto wanted = homes::wanted({x.a, 0}, homes::inner_axis(x.over), 0);
    for (int i = 1; i < size; ++i)
      if (wanted[i] && has(Region.code[i].axes, K)) return false;
    return true;
  }();
  template <int I, int K> bool reduce_row(extent_t from, extent_t to) {
    if constexpr (!is_plain_row<I, K>) return false;
    else return plain_row<I, K>(from, to), true;
  }
  template <int I, int K> [[gnu::noinline]] void plain_row(extent_t from, extent_t to) {
    constexpr instruction x = Region.code[I];
    constexpr int own = homes::inner_axis(x.over);
    std::int64_t* const entries = this->rows[homes::number(I, K)].entries;
    const loop_range all{0, call.extent[own]};
    prepare<own, 0, x.a>(0, all.to);
    either_way<body<own, 0, own, K>, body<own, 0, own, K, true>, x.a>([&](auto& e) HEED_INLINED {
      for (e.step = from; e.step < to; ++e.step) {
        reduced<I> r;
        r.add(e, all);
        state::template put<I>(entries + e.step, r.all());
      }
    });
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
