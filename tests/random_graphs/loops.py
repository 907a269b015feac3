"""The meaning of a graph by direct loops: a number at a time, in plain Python, from the definitions in
docs/language.md. It judges language.py, which works on whole arrays; views and derivatives are left to that one."""
import itertools
import math

from nodes import is_real

FUNCTIONS = {
    "negate": lambda x: -x, "abs": abs, "sign": lambda x: (x > 0) - (x < 0), "floor": math.floor, "round": round,
    "exp": math.exp, "exp2": lambda x: 2.0 ** x, "log": math.log, "tanh": math.tanh, "sin": math.sin, "cos": math.cos,
    "sqrt": math.sqrt, "rsqrt": lambda x: 1 / math.sqrt(x), "erf": math.erf,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    "softplus": lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))),
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "/": lambda x, y: x / y,
    "min": min, "max": max, "raise": lambda x, y: x ** y, "clamp": lambda x, low, high: min(max(x, low), high),
    "<": lambda x, y: x < y, "<=": lambda x, y: x <= y, ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
    "==": lambda x, y: x == y, "!=": lambda x, y: x != y,
    "&&": lambda x, y: x and y, "||": lambda x, y: x or y, "!": lambda x: not x,
}


class Loops:
    """Values at an index: a number, or None where it is absent."""

    def __init__(self, extents, inputs):
        self.extents, self.inputs, self.known = extents, inputs, {}

    def array(self, node):
        """All values of a node, in the order of its axes; absent ones are -inf."""
        places = itertools.product(*(range(self.extents[a]) for a in node.axes))
        values = (self.at(node, dict(zip(node.axes, p))) for p in places)
        return [-math.inf if v is None else float(v) for v in values]

    def at(self, node, index):
        key = (id(node), tuple(index[a] for a in node.axes))
        if key not in self.known:
            self.known[key] = self.worked_out(node, {a: index[a] for a in node.axes})
        return self.known[key]

    def worked_out(self, node, index):
        op, info = node.op, node.info
        if op == "composite":
            return self.at(node.body, index)
        if op == "input":
            return self.inputs[info["name"]][tuple(index[a] for a in node.axes)].item()
        if op == "constant":
            return info["value"]
        if op in ("index", "size"):
            return (index if op == "index" else self.extents)[info["axis"]]
        if op == "where":
            chosen = self.at(node.args[0], index)
            return None if chosen is None else self.at(node.args[1 if chosen else 2], index)
        if op == "mask":
            return self.at(node.args[0], index) if self.at(node.args[1], index) else None
        if op == "gather":
            along = info["along"]
            place = min(max(self.at(node.args[1], index), 0), self.extents[along] - 1)
            return self.at(node.args[0], {**index, along: place})
        if op == "softmax":
            total = sum(self.weights(node, index, self.largest(node, index)))
            own = self.at(node.args[0], index)
            return math.exp(own - self.largest(node, index)) / total if own is not None and total else 0.0
        if op == "entmax":
            own = self.at(node.args[0], index)
            return self.entmax(node.info["alpha"], own, list(self.along(node, index))) if own is not None else 0.0
        if op == "among_largest":
            own, row = self.at(node.args[0], index), sorted(x for x in self.along(node, index) if x > -math.inf)
            return None if own is None else own >= (row[-min(node.info["count"], len(row))] if row else -math.inf)
        if op == "running_sum":
            axis = info["over"][0]
            there = range(index[axis], self.extents[axis]) if info["from_the_end"] else range(index[axis] + 1)
            values = [self.at(node.args[0], {**index, axis: i}) for i in there]
            return math.fsum(v for v in values if v is not None)
        if "over" in info:
            return self.reduced(node, index)
        values = [self.at(a, index) for a in node.args]
        if any(v is None for v in values):
            return None
        if op == "pow":
            return values[0] ** info["exponent"]
        if op == "cast":
            return float(values[0]) if is_real(info["to"]) else math.trunc(values[0])
        return FUNCTIONS[op](*values)

    def along(self, node, index):
        """The present values of the operands along the axes that are reduced."""
        over = node.info["over"]
        for p in itertools.product(*(range(self.extents[a]) for a in over)):
            values = [self.at(a, {**index, **dict(zip(over, p))}) for a in node.args]
            if all(v is not None for v in values):
                yield math.prod(values)

    def largest(self, node, index):
        return max(self.along(node, index), default=-math.inf)

    def weights(self, node, index, top):
        return (math.exp(x - top) for x in self.along(node, index))

    @staticmethod
    def entmax(alpha, own, row):
        """The weight of one score in a row, whose threshold is found by halving."""
        weight = lambda x, t: max((alpha - 1) * (x - t), 0.0) ** (1 / (alpha - 1))
        high, low = max(row), max(row) - 1 / (alpha - 1)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if math.fsum(weight(x, middle) for x in row) >= 1 else (low, middle)
        return weight(own, low)

    def reduced(self, node, index):
        values = list(self.along(node, index))
        if node.op == "logsumexp":
            top = self.largest(node, index)
            return top + math.log(sum(self.weights(node, index, top))) if values and top > -math.inf else -math.inf
        if node.op == "mean":
            return math.fsum(values) / max(len(values), 1)
        if node.op in ("sum", "dot"):
            return math.fsum(values)
        return max(values, default=-math.inf) if node.op == "reduce_max" else min(values, default=math.inf)
