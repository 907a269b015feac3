// The functions of a kernel, with the signatures that C knows: each has a frame of its graph's size on its stack and
// leaves all else to what kernels share (call.hpp).
#pragma once
#include "passes.hpp"
#include "part.h"
#include "peak.hpp"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// The functions that every kernel has.
template <class Graphs>
struct plain_functions {
  using code = typename Graphs::code;
  static constexpr const heed_metadata& metadata = metadata_of<Graphs::described>::value;
  static constexpr function_code called{&metadata, 0, &code::table, code::need, code::run};
  static constexpr int reference_number = Graphs::described.functions.size() > 2 ? 3 : 1;
  static constexpr function_code evaluated{&metadata, reference_number, &code::table};

  static std::int32_t call(const heed_tensor* operands, std::int32_t count, void* workspace, std::size_t bytes,
                           heed_error* error) noexcept {
    run::frame_for<code::table> frame;
    return exported::call(called, frame, {operands, count}, {}, {static_cast<std::byte*>(workspace), bytes}, error);
  }
  static std::int32_t workspace_bytes(const heed_tensor* operands, std::int32_t count, std::size_t* bytes,
                                      heed_error* error) noexcept {
    run::frame_for<code::table> frame;
    return exported::workspace_bytes(called, frame, {operands, count}, bytes, error);
  }
  static std::int32_t reference(const heed_tensor* operands, std::int32_t count, heed_error* error) noexcept {
    run::frame_for<code::table> frame;
    return exported::reference(evaluated, code_of<Graphs::results>::declared(), frame, {operands, count}, error);
  }
  static std::int32_t operations(const heed_tensor* operands, std::int32_t count, double* flops,
                                 heed_error* error) noexcept {
    run::frame_for<code::table> frame;
    return exported::operations(called, code_of<Graphs::results>::declared(), frame, {operands, count}, flops, error);
  }
  static constexpr void put(heed_kernel_part& p) {
    p.metadata = &metadata;
    p.call = call;
    p.workspace_bytes = workspace_bytes;
    if constexpr (is_checked) p.reference = reference, p.operations = operations, p.peak = peak;
  }
};

// The functions of a kernel with gradients.
template <class Graphs>
struct pass_functions {
  static constexpr const heed_metadata& metadata = metadata_of<Graphs::described>::value;
  using forward_code = typename Graphs::forward_code;
  using backward_code = typename Graphs::backward_code;
  static constexpr function_code forward_pass{
      &metadata, 1, &Graphs::forward_table, forward_code::need, forward_code::run, &Graphs::forward_keeps};
  static constexpr function_code backward_pass{
      &metadata, 2, &Graphs::backward, backward_code::need, backward_code::run, &Graphs::backward_reads};
  static constexpr function_code evaluated{&metadata, 4, &Graphs::backward};

  static std::int32_t forward(const heed_tensor* operands, std::int32_t count, void* saved, std::size_t saved_bytes,
                              void* workspace, std::size_t bytes, heed_error* error) noexcept {
    run::frame_for<Graphs::forward_table> frame;
    return exported::call(forward_pass, frame, {operands, count}, {static_cast<std::byte*>(saved), saved_bytes},
                          {static_cast<std::byte*>(workspace), bytes}, error);
  }
  static std::int32_t backward(const heed_tensor* operands, std::int32_t count, const void* saved,
                               std::size_t saved_bytes, void* workspace, std::size_t bytes,
                               heed_error* error) noexcept {
    run::frame_for<Graphs::backward> frame;
    std::byte* const read_only = const_cast<std::byte*>(static_cast<const std::byte*>(saved));
    return exported::call(backward_pass, frame, {operands, count}, {read_only, saved_bytes},
                          {static_cast<std::byte*>(workspace), bytes}, error);
  }
  static std::int32_t saved_bytes(const heed_tensor* operands, std::int32_t count, std::size_t* bytes,
                                  heed_error* error) noexcept {
    run::frame_for<Graphs::forward_table> frame;
    return exported::saved_bytes(forward_pass, frame, {operands, count}, bytes, error);
  }
  static std::int32_t forward_workspace_bytes(const heed_tensor* operands, std::int32_t count, std::size_t* bytes,
                                              heed_error* error) noexcept {
    run::frame_for<Graphs::forward_table> frame;
    return exported::workspace_bytes(forward_pass, frame, {operands, count}, bytes, error);
  }
  static std::int32_t backward_workspace_bytes(const heed_tensor* operands, std::int32_t count, std::size_t* bytes,
                                               heed_error* error) noexcept {
    run::frame_for<Graphs::backward> frame;
    return exported::workspace_bytes(backward_pass, frame, {operands, count}, bytes, error);
  }
  static std::int32_t backward_reference(const heed_tensor* operands, std::int32_t count, heed_error* error) noexcept {
    run::frame_for<Graphs::backward> frame;
    return exported::reference(evaluated, code_of<Graphs::gradients>::declared(), frame, {operands, count}, error);
  }
  static std::int32_t backward_operations(const heed_tensor* operands, std::int32_t count, double* flops,
                                          heed_error* error) noexcept {
    run::frame_for<Graphs::backward> frame;
    return exported::operations(backward_pass, Graphs::backward_list::declared(), frame, {operands, count}, flops,
                                error);
  }
  static constexpr void put(heed_kernel_part& p) {
    p.forward = forward;
    p.backward = backward;
    p.saved_bytes = saved_bytes;
    p.forward_workspace_bytes = forward_workspace_bytes;
    p.backward_workspace_bytes = backward_workspace_bytes;
    if constexpr (is_checked) p.backward_reference = backward_reference, p.backward_operations = backward_operations;
  }
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
