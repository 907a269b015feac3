"""What a kernel takes and gives, as objects that read well: heed's metadata with names instead of numbers."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Axis(NamedTuple):
    """A name and an extent; extent None: a call brings it."""

    name: str
    extent: int | None = None

    def __str__(self) -> str:
        return self.name if self.extent is None else f"{self.name}={self.extent}"


class Operand(NamedTuple):
    """An array of a function, or the extent of an axis that no array carries.

    role: input, extent, cotangent, result or gradient; is_read: whether its memory is looked at;
    index_of: of whole numbers that index a table, the axis that they stay inside.
    """

    name: str
    role: str
    dtype: str
    axes: tuple[Axis, ...] = ()
    is_read: bool = True
    index_of: str | None = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.axes)

    def __str__(self) -> str:
        if self.role == "extent":
            return f"{self.name}: extent"
        inside = f" < {self.index_of}" if self.index_of else ""
        return f"{self.name}: {self.dtype}[{', '.join(map(str, self.axes))}]{inside}"


class FunctionSignature(NamedTuple):
    """One function of a kernel: its operands in the order of the C interface."""

    name: str
    operands: tuple[Operand, ...]

    def of_role(self, *roles: str) -> tuple[Operand, ...]:
        """The operands of these roles, in order."""
        return tuple(operand for operand in self.operands if operand.role in roles)


class Signature(NamedTuple):
    """What a kernel takes and gives. `inputs` are arrays in the order of declaration, `extents` the axes that no array
    carries; `gradients` are empty where the kernel was compiled without wrt."""

    name: str
    axes: tuple[Axis, ...]
    functions: dict[str, FunctionSignature]
    shown_as: str = ""

    @property
    def inputs(self) -> tuple[Operand, ...]:
        """The arrays that a call takes, in the order of declaration."""
        return self.functions["call"].of_role("input")

    @property
    def extents(self) -> tuple[Operand, ...]:
        """The axes that no array carries: numbers that a call takes by name."""
        return self.functions["call"].of_role("extent")

    @property
    def results(self) -> tuple[Operand, ...]:
        """The arrays that a call gives."""
        return self.functions["call"].of_role("result")

    @property
    def cotangents(self) -> tuple[Operand, ...]:
        """The arrays that `backward` takes besides the inputs."""
        return self.functions["backward"].of_role("cotangent") if "backward" in self.functions else ()

    @property
    def gradients(self) -> tuple[Operand, ...]:
        """The arrays that `backward` gives."""
        return self.functions["backward"].of_role("gradient") if "backward" in self.functions else ()

    def __repr__(self) -> str:
        taken = ", ".join(map(str, self.inputs + self.extents))
        given = ", ".join(
            str(result).split(": ", 1)[1] if len(self.results) == 1 else str(result) for result in self.results
        )
        text = f"{self.shown_as or self.name}({taken}) -> {given}"
        if self.gradients:
            text += f"\ngradients with respect to {', '.join(gradient.name for gradient in self.gradients)}"
        return text

    __str__ = __repr__


# What functions of a kernel are called here, by what follows its name there.
ROLES_OF_FUNCTIONS = {
    "": "call",
    "_forward": "forward",
    "_backward": "backward",
    "_reference": "reference",
    "_backward_reference": "backward_reference",
}


def _name_of(operand: dict[str, Any]) -> str:
    """What an operand is called here: a gradient like the input, which heed calls grad(q)."""
    name = operand["name"]
    return name[5:-1] if operand["role"] == "gradient" and name.startswith("grad(") else name


def read_signature(metadata: str | bytes | dict[str, Any], shown_as: str = "") -> Signature:
    """The signature in a kernel's metadata (NAME_metadata()->json)."""
    data = metadata if isinstance(metadata, dict) else json.loads(metadata)
    name = data["name"]
    axes = tuple(Axis(axis["name"], axis["extent"] if axis["extent"] >= 0 else None) for axis in data["axes"])
    by_name = {axis.name: axis for axis in axes}
    functions = {}
    for function in data["functions"]:
        operands = tuple(
            Operand(
                _name_of(operand),
                operand["role"],
                operand["dtype"],
                tuple(by_name[axis] for axis in operand["axes"]),
                bool(operand["is_read"]),
                operand["index_of"],
            )
            for operand in function["operands"]
        )
        role = ROLES_OF_FUNCTIONS[function["name"][len(name) :]]
        functions[role] = FunctionSignature(function["name"], operands)
    return Signature(name, axes, functions, shown_as)
