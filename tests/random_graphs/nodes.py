"""Nodes: an operation, its operands, and the shape and element that the language gives it."""


class Invalid(Exception):
    """A graph that cannot be written, or whose values are not fit for a comparison (a tie, a pole)."""


ORDER = ["bool", "int", "i32", "i64", "real", "f32", "f64"]  # int and real: of a width that is still open


def is_real(element):
    return element in ("real", "f32", "f64")


def joined(*elements):
    if "bool" in elements or {"f32", "f64"} <= set(elements):
        raise Invalid("elements that do not meet")
    return max(elements, key=ORDER.index)


class Node:
    __slots__ = ("op", "args", "info", "axes", "element", "body")

    def __init__(self, op, args=(), info=None, axes=(), element="f32", body=None):
        self.op, self.args, self.info, self.axes, self.element, self.body = op, tuple(args), info or {}, tuple(axes), element, body


def union(*lists):
    result = []
    for axes in lists:
        result += [a for a in axes if a not in result]
    return tuple(result)


def without(axes, dropped):
    return tuple(a for a in axes if a not in dropped)


REAL_FUNCTIONS = ("exp", "exp2", "log", "tanh", "sqrt", "rsqrt", "erf", "sigmoid", "softplus", "sin", "cos")
JUMPS = ("sign", "floor", "round")  # whole numbers stay whole
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def need(condition, why="not a graph"):
    if not condition:
        raise Invalid(why)


def make(op, *args, **info):
    """A node, with the shape and element that the language gives it."""
    a = args[0] if args else None
    b = args[1] if len(args) > 1 else None
    real = lambda e: e if is_real(e) else "real"
    if op == "constant":
        v = info["value"]
        return Node(op, (), info, (), "bool" if isinstance(v, bool) else "int" if isinstance(v, int) else "real")
    if op == "index":
        return Node(op, (), info, (info["axis"],), "int")
    if op == "size":
        return Node(op, (), info, (), "int")
    if op == "input":
        return Node(op, (), info, info["axes"], info["element"])
    if op in REAL_FUNCTIONS or op == "pow":
        need(a.element != "bool")
        return Node(op, args, info, a.axes, real(a.element))
    if op in ("negate", "abs") + JUMPS:
        need(a.element != "bool")
        return Node(op, args, info, a.axes, a.element)
    if op == "clamp":
        return Node(op, args, info, union(*(x.axes for x in args)), joined(*(x.element for x in args)))
    if op == "raise":                                        # pow of two values
        return Node(op, args, info, union(a.axes, b.axes), real(joined(a.element, b.element)))
    if op == "random_uniform":                               # of a seed and indices
        need(all(x.element in ("int", "i32", "i64") for x in args) and not a.axes)
        return Node(op, args, info, union(*(x.axes for x in args[1:])), "real")
    if op in ("+", "-", "*", "min", "max"):
        return Node(op, args, info, union(a.axes, b.axes), joined(a.element, b.element))
    if op == "/":
        return Node(op, args, info, union(a.axes, b.axes), real(joined(a.element, b.element)))
    if op in COMPARISONS:
        joined(a.element, b.element)
        return Node(op, args, info, union(a.axes, b.axes), "bool")
    if op in ("&&", "||"):
        need(a.element == b.element == "bool")
        return Node(op, args, info, union(a.axes, b.axes), "bool")
    if op == "!":
        need(a.element == "bool")
        return Node(op, args, info, a.axes, "bool")
    if op == "where":
        c, x, y = args
        need(c.element == "bool")
        element = "bool" if x.element == y.element == "bool" else joined(x.element, y.element)
        return Node(op, args, info, union(x.axes, y.axes, c.axes), element)
    if op == "mask":
        need(b.element == "bool")
        return Node(op, args, info, union(a.axes, b.axes), a.element)
    if op == "cast":
        need(a.element != "bool")
        return Node(op, args, info, a.axes, info["to"])
    if op == "dot":
        need(all(x in a.axes and x in b.axes for x in info["over"]))
        return Node(op, args, info, without(union(a.axes, b.axes), info["over"]), real(joined(a.element, b.element)))
    if op in ("sum", "reduce_max", "reduce_min", "mean", "logsumexp", "softmax"):
        need(all(x in a.axes for x in info["over"]) and a.element != "bool")
        element = a.element if op in ("sum", "reduce_max", "reduce_min") else real(a.element)
        return Node(op, args, info, a.axes if op == "softmax" else without(a.axes, info["over"]), element)
    if op == "entmax":                                       # of `alpha`
        need(info["over"][0] in a.axes and a.element != "bool")
        return Node(op, args, info, a.axes, real(a.element))
    if op == "among_largest":                                # a condition: is it one of the `count` largest?
        need(info["over"][0] in a.axes and a.element != "bool")
        return Node(op, args, info, a.axes, "bool")
    if op == "running_sum":
        need(info["over"][0] in a.axes and a.element != "bool")
        return Node(op, args, info, a.axes, a.element)
    if op in ("rename", "slice"):
        need(info["from"] in a.axes and info["to"] not in a.axes)
        return Node(op, args, info, tuple(info["to"] if x == info["from"] else x for x in a.axes), a.element)
    if op == "split":
        need(info["from"] in a.axes and info["major"] not in a.axes and info["minor"] not in a.axes)
        axes = []
        for x in a.axes:
            axes += [info["major"], info["minor"]] if x == info["from"] else [x]
        return Node(op, args, info, axes, a.element)
    if op == "merge":
        need(info["major"] in a.axes and info["minor"] in a.axes and info["to"] not in a.axes)
        return Node(op, args, info, tuple(info["to"] if x == info["minor"] else x for x in a.axes if x != info["major"]), a.element)
    if op == "shift":
        need(info["axis"] in a.axes)
        return Node(op, args, info, a.axes, a.element)
    if op == "concat":
        x, y, z = info["first"], info["second"], info["to"]
        need(x in a.axes and y in b.axes and set(without(a.axes, [x])) == set(without(b.axes, [y])) and z not in a.axes)
        return Node(op, args, info, tuple(z if i == x else i for i in a.axes), joined(a.element, b.element))
    if op == "gather":
        need(info["along"] in a.axes and b.element in ("int", "i32", "i64") and info["along"] not in b.axes)
        return Node(op, args, info, union(b.axes, without(a.axes, [info["along"]])), a.element)
    if op == "arrange":
        need(set(info["order"]) == set(a.axes))
        return Node(op, args, info, info["order"], a.element)
    raise AssertionError(op)


def constant(value):
    return make("constant", value=value)
