#!/usr/bin/env python3
"""The evaluation that judges the library, judged: by values worked out by hand and by direct loops, and its derivatives
by central differences."""
import math
import sys

import numpy as np

import cases
import pointwise
import random_graphs
from formulas import composite
from language import Evaluation
from loops import Loops
from nodes import Invalid, constant, make

wrong = []


def expect(what, got, want):
    got, want = np.asarray(got, float), np.asarray(want, float)
    if got.shape != want.shape or not np.allclose(got, want, rtol=1e-12, atol=1e-12, equal_nan=True):
        wrong.append(f"{what}: {got.tolist()}, should be {want.tolist()}")


def value(node, inputs, **extents):
    r = Evaluation(extents, {k: np.array(v) for k, v in inputs.items()})(node)
    return cases.stored(r)


def philox(key, i, j, use):
    """In whole numbers of Python; of (0, 0, 0, 0) it is 0x6627e8d5."""
    c, k = [i, j, use, 0], [key, 0]
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k[0], second % 2**32, first >> 32 ^ c[3] ^ k[1], first % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c[0]


def by_hand():
    expect("the known answer", philox(0, 0, 0, 0), 0x6627e8d5)
    x = make("input", name="x", axes=("n",), element="f64")
    y = make("input", name="y", axes=("n", "m"), element="f64")
    keep = make("input", name="keep", axes=("n",), element="bool")
    n, m = make("index", axis="n"), make("index", axis="m")
    some = {"x": [1.0, 2.0, 4.0], "keep": [True, False, True]}
    masked = make("mask", x, keep)
    expect("an absent element is stored as -inf", value(masked, some, n=3), [1, -math.inf, 4])
    expect("what is computed from it is absent", value(make("+", masked, constant(1)), some, n=3), [2, -math.inf, 5])
    for op, want in [("sum", 5), ("mean", 2.5), ("reduce_max", 4), ("reduce_min", 1), ("logsumexp", math.log(math.e + math.exp(4)))]:
        expect(f"{op} leaves it out", value(make(op, masked, over=["n"]), some, n=3), want)
    nothing = dict(some, keep=[False, False, False])
    for op, want in [("sum", 0), ("mean", 0), ("reduce_max", -math.inf), ("reduce_min", math.inf), ("logsumexp", -math.inf)]:
        expect(f"{op} of nothing", value(make(op, masked, over=["n"]), nothing, n=3), want)
    hidden = dict(some, x=[1.0, math.nan, 1.0])
    expect("softmax gives it no weight", value(make("softmax", masked, over=["n"]), hidden, n=3), [0.5, 0, 0.5])
    expect("nor a part in a product", value(make("dot", make("softmax", masked, over=["n"]), x, over=["n"]), hidden, n=3), 1)
    expect("softmax of nothing", value(make("softmax", masked, over=["n"]), nothing, n=3), [0, 0, 0])
    expect("where takes what it chooses", value(make("where", keep, constant(0), masked), some, n=3), [0, -math.inf, 0])
    grid = {"y": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
    expect("dot", value(make("dot", y, y, over=["m"]), grid, n=2, m=3), [14, 77])
    expect("a condition broadcasts", value(make("sum", make("where", make("<=", m, n), constant(1), constant(0)), over=["m"]), {}, n=2, m=3), [1, 2])
    expect("shift", value(make("shift", y, axis="m", by=1), grid, n=2, m=3), [[0, 1, 2], [0, 4, 5]])
    expect("shift back", value(make("shift", y, axis="n", by=-1), grid, n=2, m=3), [[4, 5, 6], [0, 0, 0]])
    expect("slice", value(make("slice", y, **{"from": "m", "to": "s", "at": 1}), grid, n=2, m=3, s=2), [[2, 3], [5, 6]])
    expect("merge", value(make("merge", y, major="n", minor="m", to="o"), grid, n=2, m=3, o=6), [1, 2, 3, 4, 5, 6])
    expect("merge of what lies behind", value(make("merge", y, major="m", minor="n", to="o"), grid, n=2, m=3, o=6), [1, 4, 2, 5, 3, 6])
    expect("a running sum", value(make("running_sum", y, over=["m"], from_the_end=False), grid, n=2, m=3), [[1, 3, 6], [4, 9, 15]])
    expect("from the end, along what lies behind", value(make("running_sum", y, over=["n"], from_the_end=True), grid, n=2, m=3), [[5, 7, 9], [4, 5, 6]])
    expect("a running sum leaves it out", value(make("running_sum", masked, over=["n"], from_the_end=False), hidden, n=3), [1, 1, 2])
    sparsemax = lambda a: make("entmax", a, over=["n"], alpha=2)
    expect("sparsemax", value(sparsemax(x), {"x": [2.0, 1.5, 0.0]}, n=3), [0.75, 0.25, 0])
    expect("sparsemax leaves it out", value(sparsemax(masked), {"x": [0.5, 9.0, 0.25], "keep": [True, False, True]}, n=3), [0.625, 0, 0.375])
    expect("sparsemax of nothing", value(sparsemax(masked), nothing, n=3), [0, 0, 0])
    expect("entmax of 1.5", value(make("entmax", x, over=["n"], alpha=1.5), {"x": [1.6, 1.2, -3.0]}, n=3), [0.64, 0.36, 0])
    largest = lambda a, count: make("among_largest", a, over=["n"], count=count)
    expect("the two largest", value(largest(x, 2), some, n=3), [0, 1, 1])
    expect("of fewer all", value(make("where", largest(masked, 3), constant(1), constant(0)), some, n=3), [1, -math.inf, 1])
    for key, i, j, use in [(0, 0, 0, 0), (7, 3, 5, 1)]:
        expect("a word of Philox", int(pointwise.philox(key, i, j, use)), philox(key, i, j, use))
    draw = make("random_uniform", constant(-3), m, n)
    expect("draws", value(draw, {}, n=2, m=3), [[philox(2**32 - 3, j, i, 0) // 256 / 2**24 for i in range(2)] for j in range(3)])
    deep = make("random_uniform", constant(4), n, m, constant(9))
    expect("draws of three indices", value(deep, {}, n=1, m=2), [[philox(philox(4, 0, 0, 1), j, 9, 0) // 256 / 2**24 for j in range(2)]])
    long = {"x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}
    expect("split", value(make("split", x, **{"from": "n", "major": "h", "minor": "d"}), long, n=6, h=2, d=3), [[1, 2, 3], [4, 5, 6]])
    expect("concat", value(make("concat", y, make("rename", y, **{"from": "m", "to": "k"}), first="m", second="k", to="o"), grid, n=2, m=3, k=3, o=6),
           [[1, 2, 3, 1, 2, 3], [4, 5, 6, 4, 5, 6]])
    expect("gather reads the nearest end", value(make("gather", x, make("-", make("*", m, constant(3)), constant(2)), along="n"), some, n=3, m=3), [1, 2, 4])
    expect("a whole quotient drops the fraction", value(make("cast", make("/", n, constant(3)), to="i32"), {}, n=7), [0, 0, 0, 1, 1, 1, 2])
    turns = {"x": [0.0, -1.5, 2.5]}
    expect("round of whole numbers", value(make("round", m), {}, m=3), [0, 1, 2])
    expect("sine", value(make("sin", x), turns, n=3), [math.sin(v) for v in turns["x"]])
    expect("softplus", value(make("softplus", x), turns, n=3), [math.log(1 + math.exp(v)) for v in turns["x"]])
    expect("floor", value(make("floor", make("+", x, constant(0.25))), turns, n=3), [0, -2, 2])
    expect("clamp", value(make("clamp", x, constant(-1), constant(2)), turns, n=3), [0, -1, 2])
    expect("clamp to an empty range is its end", value(make("clamp", x, constant(3), constant(2)), turns, n=3), [2, 2, 2])
    expect("a power of two values", value(make("raise", make("+", n, constant(1)), x), turns, n=3), [1, 2 ** -1.5, 3 ** 2.5])
    q = {"q": [[1.0, 0.0]], "k": [[2.0, 0.0], [0.0, 0.0]], "v": [[1.0], [3.0]]}
    names = [("q", ("n", "d")), ("k", ("m", "d")), ("v", ("m", "e"))]
    q_k_v = [make("input", name=name, axes=axes, element="f64") for name, axes in names]
    w = math.exp(2 / math.sqrt(2))
    expect("attention", value(composite("attention", q_k_v, width="d", keys="m"), q, n=1, m=2, d=2, e=1), [[(w + 3) / (w + 1)]])
    ones = {"x": [3.0, 5.0]}
    expect("layer_norm", value(composite("layer_norm", [x], width="n"), ones, n=2), np.array([-1, 1]) / math.sqrt(1 + 1e-5))
    turned = {"x": [1.0, 2.0], "c": [0.0], "s": [1.0]}
    angle = [make("input", name=name, axes=("half",), element="f64") for name in "cs"]
    expect("rotary", value(composite("rotary", [x] + angle, width="n", half="half", halfway=1), turned, n=2, half=1), [-2, 1])


def by_kinks():
    """What lies too near to a kink is not compared, unless it is absent: bounds of a clamp that meet have fewer axes than what is clamped."""
    x = make("input", name="x", axes=("n", "m"), element="f64")
    low, high = (make("input", name=name, axes=("n",), element="f64") for name in ("low", "high"))
    keep = make("input", name="keep", axes=("n", "m"), element="bool")
    numbers = {"x": np.array([[0.5, 3.0], [0.25, 0.75]]), "low": np.array([-1.0, 1.0]), "high": np.array([1.0, 1.0])}
    for kept, near in [([[True, True], [False, False]], False), ([[True, True], [False, True]], True)]:
        evaluation = Evaluation({"n": 2, "m": 2}, {**numbers, "keep": np.array(kept)}, [("x", 0)])
        try:
            evaluation(make("clamp", make("mask", x, keep), low, high))
            refused = False
        except Invalid:
            refused = True
        expect("bounds of a clamp that meet are refused where it is present", refused, near)


def by_loops(count):
    """Values of programs over pairs, number by number."""
    compared, number = 0, 0
    while compared < count:
        number += 1
        case = random_graphs.case_of(number, kind="pairs")
        if case is None or case.poisoned or max(case.graph.extents().values()) > 16:
            continue
        compared += 1
        loops = Loops(case.graph.extents(), case.inputs)
        for k, (node, got) in enumerate(zip(case.graph.results, case.results)):
            want = np.reshape(loops.array(node), got.shape)
            if not np.allclose(got, want, rtol=1e-9, atol=1e-9):
                wrong.append(f"pairs {number}, result {k}: {got.tolist()}, loops give {want.tolist()}")


def by_differences(count, kind="any"):
    """Derivatives of random graphs."""
    compared, number, step = 0, 0, 1e-6
    while compared < count:
        number += 1
        case = random_graphs.case_of(number, kind=kind)
        if case is None or not case.seeds or case.poisoned:
            continue
        compared += 1

        def objective(inputs):
            _, values, _ = cases.outcome(case.graph, inputs, case.cotangents, [])
            total = 0.0
            for v, c in zip(values, case.cotangents):
                if c is not None:
                    total += float(np.where(np.isfinite(cases.stored(v)), cases.stored(v) * c, 0).sum())
            return total
        for (name, at), slope in list(zip(case.seeds, case.slopes))[::4]:
            sides = []
            for sign in (1, -1):
                inputs = dict(case.inputs)
                inputs[name] = inputs[name].copy()
                inputs[name].flat[at] += sign * step
                sides.append(objective(inputs))
            want = (sides[0] - sides[1]) / (2 * step)
            if not abs(slope - want) <= 1e-4 + 1e-3 * abs(want):
                wrong.append(f"{kind} {number}, {name}[{at}]: {slope}, differences give {want}")


if __name__ == "__main__":
    by_hand()
    by_kinks()
    try:
        with np.errstate(all="ignore"):
            by_differences(60)
            by_differences(20, "pairs")
            by_loops(40)
    except Invalid as x:
        wrong.append(str(x))
    print("\n".join(wrong) or "right")
    sys.exit(bool(wrong))
