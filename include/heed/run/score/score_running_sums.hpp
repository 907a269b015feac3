// Running sums along the columns of a region over pairs, packs of rows in the lanes, from one column that is visited to
// the next. A sum that goes along with the visit is carried. One that goes against it is what the total of its row has
// left, from the element itself on: a visit of the same columns in the same order finds the total, and what is carried
// is what has been passed. The two are of the same size far away, and hundreds of times what is left near the end, so
// both are kept as two numbers, of which the second is what the first has rounded away (Knuth's TwoSum): the
// difference is then rounded once.
//
// Infinity and NaN would make NaN of every difference. They stay out of totals; of each kind the last position is kept,
// and up to there they are part of what is left.
#pragma once
#include "score_values.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// A number and what it has rounded away.
template <class P> struct two_parts {
  P high, low;
  HEED_INLINE void add(P x) {
    const P sum = high + x, there = sum - high;
    const P lost = (high - (sum - there)) + (x - there);
    low = low + simd::select(lost == lost, lost, P(typename P::element(0)));  // of infinity nothing is lost
    high = sum;
  }
  HEED_INLINE P value() const { return high + low; }
};

constexpr bool goes_against(const region& r, int i) {
  return r.code[i].code == op::running_sum && (r.code[i].value != 0) != falls(r);
}
// How many visits for totals a running sum needs, the last of them for its own if it goes against the visit.
constexpr int total_visits(const region& r, int sum) {
  fixed_array<int, program::capacity> visits{};
  for (int i = 1; i <= sum; ++i) {
    const instruction& x = r.code[i];
    visits[i] = std::max({visits[x.a], visits[x.b], visits[x.c]}) + goes_against(r, i);
  }
  return visits[sum];
}

// A sum of what the contractions of a score and its operands say, without another sum and without a second contraction:
// known for a group of columns before the program is.
constexpr bool is_known_ahead(const region& r, int sum) {
  if (r.code[sum].code != op::running_sum) return false;
  fixed_array<bool, program::capacity> later{};
  for (int i = 1; i < sum; ++i) {
    const instruction& x = r.code[i];
    later[i] =
        later[x.a] || later[x.b] || later[x.c] || x.code == op::running_sum || (x.code == op::tile && x.operand != 0);
  }
  return !later[r.code[sum].a];
}

template <const auto& Region, class T>
struct running_sums {
  using P = simd::pack<T>;
  using M = typename P::mask;
  static constexpr int rows = simd::block_rows<T>, size = Region.code.size;
  static constexpr bool falling = falls(Region);
  static constexpr auto all = listed<size>([](int i) { return Region.code[i].code == op::running_sum; });
  static constexpr int count = all.count;
  static constexpr auto ahead = listed<size>([](int i) { return is_known_ahead(Region, i); });
  static constexpr int number_ahead(int i) {
    for (int k = 0; k < ahead.count; ++k)
      if (ahead.of[k] == i) return k;
    return -1;
  }
  // Visits for totals, each before the next: a sum may be made of others that go against the visit too.
  static constexpr int visits = [] {
    int most = 0;
    for (int k = 0; k < count; ++k)
      if (goes_against(Region, all.of[k])) most = std::max(most, total_visits(Region, all.of[k]));
    return most;
  }();
  // Those whose totals visit V (from 1) finds: the ones known ahead, the others.
  template <int V, bool Ahead> static constexpr auto totals_of = listed<size>([](int i) {
    return goes_against(Region, i) && total_visits(Region, i) == V && is_known_ahead(Region, i) == Ahead;
  });

  // Of each sum, a row of T for all rows of a block: what has been carried or passed, the total, and for infinity,
  // -infinity and NaN the last column that holds it, counted along the visit.
  enum field : int { carried, carried_low, total, total_low, infinite, negative, no_number, fields };
  struct memory {
    T* of = nullptr;
    bool odd = false;  // some total has left out what is no finite number
  };
  static constexpr extent_t elements = extent_t(count) * fields * rows;
  static constexpr int number_of(int i) {
    for (int k = 0; k < count; ++k)
      if (all.of[k] == i) return k;
    return 0;
  }
  template <int I> static HEED_INLINE T* at(const memory& m, int row) {
    return m.of + number_of(I) * fields * rows + row;
  }
  static HEED_INLINE T order(extent_t column) { return T(falling ? -column : column); }

  // Before a block, of whose totals nothing is known, and before each visit.
  static void begin_block(memory& m) {
    for (int k = 0; k < count; ++k) {
      T* const of = m.of + k * fields * rows;
      std::fill_n(of + total * rows, 2 * rows, T(0));
      std::fill_n(of + infinite * rows, (fields - infinite) * rows, -std::numeric_limits<T>::infinity());
    }
    m.odd = false;
  }
  // mutants: running_sum_not_begun
  static void begin_visit(memory& m) {
    for (int k = 0; k < count; ++k) std::fill_n(m.of + (k * fields + carried) * rows, 2 * rows, T(0));
  }
  static void end_totals(memory& m) {
    for (extent_t i = 0; i < elements; ++i)
      if (i / rows % fields >= infinite && m.of[i] != -std::numeric_limits<T>::infinity()) m.odd = true;
  }
  static HEED_INLINE P finite(P x) { return simd::select(x - x == P(T(0)), x, P(T(0))); }

  // Adds the element of a column to the total of sum I.
  template <int I> static HEED_INLINE void add_to_total(const memory& m, int row, extent_t column, P x) {
    T* const to = at<I>(m, row);
    two_parts<P> sum{P::load(to + total * rows), P::load(to + total_low * rows)};
    const P counted = finite(x);
    sum.add(counted);
    sum.high.store(to + total * rows), sum.low.store(to + total_low * rows);
    if (!simd::all(counted == x)) note_odd<I>(m, row, column, x);
  }
  // The value of sum I at a column, whose element it passes.
  template <int I> static HEED_INLINE P pass(const memory& m, int row, extent_t column, P x) {
    T* const to = at<I>(m, row);
    two_parts<P> sum{P::load(to + carried * rows), P::load(to + carried_low * rows)};
    P value;
    if constexpr (goes_against(Region, I)) {
      // mutants: running_sum_against_the_visit
      two_parts<P> left{P::load(to + total * rows), P::load(to + total_low * rows) - sum.low};
      left.add(-sum.high);
      value = left.value();
      if (m.odd) value = with_others(to, column, value), x = finite(x);
      sum.add(x);
    } else {
      sum.add(x);
      value = sum.value();
    }
    sum.high.store(to + carried * rows), sum.low.store(to + carried_low * rows);
    return value;
  }

  // The same of a group of columns, in the order of the visit: sums within the group are taken first, and both parts of
  // what has been carried, or is left behind the group, join them, so that a long sum is rounded once and differs from
  // that of another visit, forward and backward, by what a group's is rounded by. What goes against the visit is summed
  // from the last element of the group on, for its total too: so both round alike, and what is left near the end is as
  // exact as if it were alone.
  template <int I, int N, class Column>
  static HEED_INLINE void add_group_to_total(const memory& m, int row, const Column& column, P (&x)[N]) {
    P sum_of_group = from_the_last(x)[0];
    // mutants: odd_in_group_total
    if (!simd::all(sum_of_group - sum_of_group == P(T(0)))) {
      HEED_KEEP_LOOP for (int k = 0; k < N; ++k) {
        note_odd<I>(m, row, column(k), x[k]);
        x[k] = finite(x[k]);
      }
      sum_of_group = from_the_last(x)[0];
    }
    T* const to = at<I>(m, row);
    two_parts<P> sum{P::load(to + total * rows), P::load(to + total_low * rows)};
    sum.add(sum_of_group);
    sum.high.store(to + total * rows), sum.low.store(to + total_low * rows);
  }
  // The values of sum I at the columns of a group, in place of their elements, which it passes: what is left behind the
  // group is found once, as `pass` finds it at every column.
  template <int I, int N, class Column>
  static HEED_INLINE void pass_group(const memory& m, int row, const Column& column, P (&x)[N]) {
    T* const to = at<I>(m, row);
    two_parts<P> sum{P::load(to + carried * rows), P::load(to + carried_low * rows)};
    if constexpr (goes_against(Region, I)) {
      if (m.odd) { HEED_KEEP_LOOP for (int k = 0; k < N; ++k) x[k] = finite(x[k]); }
      const auto left_in_group = from_the_last(x);
      sum.add(left_in_group[0]);
      // mutants: group_of_running_sums_against_the_visit
      two_parts<P> left{P::load(to + total * rows), P::load(to + total_low * rows) - sum.low};
      left.add(-sum.high);
      HEED_UNROLL for (int k = 0; k < N; ++k)
        x[k] = left.high + (left.low + left_in_group[k]);
      if (m.odd) { HEED_KEEP_LOOP for (int k = 0; k < N; ++k) x[k] = with_others(to, column(k), x[k]); }
    } else {
      const two_parts<P> before = sum;
      HEED_UNROLL for (int k = 1; k < N; ++k)
        x[k] = x[k - 1] + x[k];
      // mutants: group_of_running_sums_not_carried
      sum.add(x[N - 1]);
      HEED_UNROLL for (int k = 0; k < N; ++k)
        x[k] = before.high + (before.low + x[k]);
    }
    sum.high.store(to + carried * rows), sum.low.store(to + carried_low * rows);
  }

 private:
  template <int N> static HEED_INLINE std::array<P, N> from_the_last(const P (&x)[N]) {
    std::array<P, N> sum;
    sum[N - 1] = x[N - 1];
    HEED_UNROLL for (int k = N - 2; k >= 0; --k)
      sum[k] = x[k] + sum[k + 1];
    return sum;
  }
  template <int I> static HEED_INLINE void note_odd(const memory& m, int row, extent_t column, P x) {
    T* const to = at<I>(m, row);
    const P infinity = P(std::numeric_limits<T>::infinity());
    const auto note = [&](field f, M here) {
      simd::select(here, P(order(column)), P::load(to + f * rows)).store(to + f * rows);
    };
    note(infinite, x == infinity), note(negative, x == P(T(0)) - infinity), note(no_number, !(x == x));
  }
  // What is left, with what is no finite number among it.
  static HEED_NOINLINE P with_others(const T* of, extent_t column, P value) {
    const auto part = [&](field f, T x) {
      return simd::select(P::load(of + f * rows) < P(order(column)), P(T(0)), P(x));
    };
    value = value + part(infinite, std::numeric_limits<T>::infinity());
    value = value + part(negative, -std::numeric_limits<T>::infinity());
    return value + part(no_number, std::numeric_limits<T>::quiet_NaN());
  }
};

// Where the program of a pack finds its running sums: nothing where a region has none. `there`: 0, or excluded.
// `ahead`: of this pack, those that are known ahead, `ahead_step` apart.
template <const auto& Region, class T, int Count = running_sums<Region, T>::count> struct running_sums_here {
  const typename running_sums<Region, T>::memory* of = nullptr;
  simd::pack<T> there{};
  const T* ahead = nullptr;
  static constexpr int ahead_step = simd::group * simd::block_rows<T>;
};
template <const auto& Region, class T> struct running_sums_here<Region, T, 0> {};

// An environment on packs with running sums, where a region has some. What is excluded adds nothing.
template <const auto& Region, class T, class Above> struct with_running_sums : Above {
  using P = simd::pack<T>;
  [[no_unique_address]] running_sums_here<Region, T> sums{};
  static constexpr bool passes = running_sums<Region, T>::count > 0;
  template <int I> HEED_INLINE P pass(P x) const {
    // mutants: running_sum_of_excluded
    x = simd::select(simd::is_excluded(sums.there), P(T(0)), x);
    return running_sums<Region, T>::template pass<I>(*sums.of, this->first, this->key, x);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
