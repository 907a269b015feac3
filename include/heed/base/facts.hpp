// How heed refuses a program. A rule is a literal in a static_assert; the facts stand beside it as template arguments
// of `given`, which both compilers print: `static_assert(given<width == want, axis_fact<"d", 64>, ...>, "heed: ...")`.
// After a failed check an operation returns `ill_formed`, which every further operation absorbs: one mistake, one
// error.
#pragma once
#include "label.hpp"

namespace heed::internal {

template <bool Holds, class... Facts>
inline constexpr bool given = Holds;

// Facts are never defined, only printed.
template <text Name, long Extent> struct axis_fact;   // an axis and its extent (-1: bound at run time)
template <text Name> struct operand_fact;             // the name of an operand
template <class... Axes> struct shape_fact;           // the axes of a value
template <text What, long Value> struct number_fact;  // a named number
template <text What> struct element_fact;             // an element type by its name
template <text... Words> struct reason_fact;          // why, a few words at a time: clang prints no more at once
template <text... Words> struct value_fact;           // what a region gives

struct ill_formed {
  template <class I> constexpr ill_formed at(const I&) const { return {}; }  // doc.at(m) of an input that was refused
  template <class T> constexpr ill_formed operator=(const T&) const { return {}; }  // q = Q in a call
  constexpr ill_formed() = default;
  constexpr ill_formed(const ill_formed&) = default;
};

template <class T> inline constexpr bool is_ill_formed = false;
template <> inline constexpr bool is_ill_formed<ill_formed> = true;

}  // namespace heed::internal
