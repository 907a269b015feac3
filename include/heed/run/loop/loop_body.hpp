// One body of a loop region as an environment of its program, and what all bodies of a thread share: where they are,
// and the rows that they remember. Every real value is a pack of doubles, what does not vary along the axis too, so
// that equal values are equal bits whichever loop computes them.
#pragma once
#include "../../simd/over_lanes.hpp"
#include "loop_homes.hpp"
#include "../frame/axes.hpp"
#include "../frame/elements.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct loop_state {
  using homes = loop_homes<Region>;
  using P = simd::pack<double>;
  using W = simd::pack<std::int64_t>;
  using M = typename P::mask;
  static constexpr int lanes = P::lanes, size = Region.code.size;
  static constexpr int home_count = homes::count > 0 ? homes::count : 1;
  template <int I> using pack_of =
      std::conditional_t<class_of(Region.code[I].type) == value_class::real, P,
                         std::conditional_t<class_of(Region.code[I].type) == value_class::whole, W, M>>;
  static constexpr bool has(axis_set axes, int axis) { return homes::has(axes, axis); }

  // Values for all indices in [from, to) along the home's axis, at one index of the other axes.
  struct row {
    std::int64_t* entries;  // numbers of 64 bits, real or whole; truths are 0 and 1
    bool valid;
    extent_t fills;  // how often it was begun to be filled
    extent_t from, to;
    extent_t at[max_axes];
  };
  const environment& call;
  extent_t index[max_axes];
  row rows[home_count];

  explicit loop_state(const environment& c) : call(c) {}

  // Lanes of a value in memory, `count` of them; the others repeat 0.
  template <element E, class V> static HEED_INLINE V elements(const void* base, extent_t at, extent_t stride,
                                                              int count) {
    if (count < lanes) return fewer_elements<E, V>(base, at, stride, count);
    if constexpr (E == element::boolean) return load_lanes<E, V>(base, at, stride, lanes);
    else {
      using narrow = simd::pack<storage<E>, lanes>;
      const storage<E>* const p = static_cast<const storage<E>*>(base) + at;
      return simd::convert<typename V::element>(stride == 1 ? narrow::load(p) : spread<narrow>(p, stride));
    }
  }
  // Out of line: g++ works out where all lanes lie ahead of a loop that reads them where they lie side by side.
  template <class V, class T> [[gnu::noinline]] static V spread(const T* p, extent_t stride) {
    return V::load_strided(p, stride);
  }
  template <element E, class V> [[gnu::noinline]] static V fewer_elements(const void* base, extent_t at,
                                                                          extent_t stride, int count) {
    return load_lanes<E, V>(base, at, stride, count);
  }
  template <int I> using number_of =
      std::conditional_t<class_of(Region.code[I].type) == value_class::real, double,
                         std::conditional_t<class_of(Region.code[I].type) == value_class::whole, std::int64_t, bool>>;
  template <int I> static HEED_INLINE void put(std::int64_t* to, number_of<I> v) {
    if constexpr (class_of(Region.code[I].type) == value_class::truth) *to = v;
    else __builtin_memcpy(to, &v, sizeof v);
  }
  template <int I> static HEED_INLINE pack_of<I> kept(const std::int64_t* from) {
    pack_of<I> r;
    if constexpr (class_of(Region.code[I].type) == value_class::truth) return W::load(from) != W(0);
    else __builtin_memcpy(&r.x, from, sizeof r.x);
    return r;
  }
  template <int I> static HEED_INLINE pack_of<I> single(const std::int64_t* from) {
    number_of<I> v;
    if constexpr (class_of(Region.code[I].type) == value_class::truth) v = *from != 0;
    else __builtin_memcpy(&v, from, sizeof v);
    return pack_of<I>(v);
  }
  template <int I> static HEED_INLINE void keep(std::int64_t* to, pack_of<I> v) {
    if constexpr (class_of(Region.code[I].type) == value_class::truth) simd::select(v, W(1), W(0)).store(to);
    else __builtin_memcpy(to, &v.x, sizeof v.x);
  }
};

// A body along axis K (-1: one element), whose elements lie in the lanes. Self: what it computes though it has a home.
// Lane: another axis in the lanes, elements of what the body is reduced to; then it runs along K one by one. Step: an
// axis along which it is moved on, element by element: K in that case, else one that what is reduced varies over.
// Dense: all that it reads along the lanes lies side by side.
template <const auto& Region, int K, int Self, int Lane = K, int Step = Lane == K ? -1 : K, bool Dense = false>
struct loop_body {
  using state = loop_state<Region>;
  using homes = typename state::homes;
  using P = typename state::P;
  using W = typename state::W;
  using M = typename state::M;
  template <int I> using pack_of = typename state::template pack_of<I>;
  template <int I> using number_of = typename state::template number_of<I>;
  static constexpr int lanes = state::lanes, size = state::size;
  static constexpr bool has(axis_set axes, int axis) { return homes::has(axes, axis); }
  using types = uniform_types<P, W, M>;
  static constexpr bool wide(const instruction&) { return true; }
  static constexpr bool given(const instruction&) { return false; }
  static constexpr bool keeps(int i) { return i != Self && homes::kept.keeps(i, K); }

  static constexpr bool dense = Dense;

  const state& bodies;
  extent_t base[size];  // of loads and gathers: where the operand starts, without those axes and the table's
  extent_t at = 0;      // the element in the first lane
  int count = lanes;    // how many exist
  extent_t step = 0;    // the element along Step

  explicit HEED_INLINE loop_body(const state& all) : bodies(all) {}

  template <int... Roots> HEED_INLINE void start() {
    static constexpr instruction_set used = needed<Region, loop_body, Roots...>();
    static constexpr auto located = listed<int(size)>([](int i) {
      return used[i] && !keeps(i) && (Region.code[i].code == op::load || Region.code[i].code == op::gather);
    });
    each_of<located>([&]<int I>() HEED_INLINED {
      constexpr instruction x = Region.code[I];
      constexpr axis_set axes = Region.operands[x.operand].axes & ~plan::bit(Lane) & ~plan::bit(Step) &
                                ~(x.code == op::gather ? plan::bit(x.axis) : 0);
      base[I] = offset_at(axes, bodies.index, bodies.call.operands[x.operand]);
    });
  }
  // Does all that the root reads along the lanes lie side by side?
  template <int Root> bool is_dense() const {
    static constexpr instruction_set used = needed<Region, loop_body, Root>();
    for (int i = 1; i < size; ++i) {
      const instruction& x = Region.code[i];
      if (used[i] && !keeps(i) && x.code == op::load && has(Region.operands[x.operand].axes, Lane) &&
          bodies.call.operands[x.operand].stride[Lane] != 1)
        return false;
    }
    return true;
  }
  template <int I> HEED_INLINE pack_of<I> get() const {
    constexpr instruction x = Region.code[I];
    if constexpr (keeps(I)) {
      const std::int64_t* const e = bodies.rows[homes::number(I, K)].entries;
      if constexpr (!has(x.axes, K)) return state::template single<I>(e);
      else if constexpr (Step == K && K >= 0) return state::template single<I>(e + step);
      else return state::template kept<I>(e + at);
    } else if constexpr (x.code == op::load) {
      return read<I>(base[I] + across<I>());
    } else if constexpr (x.code == op::index) {
      return x.axis == Lane ? simd::iota<std::int64_t, lanes>(at) : W(x.axis == Step ? step : bodies.index[x.axis]);
    } else {
      return W(bodies.call.extent[x.axis]);
    }
  }
  template <int I> HEED_INLINE pack_of<I> gather(W where) const {
    constexpr instruction x = Region.code[I];
    constexpr operand o = Region.operands[x.operand];
    constexpr bool along = x.axis != Lane && has(o.axes, Lane);
    const view& v = bodies.call.operands[x.operand];
    const extent_t top = bodies.call.extent[x.axis] - 1, unit = along ? stride_along(Lane, v) : 0,
                   entry = v.stride[x.axis];
    const extent_t from = base[I] + (x.axis == Step ? 0 : across<I>());
    alignas(64) std::int64_t r[lanes] = {};
    for (int i = 0; i < lanes && i < count && top >= 0; ++i) {
      const extent_t w = where[i] < 0 ? 0 : where[i] > top ? top : where[i];
      state::template put<I>(r + i, element_at<o.type, number_of<I>>(v.data, from + (at + i) * unit + w * entry));
    }
    return state::template kept<I>(r);
  }

 private:
  template <int I> HEED_INLINE extent_t across() const {
    constexpr instruction x = Region.code[I];
    if constexpr (has(Region.operands[x.operand].axes, Step))
      return step * bodies.call.operands[x.operand].stride[Step];
    else return 0;
  }
  template <int I> HEED_INLINE pack_of<I> read(extent_t from) const {
    constexpr instruction x = Region.code[I];
    constexpr element e = Region.operands[x.operand].type;
    constexpr value_class c = class_of(x.type);
    const view& v = bodies.call.operands[x.operand];
    if constexpr (!has(Region.operands[x.operand].axes, Lane))
      return pack_of<I>(element_at<e, number_of<I>>(v.data, from));
    else {
      const extent_t stride = Dense ? 1 : stride_along(Lane, v);
      if constexpr (c == value_class::truth)
        return state::template elements<e, W>(v.data, from + at * stride, stride, count) != W(0);
      else return state::template elements<e, pack_of<I>>(v.data, from + at * stride, stride, count);
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
