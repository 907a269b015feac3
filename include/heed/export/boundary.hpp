// The boundary to other languages: what a function throws inside becomes a code and a filled heed_error; nothing leaves
// it. Texts that are longer than their place are cut.
#pragma once
#include "../base/error.hpp"
#include "../base/instruction_set.hpp"
#include "interface.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {
using mistake = error::mistake;

static_assert(int(mistake::count) == HEED_WRONG_COUNT && int(mistake::rank) == HEED_WRONG_RANK &&
              int(mistake::element) == HEED_WRONG_DTYPE && int(mistake::device) == HEED_WRONG_DEVICE &&
              int(mistake::extent) == HEED_WRONG_EXTENT && int(mistake::memory) == HEED_WRONG_MEMORY &&
              int(mistake::overlap) == HEED_OVERLAP && int(mistake::value) == HEED_WRONG_VALUE &&
              int(mistake::workspace) == HEED_WORKSPACE_TOO_SMALL && int(mistake::saved) == HEED_WRONG_SAVED);

// Compiled for size and out of line, as checks are (call/checks/call_checks.hpp).
#define HEED_CHECK [[gnu::cold, gnu::noinline]]

template <std::size_t Room>
void put_text(char (&to)[Room], const char* from) {
  const std::size_t length = std::min(std::strlen(from), Room - 1);
  std::memcpy(to, from, length);
  to[length] = 0;
}
HEED_CHECK inline std::int32_t report(heed_error* to, std::int32_t code, const char* operand, const char* axis,
                                      const char* expected, const char* got, const char* message) {
  if (!to) return code;
  to->code = code;
  put_text(to->operand, operand);
  put_text(to->axis, axis);
  put_text(to->expected, expected);
  put_text(to->got, got);
  put_text(to->message, message);
  return code;
}

// Thrown where a workspace cannot be had.
struct no_workspace {
  std::size_t bytes;
};
// Without allocating: there may be nothing left.
HEED_CHECK inline std::int32_t report_no_memory(heed_error* to, const char* operand, const char* expected) {
  char message[sizeof(heed_error::message)];
  const char* const got = "none left";
  if (*operand)
    std::snprintf(message, sizeof message, "heed: operand '%s': expected %s, got %s", operand, expected, got);
  else std::snprintf(message, sizeof message, "heed: expected %s, got %s", expected, got);
  return report(to, HEED_OUT_OF_MEMORY, operand, "", expected, got, message);
}

// Runs a function's body; nothing that it throws gets out.
template <class Body>
[[gnu::noinline]] std::int32_t guarded(heed_error* to, const Body& body) noexcept {
  try {
    body();
    return to ? report(to, HEED_OK, "", "", "", "", "") : std::int32_t(HEED_OK);
  } catch (const error& e) {
    return report(to, std::int32_t(e.kind()), e.operand().c_str(), e.axis().c_str(), e.expected().c_str(),
                  e.got().c_str(), e.what());
  } catch (const no_workspace& e) {
    char expected[64];
    std::snprintf(expected, sizeof expected, "memory of %zu bytes", e.bytes);
    return report_no_memory(to, "workspace", expected);
  } catch (const std::bad_alloc&) {
    return report_no_memory(to, "", "memory for the call");
  } catch (const std::length_error&) {  // of a vector of more elements than memory can have
    return report_no_memory(to, "", "memory for the call");
  } catch (const std::exception& e) {
    return report(to, HEED_INTERNAL, "", "", "no failure inside", e.what(), "heed: internal error");
  } catch (...) {
    return report(to, HEED_INTERNAL, "", "", "no failure inside", "an unknown one", "heed: internal error");
  }
}

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
