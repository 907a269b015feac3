// Several documents lie behind each other, each of them causal.
#pragma once
#include "operands.hpp"

namespace study {
constexpr auto document = input<"document", std::int32_t>(n);
constexpr auto out = attention<d, m>(q, k, v, causal(n, m) && same_document(document, n, m));
}  // namespace study
