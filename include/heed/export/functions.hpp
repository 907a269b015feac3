// The functions of a kernel, with the signatures that C knows: each has a frame of its graph's size on its stack and
// leaves all else to what kernels share (call.hpp).
#pragma once
#include "graphs.hpp"
#include "part.h"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {

// The functions that every kernel has.
template <class Graphs>
struct plain_functions {
  using code = typename Graphs::code;
  static constexpr const heed_metadata& metadata = metadata_of<Graphs::described>::value;
  static constexpr function_code called{&metadata, 0, &code::table, code::need, code::run};
  static constexpr function_code evaluated{&metadata, Graphs::described.functions.size() > 2 ? 3 : 1, &code::table};

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
  static constexpr void put(heed_kernel_part& p) {
    p.metadata = &metadata;
    p.call = call;
    p.workspace_bytes = workspace_bytes;
    p.reference = reference;
  }
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
