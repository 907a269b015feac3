"""heed-run: any library that heed-kernel has made, described, measured and checked from its metadata alone.

    heed-run libvariants.so --describe
    heed-run libvariants.so --benchmark n=2048,m=2048 --threads 1,2
    heed-run libvariants.so --verify n=65,m=130

--benchmark prints the median time of a call, its GFLOP/s of operations that matter, and their share of what
multiply-adds alone reach on as many threads, measured in the same run. --verify compares results and gradients with an
evaluation in double that is in the library, in units of the last place of the largest value, and ends with status 1
where one is further off than the bound."""

import argparse
import ctypes
import os
import sys
import time
from typing import NamedTuple

try:
    import numpy
    from .loaded import Library, RunError, operands_of, values_for, written
except ModuleNotFoundError as missing:
    if missing.name != "numpy":
        raise
    sys.exit("heed: heed-run needs numpy: pip install numpy, or Debian's python3-numpy")

TABLE = "{:>7}  {:24} {:>10} {:>9} {:>9} {:>7}"


def describe(kernel):
    """Every function of a kernel with its operands, and the instruction sets."""
    data = kernel.metadata
    inside = ", ".join(data["instruction_sets"])
    print(
        f"{kernel.name}: heed {data['heed_version']}; instruction sets {inside}; "
        f"in use {data['instruction_set'] or 'none of them'}"
    )
    print(
        "  axes: "
        + ", ".join(f"{axis}{' (a call brings it)' if axis.extent is None else ''}" for axis in kernel.signature.axes)
    )
    for function in kernel.signature.functions.values():
        print(f"  {function.name}")
        for operand in function.operands:
            axes = ", ".join(axis.name for axis in operand.axes)
            inside = f", below the extent of {operand.index_of}" if operand.index_of else ""
            unread = "" if operand.is_read or operand.role in ("result", "gradient") else ", not read"
            print(f"    {operand.role:9} {operand.name:16} {operand.dtype:7} ({axes}){inside}{unread}")


def buffer(size):
    """Memory for a workspace or saved values: an array, its address and its size as arguments."""
    memory = numpy.empty(max(size, 1), numpy.uint8)
    return memory, ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(size)


class Calls:
    """The forward and backward functions of a kernel with everything that they want, ready to be called again."""

    def __init__(self, kernel, extents, ranges):
        self.kernel = kernel
        values = values_for(kernel, extents, ranges)
        self.arrays = {
            function: operands_of(kernel, function, extents, values)
            for function in ("call", "forward", "backward")
            if function in kernel.signature.functions
        }
        for function in ("reference", "backward_reference"):
            if function in kernel.signature.functions:
                self.arrays[function] = operands_of(kernel, function, extents, values, numpy.float64)
        self.saved = buffer(kernel.bytes("saved_bytes", self.arrays["forward"]) if "forward" in self.arrays else 0)
        self.workspace = {}
        self.fit()

    def fit(self):
        """Workspaces for as many threads as there are now."""
        for function in ("call", "forward", "backward"):
            if function in self.arrays:
                name = "workspace_bytes" if function == "call" else f"{function}_workspace_bytes"
                self.workspace[function] = buffer(self.kernel.bytes(name, self.arrays[function]))

    def __call__(self, function):
        saved = () if function == "call" else self.saved[1:]
        self.kernel.invoke(function, self.arrays[function], *saved, *self.workspace[function][1:])

    def written(self, function):
        return written(self.kernel, function, self.arrays[function])


def largest_of(wanted):
    """The largest finite value."""
    finite = wanted[numpy.isfinite(wanted)]
    return float(numpy.abs(finite).max()) if finite.size else 0.0


def last_places(got, wanted, least):
    """The largest error in units of the last place of the largest value, or of `least` if that is larger: what is 0 by
    cancelling has errors all the same. Infinity where not the same are finite."""
    finite = numpy.isfinite(wanted)
    if not numpy.array_equal(finite, numpy.isfinite(got)) or not numpy.array_equal(
        got[~finite].astype(numpy.float64), wanted[~finite], equal_nan=True
    ):
        return numpy.inf
    if not finite.any():
        return 0.0
    largest = max(largest_of(wanted), least)
    off = numpy.abs(got[finite].astype(numpy.float64) - wanted[finite]).max()
    if got.dtype.kind != "f":
        return float(off)
    return float(off / numpy.spacing(numpy.asarray(largest, got.dtype))) if largest else 0.0 if off == 0 else numpy.inf


def errors_of(kernel, extents, ranges):
    """function, name, array, error of every result and gradient, in units as last_places says them."""
    if "reference" not in kernel.signature.functions:
        raise RunError(f"heed: kernel '{kernel.name}' was compiled without its evaluation in double")
    calls = Calls(kernel, extents, ranges)
    pairs = [("call", "reference")]
    if "backward" in calls.arrays:
        pairs += [("forward", "reference"), ("backward", "backward_reference")]
    for function, reference in pairs:
        calls(function)
        if function != "forward":
            kernel.invoke(reference, calls.arrays[reference])
        expected = calls.written(reference)
        least = max(map(largest_of, expected.values()), default=0.0) / 16
        for (name, got), wanted in zip(calls.written(function).items(), expected.values()):
            yield function, name, got, last_places(got, wanted, least)


def verify(kernel, extents, ranges, bound):
    """Whether every result and gradient is within the bound."""
    right = True
    for function, name, got, off in errors_of(kernel, extents, ranges):
        right &= off <= bound
        print(
            f"{kernel.symbol(function):24} {name:16} {got.dtype.name}{list(got.shape)}: {off:.3g} units in the "
            f"last place of the largest{'' if off <= bound else f', more than {bound:g}: WRONG'}"
        )
    return right


def median_seconds(call, seconds):
    """The median of at least 5 calls, for at least so many seconds, after one that is not counted."""
    call()
    times = []
    while len(times) < 5 or (sum(times) < seconds and len(times) < 10000):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return float(numpy.median(times))


class Measured(NamedTuple):
    """A function of a kernel on some threads; what is not known, as of a library without operations, is 0."""

    function: str
    threads: int
    seconds: float
    rate: float  # GFLOP/s of the operations that matter
    peak: float  # GFLOP/s of multiply-adds alone, before and after

    @property
    def share(self):
        return self.rate / self.peak if self.peak else 0


def measured(kernel, extents, ranges, threads, seconds):
    """Every function on each number of threads."""
    calls = Calls(kernel, extents, ranges)
    functions = [f for f in ("call", "forward", "backward") if f in calls.arrays]
    bits = 64 if any(array.dtype == numpy.float64 for array in calls.arrays["call"]) else 32
    counted = {}
    for function in functions if kernel.has("operations") else ():
        name = "backward_operations" if function == "backward" else "operations"
        found = kernel.operations(name, calls.arrays[function])
        counted[function] = 0 if numpy.isnan(found) else found
    for count in threads:
        kernel.library.set_threads(count)
        calls.fit()
        for function in functions:
            before = kernel.peak(count, bits) if counted else 0
            spent = median_seconds(lambda: calls(function), seconds)
            peak = (before + kernel.peak(count, bits)) / 2 if counted else 0
            yield Measured(function, count, spent, counted.get(function, 0) / spent / 1e9, peak)


def others_load():
    """The load of the machine, where it is more than half of its processors; 0 else."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    return load if load > processors / 2 else 0


def benchmark(kernel, extents, ranges, threads, seconds):
    """A table of every function on each number of threads."""
    sizes = ", ".join(f"{name}={extent}" for name, extent in extents.items())
    print(f"{kernel.name}, {kernel.metadata['instruction_set']}, {sizes}")
    if load := others_load():
        print(f"others use this machine (load {load:.1f} on {os.cpu_count()} processors): times hold theirs")
    print(TABLE.format("threads", "function", "ms", "GFLOP/s", "peak", "share"))
    for row in measured(kernel, extents, ranges, threads, seconds):
        print(
            TABLE.format(
                row.threads,
                kernel.symbol(row.function),
                f"{row.seconds * 1e3:.3f}",
                f"{row.rate:.1f}" if row.rate else "-",
                f"{row.peak:.1f}" if row.peak else "-",
                f"{row.share * 100:.1f} %" if row.share else "-",
            ),
            flush=True,
        )


def extents_argument(text):
    """n=2048,m=2048 as a dict."""
    extents = {}
    for word in filter(None, text.split(",")):
        name, equals, number = word.partition("=")
        if not equals or not number.isdigit():
            raise argparse.ArgumentTypeError(f"'{word}' is not AXIS=EXTENT")
        extents[name] = int(number)
    return extents


def range_argument(text):
    """doc=0:4 as a pair."""
    name, _, ends = text.partition("=")
    try:
        low, high = map(float, ends.split(":"))
        if low >= high:
            raise ValueError
        return name, (low, high)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not INPUT=LOW:HIGH") from None


def threads_argument(text):
    words = text.split(",")
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of numbers of threads")
    return [int(word) for word in words]


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"heed-run: {message} (heed-run --help says more)", file=sys.stderr)
        sys.exit(1)


def parse(arguments):
    parser = Parser(prog="heed-run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", help="a library that heed-kernel has made")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--describe", action="store_true", help="what the library holds")
    what.add_argument(
        "--benchmark", type=extents_argument, metavar="EXTENTS", help="measure, with axes of these extents"
    )
    what.add_argument("--verify", type=extents_argument, metavar="EXTENTS", help="check, with axes of these extents")
    parser.add_argument("--kernel", help="of several, this one alone")
    parser.add_argument(
        "--threads", type=threads_argument, default=[1], metavar="LIST", help="numbers of threads to measure with (1)"
    )
    parser.add_argument(
        "--values",
        type=range_argument,
        action="append",
        default=[],
        metavar="INPUT=LOW:HIGH",
        help="values of an input, LOW included (normal numbers, indices inside their table, whole numbers from 0 to 3)",
    )
    parser.add_argument("--bound", type=float, default=256, metavar="UNITS", help="how far off is wrong (256)")
    parser.add_argument("--seconds", type=float, default=0.5, help="to measure each function for (0.5)")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.benchmark is not None:  # as ./dev bench does: threads stay where they are
        os.environ.setdefault("OMP_PROC_BIND", "true")
        os.environ.setdefault("OMP_PLACES", "cores")
    try:
        library = Library(options.library)
        kernels = [library.kernel(options.kernel)] if options.kernel else list(library.kernels.values())
        right = True
        for kernel in kernels:
            if options.describe:
                describe(kernel)
                continue
            ranges = {
                name: ends
                for name, ends in options.values
                if len(kernels) == 1 or name in [i.name for i in kernel.signature.inputs]
            }
            extents = kernel.extents(options.verify if options.benchmark is None else options.benchmark)
            if options.benchmark is not None:
                benchmark(kernel, extents, ranges, options.threads, options.seconds)
            else:
                right &= verify(kernel, extents, ranges, options.bound)
        return 0 if right else 1
    except RunError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
