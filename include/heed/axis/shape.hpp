// A shape is an ordered list of axes, as a type. Order matters for memory only; everything else treats a shape as a
// set.
#pragma once
#include "axis.hpp"
#include "../base/fixed_array.hpp"
#include <utility>

namespace heed::internal {

template <class... Axes> struct shape {
  static constexpr int rank = sizeof...(Axes);
};

template <class Shape, class Axis> inline constexpr bool has = false;
template <class... A, class X> inline constexpr bool has<shape<A...>, X> = (std::is_same_v<A, X> || ...);
template <class Shape, class... X> inline constexpr bool has_all = (has<Shape, X> && ...);

// Does an axis of the shape carry the name of X, with whatever extent?
template <class Shape, class X> inline constexpr bool has_name = false;
template <class... A, class X> inline constexpr bool has_name<shape<A...>, X> = ((A::name == X::name) || ...);

// Does an axis of another extent carry this name?
template <class A, class B>
inline constexpr bool clashes = A::name == B::name && !std::is_same_v<A, B>;

template <class Shape, class Axis> struct append;
template <class... A, class X> struct append<shape<A...>, X> {
  using type = std::conditional_t<has<shape<A...>, X>, shape<A...>, shape<A..., X>>;
};
template <class S, class T> struct join_shapes;
template <class S> struct join_shapes<S, shape<>> {
  using type = S;
};
template <class S, class X, class... R>
struct join_shapes<S, shape<X, R...>> : join_shapes<typename append<S, X>::type, shape<R...>> {};
// The axes of S, then those of T that S lacks.
template <class S, class T> using join = typename join_shapes<S, T>::type;

template <class S, class Dropped, class Kept = shape<>> struct drop_axes {
  using type = Kept;
};
template <class F, class... R, class Dropped, class... K>
struct drop_axes<shape<F, R...>, Dropped, shape<K...>>
    : drop_axes<shape<R...>, Dropped, std::conditional_t<has<Dropped, F>, shape<K...>, shape<K..., F>>> {};
template <class S, class... Dropped> using drop = typename drop_axes<S, shape<Dropped...>>::type;

// S with every axis From replaced, in place, by the axes To...
template <class S, class From, class To> struct replace_axis;
template <class... A, class From, class... To>
struct replace_axis<shape<A...>, From, shape<To...>> {
  template <class X> using part = std::conditional_t<std::is_same_v<X, From>, shape<To...>, shape<X>>;
  template <class... S> struct cat {
    using type = shape<>;
  };
  template <class... X, class... Y, class... R>
  struct cat<shape<X...>, shape<Y...>, R...> : cat<shape<X..., Y...>, R...> {};
  template <class S> struct cat<S> {
    using type = S;
  };
  using type = typename cat<shape<>, part<A>...>::type;
};
template <class S, class From, class... To> using replaced = typename replace_axis<S, From, shape<To...>>::type;

template <class... A> inline constexpr bool distinct = true;
template <class F, class... R>
inline constexpr bool distinct<F, R...> = (!(F::name == R::name) && ...) && distinct<R...>;

template <class Shape> struct fact_of_shape;
template <class... A> struct fact_of_shape<shape<A...>> {
  using type = shape_fact<A...>;
};
template <class Shape> using shape_fact_of = typename fact_of_shape<Shape>::type;

// The shape as a value, for passes and for binding: rank entries in memory order.
inline constexpr int max_rank = 12;
struct shape_value {
  fixed_array<axis_entry, max_rank> axes;
  int rank;
};
template <class Shape> inline constexpr shape_value value_of_shape{};
template <class... A>
inline constexpr shape_value value_of_shape<shape<A...>>{{{axis_entry{A::name, A::extent}...}}, int(sizeof...(A))};

}  // namespace heed::internal
