// What operations there are, and what is known of each: its name, its operands, how it rounds, how its values are
// bounded. Passes and kernels ask for these facts (`facts_of`, `is_pointwise`, ...) wherever they do not mean one
// operation of their own.
//
// A function of the language (exp, log, ...) is one entry here: a line in the list of functions, with its facts, and in
// `hand_on_function` what reaches its operands on the way back. Its value, on packs and on numbers, is the function of
// the same name in simd/math.hpp. All the rest is made of these: the function that users call, its bounds on intervals,
// its text, its place in kernels and in the oracle.
#pragma once
#include "../base/element.hpp"

namespace heed::internal {

// How the values of a function over intervals are bounded, where its operands lie in its domain.
enum class bounds_rule : std::uint8_t {
  none,        // anything is possible
  increasing,  // grows with each operand: between the values at their ends
  decreasing,  // falls with each operand
  monotone,    // grows or falls with each operand, as the others have it: between the values at the corners
  even,        // the same on both sides of 0, and grows away from it
  one          // between -1 and 1
};
// Where the first operand lies for that; elsewhere nothing is known, for the value may be NaN.
enum class number_range : std::uint8_t { all, not_negative, positive, finite };

enum class op_kind : std::uint8_t {
  special,    // each pass that meets it knows it by name
  leaf,       // no operands
  pointwise,  // an element is computed from the elements of its operands, and absent where one of them is
  view,       // the elements of its operand under other indices
  reduction   // of one operand over the axes `over`
};

// Of an operator that is written between its operands, how tightly it binds, as in C++; of all else `call`.
namespace binds {
inline constexpr std::int8_t either = 0, both = 1, equality = 2, order = 3, sum = 4, product = 5, call = 6;
}

struct op_facts {
  const char* name = nullptr;  // in the language, as far as it can be written
  op_kind kind = op_kind::special;
  std::int8_t operands = 1;  // of a, b, c: how many it has (primitive and softmax: perhaps one more)
  std::int8_t axes = 0;      // of first, second, third: how many are axes of the graph
  std::int8_t binding = binds::call;
  bool comparison = false;   // of two numbers
  bool condition = false;    // gives a truth value, whatever it takes
  bool function = false;     // it stands in the list of functions
  bool takes_whole = false;  // gives a real number, of whole ones
  bool keeps_whole = false;  // of a function: of whole numbers, a whole number. Otherwise a real one
  bool exact = false;        // it rounds nothing: the same in any width that holds its operands
  bool costly = false;       // worth a place in memory whoever asks for it twice
  bool folds = false;        // of constants, a constant: plan/passes/fold.hpp computes it
  bounds_rule bounds = bounds_rule::none;
  number_range domain = number_range::all;
};

// The functions: name, operands, facts.
#define HEED_FUNCTIONS(F)                                                                                            \
  F(abs, 1, .keeps_whole = true, .exact = true, .folds = true, .bounds = bounds_rule::even)                          \
  F(exp, 1, .costly = true, .bounds = bounds_rule::increasing)                                                       \
  F(exp2, 1, .costly = true, .bounds = bounds_rule::increasing)                                                      \
  F(log, 1, .costly = true, .bounds = bounds_rule::increasing, .domain = number_range::positive)                     \
  F(tanh, 1, .costly = true, .bounds = bounds_rule::increasing)                                                      \
  F(sqrt, 1, .costly = true, .folds = true, .bounds = bounds_rule::increasing, .domain = number_range::not_negative) \
  F(rsqrt, 1, .costly = true, .folds = true, .bounds = bounds_rule::decreasing, .domain = number_range::positive)    \
  F(erf, 1, .costly = true, .bounds = bounds_rule::increasing)                                                       \
  F(sigmoid, 1, .costly = true, .bounds = bounds_rule::increasing)                                                   \
  F(softplus, 1, .costly = true, .bounds = bounds_rule::increasing)                                                  \
  F(sin, 1, .costly = true, .bounds = bounds_rule::one, .domain = number_range::finite)                              \
  F(cos, 1, .costly = true, .bounds = bounds_rule::one, .domain = number_range::finite)                              \
  F(pow, 2, .costly = true, .bounds = bounds_rule::monotone, .domain = number_range::positive)                       \
  F(sign, 1, .keeps_whole = true, .exact = true, .bounds = bounds_rule::increasing)                                  \
  F(floor, 1, .keeps_whole = true, .exact = true, .bounds = bounds_rule::increasing)                                 \
  F(round, 1, .keeps_whole = true, .exact = true, .bounds = bounds_rule::increasing)                                 \
  F(clamp, 3, .keeps_whole = true, .exact = true, .bounds = bounds_rule::increasing)
// What a function is applied to, by its number of operands.
#define HEED_OPERANDS_1 a
#define HEED_OPERANDS_2 a, b
#define HEED_OPERANDS_3 a, b, c

enum class op : std::uint8_t {
  nothing,
  // Leaves
  input,     // number `first` of the graph's inputs
  constant,  // `value`
  index,     // the position along the axis `first`
  size,      // the extent of the axis `first`
// Functions of a, of a and b, or of a, b and c
#define HEED_FUNCTION(NAME, OPERANDS, ...) NAME,
  HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
  // Other pointwise operations, on a and b
  negate,
  invert,   // !a
  power,    // a to the constant `value`
  present,  // a where it is present, 0 where it is absent (see mask)
  cast,     // a as another element type
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  remainder,
  minimum,
  maximum,
  less,
  less_equal,
  equal,
  both,
  either,
  where,      // a ? b : c
  primitive,  // an operation of the user's on a, or on a and b: number `value` of the graph's
  // What decides about presence, and what moves elements
  mask,     // a where b holds, absent elsewhere
  gather,   // table a read along `first` at the index b
  scatter,  // the reverse: a summed over `over`, each element at the index b along `first`
  rename,   // axis `first` becomes `second`
  split,    // axis `first` becomes `second` x `third`, `third` fastest
  merge,    // `second` x `third` become `first`, `third` fastest
  slice,    // axis `first` from `value` on becomes `second`
  pick,     // position `value` of axis `first`, which is gone
  shift,    // position i along `first` reads i - value; absent: 0
  concat,   // a along `second`, then b along `third`, as `first`
  // Along axes
  dot,  // sum of a * b over `over`
  sum,
  max,
  min,
  mean,
  logsumexp,
  kth_largest,       // over `over`: number `value` (or b) from the top, of what is greater than -inf
  entmax_threshold,  // over `over`: the t of which sum(max((value - 1) (a - t), 0)^(1 / (value - 1))) is 1
  softmax,           // along `over`; b: its log-sum-exp, where that is known already
  running_sum,       // along `over`, from the start up to each position; `value` 1: from the end down to it
  // In a region's program
  tile,  // the contraction computed by the loops
  load,  // an operand in memory
  // Draws, pointwise
  random_uniform,  // from [0, 1) by the key a and the counter b, c: simd/random.hpp
  random_key,      // the same as a whole number, the key of other draws
  // Behind simplification
  distance,  // sum of |a - b|^value over `over`, one axis; value: 1 or 2
  // Until differentiation
  with_gradient,  // a, of which c is what reaches b on the way back; `value`: how many operands more a is such of
  reached,        // in such a c: what reaches a
  count
};
inline constexpr int op_count = int(op::count);

struct op_table {
  op_facts of[op_count];
};
// Every operation with what is known of it. By name, so that the order of the enumeration does not matter; what is not
// said is as op_facts has it.
constexpr op_table made_op_table() {
  op_table t{};
  const auto is = [&](op o, const op_facts& facts) { t.of[int(o)] = facts; };
  using enum op_kind;
  is(op::nothing, {.name = "nothing", .operands = 0});
  is(op::input, {.name = "input", .kind = leaf, .operands = 0});
  is(op::constant, {.name = "constant", .kind = leaf, .operands = 0});
  is(op::index, {.name = "index", .kind = leaf, .operands = 0, .axes = 1});
  is(op::size, {.name = "size", .kind = leaf, .operands = 0, .axes = 1});
#define HEED_FUNCTION(NAME, OPERANDS, ...) \
  is(op::NAME, {.name = #NAME, .kind = pointwise, .operands = OPERANDS, .function = true, __VA_ARGS__});
  HEED_FUNCTIONS(HEED_FUNCTION)
#undef HEED_FUNCTION
  is(op::negate, {.name = "-", .kind = pointwise, .exact = true, .folds = true});
  is(op::invert, {.name = "!", .kind = pointwise, .condition = true, .folds = true});
  is(op::power, {.name = "pow", .kind = pointwise, .costly = true});
  is(op::present, {.name = "present", .kind = pointwise, .exact = true});
  is(op::cast, {.name = "cast", .kind = pointwise});
  is(op::add, {.name = "+", .kind = pointwise, .operands = 2, .binding = binds::sum, .folds = true});
  is(op::subtract, {.name = "-", .kind = pointwise, .operands = 2, .binding = binds::sum, .folds = true});
  is(op::multiply, {.name = "*", .kind = pointwise, .operands = 2, .binding = binds::product, .folds = true});
  is(op::divide,
     {.name = "/", .kind = pointwise, .operands = 2, .binding = binds::product, .costly = true, .folds = true});
  is(op::floor_divide, {.name = "floor_divide", .kind = pointwise, .operands = 2, .folds = true});
  is(op::remainder, {.name = "%", .kind = pointwise, .operands = 2, .binding = binds::product, .folds = true});
  const op_facts draws{.kind = pointwise, .operands = 3, .exact = true, .costly = true};
  is(op::random_uniform, draws), t.of[int(op::random_uniform)].name = "random_uniform";
  is(op::random_key, draws), t.of[int(op::random_key)].name = "random_key";
  t.of[int(op::random_uniform)].takes_whole = true;
  is(op::minimum, {.name = "min", .kind = pointwise, .operands = 2, .exact = true, .folds = true});
  is(op::maximum, {.name = "max", .kind = pointwise, .operands = 2, .exact = true, .folds = true});
  const op_facts compares{
      .kind = pointwise, .operands = 2, .binding = binds::order, .comparison = true, .condition = true, .folds = true};
  is(op::less, compares), t.of[int(op::less)].name = "<";
  is(op::less_equal, compares), t.of[int(op::less_equal)].name = "<=";
  is(op::equal, compares), t.of[int(op::equal)].name = "==", t.of[int(op::equal)].binding = binds::equality;
  is(op::both,
     {.name = "&&", .kind = pointwise, .operands = 2, .binding = binds::both, .condition = true, .folds = true});
  is(op::either,
     {.name = "||", .kind = pointwise, .operands = 2, .binding = binds::either, .condition = true, .folds = true});
  is(op::where, {.name = "where", .kind = pointwise, .operands = 3, .exact = true});
  is(op::primitive, {.name = "primitive", .kind = pointwise, .costly = true});
  is(op::mask, {.name = "mask", .operands = 2});
  is(op::gather, {.name = "gather", .operands = 2, .axes = 1});
  is(op::scatter, {.name = "scatter", .operands = 2, .axes = 1});
  is(op::rename, {.name = "rename", .kind = view, .axes = 2});
  is(op::split, {.name = "split", .kind = view, .axes = 3});
  is(op::merge, {.name = "merge", .kind = view, .axes = 3});
  is(op::slice, {.name = "slice", .kind = view, .axes = 2});
  is(op::pick, {.name = "pick", .kind = view, .axes = 1});
  is(op::shift, {.name = "shift", .axes = 1});
  is(op::concat, {.name = "concat", .operands = 2, .axes = 3});
  is(op::dot, {.name = "dot", .operands = 2});
  is(op::sum, {.name = "sum", .kind = reduction});
  is(op::max, {.name = "max", .kind = reduction});
  is(op::min, {.name = "min", .kind = reduction});
  is(op::mean, {.name = "mean", .kind = reduction});
  is(op::logsumexp, {.name = "logsumexp", .kind = reduction});
  is(op::kth_largest, {.name = "kth_largest", .kind = reduction});
  is(op::entmax_threshold, {.name = "entmax_threshold", .kind = reduction});
  is(op::softmax, {.name = "softmax"});
  is(op::running_sum, {.name = "running_sum"});
  is(op::distance, {.name = "distance", .operands = 2});
  is(op::with_gradient, {.name = "with_gradient", .operands = 3});
  is(op::reached, {.name = "reached"});
  is(op::tile, {.name = "tile", .operands = 0});
  is(op::load, {.name = "load", .operands = 0});
  return t;
}
inline constexpr op_table all_facts = made_op_table();
static_assert([] {
  for (const op_facts& x : all_facts.of)
    if (!x.name) return false;
  return true;
}());

constexpr const op_facts& facts_of(op o) { return all_facts.of[int(o)]; }
constexpr bool is_leaf(op o) { return all_facts.of[int(o)].kind == op_kind::leaf; }
constexpr bool is_pointwise(op o) { return all_facts.of[int(o)].kind == op_kind::pointwise; }
constexpr bool is_view(op o) { return all_facts.of[int(o)].kind == op_kind::view; }
constexpr bool is_reduction(op o) { return all_facts.of[int(o)].kind == op_kind::reduction; }
// A reduction that takes several passes over a row, and is no sum of what parts of the row give.
constexpr bool takes_passes(op o) { return o == op::kth_largest || o == op::entmax_threshold; }
constexpr bool is_comparison(op o) { return all_facts.of[int(o)].comparison; }
constexpr bool is_condition(op o) { return all_facts.of[int(o)].condition; }
constexpr bool is_function(op o) { return all_facts.of[int(o)].function; }

// On the way back: what reaches the operands of a function, where dy reaches its value: y is the value's node, x what
// it was made of, and `d`, which makes nodes and hands them on, is `differentiation` (graph/differentiate.hpp).
template <class Differentiation, class Node, class Id>
constexpr void hand_on_function(Differentiation& d, const Node& x, Id y, Id dy) {
  const Id a = x.a, b = x.b, c = x.c;
  const auto to = [&](Id operand, Id value) { d.reach(operand, value, x.axes); };
  const auto real = [&](double v) { return d.real(v); };
  switch (x.code) {
    case op::abs: {
      const Id below_0 = d.compared(op::less, a, real(0)), falling = d.negative(dy);
      to(a, d.chosen(dy, below_0, falling, d.where(d.compared(op::equal, a, real(0)), real(0), dy)));
      break;
    }
    case op::exp: to(a, d.times(dy, y)); break;
    case op::exp2: to(a, d.times(dy, d.times(real(0.693147180559945309), y))); break;
    case op::log: to(a, d.over(dy, a)); break;
    case op::tanh: to(a, d.times(dy, d.minus(real(1), d.times(y, y)))); break;
    case op::sqrt: to(a, d.over(d.times(real(0.5), dy), y)); break;
    case op::rsqrt: to(a, d.times(dy, d.times(real(-0.5), d.times(y, d.times(y, y))))); break;
    case op::erf: {
      const Id two_over_sqrt_pi = real(1.12837916709551257);
      to(a, d.times(dy, d.times(two_over_sqrt_pi, d.applied(op::exp, d.negative(d.times(a, a))))));
      break;
    }
    case op::sigmoid: to(a, d.times(dy, d.times(y, d.minus(real(1), y)))); break;
    case op::softplus: to(a, d.times(dy, d.applied(op::sigmoid, a))); break;
    case op::sin: to(a, d.times(dy, d.applied(op::cos, a))); break;
    case op::cos: to(a, d.negative(d.times(dy, d.applied(op::sin, a)))); break;
    case op::pow: {  // to b nothing from 0 to a power that is not negative: y is 0, or 1, all around
      const Id b_is_0 = d.compared(op::equal, b, real(0)), less = d.minus(b, real(1));
      const Id slope = d.times(b, d.add_op(op::pow, x.type, a, less));
      to(a, d.chosen(dy, b_is_0, real(0), d.times(dy, slope)));
      const Id nothing = d.both(d.compared(op::equal, a, real(0)), d.compared(op::less_equal, real(0), b));
      to(b, d.chosen(dy, nothing, real(0), d.times(dy, d.times(y, d.add_op(op::log, x.type, a)))));
      break;
    }
    case op::clamp: {  // from b to c; c where b is above it
      const Id inside = d.both(d.compared(op::less_equal, b, a), d.compared(op::less_equal, a, c));
      const Id below = d.both(d.compared(op::less, a, b), d.compared(op::less_equal, b, c));
      const Id above = d.either(d.compared(op::less, c, a), d.compared(op::less, c, b));
      to(a, d.chosen(dy, inside, dy, real(0)));
      to(b, d.chosen(dy, below, dy, real(0)));
      to(c, d.chosen(dy, above, dy, real(0)));
      break;
    }
    default: break;  // sign, floor and round change nowhere but where they jump
  }
}

}  // namespace heed::internal
