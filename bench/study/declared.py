"""A variant of the user's own: a header. What it computes heed says itself, so that results are judged by heed's own
evaluation in double, unless a file with a formula stands beside it."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from heed.declaration import read_declaration
from heed.errors import DeclarationError
from heed.build import BuildError
from heed.loaded import Library, RunError, operands_of, values_for, written

from .case import Case
from .catalogue import VARIANTS
from .errors import StudyError
from .peers.heed_library import compiled, gradient_name
from .variant import Variant

LARGEST_CHECKED = 96  # extent of the axes of a case whose values are all stored to be compared


class Declared(Variant):
    """The variant in a header. `wrt` as a study gives it, else that of the header's HEED_KERNEL; `ranges`: values of
    inputs that normal numbers do not fit."""

    def __init__(self, name: str, header: Path, wrt: tuple[str, ...], ranges: dict[str, Any], formula: str) -> None:
        self.name, self._header, self.ranges = name, header, {key: tuple(ends) for key, ends in ranges.items()}
        self.title = Path(name).stem if name.endswith(".hpp") else name
        try:
            self.chosen = read_declaration(header).choose((), wrt, None)
        except DeclarationError as error:
            raise StudyError(str(error)) from None
        self.has_gradients = bool(self.chosen.wrt or self.chosen.gradients)
        self.has_formula, self.has_reference = bool(formula), True  # which counts operations as well
        self._formula = formula

    @property
    def header(self) -> Path:
        return self._header

    @property
    def directions(self) -> tuple[str, ...]:
        return ("forward", "backward", "step") if self.has_gradients else ("forward",)

    def kernel(self, gradients: bool) -> Any:
        given = {} if gradients else {"wrt": (), "gradients": ""}
        return self.chosen._replace(name="study", exported=False, **given)

    @functools.cached_property
    def library(self) -> Any:
        """heed's kernel of this variant."""
        try:
            return Library(compiled(self, "float32", self.has_gradients)[0]).kernel("study")
        except BuildError as error:
            raise StudyError(str(error)) from None

    @functools.cached_property
    def inputs(self) -> dict[str, tuple[str | int, ...]]:
        return {i.name: tuple(axis.name for axis in i.axes) for i in self.library.signature.inputs}

    @functools.cached_property
    def whole(self) -> tuple[str, ...]:
        return tuple(i.name for i in self.library.signature.inputs if not i.dtype.startswith("float"))

    @functools.cached_property
    def wrt(self) -> tuple[str, ...]:
        return tuple(g.name.removeprefix("grad(").removesuffix(")") for g in self.library.signature.gradients)

    @functools.cached_property
    def result(self) -> tuple[str | int, ...]:
        results = self.library.signature.results
        if len(results) != 1:
            raise StudyError(f"{self.header}: a study compares one result, this header has {len(results)}")
        return tuple(axis.name for axis in results[0].axes)

    def extents(self, given: dict[str, Any], place: str) -> tuple[tuple[str, int], ...]:
        """Those of all axes; the header is compiled to know them."""
        try:
            return tuple(self.library.extents(given).items())
        except RunError as error:
            raise StudyError(
                f"{place}: {str(error).removeprefix('heed: ').replace('kernel ' + repr('study'), self.name)}"
            ) from None

    def known(self, case: Case) -> dict[str, int]:
        """The extents of all axes: an entry of the gallery says those alone that a call brings."""
        return self.library.extents(dict(case.extents))

    def draw(self, case: Case) -> dict[str, numpy.ndarray]:
        x = values_for(self.library, self.known(case), self.ranges, case.seed)
        x = {name: array for name, array in x.items() if name in self.inputs}
        for name, array in x.items():
            if name not in self.whole:
                x[name] = array.astype(case.dtype)
        random = numpy.random.default_rng(case.seed + 1)
        x["cotangent"] = numpy.asarray(random.standard_normal(self.shape_of("out", self.known(case))), case.dtype)
        return x

    def formula(self, x: dict[str, Any], ops: Any) -> Any:
        return formula_in(self._formula)(x, ops)

    def gate_case(self, case: Case) -> Case:
        """Heed's evaluation stores every value, and its loops are plain: axes that a call brings are short."""
        if self.has_formula:
            return case
        free = {axis.name for axis in self.library.signature.axes if axis.extent is None}
        extents = tuple((axis, min(e, LARGEST_CHECKED) if axis in free else e) for axis, e in case.extents)
        return Case(case.variant, extents, case.dtype, case.threads, case.direction, case.source)

    def expected(self, case: Case, x: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        if self.has_formula:
            return super().expected(case, x)
        found: dict[str, numpy.ndarray] = {}
        if case.direction != "backward":
            arrays = self.arrays("reference", case, x, numpy.float64)
            self.library.invoke("reference", arrays)
            found["out"] = next(iter(written(self.library, "reference", arrays).values()))
        if case.direction != "forward":
            arrays = self.arrays("backward_reference", case, x, numpy.float64)
            self.library.invoke("backward_reference", arrays)
            found |= {gradient_name(name): a for name, a in written(self.library, "backward_reference", arrays).items()}
        return found

    def arrays(self, function: str, case: Case, x: dict[str, numpy.ndarray], dtype: Any = None) -> list[numpy.ndarray]:
        """The operands of a function of heed's kernel."""
        extents = self.known(case)
        values = x | {operand.name: x["cotangent"] for operand in self.library.signature.cotangents}
        values |= {e.name: numpy.array(extents[e.name], numpy.int64) for e in self.library.signature.extents}
        return operands_of(self.library, function, extents, values, dtype)

    def operations(self, case: Case, x: dict[str, numpy.ndarray]) -> float:
        """What heed counts, from the values that masks read; NaN where it is not known."""
        forward = backward = 0.0
        if case.direction != "backward":
            forward = self.library.operations("operations", self.arrays("call", case, x))
        if case.direction != "forward":
            backward = self.library.operations("backward_operations", self.arrays("backward", case, x))
        return forward + backward


@functools.cache
def formula_in(file: str) -> Callable[..., Any]:
    """The function `formula` of a file; StudyError where there is none."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return module.formula
    except Exception as error:
        raise StudyError(f"{file}: no function `formula` can be taken from it: {error}") from None


@functools.cache
def declared(name: str, header: str, wrt: tuple[str, ...], ranges: tuple, formula: str) -> Declared:
    """One object for one header."""
    return Declared(name, Path(header), wrt, dict(ranges), formula)


def variant_of(case: Case) -> Variant:
    """The variant of a case."""
    source = case.source
    if "header" not in source:
        return VARIANTS[case.variant]
    ranges = tuple((name, tuple(ends)) for name, ends in source.get("values", {}).items())
    return declared(case.variant, source["header"], tuple(source.get("wrt", ())), ranges, source.get("formula", ""))
