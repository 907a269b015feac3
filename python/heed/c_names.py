"""Names that no kernel can have, for a C program that includes its header has them already."""

from __future__ import annotations

import ctypes
import re

WORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const consteval
    constexpr constinit const_cast continue decltype default delete do double dynamic_cast else enum explicit export
    extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or
    or_eq private protected public register reinterpret_cast requires restrict return short signed sizeof static
    static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename union
    unsigned using virtual void volatile wchar_t while xor xor_eq""".split()
)
# Types of C's own headers and of heed's interface.h, and macros that are no functions.
TYPES = frozenset(
    """heed_axis heed_device heed_dtype heed_error heed_function heed_kernel_part heed_metadata heed_operand heed_tensor
    FILE clock_t div_t double_t fenv_t fexcept_t float_t fpos_t imaxdiv_t jmp_buf ldiv_t lldiv_t max_align_t mbstate_t
    nullptr_t ptrdiff_t sig_atomic_t size_t ssize_t time_t va_list wctrans_t wctype_t wint_t
    EOF I NULL assert complex errno imaginary noreturn offsetof stderr stdin stdout""".split()
)
WHOLE_NUMBERS = re.compile(r"u?int(?:(?:_least|_fast)?(?:8|16|32|64)|ptr|max)_t")


def complaint(name: str) -> str | None:
    """Why no kernel can be called so, as one sentence; None where one can."""
    if name in WORDS:
        return f"heed: a kernel cannot be called '{name}', which is a word of C or C++"
    if name in TYPES or WHOLE_NUMBERS.fullmatch(name):
        return f"heed: a kernel cannot be called '{name}', which is a type or a macro of C's headers or heed's"
    if name == "main" or is_of_c(name):
        return f"heed: a kernel cannot be called '{name}': programs call another function '{name}'"
    return None


def is_of_c(name: str) -> bool:
    """Whether C's own library has a function of this name."""
    for library in ("libc.so.6", "libm.so.6"):
        try:
            if hasattr(ctypes.CDLL(library), name):
                return True
        except OSError:
            pass  # another C library than GNU's: what parts call is refused all the same
    return False
