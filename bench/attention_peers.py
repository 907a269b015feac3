"""heed's attention in torch beside what torch has: scaled_dot_product_attention (forward, and forward with backward),
and FlexAttention under torch.compile (forward; it has no backward pass for processors).

usage: attention_peers.py [--json FILE] [--quick] [--processor]

Everything is measured in this one process, peers in turn, with the multiply-add peak of the same threads beside; with
--processor, for a machine that others use, it is the least processor time of one thread, without the peak. All must
agree. A peer that does not work has an empty column, and what it said stands below the table."""
from __future__ import annotations

import argparse
import ctypes
import json
import math
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python"))
import heed  # noqa: E402
import heed.torch  # noqa: E402
from heed import build, compiler, openmp  # noqa: E402

HEADER = ROOT / "bench" / "attention_peers.hpp"
WINDOW, DOCUMENT, CAP = 256, 300, 20.0  # as the header has them, but for the lengths of documents
VARIANTS = {"causal": "causal_attention", "window": "window", "documents": "documents", "alibi": "with_alibi",
            "softcap": "capped"}
RUNS = 9
Attention = Callable[[Tensor, Tensor, Tensor], Tensor]  # of q, k, v
Step = Callable[[], list[Tensor]]


class Problem:
    """One size: operands, and how many operations are useful."""

    def __init__(self, heads: int, positions: int, width: int) -> None:
        torch.manual_seed(1)
        self.heads, self.positions, self.width = heads, positions, width
        self.q, self.k, self.v, self.cotangent = (torch.randn(1, heads, positions, width) for _ in range(4))
        self.slope = 2.0 ** -(8.0 * torch.arange(1, heads + 1) / heads)
        self.document = (torch.arange(positions) // DOCUMENT).int()

    def operations(self, variant: str, backward: bool) -> float:
        """4 for each pair that the mask leaves and each element of the width; backward 2.5 times as many again."""
        visible = {"window": lambda i: min(i + 1, WINDOW), "documents": lambda i: i % DOCUMENT + 1}
        pairs = sum(map(visible.get(variant, lambda i: i + 1), range(self.positions)))
        return (3.5 if backward else 1) * 4.0 * self.width * self.heads * pairs


def heed_attention(variant: str, x: Problem) -> Attention:
    """The differentiable function of a variant."""
    attend = heed.torch.function(HEADER, VARIANTS[variant])
    more = {"documents": {"document": x.document}, "alibi": {"slope": x.slope}}.get(variant, {})
    return lambda q, k, v: attend(q=q, k=k, v=v, **more)


def torch_attention(variant: str, x: Problem) -> Attention | None:
    """scaled_dot_product_attention, for the variant that it has."""
    if variant != "causal":
        return None
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)


def flex_attention(variant: str, x: Problem) -> Attention | None:
    """FlexAttention, compiled, with a block mask that is made once. Without guards, so that it is compiled once for all
    numbers of threads."""
    from torch.nn.attention import flex_attention as flex

    if variant == "causal":
        return None
    document, slope = x.document, x.slope
    masks = {"window": lambda b, h, i, j: (j <= i) & (i - j < WINDOW),
             "documents": lambda b, h, i, j: (j <= i) & (document[i] == document[j])}
    scores = {"alibi": lambda s, b, h, i, j: s + slope[h] * (j - i),
              "softcap": lambda s, b, h, i, j: CAP * torch.tanh(s / CAP)}
    keep = flex.create_block_mask(masks.get(variant, lambda b, h, i, j: j <= i), None, None, x.positions, x.positions,
                                  device="cpu")
    score = scores.get(variant)
    torch._dynamo.reset()
    # Compiled for so many threads as there are now: with cpp.dynamic_threads it writes beside its buffers (torch 2.13).
    options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
    compiled = torch.compile(flex.flex_attention, dynamic=False, fullgraph=True, options=options)
    return lambda q, k, v: compiled(q, k, v, score_mod=score, block_mask=keep)


PEERS = {"heed": heed_attention, "SDPA": torch_attention, "Flex": flex_attention}


def step_of(attention: Attention, x: Problem, backward: bool) -> Step:
    """What is timed: a call, or a call and its gradients; gives the results."""
    def forward() -> list[Tensor]:
        with torch.no_grad():
            return [attention(x.q, x.k, x.v)]

    def both() -> list[Tensor]:
        q, k, v = (t.detach().requires_grad_() for t in (x.q, x.k, x.v))
        out = attention(q, k, v)
        return [out.detach(), *torch.autograd.grad(out, (q, k, v), x.cotangent)]

    return both if backward else forward


def steps_of(variant: str, x: Problem, backward: bool, trouble: dict[str, str]) -> dict[str, Step]:
    """The steps of those who can, compiled, warm, and agreeing with heed's."""
    steps: dict[str, Step] = {}
    expected: list[Tensor] = []
    for peer, make in PEERS.items():
        if backward and peer == "Flex":
            continue
        try:
            attention = make(variant, x)
            if attention is None:
                continue
            step = step_of(attention, x, backward)
            found = step()
        except Exception as error:  # a peer that does not work is a fact of the table, not the end of it
            if peer == "heed":
                raise
            trouble[f"{peer}, {variant}"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
            continue
        expected = expected or found
        off = max(float((a - b).norm() / b.norm()) for a, b in zip(found, expected))
        if off > 1e-4:
            raise SystemExit(f"{peer} differs from heed in {variant} by {off:.1e} of the norm")
        steps[peer] = step
    return steps


def peak_of(folder: pathlib.Path) -> Callable[[int], float]:
    """GFLOP/s of multiply-adds in registers by so many threads at a time, as every library of kernels measures it."""
    library = openmp.library(compiler.find_compiler())
    built = build.build(header=HEADER, out=folder, name="peak", openmp_library=library, products=("shared",),
                        kernels=[build.Kernel("attend", VARIANTS["causal"], namespace="peers")])
    peak = ctypes.CDLL(str(built.library)).attend_peak
    peak.argtypes, peak.restype = [ctypes.c_int32, ctypes.c_int32], ctypes.c_double
    return lambda threads: peak(threads, 32)


def processor_time(steps: dict[str, Step]) -> dict[str, Any]:
    """Of every peer the least milliseconds that one thread spends."""
    torch.set_num_threads(1)
    least = dict.fromkeys(steps, math.inf)
    for _ in range(RUNS + 1):
        for peer, step in steps.items():
            begin = time.process_time()
            step()
            least[peer] = min(least[peer], 1e3 * (time.process_time() - begin))
    return {"milliseconds": least}


def measured(steps: dict[str, Step], flops: float, threads: int, peak: Callable[[int], float]) -> dict[str, Any]:
    """Of every peer the median of milliseconds; of heed the share of the peak as well."""
    torch.set_num_threads(threads)
    taken: dict[str, list[float]] = {peer: [] for peer in steps}
    shares = []
    for run in range(RUNS + 1):
        for peer, step in steps.items():
            before = peak(threads) if peer == "heed" else 0.0
            begin = time.perf_counter()
            step()
            seconds = time.perf_counter() - begin
            if run:  # the first warms up
                taken[peer].append(1e3 * seconds)
                if peer == "heed":
                    shares.append(flops / seconds / 1e9 / ((before + peak(threads)) / 2))
    return {"milliseconds": {peer: statistics.median(times) for peer, times in taken.items()},
            "share_of_peak": statistics.median(shares)}


HEAD = (f"{'':10} {'':19} {'h':>2} {'d':>4} {'threads':>7} {'heed ms':>9} {'of peak':>8} {'SDPA ms':>9} {'times':>6} "
        f"{'Flex ms':>9} {'times':>6}")


def printed(row: dict[str, Any]) -> str:
    """A line of the table."""
    ours = row["milliseconds"]["heed"]
    line = (f"{row['variant']:10} {row['pass']:19} {row['heads']:2} {row['width']:4} {row['threads']:7} {ours:9.2f} "
            + (f"{100 * row['share_of_peak']:6.1f} %" if "share_of_peak" in row else f"{'':8}"))
    for peer in ("SDPA", "Flex"):
        theirs = row["milliseconds"].get(peer)
        line += f" {theirs:9.2f} {theirs / ours:6.2f}" if theirs else f" {'':9} {'':6}"
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="short inputs, one size: does everything run?")
    parser.add_argument("--processor", action="store_true", help="the least processor time of one thread")
    options = parser.parse_args()
    positions = 512 if options.quick else 2048
    sizes = [(2, 64)] if options.quick else [(heads, width) for heads in (4, 8) for width in (64, 128)]
    passes = [("causal", False), ("causal", True), *((name, False) for name in list(VARIANTS)[1:])]

    what = "the least of the processor in" if options.processor else "medians of"
    print(f"attention in torch {torch.__version__}: batch 1, {positions} positions, float32; milliseconds, {what} "
          f"{RUNS} calls in turn, and how many times as fast heed is\n{HEAD}")
    rows: list[dict[str, Any]] = []
    trouble: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        peak = None if options.processor else peak_of(pathlib.Path(folder))
        for heads, width in sizes:
            x = Problem(heads, positions, width)
            for variant, backward in passes:
                for threads in (1,) if options.processor else (1, 2):
                    torch.set_num_threads(threads)
                    steps = steps_of(variant, x, backward, trouble)
                    row = {"variant": variant, "pass": "forward + backward" if backward else "forward", "heads": heads,
                           "width": width, "threads": threads}
                    flops = x.operations(variant, backward)
                    row |= processor_time(steps) if peak is None else measured(steps, flops, threads, peak)
                    rows.append(row)
                    print(printed(rows[-1]), flush=True)
    for peer, said in trouble.items():
        print(f"no number of {peer}: {said}")
    for peer, what in (("SDPA", "forward"), ("SDPA", "forward + backward"), ("Flex", "forward")):
        ratios = [row["milliseconds"][peer] / row["milliseconds"]["heed"] for row in rows
                  if row["pass"] == what and peer in row["milliseconds"]]
        if ratios:
            print(f"{what}: {min(ratios):.2f} to {max(ratios):.2f} times as fast as {peer}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
