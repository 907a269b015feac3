// The static rules of a call: its arguments against the inputs and results of the graph. One mistake gives one error,
// which names its facts and nothing else.
#pragma once
#include "../frame/arguments.hpp"
#include "graph_rules.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// ---- rules: each names its facts and nothing else, so that a failure prints two lines of context
template <text Name, bool Known> constexpr bool require_known() {
  static_assert(given<Known, operand_fact<Name>>, "heed: the call binds an operand that the graph does not have");
  return Known;
}
template <text Name, int Times> constexpr bool require_once() {
  static_assert(given<Times <= 1, operand_fact<Name>>, "heed: an operand is bound twice");
  static_assert(given < Times != 0, operand_fact < Name >>, "heed: an operand of the graph is not bound");
  return Times == 1;
}
template <text Name, class Declared, class Bound, bool Same> constexpr bool require_element() {
  static_assert(given<Same, operand_fact<Name>, Declared, Bound>,
                "heed: an operand has another element type than its input declares");
  return Same;
}
template <text Name, class Type, bool Binds> constexpr bool require_bindable() {
  static_assert(given<Binds, operand_fact<Name>, Type>,
                "heed: this type does not bind; use heed::view or specialise heed::operand_traits");
  return Binds;
}
template <text Name, class Declared, int Bound> constexpr bool require_rank() {
  constexpr bool ok = Bound < 0 || Bound == Declared::rank;
  static_assert(given<ok, operand_fact<Name>, shape_fact_of<Declared>, number_fact<"bound_axes", Bound>>,
                "heed: an operand has another number of axes than its input declares");
  return ok;
}
template <text Name, class Axis, extent_t Bound> constexpr bool require_extent() {
  constexpr bool ok = Axis::extent == runtime || Axis::extent == Bound;
  static_assert(given<ok, operand_fact<Name>, axis_fact_of<Axis>, number_fact<"bound_extent", Bound>>,
                "heed: an operand has another extent than its axis");
  return ok;
}
template <int Times> constexpr bool require_into() {
  static_assert(given < Times != 0, number_fact < "into", Times >>,
                "heed: the call lacks into(...), where the results go");
  static_assert(given<Times <= 1, number_fact<"into", Times>>, "heed: the call has more than one into(...)");
  return Times == 1;
}
template <class Axis, int Times> constexpr bool require_one_with() {
  static_assert(given < Times == 1, axis_fact_of < Axis >>, "heed: the extent of an axis is given twice");
  return Times == 1;
}
template <int Times> constexpr bool require_one_workspace() {
  static_assert(given<Times <= 1, number_fact<"workspaces", Times>>, "heed: a call takes one workspace");
  return Times <= 1;
}
// A result as a fact: by its name, grad(q), where it has one, else by its number.
template <label Name> constexpr auto gradient_text() {
  text<std::size_t(length_of(Name)) + 7> t;
  const auto name = text_of<Name>();
  for (std::size_t i = 0; i < 5; ++i) t.s[i] = "grad("[i];
  for (std::size_t i = 0; i + 1 < sizeof name.s; ++i) t.s[5 + i] = name.s[i];
  t.s[sizeof t.s - 2] = ')';
  return t;
}
template <int Number, label Name> struct fact_of_result {
  using type = operand_fact<gradient_text<Name>()>;
};
template <int Number> struct fact_of_result<Number, label{}> {
  using type = number_fact<"result", Number>;
};
template <int Number, label Name> using result_fact = typename fact_of_result<Number, Name>::type;

template <int Results, int Given> constexpr bool require_result_count() {
  static_assert(given < Results == Given, number_fact<"results", Results>, number_fact < "into", Given >>,
                "heed: into(...) takes one operand for each result");
  return Results == Given;
}
// Of an into(...) with names: `Fault` is what is wrong with it.
template <into_order::fault Fault, class Fact> constexpr bool require_into_order() {
  using fault = into_order::fault;
  static_assert(given < Fault != fault::order, Fact >,
                "heed: in into(...) operands without a name stand before those with one");
  static_assert(given < Fault != fault::unknown, Fact >,
                "heed: into(...) names a gradient that is no result of the graph");
  static_assert(given < Fault != fault::ambiguous, Fact >,
                "heed: two results of the graph have this name: into(...) takes them in their order, without names");
  static_assert(given < Fault != fault::twice, Fact >, "heed: into(...) has two operands for one result");
  static_assert(given < Fault != fault::missing, Fact >, "heed: into(...) has no operand for a result");
  return Fault == fault::none;
}
template <class Result, class Declared, class Bound, bool Same> constexpr bool require_result_element() {
  static_assert(given<Same, Result, Declared, Bound>,
                "heed: a result has another element type than the memory it goes to");
  return Same;
}
// A shape that is a value as a fact.
template <const shape_value& Shape, class Axes> struct fact_of_shape_value;
template <const shape_value& Shape, std::size_t... I> struct fact_of_shape_value<Shape, std::index_sequence<I...>> {
  using type = shape_fact<axis<text_of<Shape.axes[I].name>(), Shape.axes[I].extent>...>;
};
template <class Result, const shape_value& Shape, int Bound> constexpr bool require_result_rank() {
  constexpr bool ok = Bound < 0 || Bound == Shape.rank;
  using axes = std::make_index_sequence<ok ? 0 : std::size_t(Shape.rank)>;  // written where they are to be printed
  static_assert(given<ok, Result, typename fact_of_shape_value<Shape, axes>::type, number_fact<"bound_axes", Bound>>,
                "heed: a result has another number of axes than the memory it goes to");
  return ok;
}
template <class Result, label Axis, extent_t Declared, extent_t Bound> constexpr bool require_result_extent() {
  constexpr bool ok = Declared == runtime || Bound == Declared;
  static_assert(given<ok, Result, axis_fact<text_of<Axis>(), Declared>, number_fact<"bound_extent", Bound>>,
                "heed: a result is bound to memory of another shape");
  return ok;
}
template <class Result, bool Writable> constexpr bool require_writable() {
  static_assert(given<Writable, Result>, "heed: into(...) needs memory that can be written");
  return Writable;
}
template <class Type, bool Known> constexpr bool require_argument() {
  static_assert(given<Known, Type>,
                "heed: a call takes operands as name = value, into(...), with(axis, extent) and a workspace");
  return Known;
}
// The first axis whose static extent is not that of an array; the rank where there is none.
template <const auto& Shape, const auto& Bound> constexpr std::size_t first_misfit() {
  std::size_t i = 0;
  while (i < Bound.size() && (Shape.axes[i].extent == runtime || Shape.axes[i].extent == Bound[i])) ++i;
  return i;
}
constexpr bool has_operand(const signature& names, const label& name) {
  for (const signature_entry& x : names.operands)
    if (x.name == name) return true;
  return false;
}
// The name that an argument binds; empty: none.
template <class T> inline constexpr label bound_name{};
template <text N, class S, element E, class T> inline constexpr label bound_name<binding<N, S, E, T>> = make_label(N);

// The arguments of a call against the operands of a graph.
template <const signature& Names, class... Args>
struct call_rules {
  // How often a name is bound: counted over values, for a template a pair of input and argument is what calls would
  // cost most.
  static constexpr int times_bound(const label& name) {
    const label bound[] = {bound_name<std::remove_cvref_t<Args>>..., label{}};
    int n = 0;
    for (const label& x : bound) n += x == name;
    return n;
  }
  template <int Input> static constexpr auto name = text_of<Names.operands[Input].name>();
  template <class A> static constexpr bool known() {
    using T = std::remove_cvref_t<A>;
    if constexpr (is_into<T> || is_extent<T> || is_workspace<T>) return true;
    else if constexpr (is_ill_formed<T>) return false;  // what it was has been refused where it was declared
    else if constexpr (is_binding<T>) return require_known<T::name, has_operand(Names, make_label(T::name))>();
    else return require_argument<T, false>();
  }
  template <class A> static constexpr bool fits() {
    using T = std::remove_cvref_t<A>;
    if constexpr (is_binding<T>) return fits_binding(static_cast<T*>(nullptr));
    else return true;
  }
  template <text N, class S, element E, class X> static constexpr bool fits_binding(binding<N, S, E, X>*) {
    using traits = traits_of<X>;
    if constexpr (!require_bindable<N, std::remove_cvref_t<X>, traits::binds>()) return false;
    else {
      using bound_type = std::remove_const_t<typename traits::element_type>;
      if constexpr (!require_element<N, storage<E>, bound_type,
                                     std::is_same_v<storage<E>, bound_type> ||
                                         (is_storable<bound_type> && element_of<bound_type> == E)>())
        return false;
      else if constexpr (!require_rank<N, S, traits::rank>()) return false;
      else if constexpr (requires { traits::static_extents; })
        return []<class... A>(shape<A...>) {
          constexpr std::size_t i = first_misfit<value_of_shape<S>, traits::static_extents>();
          if constexpr (i == S::rank) return true;
          else return require_extent<N, std::tuple_element_t<i, std::tuple<A...>>, traits::static_extents[i]>();
        }(S{});
      else return true;
    }
  }
  // One that nobody reads may be left out.
  template <bool Declared, int Input> static constexpr bool bound_once() {
    constexpr const signature_entry& operand = Names.operands[Input];
    if constexpr (Declared ? operand.is_declared : operand.is_read)
      return require_once<name<Input>, times_bound(operand.name)>();
    else return true;
  }
  template <class A> static constexpr bool extent_once() {
    if constexpr (is_extent<A>) return one_with(static_cast<A*>(nullptr));
    else return true;
  }
  template <class Axis> static constexpr bool one_with(extent_binding<Axis>*) {
    return require_one_with<Axis, (int(std::is_same_v<std::remove_cvref_t<Args>, extent_binding<Axis>>) + ... + 0)>();
  }
  // Every argument is known, every operand bound once, with its type. `Declared`: it is the declared graph that reads
  // them.
  template <bool Declared> static constexpr bool operands() {
    if constexpr (!(known<Args>() && ...)) return false;
    else if constexpr (![]<int... I>(std::integer_sequence<int, I...>) {
                         return (bound_once<Declared, I>() && ...);
                       }(std::make_integer_sequence<int, Names.operands.count>{}))
      return false;
    else if constexpr (!(extent_once<std::remove_cvref_t<Args>>() && ...)) return false;
    else if constexpr (!require_one_workspace<(int(is_workspace<Args>) + ... + 0)>()) return false;
    else return (fits<Args>() && ...);
  }
  // One result of a graph and the memory it goes to.
  template <bool Doubles, int Number, const expression& Out, class X> static constexpr bool fits_result() {
    using traits = traits_of<X>;
    using Fact = result_fact<Number, Out.named_after>;
    constexpr element type = Doubles ? element::f64 : stored(Out.top().type);
    constexpr int rank = Out.shape->rank;
    if constexpr (!require_bindable<"into", std::remove_cvref_t<X>, traits::binds>()) return false;
    else if constexpr (!require_writable<Fact, can_write<X>>()) return false;
    else {
      using bound_type = std::remove_const_t<typename traits::element_type>;
      if constexpr (!require_result_element<Fact, storage<type>, bound_type, element_of<bound_type> == type>())
        return false;
      else if constexpr (!require_result_rank<Fact, *Out.shape, traits::rank>()) return false;
      else if constexpr (requires { traits::static_extents; }) {
        constexpr std::size_t i = first_misfit<*Out.shape, traits::static_extents>();
        if constexpr (i == rank) return true;
        else
          return require_result_extent<Fact, Out.shape->axes[i].name, Out.shape->axes[i].extent,
                                       traits::static_extents[i]>();
      } else return true;
    }
  }
  template <bool Doubles, const expression&... Outs, class... X> static constexpr bool fits_into(into_binding<X...>*) {
    if constexpr ((is_ill_formed<std::remove_cv_t<X>> || ...)) return false;  // refused where it was written
    else if constexpr ((named_in_into<std::remove_cv_t<X>>.empty() && ...)) {
      if constexpr (!require_result_count<sizeof...(Outs), sizeof...(X)>()) return false;
      else
        return []<int... K>(std::integer_sequence<int, K...>) {
          return (fits_result<Doubles, K + 1, Outs, X>() && ...);
        }(std::make_integer_sequence<int, int(sizeof...(X))>{});
    } else if constexpr (!in_order<Outs...>(static_cast<into_binding<X...>*>(nullptr))) return false;
    else
      return []<std::size_t... K>(std::index_sequence<K...>) {
        using memory = std::tuple<typename memory_in_into<X>::type...>;
        return (fits_result<
                    Doubles, int(K) + 1, Outs,
                    std::tuple_element_t<std::size_t(order_in<into_binding<X...>, Outs...>.operand[K]), memory>>() &&
                ...);
      }(std::make_index_sequence<sizeof...(X)>{});
  }
  // An into(...) with names has one operand for each result.
  template <const expression&... Outs, class... X> static constexpr bool in_order(into_binding<X...>*) {
    using fault = into_order::fault;
    constexpr const into_order& order = order_in<into_binding<X...>, Outs...>;
    constexpr label names[] = {named_in_into<std::remove_cv_t<X>>...}, results[] = {Outs.named_after...};
    constexpr std::size_t at = std::size_t(order.at);
    if constexpr (order.wrong == fault::none) return true;
    else if constexpr (order.wrong == fault::count) return require_result_count<sizeof...(Outs), sizeof...(X)>();
    else if constexpr (order.wrong == fault::order)
      return require_into_order<order.wrong, number_fact<"operand", order.at + 1>>();
    else if constexpr (order.wrong == fault::unknown || order.wrong == fault::ambiguous)
      return require_into_order<order.wrong, result_fact<0, names[at]>>();
    else return require_into_order<order.wrong, result_fact<order.at + 1, results[at]>>();
  }
  // Every result has memory, of its element and of its shape as far as the types say; `Doubles`: all are stored in
  // double.
  template <bool Doubles, const expression&... Outs> static constexpr bool results() {
    if constexpr (!require_into<(int(is_into<std::remove_cvref_t<Args>>) + ... + 0)>()) return false;
    else
      return ([] {
        if constexpr (is_into<std::remove_cvref_t<Args>>)
          return fits_into<Doubles, Outs...>(static_cast<std::remove_cvref_t<Args>*>(nullptr));
        else return true;
      }() && ...);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
