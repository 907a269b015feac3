// The arguments of a call, in any order: operands by name, into(...), extents, a workspace. They are of as many types
// as the caller likes, so they stand in a map from types to references, where each is found by what it is.
#pragma once
#include "../../graph/gradient.hpp"
#include "../../memory/workspace.hpp"
#include "call_frame.hpp"
#include <array>

namespace heed::internal {

// into(O, L): where the results go, in the order of `results`; into(L, grad(q) = dQ): those that have a name also by
// it, in any order behind the others.
template <int Number, class Tensor>
struct into_operand {
  Tensor& operand;
};
template <class Numbers, class... Tensors> struct into_operands;
template <int... Number, class... Tensors>
struct into_operands<std::integer_sequence<int, Number...>, Tensors...> : into_operand<Number, Tensors>... {};
template <class... Tensors>
struct into_binding : into_operands<std::make_integer_sequence<int, int(sizeof...(Tensors))>, Tensors...> {};
template <class... Tensors>
constexpr into_binding<std::remove_reference_t<Tensors>...> into(Tensors&&... t) {
  return {{{t}...}};
}
template <int Number, class Tensor>
constexpr Tensor& operand_of(const into_operand<Number, Tensor>& given) {
  return given.operand;
}

// with(n, 128): the extent of an axis that no operand carries.
template <class Axis> struct extent_binding {
  extent_t extent;
};
template <class Axis> requires is_axis<Axis>
constexpr extent_binding<Axis> with(Axis, extent_t extent) {
  return {extent};
}

namespace run::inline HEED_INSTRUCTION_SET {
template <class T> inline constexpr bool is_into = false;
template <class... T> inline constexpr bool is_into<into_binding<T...>> = true;
template <class T> inline constexpr bool is_binding = false;
template <text N, class S, element E, class T> inline constexpr bool is_binding<binding<N, S, E, T>> = true;
template <class T> inline constexpr bool is_extent = false;
template <class A> inline constexpr bool is_extent<extent_binding<A>> = true;
template <class T> inline constexpr bool is_workspace = std::is_same_v<std::remove_cvref_t<T>, workspace>;

template <class T> using traits_of = operand_traits<std::remove_cvref_t<T>>;
// Views and spans carry their own constness; of owners a const object cannot be written.
template <class T> inline constexpr bool is_view_type = false;
template <class T> inline constexpr bool is_view_type<heed::view<T>> = true;
template <class T, std::size_t N> inline constexpr bool is_view_type<std::span<T, N>> = true;
template <class T>
inline constexpr bool can_write =
    !std::is_const_v<typename traits_of<T>::element_type> &&
    (is_view_type<std::remove_cvref_t<T>> || !std::is_const_v<std::remove_reference_t<T>>);

// The input that an operand of into(...) names; empty: none, it goes by its position. And the memory that it brings.
template <class X> inline constexpr label named_in_into{};
template <text N, class T> inline constexpr label named_in_into<gradient_binding<N, T>> = make_label(N);
template <class X> struct memory_in_into {
  using type = X;
};
template <text N, class T> struct memory_in_into<gradient_binding<N, T>> {
  using type = std::remove_reference_t<T>;
};
template <text N, class T> struct memory_in_into<const gradient_binding<N, T>>
    : memory_in_into<gradient_binding<N, T>> {};

// Which operand of into(...) each result goes to, or the first mistake.
struct into_order {
  enum class fault { none, count, order, unknown, ambiguous, twice, missing } wrong = fault::none;
  int at = 0;                              // the number of the operand or, if missing or twice, of the result
  std::array<int, max_results> operand{};  // by result
};
// The result that an operand names: none or several are faults.
constexpr into_order result_named(const label& name, const label* results, int result_count) {
  using fault = into_order::fault;
  int found = -1;
  for (int result = 0; result < result_count; ++result) {
    if (!(results[result] == name)) continue;
    if (found >= 0) return {fault::ambiguous};
    found = result;
  }
  return found < 0 ? into_order{fault::unknown} : into_order{fault::none, found};
}
// Operands without a name come first and go by their position, those with one by their name; names: those of the
// operands, empty where there is none; results: those of the results.
constexpr into_order ordered(const label* names, int count, const label* results, int result_count) {
  using fault = into_order::fault;
  into_order r;
  r.operand.fill(-1);
  for (int i = 0; i < count; ++i) {
    int result = i;
    if (!names[i].empty()) {
      const into_order named = result_named(names[i], results, result_count);
      if (named.wrong != fault::none) return {named.wrong, i};
      result = named.at;
    } else if (i > 0 && !names[i - 1].empty()) return {fault::order, i};
    else if (result >= result_count) return {fault::count, i};
    if (r.operand[result] >= 0) return {fault::twice, result};
    r.operand[result] = i;
  }
  for (int result = 0; result < result_count; ++result)
    if (r.operand[result] < 0) return {fault::missing, result};
  return r;
}
template <class Into, const expression&... Outs> inline constexpr into_order order_in{};
template <class... X, const expression&... Outs> inline constexpr into_order order_in<into_binding<X...>, Outs...> =
    [] {
      const label names[] = {named_in_into<std::remove_cv_t<X>>...}, results[] = {Outs.named_after...};
      return ordered(names, int(sizeof...(X)), results, int(sizeof...(Outs)));
    }();

// What an argument is found by: a type that is never defined. Names are labels here: a graph knows its inputs by them.
template <label Name> struct operand_key;
template <class Axis> struct extent_key;
struct into_key;
struct workspace_key;
template <class Argument> struct key_of_argument;
template <text N, class S, element E, class T>
struct key_of_argument<binding<N, S, E, T>> {
  using type = operand_key<make_label(N)>;
};
template <class Axis> struct key_of_argument<extent_binding<Axis>> {
  using type = extent_key<Axis>;
};
template <class... T> struct key_of_argument<into_binding<T...>> {
  using type = into_key;
};
template <> struct key_of_argument<workspace> {
  using type = workspace_key;
};

// All of them: a base each, so that the compiler finds one by its key without a list to walk. call_rules.hpp has seen
// to it that no key stands there twice.
template <class Key, class Argument>
struct keyed_argument {
  Argument& argument;
};
template <class... Args>
struct argument_map : keyed_argument<typename key_of_argument<std::remove_cv_t<Args>>::type, Args>... {};
template <class... Args>
argument_map<Args...> arguments_by_key(Args&... args) {
  return {{args}...};
}
template <class Key, class Argument>
Argument& argument_of(const keyed_argument<Key, Argument>& found) {
  return found.argument;
}
template <class Map, class Key>
inline constexpr bool holds = requires(const Map& arguments) { argument_of<Key>(arguments); };

template <class Axis>
void give_extent(const signature& names, const call_frame& frame, const extent_binding<Axis>& given) {
  const int axis = names.find_axis(Axis::name);
  if (axis < 0) refuse({}, Axis::name, {"an axis of the graph"}, {"one that it does not have"});
  if (given.extent < 0) refuse({}, Axis::name, {"an extent that is not negative"}, {given.extent});
  frame.extent[axis] = given.extent;
}

template <class Map> const auto& into_in(const Map& arguments) { return argument_of<into_key>(arguments); }
template <class Map>
workspace& workspace_in(const Map& arguments, workspace& otherwise) {
  if constexpr (holds<Map, workspace_key>) return argument_of<workspace_key>(arguments);
  else return otherwise;
}

// Traits of a user's give a view.
inline const bound& as_bound(const bound& b) { return b; }
template <class T> bound as_bound(const heed::view<T>& v) { return operand_traits<heed::view<T>>::bind(v); }
// Not inlined: the operands of a call are many and of few types.
template <class T> [[gnu::noinline]] void locate(bound& to, T& operand) { to = as_bound(traits_of<T>::bind(operand)); }

// The memory of result K of some.
template <int K, const expression&... Outs, class... X>
auto& memory_of_result(const into_binding<X...>& given) {
  auto& result = operand_of<order_in<into_binding<X...>, Outs...>.operand[K]>(given);
  if constexpr (requires { result.operand; }) return result.operand;
  else return result;
}
// The memory of results, in their order.
template <const expression&... Outs, class... X>
void locate_results(const call_frame& frame, const into_binding<X...>& given) {
  [&]<int... K>(std::integer_sequence<int, K...>) {
    (locate(frame.results[K], memory_of_result<K, Outs...>(given)), ...);
  }(std::make_integer_sequence<int, int(sizeof...(X))>{});
}

// Operand I of a graph, if it is bound: simplification may have left one without a use.
template <const signature& Names, int I, class Map>
void locate_operand(const call_frame& frame, const Map& arguments) {
  using key = operand_key<Names.operands[I].name>;
  if constexpr (holds<Map, key>) locate(frame.operands[I], argument_of<key>(arguments).operand);
}
// What a call says, located: operands as pointers, extents and strides; the extents given by with(...).
template <const signature& Names, class Key, class Argument>
void locate_extent(const call_frame& frame, const keyed_argument<Key, Argument>& given) {
  if constexpr (is_extent<std::remove_cv_t<Argument>>) give_extent(Names, frame, given.argument);
}
template <const signature& Names, class... Args>
void locate_operands(const call_frame& frame, const argument_map<Args...>& arguments) {
  [&]<int... I>(std::integer_sequence<int, I...>) {
    (locate_operand<Names, I>(frame, arguments), ...);
  }(std::make_integer_sequence<int, Names.operands.count>{});
  (locate_extent<Names, typename key_of_argument<std::remove_cv_t<Args>>::type, Args>(frame, arguments), ...);
}

}  // namespace run::inline HEED_INSTRUCTION_SET
}  // namespace heed::internal
