// Axes and operands in double for tests of gradients, and a way to make a graph at run time, a frame of its own for
// each.
#pragma once
#include "finite_differences.hpp"
#include <heed/heed.hpp>

namespace heed_tests::gradient_graphs {
using namespace heed;

constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"u"> u;
constexpr axis<"t"> t;
constexpr axis<"h", 2> h;
constexpr axis<"r", 2> r;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr axis<"c", 6> c;
constexpr axis<"o", 4> o;
constexpr axis<"z", 7> z;
constexpr axis<"x2", 2> two;
constexpr axis<"y4", 4> four;
constexpr axis<"g", 2> g;
constexpr axis<"q4", 4> heads;
constexpr axis<"w", 5> words;

constexpr auto a = input<"a", double>(n, c);
constexpr auto a2 = input<"a2", double>(n, c);
constexpr auto pos = input<"a_pos", double>(n, c);
constexpr auto row = input<"row", double>(c);
constexpr auto gate = input<"gate", double>(n);
constexpr auto scale = input<"scale", double>();
constexpr auto ids = input<"ids", std::int32_t>(n);
constexpr auto doc = input<"doc", std::int32_t>(u);
constexpr auto level = input<"level", double>(u);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto keep_in = input<"keep", bool>(n, c);
constexpr auto table = input<"table", double>(z);
constexpr auto tables = input<"tables", double>(h, z);
constexpr auto word = input<"word", double>(words, c);

constexpr auto q = input<"q", double>(h, n, d);
constexpr auto k = input<"k", double>(h, m, d);
constexpr auto v = input<"v", double>(h, m, e);
constexpr auto slope = input<"slope", double>(h);
constexpr auto dense = input<"dense", double>(h, n, m);
constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
template <class S> constexpr auto weighed(const S& score) { return dot<m>(softmax<m>(score), v); }

inline const extents_by_name sizes = {{"b", 2}, {"n", 3}, {"m", 4}, {"u", 5}, {"t", 3}};
inline const values_by_name some_values = {{"length", {3}}};

// An expression is large: each case has a frame of its own, and its graph lies on the heap.
template <class F> [[gnu::noinline]] auto on_heap(const F& make) { return std::make_unique<decltype(make())>(make()); }
#define HEED_MAKE(...) on_heap([]() { return __VA_ARGS__; })

template <class F> [[gnu::noinline]] void check_once(const char* name, const F& make) {
  const auto graph = on_heap(make);
  check_differences(name, list_of({graph.get()}), sizes, some_values);
}
template <class F> [[gnu::noinline]] void check_twice(const char* name, const char* input, const F& make) {
  const auto graph = on_heap(make);
  check_differences(name, list_of({graph.get()}), sizes, some_values);
  check_second_differences(name, *graph, input, sizes, some_values);
}
#define GRADIENT(...) check_once(#__VA_ARGS__, []() { return __VA_ARGS__; })
#define GRADIENTS(INPUT, ...) check_twice(#__VA_ARGS__, INPUT, []() { return __VA_ARGS__; })

}  // namespace heed_tests::gradient_graphs
