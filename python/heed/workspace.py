"""Workspaces: memory that kernels work in, kept from call to call so that a call allocates and touches none anew."""

from __future__ import annotations

import numpy


class Workspace:
    """A piece of memory and where it lies."""

    __slots__ = ("memory", "address", "size")

    def __init__(self, size: int) -> None:
        self.memory = numpy.empty(size, numpy.uint8)
        self.address = self.memory.__array_interface__["data"][0]
        self.size = size


# The workspaces that no call uses: as many as calls have run at a time, each as large as the largest call needed. A
# list's pop and append are atomic, so that threads and signal handlers may call kernels.
_idle: list[Workspace] = []


def take(size: int) -> Workspace:
    """A workspace of at least so many bytes, for one call."""
    try:
        workspace = _idle.pop()
    except IndexError:
        return Workspace(size)
    return workspace if workspace.size >= size else Workspace(size)


def give_back(workspace: Workspace) -> None:
    """For the next call."""
    _idle.append(workspace)


def release_workspaces() -> None:
    """Gives the memory of all idle workspaces back to the system."""
    _idle.clear()
