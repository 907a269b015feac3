"""What heed raises: one type for each kind of mistake, all of them heed.Error, with what to do in the sentence."""

from __future__ import annotations


class Error(Exception):
    """The base of everything that heed raises by itself."""


class CompileError(Error):
    """A declaration that the compiler refuses: heed's own sentence with its facts; `log` is all that the compiler
    said."""

    def __init__(self, sentence: str, log: str = "") -> None:
        super().__init__(sentence)
        self.log = log


class DeclarationError(Error):
    """What a header declares does not fit what was asked for: no such result, several of that name, no such kernel."""


class CompilerNotFound(Error):
    """There is no C++ compiler, or none that is new enough."""


class CompilationDisabled(Error):
    """HEED_DISABLE_JIT is set and the kernel is not in the cache."""


class CacheError(Error):
    """The cache folder cannot be used."""


class OpenMPError(Error):
    """Another OpenMP runtime than GNU's is in the process."""


class KernelError(Error):
    """A call that failed for another reason than its operands: out of memory, instruction set, internal."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class OperandError(Error, ValueError):
    """An operand of a call is not what the kernel takes. A part that does not apply is empty.

    operand, axis, expected, got: the parts of the sentence; code: heed's number of the mistake (0: found before the
    call).
    """

    def __init__(
        self, message: str, *, operand: str = "", axis: str = "", expected: str = "", got: str = "", code: int = 0
    ) -> None:
        super().__init__(message)
        self.operand = operand
        self.axis = axis
        self.expected = expected
        self.got = got
        self.code = code
