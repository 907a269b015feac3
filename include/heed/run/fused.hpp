// The call: `constexpr auto attend = fuse<out>; attend(q = Q, k = K, v = V, into(O));`. What can be known while compiling is
// checked while compiling, one mistake at a time; the rest by call_checks.hpp.
#pragma once
#include "execute.hpp"
#include "reference_graph.hpp"
#include <tuple>

namespace heed {

struct options {
  bool strict = false;                                     // a region that cannot be fused is an error
};
inline constexpr options strict{true};

// into(O, L): where the results go, in the order of `results`.
template <class... Tensors>
struct into_binding { std::tuple<Tensors&&...> operands; };
template <class... Tensors>
constexpr into_binding<Tensors...> into(Tensors&&... t) { return {std::tuple<Tensors&&...>(std::forward<Tensors>(t)...)}; }

// with(n, 128): the extent of an axis that no operand carries.
template <class Axis> struct extent_binding { extent_t extent; };
template <class Axis> requires is_axis<Axis>
constexpr extent_binding<Axis> with(Axis, extent_t extent) { return {extent}; }

namespace run {

template <class T> inline constexpr bool is_into = false;
template <class... T> inline constexpr bool is_into<into_binding<T...>> = true;
template <class T> inline constexpr bool is_binding = false;
template <text N, class S, element E, class T> inline constexpr bool is_binding<binding<N, S, E, T>> = true;
template <class T> inline constexpr bool is_extent = false;
template <class A> inline constexpr bool is_extent<extent_binding<A>> = true;
template <class T> inline constexpr bool is_workspace = std::is_same_v<std::remove_cvref_t<T>, workspace>;

constexpr int length_of(label l) {
  int n = 0;
  while (n < int(label_capacity) && (l.word[std::size_t(n) / 8] >> (8 * (std::size_t(n) % 8)) & 255)) ++n;
  return n;
}
template <label L> constexpr auto text_of() {
  text<std::size_t(length_of(L)) + 1> t;
  for (std::size_t i = 0; i < std::size_t(length_of(L)); ++i) t.s[i] = char(L.word[i / 8] >> (8 * (i % 8)) & 255);
  return t;
}

// ---- rules: each names its facts and nothing else, so that a failure prints two lines of context
template <text Name, bool Known> constexpr bool require_known() {
  static_assert(given<Known, operand_fact<Name>>, "heed: the call binds an operand that the graph does not have");
  return Known;
}
template <text Name, int Times> constexpr bool require_once() {
  static_assert(given<Times <= 1, operand_fact<Name>>, "heed: an operand is bound twice");
  static_assert(given<Times != 0, operand_fact<Name>>, "heed: an operand of the graph is not bound");
  return Times == 1;
}
template <text Name, class Declared, class Bound, bool Same> constexpr bool require_element() {
  static_assert(given<Same, operand_fact<Name>, Declared, Bound>, "heed: an operand has another element type than its input declares");
  return Same;
}
template <text Name, class Type, bool Binds> constexpr bool require_bindable() {
  static_assert(given<Binds, operand_fact<Name>, Type>, "heed: this type does not bind; use heed::view or specialise heed::operand_traits");
  return Binds;
}
template <text Name, int Declared, int Bound> constexpr bool require_rank() {
  constexpr bool ok = Bound < 0 || Bound == Declared;
  static_assert(given<ok, operand_fact<Name>, number_fact<"declared_axes", Declared>, number_fact<"bound_axes", Bound>>,
                "heed: an operand has another number of axes than its input declares");
  return ok;
}
template <text Name, class Axis, extent_t Bound> constexpr bool require_extent() {
  constexpr bool ok = Axis::extent == runtime || Axis::extent == Bound;
  static_assert(given<ok, operand_fact<Name>, axis_fact_of<Axis>, number_fact<"bound_extent", Bound>>, "heed: an operand has another extent than its axis");
  return ok;
}
template <int Times> constexpr bool require_into() {
  static_assert(given<Times != 0, number_fact<"into", Times>>, "heed: the call lacks into(...), where the results go");
  static_assert(given<Times <= 1, number_fact<"into", Times>>, "heed: the call has more than one into(...)");
  return Times == 1;
}
template <int Results, int Given> constexpr bool require_result_count() {
  static_assert(given<Results == Given, number_fact<"results", Results>, number_fact<"into", Given>>, "heed: into(...) takes one operand for each result");
  return Results == Given;
}
template <int Result, class Declared, class Bound, bool Same> constexpr bool require_result_element() {
  static_assert(given<Same, number_fact<"result", Result>, Declared, Bound>, "heed: a result has another element type than the memory it goes to");
  return Same;
}
template <int Result, int Declared, int Bound> constexpr bool require_result_rank() {
  constexpr bool ok = Bound < 0 || Bound == Declared;
  static_assert(given<ok, number_fact<"result", Result>, number_fact<"declared_axes", Declared>, number_fact<"bound_axes", Bound>>,
                "heed: a result has another number of axes than the memory it goes to");
  return ok;
}
template <int Result, label Axis, extent_t Declared, extent_t Bound> constexpr bool require_result_extent() {
  constexpr bool ok = Declared == runtime || Bound == Declared;
  static_assert(given<ok, number_fact<"result", Result>, axis_fact<text_of<Axis>(), Declared>, number_fact<"bound_extent", Bound>>,
                "heed: a result is bound to memory of another shape");
  return ok;
}
template <bool Writable> constexpr bool require_writable() {
  static_assert(given<Writable>, "heed: into(...) needs memory that can be written");
  return Writable;
}
template <class Type, bool Known> constexpr bool require_argument() {
  static_assert(given<Known, Type>, "heed: a call takes operands as name = value, into(...), with(axis, extent) and a workspace");
  return Known;
}
template <bool Fused, int Region> constexpr bool require_fused() {
  static_assert(given<Fused, number_fact<"region", Region>>, "heed: strict: a region of this graph cannot be fused (explain says why)");
  return Fused;
}
template <label Axis> constexpr bool require_one_extent() {
  static_assert(given<Axis.empty(), axis_fact<text_of<Axis>(), runtime>>, "heed: an axis has one extent throughout a graph");
  return Axis.empty();
}
template <label Name> constexpr bool require_one_declaration() {
  static_assert(given<Name.empty(), operand_fact<text_of<Name>()>>, "heed: an input has one declaration throughout a graph");
  return Name.empty();
}
template <bool Fits> constexpr bool require_room() {
  static_assert(given<Fits>, "heed: a plan holds 320 regions, 320 values between them and 24 operands a region");
  return Fits;
}

template <class T> using traits_of = operand_traits<std::remove_cvref_t<T>>;
// Views and spans carry their own constness; of owners a const object cannot be written.
template <class T> inline constexpr bool is_view_type = false;
template <class T> inline constexpr bool is_view_type<heed::view<T>> = true;
template <class T, std::size_t N> inline constexpr bool is_view_type<std::span<T, N>> = true;
template <class T>
inline constexpr bool can_write = !std::is_const_v<typename traits_of<T>::element_type> &&
                                  (is_view_type<std::remove_cvref_t<T>> || !std::is_const_v<std::remove_reference_t<T>>);

// The first axis whose static extent is not that of an array; the rank where there is none.
template <const auto& Shape, const auto& Bound> constexpr std::size_t first_misfit() {
  std::size_t i = 0;
  while (i < Bound.size() && (Shape.axes[i].extent == runtime || Shape.axes[i].extent == Bound[i])) ++i;
  return i;
}
// The first axis that has two extents, the first input that has two declarations; an empty label where there is none.
constexpr label axis_with_two_extents(const graph& g) {
  for (int i = 0; i < g.axis_count; ++i)
    for (int j = 0; j < i; ++j)
      if (g.axes[std::size_t(i)].name == g.axes[std::size_t(j)].name) return g.axes[std::size_t(i)].name;
  return {};
}
constexpr label input_with_two_declarations(const graph& g) {
  for (int i = 0; i < g.input_count; ++i)
    for (int j = 0; j < i; ++j)
      if (g.inputs[std::size_t(i)].name == g.inputs[std::size_t(j)].name) return g.inputs[std::size_t(i)].name;
  return {};
}
constexpr bool uses_input(const graph& g, int input) {
  for (int i = 1; i < g.size; ++i)
    if (g[i].code == op::input && g[i].first == input) return true;
  return false;
}
constexpr int input_number(const graph& g, const label& name) {
  for (int i = 0; i < g.input_count; ++i)
    if (g.inputs[std::size_t(i)].name == name) return i;
  return -1;
}
constexpr int unfused_region(const middle::plan& p) {
  for (int i = 0; i < p.region_count; ++i)
    if (p.regions[std::size_t(i)].kind == region_kind::loop) return i;
  return -1;
}

// What a graph must satisfy before it becomes a plan, and the plan before it becomes loops.
template <options O, const expression&... Outs>
constexpr bool fusible() {
  constexpr const graph& g = middle::merged_of<Outs...>.g;
  if constexpr (!require_one_extent<axis_with_two_extents(g)>()) return false;
  else if constexpr (!require_one_declaration<input_with_two_declarations(g)>()) return false;
  else if constexpr (!require_room<!middle::plan_of<Outs...>.too_large>()) return false;
  else if constexpr (O.strict) return require_fused<unfused_region(middle::plan_of<Outs...>) < 0, unfused_region(middle::plan_of<Outs...>)>();
  else return true;
}

// The arguments of a call against the inputs of a graph.
template <const auto& Graph, class... Args>
struct call_rules {
  template <int Input> static constexpr auto name = text_of<Graph.inputs[std::size_t(Input)].name>();
  template <class A> static constexpr bool known() {
    using T = std::remove_cvref_t<A>;
    if constexpr (is_into<T> || is_extent<T> || is_workspace<T>) return true;
    else if constexpr (is_ill_formed<T>) return false;     // what it was has been refused where it was declared
    else if constexpr (is_binding<T>) return require_known<T::name, input_number(Graph, make_label(T::name)) >= 0>();
    else return require_argument<T, false>();
  }
  template <class A, int Input> static constexpr bool binds() {
    using T = std::remove_cvref_t<A>;
    if constexpr (is_binding<T>) return make_label(T::name) == Graph.inputs[std::size_t(Input)].name; else return false;
  }
  template <class A> static constexpr bool fits() {
    using T = std::remove_cvref_t<A>;
    if constexpr (is_binding<T>) return fits_binding(static_cast<T*>(nullptr)); else return true;
  }
  template <text N, class S, element E, class X> static constexpr bool fits_binding(binding<N, S, E, X>*) {
    using traits = traits_of<X>;
    if constexpr (!require_bindable<N, std::remove_cvref_t<X>, traits::binds>()) return false;
    else {
      using bound_type = std::remove_const_t<typename traits::element_type>;
      if constexpr (!require_element<N, storage<E>, bound_type, std::is_same_v<storage<E>, bound_type> || (is_storable<bound_type> && element_of<bound_type> == E)>()) return false;
      else if constexpr (!require_rank<N, S::rank, traits::rank>()) return false;
      else if constexpr (requires { traits::static_extents; })
        return []<class... A>(shape<A...>) {
          constexpr std::size_t i = first_misfit<value_of_shape<S>, traits::static_extents>();
          if constexpr (i == S::rank) return true;
          else return require_extent<N, std::tuple_element_t<i, std::tuple<A...>>, traits::static_extents[i]>();
        }(S{});
      else return true;
    }
  }
  template <int Input> static constexpr bool bound_once() {
    if constexpr (uses_input(Graph, Input)) return require_once<name<Input>, (int(binds<Args, Input>()) + ... + 0)>();
    else return true;
  }
  // Every argument is known, every input bound once, with its type.
  static constexpr bool inputs() {
    if constexpr (!(known<Args>() && ...)) return false;
    else if constexpr (![]<int... I>(std::integer_sequence<int, I...>) {
      return (bound_once<I>() && ...);
    }(std::make_integer_sequence<int, Graph.input_count>{})) return false;
    else return (fits<Args>() && ...);
  }
  template <class A, element... E> static constexpr bool fits_into() {
    if constexpr (is_into<std::remove_cvref_t<A>>) return fits_results<E...>(static_cast<std::remove_cvref_t<A>*>(nullptr)); else return true;
  }
  template <element... E, class... X> static constexpr bool fits_results(into_binding<X...>*) {
    if constexpr (!require_result_count<sizeof...(E), sizeof...(X)>()) return false;
    else if constexpr (!(require_bindable<"into", std::remove_cvref_t<X>, traits_of<X>::binds>() && ...)) return false;
    else if constexpr (!(require_writable<can_write<X>>() && ...)) return false;
    else return []<std::size_t... I>(std::index_sequence<I...>) {
      return (require_result_element<int(I) + 1, storage<E>, std::remove_const_t<typename traits_of<X>::element_type>,
                                     element_of<std::remove_const_t<typename traits_of<X>::element_type>> == E>() && ...);
    }(std::make_index_sequence<sizeof...(X)>{});
  }
  template <int Result, const expression& Out, class X> static constexpr bool has_shape_of() {
    using traits = traits_of<X>;
    constexpr int rank = Out.shape->rank;
    if constexpr (!require_result_rank<Result, rank, traits::rank>()) return false;
    else if constexpr (requires { traits::static_extents; }) {
      constexpr std::size_t i = first_misfit<*Out.shape, traits::static_extents>();
      if constexpr (i == rank) return true;
      else return require_result_extent<Result, Out.shape->axes[i].name, Out.shape->axes[i].extent, traits::static_extents[i]>();
    } else return true;
  }
  template <const expression&... Outs, class... X> static constexpr bool have_shapes(into_binding<X...>*) {
    return []<std::size_t... I>(std::index_sequence<I...>) { return (has_shape_of<int(I) + 1, Outs, X>() && ...); }(std::index_sequence_for<X...>{});
  }
  // The memory of every result has its shape, as far as the types say.
  template <const expression&... Outs> static constexpr bool result_shapes() {
    return ([] {
      if constexpr (is_into<std::remove_cvref_t<Args>>) return have_shapes<Outs...>(static_cast<std::remove_cvref_t<Args>*>(nullptr));
      else return true;
    }() && ...);
  }
  template <element... E> static constexpr bool outputs() {
    if constexpr (!require_into<(int(is_into<std::remove_cvref_t<Args>>) + ... + 0)>()) return false;
    else return (fits_into<Args, E...>() && ...);
  }
};

// Collects the arguments of a call.
template <class A>
void collect(const graph& g, call_frame& f, workspace*& memory, A& a) {
  using T = std::remove_cvref_t<A>;
  if constexpr (is_workspace<T>) memory = &a;
  else if constexpr (is_extent<T>) []<class X>(const graph& g2, call_frame& f2, const extent_binding<X>& e) {
    const int i = g2.find_axis(X::name);
    if (i < 0) throw error("", X::name.text(), "an axis of the graph", "one that it does not have");
    if (e.extent < 0) throw error("", X::name.text(), "an extent that is not negative", std::to_string(e.extent));
    f2.extent[std::size_t(i)] = e.extent;
  }(g, f, a);
  else if constexpr (is_into<T>) std::apply([&](auto&... x) {
    (f.outputs.push_back(traits_of<decltype(x)>::bind(x)), ...);
  }, a.operands);
  else f.inputs[std::size_t(input_number(g, make_label(T::name)))] = traits_of<decltype(a.operand)>::bind(a.operand);
}
template <class... Args>
call_frame frame_of(const graph& g, workspace*& memory, Args&... args) {
  call_frame f;
  f.extent.fill(runtime);
  f.inputs.resize(std::size_t(g.input_count));
  (collect(g, f, memory, args), ...);
  return f;
}

}  // namespace run

// A compiled graph. Calls may run at the same time from several threads; each has a workspace of its own.
template <options O, const expression&... Outs>
struct fused {
  static constexpr bool ok = run::fusible<O, Outs...>();
  static_assert(ok || !ok);                                // checks the graph where it is fused, not where it is called

  // Operands as name = value in any order, into(...) with one operand a result, optionally with(axis, extent) and a
  // workspace. Throws heed::error before anything is written.
  template <class... Args>
  void operator()(Args&&... args) const {
    if constexpr (ok) {
      const middle::plan& p = middle::plan_of<Outs...>;
      using rules = run::call_rules<middle::plan_of<Outs...>.g, Args...>;
      if constexpr (rules::inputs())
        if constexpr (rules::template outputs<stored(Outs.g[Outs.root].type)...>())
        if constexpr (rules::template result_shapes<Outs...>()) {
          workspace own, *memory = &own;
          run::call_frame f = run::frame_of(p.g, memory, args...);
          run::check_call(p, f);
          run::execute<Outs...>(f, *memory);
        }
    }
  }
};
// What fusing an ill-formed expression gives: a call that does nothing, because the mistake has been reported.
struct ill_formed_call {
  template <class... Args> constexpr void operator()(Args&&...) const {}
};

template <result_list R, options O, class I> struct make_fused { using type = ill_formed_call; };
template <result_list R, options O, std::size_t... I> requires(R.well_formed)
struct make_fused<R, O, std::index_sequence<I...>> { using type = fused<O, *R.of[I]...>; };

// fuse<out>, fuse<results(out, lse)>, fuse<out, strict>: compiled where it is named, called like a function.
template <result_list R, options O = options{}>
inline constexpr typename make_fused<R, O, std::make_index_sequence<std::size_t(R.count)>>::type fuse{};

// The oracle: the declared graph, naively, in double. Same bindings; the results are tensors or views of double.
template <const expression&... Outs>
struct referenced {
  template <class... Args>
  void operator()(Args&&... args) const {
    using rules = run::call_rules<middle::merged_of<Outs...>.g, Args...>;
    if constexpr (rules::inputs())
      if constexpr (rules::template outputs<((void)Outs, element::f64)...>())
      if constexpr (rules::template result_shapes<Outs...>()) {
        static constexpr const middle::plan& p = middle::plan_of<Outs...>;
        workspace* memory = nullptr;
        run::call_frame f = run::frame_of(p.g, memory, args...);
        run::check_call(p, f);
        evaluate(p, f);
      }
  }

 private:
  static void evaluate(const middle::plan& p, const run::call_frame& f) {
    static constexpr const middle::merged_graph& m = middle::merged_of<Outs...>;
    run::reference_graph::extents extent{};
    for (int i = 0; i < m.g.axis_count; ++i) extent[std::size_t(i)] = f.extent[std::size_t(p.g.find_axis(m.g.axes[std::size_t(i)].name))];
    std::vector<run::view> inputs(std::size_t(m.g.input_count));
    for (int i = 0; i < m.g.input_count; ++i) {
      const run::bound& b = f.inputs[std::size_t(i)];
      inputs[std::size_t(i)].data = b.data;
      for (int k = 0; k < m.g.inputs[std::size_t(i)].rank; ++k)
        inputs[std::size_t(i)].stride[std::size_t(m.g.inputs[std::size_t(i)].order[std::size_t(k)])] = b.strides[std::size_t(k)];
    }
    run::reference_graph r(m.g, extent, inputs.data());
    const expression* const outs[] = {&Outs...};
    for (int k = 0; k < m.count; ++k) {
      const int root = m.roots[std::size_t(k)];
      r[root];
      const run::bound& to = f.outputs[std::size_t(k)];
      r.each(m.g[root].axes, [&](const run::reference_graph::extents& index) {
        extent_t at = 0;
        for (int i = 0; i < outs[k]->shape->rank; ++i)
          at += to.strides[std::size_t(i)] * index[std::size_t(m.g.find_axis(outs[k]->shape->axes[std::size_t(i)].name))];
        static_cast<double*>(to.data)[at] = r.at(root, index);
      });
    }
  }
};
template <result_list R, class I> struct make_referenced { using type = ill_formed_call; };
template <result_list R, std::size_t... I> requires(R.well_formed)
struct make_referenced<R, std::index_sequence<I...>> { using type = referenced<*R.of[I]...>; };
template <result_list R>
inline constexpr typename make_referenced<R, std::make_index_sequence<std::size_t(R.count)>>::type reference{};

}  // namespace heed
