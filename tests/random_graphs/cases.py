"""Graphs with numbers: what goes in, what must come out, how far off it may be, and NaN where nothing looks."""
import math

import numpy as np

from graphs import reached
from ingredients import EXCLUDED
from language import Evaluation
from nodes import Invalid, is_real


class Case:
    """A graph with numbers: what goes in, what must come out, and how large an error unit is there."""


def input_values(node, shape, rng, element):
    if node.element == "bool":
        return rng.random(shape) < rng.choice([0.3, 0.6, 0.8, 0.95])
    if not is_real(node.element):
        return rng.integers(node.info["low"], (node.info["high"] or 0) + 1, shape)
    v = rng.uniform(-1.2, 1.2, shape)
    return v.astype(np.float32).astype(float) if node.element == "f32" else v


def outcome(graph, inputs, cotangents, seeds, **how):
    """The results (values, presence) and the derivatives along the seeds."""
    evaluation = Evaluation(graph.extents(), inputs, seeds, **how)
    values = [evaluation(r) for r in graph.results]
    slopes = np.zeros(len(seeds))
    for r, value, c in zip(graph.results, values, cotangents):
        if value.tangent is None or c is None:
            continue
        present = np.ones(value.v.shape, bool) if value.present is None else value.present
        with np.errstate(all="ignore"):
            terms = np.where(present & (value.tangent != 0), value.tangent * c, 0)
        with np.errstate(all="ignore"):
            slopes += terms.reshape(len(seeds), -1).sum(1)
    return evaluation, values, slopes


def stored(value):
    v = np.asarray(value.v, float)
    return v if value.present is None else np.where(value.present, v, -np.inf)


def same(a, b):
    return np.array_equal(a, b, equal_nan=True)


def with_numbers(graph, number, most_seeds=40, unit=2.0 ** -24, redraws=12, poisoned=None, excluded=frozenset(EXCLUDED)):
    """Draws numbers until the graph's values are fit for a comparison."""
    nodes = reached(graph.results)
    used = {x.info["name"]: x for x in nodes if x.op == "input"}
    extents = graph.extents()
    shape = lambda axes: tuple(extents[a] for a in axes)
    why = None
    for attempt in range(redraws):
        rng = np.random.default_rng([number, attempt])
        inputs = {name: np.array(input_values(x, shape(x.axes), rng, graph.element)) for name, x in used.items()}
        cotangents = []
        for r in graph.results:
            c = None
            if graph.mode != "forward" and is_real(r.element):
                c = rng.uniform(-1.2, 1.2, shape(r.axes)).astype(np.float32).astype(float) if r.axes else np.array(1.0)
                if r.axes and graph.quiet and rng.random() < graph.quiet:
                    c = np.zeros_like(c)
            cotangents.append(c)
        seeds = []
        if graph.mode != "forward":
            for x in graph.wrt:
                size = math.prod(shape(x.axes))
                each = max(1, most_seeds // len(graph.wrt))
                seeds += [(x.info["name"], int(i)) for i in (range(size) if size <= each else sorted(rng.choice(size, each, replace=False)))]
        try:
            evaluation, values, slopes = outcome(graph, inputs, cotangents, seeds, excluded=excluded if seeds else ())
            if evaluation.largest > 1e4:
                raise Invalid("too large a number")
            for r, value in zip(graph.results, values):
                if not is_real(r.element) and value.present is not None:
                    raise Invalid("an absent result that is no real number")
                if np.isnan(np.where(value.present if value.present is not None else True, value.v, 0)).any() or (np.isposinf(stored(value))).any():
                    raise Invalid("a result that is not a number")
            if not np.isfinite(slopes).all():
                raise Invalid("a gradient that is not a number")
            case = Case()
            case.graph, case.inputs, case.cotangents, case.seeds = graph, inputs, cotangents, seeds
            case.results, case.slopes = [stored(v) for v in values], slopes
            units(case, rng, unit)
            case.poisoned = 0
            if poisoned is not False and not (seeds and "nan beside gradients" in excluded):
                poison(case, rng)
            return case
        except Invalid as x:
            why = x
    raise Invalid(f"no numbers: {why}")


def units(case, rng, unit):
    """How far results and gradients move when every number on the way moves by one unit in the last place: the most of eight
    tries, for of three each may happen to leave an element where it is (one of ten thousand was held to a fifth of what it may move)."""
    graph = case.graph
    case.result_units = [np.zeros(np.shape(r)) for r in case.results]
    case.slope_units = np.zeros(len(case.seeds))
    for noise in [rng] * 3 + [np.random.default_rng(graph.number)] * 5:  # (what is drawn behind them stays as it is)
        _, values, slopes = outcome(graph, case.inputs, case.cotangents, case.seeds, noise=noise, unit=unit)
        for u, r, v in zip(case.result_units, case.results, values):
            v = stored(v)
            if not np.array_equal(np.isfinite(v), np.isfinite(r)):
                raise Invalid("a result on the edge")
            with np.errstate(all="ignore"):
                np.maximum(u, np.where(np.isfinite(r), np.abs(v - r), 0), out=u)
        case.slope_units = np.maximum(case.slope_units, np.abs(slopes - case.slopes))
    floor = lambda v: unit * float(np.abs(v[np.isfinite(v)]).max(initial=graph.least))
    for u, r in zip(case.result_units, case.results):
        if u.size:
            u += floor(r) + 0.5 * unit * float(u.max()) / unit * 0.1
    names = [name for name, _ in case.seeds]
    for name in dict.fromkeys(names):
        mine = np.array([n == name for n in names])
        case.slope_units[mine] += floor(case.slopes[mine]) + 0.1 * case.slope_units[mine].max(initial=0)


def poison(case, rng):
    """NaN and infinity in elements of real inputs that reach no result and no gradient."""
    graph = case.graph
    used = [x for x in reached(graph.results) if x.op == "input" and is_real(x.element)]

    def harmless(inputs):
        try:
            _, values, slopes = outcome(graph, inputs, case.cotangents, case.seeds, poisoned=True)
        except Invalid:
            return False
        return same(slopes, case.slopes) and all(same(stored(v), r) for v, r in zip(values, case.results))
    for x in used:
        name = x.info["name"]
        size = case.inputs[name].size
        candidates = [at for n, at in case.seeds if n == name] if any(n == name for n, _ in case.seeds) else list(rng.choice(size, min(size, 6), replace=False)) if size else []
        zero = {at for (n, at), s in zip(case.seeds, case.slopes) if n == name and s != 0}
        candidates = [at for at in candidates if at not in zero][:8]
        for at in candidates:
            inputs = dict(case.inputs)
            inputs[name] = inputs[name].copy()
            inputs[name].flat[at] = rng.choice([np.nan, np.inf, -np.inf])
            if harmless(inputs):
                case.inputs = inputs
                case.poisoned += 1
