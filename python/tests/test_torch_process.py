"""heed.torch in a process: threads, OpenMP libraries, the time of a call; and the examples, as they are run."""
from __future__ import annotations

import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")

import heed  # noqa: E402
import heed.torch  # noqa: E402
from torch_variant import VARIANT  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_MICROSECONDS = 50  # of a call; on a quiet machine a third of it

LEARNED = ("q", "k", "slope", "sink", "v")
EXAMPLE = [(("out",), {}), (("out",), {"wrt": LEARNED}), (("out",), {"wrt": ("q", "k", "slope", "v")}),
           (("out",), {"defines": {"REAL": "double"}}), (("out",), {"defines": {"REAL": "double"}, "wrt": LEARNED})]


@pytest.fixture(scope="module", autouse=True)
def compiled_ahead(ahead):
    """What the examples and the page ask for."""
    ahead(ROOT / "examples" / "python" / "variant.hpp", EXAMPLE)


# Prints how many threads have computed during calls: those that ran at least a tenth of what the busiest did.
COUNTING = """
import pathlib, sys, threading, torch, heed, heed.torch
attend = heed.torch.function(sys.argv[1], "out")
q = torch.rand(8, 64, 8)
slope = torch.rand(8)

def ran():
    tasks = pathlib.Path("/proc/self/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) for task in tasks}

def busy(gradients=False):
    given = [x.clone().requires_grad_(gradients) for x in (q, q, slope, q)]
    attend(*given)
    before = ran()
    for _ in range(10):
        out = attend(*given)
        if gradients:
            torch.autograd.grad(out, given, q)
    spent = [after - before.get(task, 0) for task, after in ran().items()]
    return sum(x > max(spent) / 10 for x in spent)

"""


def run(code: str, *arguments: str) -> str:
    """What a Python program prints, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_torch_rules_the_number_of_threads():
    printed = run(COUNTING + """
for count in (1, 2, 1):
    torch.set_num_threads(count)
    print(busy(), busy(True))
""", VARIANT)
    assert printed.split() == ["1", "1", "2", "2", "1", "1"]


def test_torch_rules_the_threads_of_a_thread():
    printed = run(COUNTING + """
torch.set_num_threads(1)
worker = threading.Thread(target=lambda: print(busy()))
worker.start()
worker.join()
""", VARIANT)
    assert printed.split() == ["1"]


@pytest.mark.parametrize("first", ["import torch, heed, heed.torch", "import heed, heed.torch, torch"])
def test_there_is_one_openmp_library(first):
    printed = run(f"""{first}
import re, sys
attend = heed.torch.function(sys.argv[1], "out")
q = torch.rand(2, 64, 16)
attend(q, q, torch.rand(2), q)
torch.rand(500, 500) @ torch.rand(500, 500)
print(*{{line.split()[4] for line in open("/proc/self/maps") if re.search("lib(gomp|omp|iomp)", line)}})
""", VARIANT)
    assert len(printed.split()) == 1


TINY = """
#include <heed/heed.hpp>
namespace mine {
constexpr heed::axis<"n"> n;
constexpr auto out = heed::input<"a">(n) * heed::input<"b">(n) + heed::input<"c">(n) * heed::input<"d">(n);
}
"""


class Nothing(torch.autograd.Function):
    """What torch itself takes for a function of four tensors that keeps them."""

    @staticmethod
    def forward(ctx, a, b, c, d):
        ctx.save_for_backward(a, b, c, d)
        return torch.empty(4)

    @staticmethod
    def backward(ctx, cotangent):
        return (cotangent,) * 4


def microseconds(*functions, rounds=40, calls=250):
    """Of each function the least median of so many calls, in turns: others use the machine too."""
    least = [math.inf] * len(functions)
    for _ in range(rounds):
        for i, function in enumerate(functions):
            taken = []
            for _ in range(calls):
                begin = time.perf_counter()
                function()
                taken.append(time.perf_counter() - begin)
            least[i] = min(least[i], 1e6 * statistics.median(taken))
    return least


def test_the_time_of_a_call(optimised, capsys):
    attend = heed.torch._function(TINY, ("out",), None, {}, ("a", "b", "c", "d"))
    given = [torch.rand(4) for _ in range(4)]
    learned = [x.clone().requires_grad_() for x in given]
    torch.set_num_threads(1)
    plain, kept, nothing = microseconds(
        lambda: attend(*given), lambda: attend(*learned), lambda: Nothing.apply(*learned))
    with capsys.disabled():
        print(f"\na call of four tensors: {plain:.1f} us; {kept:.1f} us where gradients are wanted, of which "
              f"{nothing:.1f} us are an autograd.Function that does nothing")
    assert plain < MOST_MICROSECONDS and kept < 2 * MOST_MICROSECONDS


@pytest.mark.parametrize("example, arguments, printed", [
    ("train_gpt.py", ["--quick"], r"the losses of the first 10 steps differ by \d.\de-0[4-9]"),
    ("declare_and_measure.py", ["--positions", "64"], r"positions, 4 heads: [\d.]+ ms")])
def test_examples_run(example, arguments, printed):
    start = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    text = run(start, str(ROOT / "examples" / "python" / example), *arguments)
    assert re.search(printed, text), text


def test_the_page_on_torch(tmp_path):
    page = (ROOT / "docs" / "torch.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    variant = (ROOT / "examples" / "python" / "variant.hpp").read_text(encoding="utf-8")
    (tmp_path / "variant.hpp").write_text(variant)
    text = run(f"import os; os.chdir({str(tmp_path)!r})\n{code}")
    for printed in re.findall(r"<!-- printed -->\n```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        assert printed.strip() in text
