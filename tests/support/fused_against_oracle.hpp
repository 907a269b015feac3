// Runs the kernels of any list of results on operands with reproducible values, at several extents, and compares every
// element with the oracle.
#pragma once
#include <boost/test/unit_test.hpp>
#include "graphs.hpp"
#include <heed/heed.hpp>
#include <span>

namespace heed_tests {
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;

template <result_list R, std::size_t... I>
void execute(const run::call_frame& call, workspace& memory, std::index_sequence<I...>) {
  run::execute<*R.of[I]...>(call, memory);
}
template <result_list R, class I> struct frame_of_results;
template <result_list R, std::size_t... I>
struct frame_of_results<R, std::index_sequence<I...>> : run::frame_for<run::call_table_of<*R.of[I]...>> {};

inline double stored_at(element type, const void* data, extent_t offset) {
  switch (stored(type)) {
    case element::f64: return static_cast<const double*>(data)[offset];
    case element::f32: return static_cast<const float*>(data)[offset];
    case element::i64: return double(static_cast<const std::int64_t*>(data)[offset]);
    case element::i32: return double(static_cast<const std::int32_t*>(data)[offset]);
    default: return static_cast<const bool*>(data)[offset];
  }
}

template <result_list R>
void check_fused(const char* name, double tolerance = 2e-5,
                 std::span<const std::map<std::string, extent_t>> all_extents = sizes) {
  constexpr auto each = std::make_index_sequence<R.count>{};
  const plan::execution_plan& p = plan_for<R>(each);
  for (const auto& given : all_extents) {
    operands memory;
    const index_array extent = extents_of(p.g, given);
    const std::vector<run::view> inputs = memory.of(p.g, extent);
    const frame_of_results<R, std::make_index_sequence<R.count>> call;
    std::copy_n(extent.begin(), call.extent.size(), call.extent.begin());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const input_entry& in = p.g.inputs[i];
      run::bound& operand = call.operands[int(i)];
      operand.data = inputs[i].data, operand.rank = in.rank;
      for (std::size_t a = 0; a < std::size_t(in.rank); ++a) {
        const std::size_t axis = std::size_t(in.order[a]);
        operand.extents[a] = extent[axis], operand.strides[a] = inputs[i].stride[axis];
      }
    }
    std::vector<std::vector<double>> written;
    for (int result = 0; result < p.result_count; ++result) {
      run::bound& out = call.results[result];
      extent_t size = 1;
      for (int i = 0; i < p.buffer_count; ++i) {
        const plan::buffer& b = p.buffers[std::size_t(i)];
        if (b.result != result) continue;
        out.rank = b.order.count;
        for (int a = out.rank - 1; a >= 0; --a)
          out.strides[std::size_t(a)] = size, size *= out.extents[std::size_t(a)] = extent[std::size_t(b.order[a])];
      }
      written.emplace_back(std::size_t(size) + 1, 7.0);
      out.data = written.back().data();
    }
    workspace space;
    execute<R>(call, space, each);
    for (int result = 0; result < p.result_count; ++result) {
      const expected_result want(*R.of[result], given);
      const int value = value_of_result(p, result);
      const run::bound& out = call.results[result];
      const plan::buffer* b = nullptr;
      for (int i = 0; i < p.buffer_count; ++i)
        if (p.buffers[std::size_t(i)].result == result) b = &p.buffers[std::size_t(i)];
      int wrong = 0;
      std::string first;
      for_each_index(p.g[value].axes, extent, [&](const index_array& at) {
        extent_t offset = 0;
        for (int a = 0; a < out.rank; ++a) offset += out.strides[std::size_t(a)] * at[std::size_t(b->order[a])];
        const double got = stored_at(p.g[value].type, out.data, offset), w = want.at(p.g, at);
        if (!alike(got, w, tolerance) && wrong++ == 0) first = std::to_string(got) + " for " + std::to_string(w);
      });
      BOOST_TEST(wrong == 0, std::string(name) + ", result " + std::to_string(result) + ": " + std::to_string(wrong) +
                                 " wrong, first " + first);
    }
  }
}

}  // namespace heed_tests
