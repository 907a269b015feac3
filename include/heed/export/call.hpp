// Functions of a kernel as other programs call them: bind, check, take the workspace, run. One function for all
// kernels; of a kernel's own it knows tables and two functions.
#pragma once
#include "../call/execute.hpp"
#include "../call/reference.hpp"
#include "operations.hpp"
#include "saved.hpp"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {
using run::locator;
using run::memory_need;

// A function of a kernel: what it is called with, what is known of it, its loops.
struct function_code {
  const heed_metadata* kernel;
  int number;  // of the function in it
  const call_table* table;
  memory_need (*need)(const locator& values, int threads) = nullptr;
  void (*run)(locator& values, const memory_need& need, std::byte* memory) = nullptr;
  const kept_values* kept = nullptr;  // of a forward or a backward pass

  const heed_function& about() const { return kernel->functions[number]; }
  const signature& names() const { return table->names; }
};
struct given_memory {
  std::byte* first = nullptr;
  std::size_t bytes = 0;
};

// ---- what a call needs, from shapes alone
HEED_CHECK inline saved_layout bind_shapes(const function_code& f, call_frame& frame, given_operands given) {
  bind_operands(*f.kernel, f.about(), f.names(), frame, given, false);
  if (f.kept && f.kept->is_forward) announce_saved(*f.kept, frame);
  run::check_extents(*f.table, frame);
  saved_layout layout;
  if (f.kept) {
    layout = layout_of(*f.kept, f.names(), frame.extent);
    place_saved(*f.kept, f.names(), frame, layout, nullptr);
  }
  return layout;
}
// ... in memory that begins anywhere.
inline std::size_t bytes_anywhere(const memory_need& need) { return need.bytes() ? need.bytes() + 63 : 0; }
inline std::byte* aligned(std::byte* p) { return p + (64 - reinterpret_cast<std::uintptr_t>(p) % 64) % 64; }
HEED_CHECK inline void put_bytes(std::size_t* to, std::size_t bytes) {
  if (!to) refuse(mistake::memory, "bytes", {}, {"memory for the number"}, {"a null pointer"});
  *to = bytes;
}
HEED_CHECK inline std::int32_t workspace_bytes(const function_code& f, call_frame& frame, given_operands given,
                                               std::size_t* bytes, heed_error* error) noexcept {
  return guarded(error, [&] {
    bind_shapes(f, frame, given);
    put_bytes(bytes, bytes_anywhere(f.need(locator(*f.table, frame), run::team_size())));
  });
}
HEED_CHECK inline std::int32_t saved_bytes(const function_code& f, call_frame& frame, given_operands given,
                                           std::size_t* bytes, heed_error* error) noexcept {
  return guarded(error, [&] { put_bytes(bytes, bind_shapes(f, frame, given).bytes); });
}

// ---- a call
// Everything that can be wrong with it but its workspace. Nothing has been written yet.
HEED_CHECK inline saved_layout bind_call(const function_code& f, call_frame& frame, given_operands given,
                                         given_memory saved) {
  bind_operands(*f.kernel, f.about(), f.names(), frame, given, true);
  if (!f.kept) return run::check_call(*f.table, frame, false), saved_layout{};
  saved_layout layout;
  if (f.kept->is_forward) {
    announce_saved(*f.kept, frame);
    run::check_call(*f.table, frame, false);
    layout = layout_of(*f.kept, f.names(), frame.extent);
    check_room(saved.first, saved.bytes, layout.bytes);
    place_saved(*f.kept, f.names(), frame, layout, saved.first);
  } else {
    run::check_extents(*f.table, frame);
    layout = layout_of(*f.kept, f.names(), frame.extent);
    check_saved(*f.kept, f.names(), frame, saved.first, saved.bytes, layout.bytes);
    place_saved(*f.kept, f.names(), frame, layout, saved.first);
    run::check_call(*f.table, frame, false);
  }
  return layout;
}
// Memory that the caller gives besides operands shares no byte with what it must not: see `with_inputs`.
HEED_CHECK inline void check_apart(const function_code& f, const call_frame& frame, const char* name,
                                   given_memory block, bool with_inputs) {
  if (!block.bytes) return;
  bound whole;
  whole.data = block.first, whole.rank = 1, whole.extents[0] = extent_t(block.bytes), whole.strides[0] = 1;
  const auto check = [&](const bound& b, int bytes, piece who) {
    if (b.rank >= 0 && run::share_memory(whole, 1, b, bytes))
      refuse(mistake::overlap, name, {}, {"memory of its own"}, {"memory that operand '", who, "' lies in"});
  };
  const signature& names = f.names();
  if (with_inputs)
    for (int i = 0; i < names.operands.size(); ++i)
      check(frame.operands[i], byte_size(names.operands[i].type), names.operand_name(i));
  // mutants: workspace_over_results
  for (int k = 0; k < names.callers_results; ++k)
    check(frame.results[k], byte_size(names.results[k].type), names.result_name(k));
}
HEED_CHECK inline void check_blocks(const function_code& f, const call_frame& frame, given_memory saved,
                                    given_memory workspace) {
  check_apart(f, frame, "workspace", workspace, true);
  if (!f.kept) return;
  check_apart(f, frame, "saved", saved, f.kept->is_forward);
  if (saved.bytes && workspace.bytes && saved.first < workspace.first + workspace.bytes &&
      workspace.first < saved.first + saved.bytes)
    refuse(mistake::overlap, "workspace", {}, {"memory of its own"}, {"memory that 'saved' lies in"});
}
// The caller's workspace, or one that this call owns.
HEED_CHECK inline std::byte* workspace_of(given_memory given, const memory_need& need, run::aligned_memory& own) {
  if (given.first) {
    const std::size_t bytes = bytes_anywhere(need);
    if (given.bytes < bytes)
      refuse(mistake::workspace, "workspace", {}, {"at least ", long(bytes), " bytes"}, {long(given.bytes)});
    return aligned(given.first);
  }
  try {
    own = run::aligned_memory(need.bytes());
  } catch (const std::bad_alloc&) { throw no_workspace(need.bytes()); }
  return own.get();
}
inline std::int32_t call(const function_code& f, call_frame& frame, given_operands given, given_memory saved,
                         given_memory workspace, heed_error* error) noexcept {
  return guarded(error, [&] {
    const saved_layout layout = bind_call(f, frame, given, saved);
    locator values(*f.table, frame);
    const memory_need need = f.need(values, run::team_size());
    run::aligned_memory own;
    std::byte* const memory = workspace_of(workspace, need, own);
    check_blocks(f, frame, {saved.first, layout.bytes}, {workspace.first, workspace.first ? bytes_anywhere(need) : 0});
    if (f.kept && f.kept->is_forward) write_head(*f.kept, frame, layout.bytes, saved.first);
    f.run(values, need, memory);
  });
}
// Where the operands lie that the function reads, for masks that look at them; null is no mistake here.
HEED_CHECK inline void show_memory(const heed_function& f, call_frame& frame, given_operands given) {
  int input = 0;
  for (int i = 0; i < f.operand_count; ++i) {
    if (f.operands[i].role != HEED_INPUT && f.operands[i].role != HEED_COTANGENT) continue;
    bound& to = frame.operands[input++];
    if (f.operands[i].is_read) to.data = address_of(f.operands[i], given.first[i]);
  }
}
HEED_CHECK inline std::int32_t operations(const function_code& f, const run::evaluated_graph& declared,
                                          call_frame& frame, given_operands given, double* flops,
                                          heed_error* error) noexcept {
  return guarded(error, [&] {
    bind_shapes(f, frame, given);
    if (!flops) refuse(mistake::memory, "flops", {}, {"memory for the number"}, {"a null pointer"});
    show_memory(f.about(), frame, given);
    *flops = useful_operations(declared, f.names(), frame).count();
  });
}

// The declared graph, naively, in double.
HEED_CHECK inline std::int32_t reference(const function_code& f, const run::evaluated_graph& declared,
                                         call_frame& frame, given_operands given, heed_error* error) noexcept {
  return guarded(error, [&] {
    bind_operands(*f.kernel, f.about(), f.names(), frame, given, true);
    run::check_call(*f.table, frame, true);
    run::evaluate_naively(declared, f.names(), frame);
  });
}

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
