// heed: attention architectures as typed expression graphs, fused by the compiler into parallel SIMD loops.
// Floor by floor, so that what a compiler says of a mistake starts close to the user's line. At the end all names of
// namespace heed: what docs/language.md describes and nothing else, so that `using namespace heed` takes no other name
// away. All the rest is heed::internal.
#pragma once
#include "base/compiler.hpp"
#include "base/facts.hpp"
#include "axis/shape.hpp"
#include "graph/expression.hpp"
#include "graph/pointwise.hpp"
#include "graph/reduction.hpp"
#include "graph/rearrange.hpp"
#include "graph/input.hpp"
#include "graph/primitive.hpp"
#include "graph/random.hpp"
#include "graph/with_gradient.hpp"
#include "graph/results.hpp"
#include "graph/gradient.hpp"
#include "graph/kernel.hpp"
#include "block/activation.hpp"
#include "block/similarity.hpp"
#include "block/attention.hpp"
#include "block/bias.hpp"
#include "block/dropout.hpp"
#include "block/heads.hpp"
#include "block/loss.hpp"
#include "block/mask.hpp"
#include "block/norm.hpp"
#include "block/rotary.hpp"
#include "block/sparse.hpp"
#include "block/weights.hpp"
#include "memory/tensor.hpp"
#include "memory/print.hpp"
#include "call/rules/call_rules.hpp"
#include "call/fused.hpp"
#include "call/differentiable.hpp"
#include "call/reference.hpp"
#include "show/drawing.hpp"
#include "show/explain.hpp"
#include "show/look.hpp"

namespace heed {

// axis, extent_t (axis/axis.hpp)
using internal::input;
using internal::Operand;
using internal::size;
using internal::Symbolic;

// Pointwise. Operators too: those of axes, which are no expressions of heed::internal, are looked for here.
using internal::operator+;
using internal::operator-;
using internal::operator*;
using internal::operator/;
using internal::operator%;
using internal::operator<;
using internal::operator<=;
using internal::operator>;
using internal::operator>=;
using internal::operator==;
using internal::operator!=;
using internal::operator&&;
using internal::operator||;
using internal::operator!;
#define HEED_FUNCTION(NAME, ...) using internal::NAME;
HEED_FUNCTIONS(HEED_FUNCTION)  // abs, exp, ...: graph/operations.hpp
#undef HEED_FUNCTION
using internal::cast;
using internal::floor_divide;
using internal::mask;
using internal::max;
using internal::min;
using internal::pow;
using internal::primitive;
using internal::random_uniform;
using internal::where;
using internal::with_gradient;
using internal::plan::interval;
using internal::simd::pack;

// Along axes, and views
using internal::all;
using internal::any;
using internal::arrange;
using internal::concat;
using internal::dot;
using internal::from_the_end;
using internal::gather;
using internal::kth_largest;
using internal::logsumexp;
using internal::mean;
using internal::merge;
using internal::rename;
using internal::running_sum;
using internal::shift;
using internal::slice;
using internal::softmax;
using internal::split;
using internal::sum;

// Composites
using internal::alibi;
using internal::attention;
using internal::causal;
using internal::cog_attention;
using internal::cosine_similarity;
using internal::cross_entropy;
using internal::differential_attention;
using internal::dot_similarity;
using internal::dropout;
using internal::entmax;
using internal::entmax15;
using internal::gelu;
using internal::gelu_tanh;
using internal::group_heads;
using internal::layer_norm;
using internal::merge_heads;
using internal::padding;
using internal::project;
using internal::relu;
using internal::relu_attention;
using internal::rms_norm;
using internal::rotary;
using internal::same_document;
using internal::scaled_dot;
using internal::sigmoid_attention;
using internal::silu;
using internal::sink_attention;
using internal::sliding_window;
using internal::softcap;
using internal::softmax1_attention;
using internal::softpick_attention;
using internal::sparsemax;
using internal::split_heads;
using internal::squared_relu_attention;
using internal::top_k_softmax;

// Results and gradients
using internal::cotangent;
using internal::differentiable;
using internal::grad;
using internal::gradient;
using internal::result_list;
using internal::results;
using internal::wrt;

// Calls: tensor, view, operand_traits, workspace, error (memory/tensor.hpp, memory/operand.hpp, memory/workspace.hpp,
// base/error.hpp), and
using internal::fuse;
using internal::into;
using internal::strict;
using internal::with;

// Looking
using internal::drawing;
using internal::explain;
using internal::passes;
using internal::picture;
using internal::reference;

}  // namespace heed
