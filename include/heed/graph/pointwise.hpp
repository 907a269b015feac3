// Pointwise operators and functions: + - * / unary -, comparisons, && || !, min, max, the functions of operations.hpp,
// pow with a constant, where, mask and cast. Operands broadcast by absence: the result varies over the axes of both.
// Whole numbers stay whole under + - * min max and the functions that say so; `/` and the others give real numbers; %
// and floor_divide are of whole numbers alone.
#pragma once
#include "expression.hpp"
#include "written_out.hpp"

namespace heed::internal {

template <element... E> inline constexpr bool numbers = ((E != element::boolean) && ...);
template <element E> struct element_name;
template <> struct element_name<element::boolean> {
  using type = element_fact<"bool">;
};
template <> struct element_name<element::integer> {
  using type = element_fact<"integer">;
};
template <> struct element_name<element::i8> {
  using type = element_fact<"int8">;
};
template <> struct element_name<element::i32> {
  using type = element_fact<"int32">;
};
template <> struct element_name<element::i64> {
  using type = element_fact<"int64">;
};
template <> struct element_name<element::real> {
  using type = element_fact<"real">;
};
template <> struct element_name<element::f32> {
  using type = element_fact<"float">;
};
template <> struct element_name<element::f64> {
  using type = element_fact<"double">;
};
template <element E> using element_fact_of = typename element_name<E>::type;

// The rules of pointwise operators: each returns whether the program is well formed, or stops it with its message.
template <element... E> constexpr bool require_numbers() {
  static_assert(given<numbers<E...>, element_fact_of<E>...>, "heed: arithmetic needs numbers, not booleans");
  return numbers<E...>;
}
template <element... E> constexpr bool require_conditions() {
  constexpr bool ok = ((E == element::boolean) && ...);
  static_assert(given<ok, element_fact_of<E>...>, "heed: && || and ! need conditions (booleans)");
  return ok;
}
template <element... E> constexpr bool require_whole_numbers() {
  constexpr bool ok = (is_integer(E) && ...);
  static_assert(given<ok, element_fact_of<E>...>,
                "heed: % and floor_divide take whole numbers; the quotient of others is /");
  return ok;
}
template <element A, element B> constexpr bool require_one_width() {
  static_assert(given<!mixes(A, B), element_fact_of<A>, element_fact_of<B>>,
                "heed: float and double do not mix; cast one of them");
  return !mixes(A, B);
}

enum class rule : std::uint8_t { arithmetic, division, whole_division, comparison, condition };

constexpr element real_of(element e) { return is_real(e) ? e : element::real; }

template <rule Rule, element A, element B> constexpr bool admits() {
  if constexpr (Rule == rule::condition) return require_conditions<A, B>();
  else if constexpr (Rule == rule::comparison && A == element::boolean && B == element::boolean) return true;
  else if constexpr (!numbers<A, B>) return require_numbers<A, B>();
  else if constexpr (Rule == rule::whole_division) return require_whole_numbers<A, B>();
  else return require_one_width<A, B>();
}

// Adds an operation on two operands, which keep their places, to a graph.
template <class A, class B>
constexpr node_id add_operation(graph& g, op o, element type, const A& a, const B& b) {
  const node_id x = put(g, a), y = put(g, b);
  if (const node_id softmax = add_written_out(g, o, type, x, y)) return softmax;
  return add_pointwise(g, o, type, x, y);
}

// Swapped: the node is o(b, a), as for a > b, which is b < a; the shape still begins with the axes of a.
template <rule Rule, bool Swapped = false, class A, class B>
constexpr auto binary(op o, const A& a, const B& b) {
  if constexpr (any_ill_formed<A, B>) return ill_formed{};
  else if constexpr (!admits<Rule, element_of_expr<A>, element_of_expr<B>>()) return ill_formed{};
  else if constexpr (!agree<shape_of<A>, shape_of<B>>()) return ill_formed{};
  else {
    using Shape = join<shape_of<A>, shape_of<B>>;
    constexpr element wide = joined(element_of_expr<A>, element_of_expr<B>);
    constexpr element type = Rule == rule::arithmetic || Rule == rule::whole_division ? wide
                             : Rule == rule::division                                 ? real_of(wide)
                                                                                      : element::boolean;
    return expr<Shape, type>(larger_graph(a, b), [&](graph& g) {
      if constexpr (Swapped) return add_operation(g, o, type, b, a);
      else return add_operation(g, o, type, a, b);
    });
  }
}

#define HEED_BINARY(NAME, RULE, CODE)                                  \
  template <Operand A, Operand B> requires(Symbolic<A> || Symbolic<B>) \
  constexpr auto NAME(const A& a, const B& b) {                        \
    return binary<rule::RULE>(op::CODE, a, b);                         \
  }
HEED_BINARY(operator+, arithmetic, add)
HEED_BINARY(operator-, arithmetic, subtract)
HEED_BINARY(operator*, arithmetic, multiply)
HEED_BINARY(operator/, division, divide)
HEED_BINARY(floor_divide, whole_division, floor_divide)
HEED_BINARY(operator%, whole_division, remainder)
HEED_BINARY(min, arithmetic, minimum)
HEED_BINARY(max, arithmetic, maximum)
HEED_BINARY(operator<, comparison, less)
HEED_BINARY(operator<=, comparison, less_equal)
HEED_BINARY(operator==, comparison, equal)
HEED_BINARY(operator&&, condition, both)
HEED_BINARY(operator||, condition, either)
#undef HEED_BINARY

template <Operand A, Operand B> requires(Symbolic<A> || Symbolic<B>)
constexpr auto operator>(const A& a, const B& b) {
  return binary<rule::comparison, true>(op::less, a, b);
}
template <Operand A, Operand B> requires(Symbolic<A> || Symbolic<B>)
constexpr auto operator>=(const A& a, const B& b) {
  return binary<rule::comparison, true>(op::less_equal, a, b);
}

// Operators and functions of one operand: of the same element, or of a real one. `value`: the constant exponent.
template <bool KeepsElement, class A>
constexpr auto unary(op o, const A& a, double value = 0) {
  using E = expr_of<A>;
  constexpr element type = KeepsElement ? widened(E::type) : real_of(E::type);
  return expr<typename E::shape_type, type>(graph_of(a), [&](graph& g) {
    const node_id x = put(g, a);
    if (const node_id weights = o == op::exp ? add_weights(g, x) : node_id(0)) return weights;
    return add_pointwise(g, o, type, x, 0, 0, value);
  });
}

template <Symbolic A> constexpr auto operator!(const A& a) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_conditions<element_of_expr<A>>()) return ill_formed{};
  else return unary<true>(op::invert, a);
}
template <Operand A, Operand B> requires(Symbolic<A> || Symbolic<B>)
constexpr auto operator!=(const A& a, const B& b) {
  return !(a == b);
}

// Functions of one, two or three numbers. Shape: the axes of a, then those that b adds, then those that c adds.
template <bool KeepsWhole, class A>
constexpr auto function_of(op o, const A& a) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else return unary<KeepsWhole>(o, a);
}
template <bool KeepsWhole, class A, class B>
constexpr auto function_of(op o, const A& a, const B& b) {
  return binary<KeepsWhole ? rule::arithmetic : rule::division>(o, a, b);
}
template <bool KeepsWhole, class A, class B, class C>
constexpr auto function_of(op o, const A& a, const B& b, const C& c) {
  if constexpr (any_ill_formed<A, B, C>) return ill_formed{};
  else if constexpr (!admits<rule::arithmetic, element_of_expr<A>, element_of_expr<B>>()) return ill_formed{};
  else if constexpr (!admits<rule::arithmetic, joined(element_of_expr<A>, element_of_expr<B>), element_of_expr<C>>())
    return ill_formed{};
  else if constexpr (!agree<shape_of<A>, shape_of<B>>() || !agree<join<shape_of<A>, shape_of<B>>, shape_of<C>>())
    return ill_formed{};
  else {
    using Shape = join<join<shape_of<A>, shape_of<B>>, shape_of<C>>;
    constexpr element wide = joined(joined(element_of_expr<A>, element_of_expr<B>), element_of_expr<C>);
    constexpr element type = KeepsWhole ? wide : real_of(wide);
    return expr<Shape, type>(larger_of(larger_graph(a, b), graph_of(c)), [&](graph& g) {
      const node_id x = put(g, a), y = put(g, b), z = put(g, c);
      return add_pointwise(g, o, type, x, y, z);
    });
  }
}

template <Symbolic A> constexpr auto operator-(const A& a) { return function_of<true>(op::negate, a); }

// The functions by their names.
#define HEED_TEMPLATE_1 template <Symbolic A>
#define HEED_TEMPLATE_2 template <Operand A, Operand B> requires(Symbolic<A> || Symbolic<B>)
#define HEED_TEMPLATE_3 template <Operand A, Operand B, Operand C> requires(Symbolic<A> || Symbolic<B> || Symbolic<C>)
#define HEED_PARAMETERS_1 const A& a
#define HEED_PARAMETERS_2 const A &a, const B &b
#define HEED_PARAMETERS_3 const A &a, const B &b, const C &c
#define HEED_FUNCTION(NAME, OPERANDS, ...)                                                  \
  HEED_TEMPLATE_##OPERANDS constexpr auto NAME(HEED_PARAMETERS_##OPERANDS) {                \
    return function_of<facts_of(op::NAME).keeps_whole>(op::NAME, HEED_OPERANDS_##OPERANDS); \
  }
HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
#undef HEED_TEMPLATE_1
#undef HEED_TEMPLATE_2
#undef HEED_TEMPLATE_3
#undef HEED_PARAMETERS_1
#undef HEED_PARAMETERS_2
#undef HEED_PARAMETERS_3
template <Symbolic A> constexpr auto operator+(const A& a) { return a; }

// a to a constant power, an operation of its own: products, a root, ... instead of an exponential. Negative bases need
// a whole exponent; others give NaN, as std::pow does. (More constrained than the function of two values.)
template <class T>
concept Number = Operand<T> && std::is_arithmetic_v<std::remove_cvref_t<T>>;
template <Symbolic A, Number B> constexpr auto pow(const A& a, const B& exponent) {
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else return unary<false>(op::power, a, double(exponent));
}

template <element C> constexpr bool require_mask() {
  static_assert(given < C == element::boolean, element_fact_of < C >>,
                "heed: a mask is a condition (boolean), not a number");
  return C == element::boolean;
}

// where(condition, a, b): a where the condition holds, b elsewhere; both numbers, or both conditions. Shape: the axes
// of a, then those b adds, then those the condition adds.
template <Operand C, Operand A, Operand B> requires(Symbolic<C> || Symbolic<A> || Symbolic<B>)
constexpr auto where(const C& c, const A& a, const B& b) {
  if constexpr (any_ill_formed<C, A, B>) return ill_formed{};
  else if constexpr (!require_mask<element_of_expr<C>>()) return ill_formed{};
  else if constexpr (!admits<rule::comparison, element_of_expr<A>, element_of_expr<B>>()) return ill_formed{};
  else if constexpr (!agree<shape_of<A>, shape_of<B>>() || !agree<shape_of<C>, join<shape_of<A>, shape_of<B>>>())
    return ill_formed{};
  else {
    using Shape = join<join<shape_of<A>, shape_of<B>>, shape_of<C>>;
    constexpr element type = joined(element_of_expr<A>, element_of_expr<B>);
    return expr<Shape, type>(larger_of(larger_graph(a, b), graph_of(c)), [&](graph& g) {
      const node_id i = put(g, c), x = put(g, a), y = put(g, b);
      return g.add(
          node{.code = op::where, .type = type, .a = i, .b = x, .c = y, .axes = g[i].axes | g[x].axes | g[y].axes});
    });
  }
}

// mask(score, keep): the score where `keep` holds, absent elsewhere. Absent is not a number: whatever is computed from
// an absent score is absent, and reductions, softmax and dot leave it out, whatever is stored there.
template <Operand A, Operand C> requires(Symbolic<A> || Symbolic<C>)
constexpr auto mask(const A& score, const C& keep) {
  if constexpr (any_ill_formed<A, C>) return ill_formed{};
  else if constexpr (!require_mask<element_of_expr<C>>()) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else if constexpr (!agree<shape_of<A>, shape_of<C>>()) return ill_formed{};
  else {
    using Shape = join<shape_of<A>, shape_of<C>>;
    constexpr element type = real_of(element_of_expr<A>);
    return expr<Shape, type>(larger_graph(score, keep),
                             [&](graph& g) { return add_operation(g, op::mask, type, score, keep); });
  }
}

// cast<float>(a): the same numbers as another element type; double to float rounds, real to integer drops the fraction.
template <class T, Symbolic A> constexpr auto cast(const A& a) {
  static_assert(given < is_storable<T> && element_of<T> != element::boolean >,
                "heed: cast goes to float, double, std::int8_t, std::int32_t or std::int64_t");
  if constexpr (any_ill_formed<A>) return ill_formed{};
  else if constexpr (!require_numbers<element_of_expr<A>>()) return ill_formed{};
  else {
    using Shape = shape_of<A>;
    return expr<Shape, element_of<T>>(graph_of(a), [&](graph& g) {
      const node_id x = put(g, a);
      return add_pointwise(g, op::cast, element_of<T>, x);
    });
  }
}

}  // namespace heed::internal
