// Masks: conditions on positions, true where a key may be seen. n: the axis of queries, m: the axis of keys.
#pragma once
#include "../graph/results.hpp"

namespace heed::internal {

// A query sees keys up to its own position; `offset` places the queries after that many keys of a cache.
template <Operand N, Operand M> constexpr auto causal(const N& n, const M& m) { return m <= n; }
template <Operand N, Operand M, Operand O> constexpr auto causal(const N& n, const M& m, const O& offset) {
  return m <= n + offset;
}
// The last `width` keys up to the query's own. Beltagy, Peters and Cohan 2020.
template <Operand N, Operand M> constexpr auto sliding_window(const N& n, const M& m, long width) {
  return m <= n && n - m < width;
}
// `left` keys before and `right` keys after the query's own.
template <Operand N, Operand M> constexpr auto sliding_window(const N& n, const M& m, long left, long right) {
  return n - m <= left && m - n <= right;
}
// Packed sequences: document is an input of whole numbers over positions.
template <class Document> constexpr bool require_document() {
  constexpr bool ok = [] {
    if constexpr (std::is_base_of_v<expression, Document>)
      return is_integer(Document::type) && requires(const Document& d) { d.at(0); };
    else return false;
  }();
  static_assert(given<ok, Document>, "heed: same_document takes an input of whole numbers over positions");
  return ok;
}
template <class Document, Operand N, Operand M> constexpr auto same_document(const Document& document, const N& n,
                                                                             const M& m) {
  if constexpr (is_ill_formed<Document> || any_ill_formed<N, M>) return ill_formed{};
  else if constexpr (!require_document<Document>()) return ill_formed{};
  else return document.at(n) == document.at(m);
}
// Keys before `length`, an input over the batch.
template <Operand M, Operand L> constexpr auto padding(const M& m, const L& length) { return m < length; }

}  // namespace heed::internal
