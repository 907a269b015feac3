"""The kernels in an object file: heed_kernel_part and heed_metadata, read where they stand."""

import dataclasses
import re

from .build_error import BuildError
from .c_text import DTYPES, MEMBERS, ROLES
from .object_file import ObjectFile

DTYPE_NAMES = {numbers: name for name, numbers in DTYPES.items()}
MEMBER_OFFSETS = {member: 8 * (1 + i) for i, member in enumerate(MEMBERS)}  # behind the metadata
AXIS_BYTES, OPERAND_BYTES, FUNCTION_BYTES = 16, 40, 24


@dataclasses.dataclass
class Kernel:
    """What a part says of a kernel."""

    name: str
    metadata: dict  # as the library's JSON has it, without the instruction sets
    members: list  # of heed_kernel_part, that are not NULL


def at(place, offset):
    return place[0], place[1] + offset


def read_axis(contents, place):
    return {"name": contents.text(contents.pointer(place)), "extent": contents.numbers(at(place, 8), "q")[0]}


def read_operand(contents, place, axes):
    """A heed_operand: name, role, dtype, rank, axes, is_read, index_of."""
    role, code, bits, _, rank = contents.numbers(at(place, 8), "iBBHi")
    over = contents.pointer(place, 24)
    numbers = contents.numbers(over, f"{rank}i") if rank else ()
    is_read, index_of = contents.numbers(at(place, 32), "ii")
    return {
        "name": contents.text(contents.pointer(place)),
        "role": [*ROLES][role],
        "dtype": DTYPE_NAMES[code, bits],
        "axes": [axes[number]["name"] for number in numbers],
        "is_read": bool(is_read),
        "index_of": axes[index_of]["name"] if index_of >= 0 else None,
    }


def read_function(contents, place, axes):
    (count,) = contents.numbers(at(place, 8), "i")
    first = contents.pointer(place, 16)
    return {
        "name": contents.text(contents.pointer(place)),
        "operands": [read_operand(contents, at(first, OPERAND_BYTES * i), axes) for i in range(count)],
    }


def read_metadata(contents, place):
    """A heed_metadata as the JSON of a library has it, without what is the library's."""
    (version,) = contents.numbers(place, "i")
    (axis_count,) = contents.numbers(at(place, 24), "i")
    (function_count,) = contents.numbers(at(place, 40), "i")
    first_axis, first_function = contents.pointer(place, 32), contents.pointer(place, 48)
    axes = [read_axis(contents, at(first_axis, AXIS_BYTES * i)) for i in range(axis_count)]
    return {
        "interface_version": version,
        "heed_version": contents.text(contents.pointer(place, 8)),
        "name": contents.text(contents.pointer(place, 16)),
        "axes": axes,
        "functions": [
            read_function(contents, at(first_function, FUNCTION_BYTES * i), axes) for i in range(function_count)
        ],
    }


def kernels_in(path, part):
    """name -> Kernel of a part, in order of their names."""
    contents = ObjectFile(path)
    found = {}
    for symbol, place in sorted(contents.symbols().items()):
        if match := re.fullmatch(rf"heed_part_(\w+)__{part}", symbol):
            name, metadata = match[1], contents.pointer(place)
            if metadata is None:
                raise BuildError(f"heed: kernel '{name}' has no metadata: it is not what heed makes of HEED_KERNEL")
            members = [member for member, offset in MEMBER_OFFSETS.items() if contents.pointer(place, offset)]
            found[name] = Kernel(name, read_metadata(contents, metadata), members)
    return found
