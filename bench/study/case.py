"""A case: one variant at one shape, element type, number of threads and direction. Every implementation is asked for
the same case, and gets the same operands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

DIRECTIONS = ("forward", "backward", "step")  # step: forward and backward
TYPES = ("float32", "float64")


@dataclass(frozen=True)
class Case:
    """Extents are those of the variant's axes. `source` says where a variant of the user's own lies."""

    variant: str
    extents: tuple[tuple[str, int], ...]
    dtype: str = "float32"
    threads: int = 1
    direction: str = "forward"
    source: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def shape(self) -> str:
        """The extents as text: h=4,n=512."""
        return ",".join(f"{axis}={extent}" for axis, extent in self.extents)

    @property
    def key(self) -> str:
        """What a record knows the case by."""
        return f"{self.variant} {self.shape} {self.dtype} threads={self.threads} {self.direction}"

    @property
    def seed(self) -> int:
        """Of the operands: the same for all element types, threads and directions."""
        return int.from_bytes(hashlib.sha256(f"{self.variant} {self.shape}".encode()).digest()[:4], "big")

    def as_json(self) -> dict[str, Any]:
        """For a record and for another process."""
        return {
            "variant": self.variant,
            "extents": dict(self.extents),
            "dtype": self.dtype,
            "threads": self.threads,
            "direction": self.direction,
            "source": self.source,
        }

    @staticmethod
    def from_json(text: dict[str, Any]) -> Case:
        """What as_json gave."""
        return Case(
            text["variant"],
            tuple(text["extents"].items()),
            text["dtype"],
            text["threads"],
            text["direction"],
            text.get("source", {}),
        )
