"""Makes a failing graph small: parts are left out or replaced by inputs as long as the failure stays of its kind."""
import concurrent.futures
import copy
import pathlib

import write
from cases import with_numbers
from formulas import composite
from graphs import Axis, reached
from nodes import Invalid, constant, is_real, make


def kind_of(lines):
    """What is wrong, without numbers: to be kept while the graph shrinks."""
    kinds = set()
    for line in lines:
        text = line.split(": ", 1)[1]
        if text.startswith("does not compile"):
            kinds.add(text)
        elif "refused" in text:
            kinds.add("refused " + text.split("refused: ")[1][:40])
        elif text.startswith("crashes") or text.startswith("runs"):
            kinds.add("crashes")
        else:
            kinds.add(text.split(",")[0] + (" nan" if " is nan" in text or " is -nan" in text else ""))
    return kinds


def rebuilt(roots, replaced):
    """The graph anew, with some nodes replaced: {id: node}."""
    new = {}
    for x in reached(roots):
        if id(x) in replaced:
            new[id(x)] = replaced[id(x)]
            continue
        args = [new[id(a)] for a in x.args]
        if all(a is b for a, b in zip(args, x.args)):
            new[id(x)] = x
        elif x.op == "composite":
            info = {k: v for k, v in x.info.items() if k != "name"}
            if x.info["name"] in ("at", "same_document") and args[0].op != "input":
                raise Invalid("at reads an input")
            if "along" in info:
                info["along"] = args[0].axes[-1]
            new[id(x)] = composite(x.info["name"], args, **info)
        else:
            new[id(x)] = make(x.op, *args, **x.info)
    return [new[id(r)] for r in roots]


def size_of(graph):
    nodes = reached(graph.results)
    extents = graph.extents()
    return (sum(x.op not in ("constant", "index") for x in nodes) + len(graph.results) + 0.5 * len(graph.wrt) + {"forward": 0, "gradient": 1}.get(graph.mode, 3)
            + 0.02 * sum(extents[a] for a in write.axes_of(nodes)) + 0.1 * sum(x.op == "composite" for x in nodes))


def smaller(graph):
    """Graphs that are a step smaller."""
    def variant(results=None, **changes):
        g = copy.copy(graph)
        g.axes, g.inputs = dict(graph.axes), dict(graph.inputs)
        if results is not None:
            g.results = [r for i, r in enumerate(results) if r not in results[:i] and r.op not in ("input", "index", "constant", "size")]
        for k, v in changes.items():
            setattr(g, k, v)
        used = [x for x in reached(g.results) if x.op == "input" and is_real(x.element)]
        names = [x.info["name"] for x in g.wrt]
        g.wrt = [x for x in used if x.info["name"] in names or x.info["name"].startswith("y") and g.mode != "forward"]
        if g.results and (g.mode == "forward" or g.wrt and g.differentiable_results()):
            yield g
    for r in graph.results:
        if len(graph.results) > 1:
            yield from variant([x for x in graph.results if x is not r])
    if graph.mode in ("joint", "two passes"):
        yield from variant(mode="gradient")
        yield from variant(mode="forward")
    if len(graph.wrt) > 1:
        for x in graph.wrt:
            yield from variant(wrt=[y for y in graph.wrt if y is not x])
            yield from variant(wrt=[x])
    for x in reached(graph.results):
        options = []
        for a in x.args:
            options.append(a)
        if x.op not in ("constant", "index", "size", "input"):
            fresh = f"y{len(graph.inputs)}"
            element = {"real": graph.element, "int": "i32"}.get(x.element, x.element)
            if len(x.axes) <= 6:
                options.append(make("input", name=fresh, axes=x.axes, element=element, high=2, low=0))
        if is_real(x.element) and x.op != "constant":
            options.append(constant(1.0))
        if x.op == "composite":
            options.append(x.body)
        for o in options:
            try:
                results = rebuilt(graph.results, {id(x): o})
            except (Invalid, IndexError, ValueError):
                continue
            for g in variant(results):
                if o.op == "input" and o.info["name"].startswith("y"):
                    g.inputs[o.info["name"]] = o
                yield g
    for name in write.axes_of(reached(graph.results)):
        a = graph.axes[name]
        for extent in {1, 2, a.extent - 1}:
            if 0 < extent < a.extent:
                for g in variant():
                    g.axes[name] = Axis(name, extent, a.static, a.drawn)
                    if consistent(g):
                        yield g


def consistent(graph):
    extents = graph.extents()
    for x in reached(graph.results):
        i = x.info
        nodes = reached([x.body]) if x.op == "composite" else [x]
        for y in nodes:
            i = y.info
            if y.op == "rename" and extents[i["from"]] != extents[i["to"]]:
                return False
            if y.op == "split" and extents[i["from"]] != extents[i["major"]] * extents[i["minor"]]:
                return False
            if y.op == "merge" and extents[i["to"]] != extents[i["major"]] * extents[i["minor"]]:
                return False
            if y.op == "concat" and extents[i["to"]] != extents[i["first"]] + extents[i["second"]]:
                return False
            if y.op == "slice" and extents[i["from"]] < extents[i["to"]] + i["at"]:
                return False
            if y.op == "gather":
                index, table = y.args[1], extents[i["along"]]
                if index.op == "index" and extents[index.info["axis"]] > table or index.op == "input" and index.info["high"] >= table:
                    return False
    return True


def numbered(graph, number, like, excluded):
    try:
        return with_numbers(graph, number, redraws=4, poisoned=bool(like.poisoned), excluded=excluded)
    except (Invalid, ValueError, IndexError, KeyError):
        return None


def reduced(case, programs, jobs, excluded):
    if case is None:
        print("nothing to be compared is drawn")
        return 1
    number = case.graph.number
    lines = programs.failures([case], "whole").get(number)
    if not lines:
        print(f"graph {number} does not fail")
        return 0
    print("\n".join(lines), flush=True)
    kinds, tried = kind_of(lines), set()
    while True:
        candidates = []
        for g in smaller(case.graph):
            try:
                text = "\n".join(write.definitions(g)[0]) + str(g.extents()) + g.mode + str([x.info["name"] for x in g.wrt])
            except (Invalid, KeyError, IndexError):
                continue
            if text not in tried and size_of(g) < size_of(case.graph):
                tried.add(text)
                candidates.append((size_of(g), len(candidates), g))
        candidates.sort(key=lambda x: x[:2])
        found = None
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            step = 6 * jobs
            for first in range(0, len(candidates), step):
                cases = []
                for i, (_, _, g) in enumerate(candidates[first:first + step]):
                    g.number = 100000 + i
                    c = numbered(g, number, case, excluded)
                    if c:
                        cases.append(c)
                parts = [cases[i::jobs] for i in range(jobs) if cases[i::jobs]]
                fails = {}
                for part in pool.map(lambda p: programs.failures(p[1], f"part_{p[0]}"), enumerate(parts)):
                    fails.update(part)
                for c in cases:
                    if kind_of(fails.get(c.graph.number, [])) & kinds:
                        found, said = c, fails[c.graph.number]
                        break
                if found:
                    break
        if not found:
            break
        case, case_lines = found, said
        print(f"-- {size_of(case.graph):.1f}\n" + "\n".join(write.definitions(case.graph)[0]) + "\n" + "\n".join(case_lines), flush=True)
    case.graph.number = number
    path = pathlib.Path.cwd() / f"graph_{number}_reduced.cpp"
    path.write_text(write.program([case]))
    print(f"mode: {case.graph.mode}, by {', '.join(x.info['name'] for x in case.graph.wrt)}\n{path}")
    return 1
