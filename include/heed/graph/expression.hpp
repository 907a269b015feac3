// The front: typed expressions. The type of a value is its shape and its element, so that a mistake is an error on the
// line that makes it; its value is the graph that computes it, grown by every operator with one copy of the larger
// operand.
#pragma once
#include "build.hpp"
#include <type_traits>

namespace heed::internal {

// What passes see of an expression: the graph, the node, and the declared order of its axes.
struct expression {
  graph g;
  int root;
  const shape_value* shape;
  label named_after;  // of a gradient: the input that it belongs to; empty for others
  template <class Grow>
  constexpr expression(const graph& from, const shape_value& s, const Grow& grow, const label& input = {})
      : g(from),
        root(grow(g)),
        shape(&s),
        named_after(input) {}
  constexpr const node& top() const { return g[root]; }
};

// Mistakes with an expression that the language would let through to where nobody understands the message.
template <class Shape> constexpr bool require_bound_input() {
  static_assert(given<(Shape::rank < 0), shape_fact_of<Shape>>,
                "heed: a call binds inputs by name: this expression is no input");
  return false;
}
template <class Shape> constexpr bool require_number_of_cpp() {
  static_assert(
      given<(Shape::rank < 0), shape_fact_of<Shape>>,
      "heed: an expression is no number of C++: write exp(x) for std::exp(x), and fuse<x>(...) for its values");
  return false;
}
template <class Shape> constexpr bool require_condition_of_cpp() {
  static_assert(given<(Shape::rank < 0), shape_fact_of<Shape>>,
                "heed: an expression has no value for `if`: where(condition, a, b) chooses");
  return false;
}

template <class Shape, element Type>
struct expr : expression {
  using shape_type = Shape;
  static constexpr element type = Type;
  template <class T> constexpr ill_formed operator=(T&&) const { return require_bound_input<Shape>(), ill_formed{}; }
  constexpr operator double() const { return require_number_of_cpp<Shape>(); }
  constexpr explicit operator bool() const { return require_condition_of_cpp<Shape>(); }
  template <class Grow>
  constexpr expr(const graph& from, const Grow& grow, const label& input = {})
      : expression(from, value_of_shape<Shape>, grow, input) {}
};

template <class T> inline constexpr bool is_expr = false;
template <class S, element E> inline constexpr bool is_expr<expr<S, E>> = true;

// Something that builds on expressions: an expression, an input, an axis, or what a failed check left.
template <class T>
concept Symbolic = is_axis<std::remove_cvref_t<T>> || std::is_base_of_v<expression, std::remove_cvref_t<T>> ||
                   is_ill_formed<std::remove_cvref_t<T>>;
template <class T>
concept Operand = Symbolic<T> || std::is_arithmetic_v<std::remove_cvref_t<T>>;

// What an operand is as an expression.
template <class S, element E> expr<S, E> as_expr_type(const expr<S, E>&);
template <text N, extent_t X> expr<shape<axis<N, X>>, element::integer> as_expr_type(const axis<N, X>&);
inline expr<shape<>, element::boolean> as_expr_type(bool);
template <class T> requires std::is_integral_v<T>
expr<shape<>, element::integer> as_expr_type(T);
template <class T> requires std::is_floating_point_v<T>
expr<shape<>, element::real> as_expr_type(T);
ill_formed as_expr_type(ill_formed);

template <class T> using expr_of = decltype(as_expr_type(std::declval<const T&>()));
template <class T> using shape_of = typename expr_of<T>::shape_type;
template <class T> inline constexpr element element_of_expr = expr_of<T>::type;
template <class... T> inline constexpr bool any_ill_formed = (is_ill_formed<expr_of<T>> || ...);

// Puts an operand into a graph that may hold part of it already; returns its node there.
constexpr node_id put(graph& g, const expression& e) { return g.graft(e.g, e.root); }
template <text N, extent_t X>
constexpr node_id put(graph& g, const axis<N, X>&) {
  const int id = g.axis({axis<N, X>::name, X});
  return add_index(g, id);
}
// What constant evaluation cannot go on with: its name is printed.
template <std::size_t N> struct sentence {
  char s[N]{};
  consteval sentence(const char (&from)[N]) {
    for (std::size_t i = 0; i < N; ++i) s[i] = from[i];
  }
};
template <sentence Said> inline void stop_compiling() {}

template <class T> requires std::is_arithmetic_v<T>
constexpr node_id put(graph& g, const T& v) {
  if (std::is_constant_evaluated() && !__builtin_constant_p(v))
    stop_compiling<"heed: a number that is known at run time is an input without axes">();
  return g.add_constant(double(v), std::is_same_v<T, bool> ? element::boolean
                                   : std::is_integral_v<T> ? element::integer
                                                           : element::real);
}

// The graph of an operand, and the largest of several: what an operator grows. References, for a copy is what operators
// cost.
inline constexpr graph empty_graph{};
// An object, for a function of one operand of any type would also be found, by its argument, where a user calls one of
// his own.
inline constexpr struct {
  template <class T> constexpr const graph& operator()(const T& x) const {
    if constexpr (std::is_base_of_v<expression, T>) return x.g;
    else return empty_graph;
  }
} graph_of;
template <class A> constexpr const graph& larger_graph(const A& a) { return graph_of(a); }
constexpr const graph& larger_of(const graph& a, const graph& b) { return a.size >= b.size ? a : b; }
template <class A, class B> constexpr const graph& larger_graph(const A& a, const B& b) {
  return larger_of(graph_of(a), graph_of(b));
}
template <class A, class B, class C, class... More>
constexpr const graph& larger_graph(const A& a, const B& b, const C& c, const More&... more) {
  return larger_of(graph_of(a), larger_graph(b, c, more...));
}

// One axis has one extent: the first pair of axes of two shapes that share a name but not an extent.
template <class A, class B> struct clash {
  using type = void;
};
template <class A, class... B> struct first_clash {
  using type = void;
};
template <class A, class F, class... R>
struct first_clash<A, F, R...>
    : std::conditional_t<clashes<A, F>, std::type_identity<shape<A, F>>, first_clash<A, R...>> {};
template <class... B> struct clash<shape<>, shape<B...>> {
  using type = void;
};
template <class A, class... R, class... B>
struct clash<shape<A, R...>, shape<B...>> : std::conditional_t<!std::is_void_v<typename first_clash<A, B...>::type>,
                                                               first_clash<A, B...>, clash<shape<R...>, shape<B...>>> {
};

template <class Pair> constexpr bool one_extent = true;
template <class A, class B>
constexpr bool one_extent<shape<A, B>> = [] {
  static_assert(given < A::extent == B::extent, axis_fact_of<A>, axis_fact_of < B >>,
                "heed: an axis has one extent throughout a graph");
  return false;
}();
template <class A, class B> constexpr bool agree() { return one_extent<typename clash<A, B>::type>; }

constexpr bool mixes(element a, element b) {
  return (a == element::f32 && b == element::f64) || (a == element::f64 && b == element::f32);
}

}  // namespace heed::internal
