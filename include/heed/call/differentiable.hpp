// Training in two calls: `constexpr auto step = differentiable<out>(wrt(q, k, v));` is a forward pass that also keeps
// what the backward pass wants, and a backward pass that takes it. Between them lies an object of the caller, made by
// step.saved(). What is kept grows with the positions, never with pairs of them: plan/passes/saved_values.hpp chooses.
// A step that is one call needs none of this: `fuse<results(loss, gradient<loss>(wrt(w)))>`.
#pragma once
#include "../plan/passes/saved_values.hpp"
#include "fused.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <bool Fits> constexpr bool require_room_for_saved() {
  static_assert(given<Fits>,
                "heed: the results of a differentiable graph and what its backward pass wants are at most 64 values; "
                "make the step one call: fuse<results(loss, gradient<loss>(wrt(...)))>");
  return Fits;
}

// Memory that takes its shape from the call which writes it.
template <element Type, int Rank>
struct growing {
  using element_type = storage<Type>;
  aligned_memory memory;
  std::size_t room = 0;  // bytes
  std::array<extent_t, max_rank> extents{};

  std::size_t bytes() const {
    return checked_count(std::span(extents.data(), std::size_t(Rank)), sizeof(element_type)) * sizeof(element_type);
  }
  static void* grow(void* owner, const bound& shape) {
    growing& result = *static_cast<growing*>(owner);
    result.extents = shape.extents;
    const std::size_t needed = result.bytes();
    if (needed > result.room || !result.memory.get()) {
      result.room = 0;  // should there be no memory
      result.memory = aligned_memory(needed), result.room = needed;
    }
    return result.memory.get();
  }
  heed::view<const element_type> values() const {
    return {reinterpret_cast<const element_type*>(memory.get()),
            std::span<const extent_t>(extents.data(), std::size_t(Rank))};
  }
};
}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET

template <heed::internal::element Type, int Rank>
struct heed::operand_traits<heed::internal::run::growing<Type, Rank>> {
  using growing = internal::run::growing<Type, Rank>;
  using element_type = typename growing::element_type;
  static constexpr bool binds = true;
  static constexpr int rank = Rank;
  static internal::run::bound bind(growing& result) {
    internal::run::bound operand;
    operand.rank = Rank, operand.grow = growing::grow, operand.owner = &result;
    return operand;
  }
};

namespace heed::internal {
namespace run::inline HEED_INSTRUCTION_SET {

// What is known of a pair of passes while compiling: the choice, and both as graphs.
template <result_list R, class Wrt, class I> struct passes_of;
template <result_list R, class... Inputs, std::size_t... I>
struct passes_of<R, wrt_list<Inputs...>, std::index_sequence<I...>> {
  static constexpr label names[] = {make_label(Inputs::name)...};
  static constexpr plan::two_passes both =
      plan::split_passes(differentiation_of<R>, plan::rewritten_of<*R.of[I]...>, plan::simplified_of<*R.of[I]...>,
                         plan::uses_of_results<*R.of[I]...>, plan::plan_of<*R.of[I]...>, names, int(sizeof...(Inputs)));
  static constexpr bool fits = !both.too_many;
  static constexpr int saved_count = both.saved_count;
  template <int K> static constexpr shape_value shape_of_saved = both.shapes[K];
  template <int K> static constexpr element type_of_saved = stored(both.forward[both.saved[K]].type);
  template <int K> static constexpr expression saved{
      both.forward, shape_of_saved<K>, [](graph&) { return both.saved[K]; }, {}};
  template <std::size_t K, class Input> static constexpr expr<typename Input::shape_type, Input::type> gradient{
      both.backward, [](graph&) { return both.gradients[K]; }, make_label(Input::name)};

  // Are the results of the forward pass bound as they must be? What is saved stands behind them.
  template <class... Args> static constexpr bool results_bound() {
    using rules = typename compiled<evaluator::kernels, *R.of[I]...>::template rules<Args...>;
    return rules::template results<false, *R.of[I]...>();
  }
  // into(own results..., saved...), by position.
  template <class Into, class Saved> static auto into_with_saved(const Into& own, Saved& saved) {
    return std::apply([&](auto&... kept) { return into(memory_of_result<I, *R.of[I]...>(own)..., kept...); }, saved);
  }

  static constexpr result_list forward = [] {
    result_list r = R;
    [&]<int... K>(std::integer_sequence<int, K...>) {
      ((r.of[r.count++] = &saved<K>), ...);
    }(std::make_integer_sequence<int, saved_count>{});
    return r;
  }();
  static constexpr result_list backward = []<std::size_t... K>(std::index_sequence<K...>) {
    return results(gradient<K, Inputs>...);
  }(std::index_sequence_for<Inputs...>{});
};
template <result_list R, class Wrt>
using passes = passes_of<R, Wrt, std::make_index_sequence<std::size_t(R.count)>>;

// Saved value K in memory.
template <class Passes, int K> using saved_memory =
    growing<Passes::template type_of_saved<K>, Passes::template shape_of_saved<K>.rank>;
template <class Passes, class I> struct all_saved;
template <class Passes, int... K>
struct all_saved<Passes, std::integer_sequence<int, K...>> {
  using type = std::tuple<saved_memory<Passes, K>...>;
};
// The operand of the backward pass that it is.
template <class Passes, int K, class Values>
auto saved_binding(Values& values) {
  using Shape = typename shape_type_of_value<
      Passes::template shape_of_saved<K>,
      std::make_index_sequence<std::size_t(Passes::template shape_of_saved<K>.rank)>>::type;
  return binding<text_of<Passes::both.names[K]>(), Shape, Passes::template type_of_saved<K>, Values&>{values};
}

}  // namespace run::inline HEED_INSTRUCTION_SET

inline namespace HEED_INSTRUCTION_SET {

// What a forward pass keeps for its backward pass: made by step.saved(), filled by step.forward, read by step.backward
// as often as one likes. Its memory is used again by the next forward call.
template <class Passes>
class saved_values {
 public:
  saved_values() = default;
  saved_values(saved_values&& o) noexcept : memory_(std::move(o.memory_)), filled_(std::exchange(o.filled_, false)) {}
  saved_values& operator=(saved_values&& o) noexcept {
    memory_ = std::move(o.memory_), filled_ = std::exchange(o.filled_, false);
    return *this;
  }
  // Of what the last forward call has kept.
  std::size_t bytes() const {
    return filled_ ? std::apply([](const auto&... x) { return (x.bytes() + ... + std::size_t(0)); }, memory_)
                   : std::size_t(0);
  }

 private:
  template <result_list R, options O, class Wrt> friend struct differentiable_graph;
  typename run::all_saved<Passes, std::make_integer_sequence<int, Passes::saved_count>>::type memory_;
  bool filled_ = false;
};

// A pair of passes. Both throw heed::error as any call does, before anything is written; backward also if nothing is
// saved.
template <result_list R, options O, class Wrt>
struct differentiable_graph {
  using passes = run::passes<R, Wrt>;
  static constexpr bool ok = run::require_room_for_saved<passes::fits>();
  // The passes as results of ordinary graphs: for explain, reference and drawing.
  static constexpr result_list forward_results = passes::forward, backward_results = passes::backward;

  saved_values<passes> saved() const { return {}; }

  // Operands as for fuse<out>; into(...) takes the results of `out`.
  template <class... Args>
  void forward(saved_values<passes>& to, Args&&... args) const {
    if constexpr (ok && passes::template results_bound<Args...>()) {
      to.filled_ = false;
      fuse<forward_results, O>(with_saved(args, to)...);
      to.filled_ = true;
    }
  }
  // Operands as for fuse<gradient<out>(wrt(...))>: those of the forward pass, cotangents, into(...) with the gradients.
  template <class... Args>
  void backward(const saved_values<passes>& from, Args&&... args) const {
    if constexpr (ok) {
      if (!from.filled_) refuse("saved", {}, {"values that a forward call has kept"}, {"none"});
      [&]<int... K>(std::integer_sequence<int, K...>) {
        [[maybe_unused]] const auto values = std::make_tuple(std::get<std::size_t(K)>(from.memory_).values()...);
        fuse<backward_results, O>(std::forward<Args>(args)...,
                                  run::saved_binding<passes, K>(std::get<std::size_t(K)>(values))...);
      }(std::make_integer_sequence<int, passes::saved_count>{});
    }
  }

 private:
  template <class A> static decltype(auto) with_saved(A& argument, saved_values<passes>& to) {
    if constexpr (run::is_into<std::remove_cvref_t<A>>) return passes::into_with_saved(argument, to.memory_);
    else return (argument);
  }
};

struct ill_formed_pair {
  ill_formed saved() const { return {}; }
  template <class... Args> constexpr void forward(Args&&...) const {}
  template <class... Args> constexpr void backward(Args&&...) const {}
};

// differentiable<out>(wrt(q, k, v)), differentiable<results(out, lse), strict>(wrt(q)).
template <result_list R, options O = options{}, class... Inputs>
consteval auto differentiable(wrt_list<Inputs...>) {
  if constexpr (!is_well_formed<R>()) return ill_formed_pair{};
  else if constexpr (!gradient<R>(wrt_list<Inputs...>{}).well_formed) return ill_formed_pair{};
  else return differentiable_graph<R, O, wrt_list<Inputs...>>{};
}
template <result_list R, options O = options{}> consteval auto differentiable(ill_formed) { return ill_formed_pair{}; }

}  // namespace HEED_INSTRUCTION_SET
}  // namespace heed::internal
