"""What graphs are drawn from: choices that a number alone decides, axes and inputs, whole numbers, conditions."""
import math
import random

import numpy as np

from formulas import composite
from graphs import Axis, Graph
from nodes import constant, make, need

# What is not drawn because the library does not do it yet: a name that `Draw.may` is asked for, and what is wrong.
EXCLUDED = {
    # NaN that no query happens to see, by a mask over pairs or over all the queries (see Masked in docs/language.md), and infinity that is seen
    # but has a weight of 0, reach gradients: 0 times them is NaN. What a mask says of a position alone is left out; nothing here tells the two apart.
    "nan beside gradients",
}


def from_an_operand(index):
    return index.op == "input" or index.op == "composite" and index.info["name"] == "at" and index.args[1].op == "index"


class Ingredients:
    def __init__(self, number, included=()):
        self.random = random.Random(number * 7919 + 11)
        self.graph = Graph(number)
        self.excluded = EXCLUDED - set(included)
        self.mode = self.random.choices(["forward", "gradient", "joint", "two passes"], [30, 35, 25, 10])[0]
        self.graph.element = self.element = "f64" if self.chance(0.2) else "f32"
        self.draws = number % 6 == 5                         # some values are left to chance
        self.runs = number % 6 == 3                          # ... are added up along an axis
        self.pool = []
        self.budget = self.random.choice([6, 10, 14, 20])

    # -- choices
    def chance(self, p):
        return self.random.random() < p

    def pick(self, *choices):
        return self.random.choice(choices)

    def weighted(self, *pairs):
        return self.random.choices([f for f, _ in pairs], [w for _, w in pairs])[0]

    def may(self, feature):
        return feature not in self.excluded

    def some(self, axes):
        return [a for a in axes if self.chance(0.6)]

    # -- axes and inputs
    def axis(self, base, extent, static=None):
        name, k = base, 2
        while name in self.graph.axes:
            name, k = f"{base}{k}", k + 1
        self.graph.axes[name] = Axis(name, extent, self.chance(0.5) if static is None else static)
        return name

    def extent(self, axis):
        return self.graph.axes[axis].extent

    def size(self, axes):
        return math.prod(self.extent(a) for a in axes)

    def positions(self):
        if self.chance(0.03):
            return 0
        return self.random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17])

    def width(self):
        return self.random.choice([1, 2, 3, 4, 5, 8])

    def input(self, axes, element=None, high=None, low=0, shuffle=True):
        axes = list(axes)
        if shuffle and self.chance(0.3):
            self.random.shuffle(axes)
        name = f"x{len(self.graph.inputs)}"
        node = make("input", name=name, axes=tuple(axes), element=element or self.element, high=high, low=low)
        self.graph.inputs[name] = node
        return node

    # -- whole numbers over some of these axes
    def whole(self, axes, depth=1):
        a = [x for x in axes if self.extent(x) > 0]
        if not a or self.chance(0.15):
            return self.pick(lambda: self.input(self.some(axes)[:2], "i32", high=5), lambda: make("size", axis=self.random.choice(list(self.graph.axes))),
                             lambda: constant(self.random.randint(0, 4)))()
        n = make("index", axis=self.random.choice(a))
        other = self.random.choice(a)
        distance = make("-", n, make("index", axis=other)) if other != n.info["axis"] else n
        choice = self.random.randrange(9)
        if choice < 3:
            return distance
        if choice == 3:
            return make("abs", distance)
        if choice == 4:
            return make("min", make("abs", distance), constant(self.random.randint(1, 5)))
        if choice == 5:
            return make("cast", make("/", n, constant(self.pick(2, 3, 5))), to=self.pick("i32", "i64"))
        if choice == 6:
            return make("+", distance, constant(self.random.randint(1, 4)))
        if choice == 7 and self.extent(n.info["axis"]) <= 12:
            return self.lookup("i32", n)
        return self.bucket(distance) if depth else n

    def bucket(self, distance):
        """The buckets of T5: both directions, small distances one by one, larger ones by their logarithm."""
        half, exact, most = self.random.choice([(4, 2, 9.5), (8, 4, 17.25), (2, 1, 5.75)])
        away = make("abs", distance)
        ratio = make("/", make("log", make("/", make("max", away, constant(1)), constant(exact))), constant(float(np.float32(math.log(most / exact)))))
        far = make("cast", make("+", constant(float(exact)), make("*", ratio, constant(half - exact))), to="i32")
        inside = make("where", make("<", away, constant(exact)), away, make("min", far, constant(half - 1)))
        if self.chance(0.5):
            return inside
        return make("+", make("where", make(">", distance, constant(0)), constant(half), constant(0)), inside)

    def lookup(self, element, index):
        """input.at(index)"""
        extent = self.random.choice([1, 3, 5, 8, 16])
        if index.op == "index":
            extent = self.extent(index.info["axis"]) + self.pick(0, 0, 1, 3)
            need(extent > 0)
        if from_an_operand(index):                           # token numbers are checked when a call begins
            extent = 6
        z = self.axis("z", extent)
        front = [a for a in self.some(index.axes) if self.chance(0.3)]
        if index.op == "index":
            front = []
        table = self.input(front + [z], element, high=3, shuffle=False)
        return composite("at", [table, index])

    # -- conditions over some of these axes
    def condition(self, axes, depth=2):
        a = [x for x in axes if self.extent(x) > 0]
        choice = self.random.random()
        if depth and choice < 0.2:
            return make(self.pick("&&", "&&", "||"), self.condition(axes, depth - 1), self.condition(axes, depth - 1))
        if depth and choice < 0.27:
            return make("!", self.condition(axes, depth - 1))
        if choice < 0.42 or not a:
            return self.input([x for x in axes if self.chance(0.7)][:3], "bool")
        if choice < 0.52:
            x = self.input(self.some(axes)[:2])
            return make(self.pick("<", "<=", ">", ">="), x, constant(self.pick(-0.5, 0, 0.25, 0.375)))
        if choice < 0.62:
            left, right = self.whole(axes), self.whole(axes)
            return make(self.pick("<", "<=", ">", ">=", "==", "!="), left, right)
        n = make("index", axis=self.random.choice(a))
        m = make("index", axis=self.random.choice(a))
        if n.info["axis"] == m.info["axis"]:
            if self.chance(0.5):
                return composite("padding", [n, self.input([x for x in self.some(axes) if x != n.info["axis"]][:1], "i32", high=self.extent(n.info["axis"]))])
            return make(self.pick("<", ">=", "!="), n, constant(self.random.randint(0, 4)))
        kind = self.random.randrange(6)
        if kind == 0:
            return composite("causal", [n, m])
        if kind == 1:
            return composite("causal", [n, m, self.pick(constant(self.random.randint(-2, 3)), self.input([], "i32", high=3))])
        if kind == 2:
            return composite("sliding_window", [n, m], left=self.random.randint(1, 4))
        if kind == 3:
            return composite("sliding_window", [n, m], left=self.random.randint(0, 3), right=self.random.randint(0, 3))
        if kind == 4:
            z = self.axis("z", max(self.extent(n.info["axis"]), self.extent(m.info["axis"])) + self.pick(0, 2))
            front = [x for x in axes if x not in (n.info["axis"], m.info["axis"]) and self.chance(0.3)]
            doc = self.input(front + [z], "i32", high=2, shuffle=False)
            return composite("same_document", [doc, n, m], along=z)
        size = constant(self.pick(2, 3))
        return make("==", *(make("cast", make("/", x, size), to="i32") for x in (n, m)))
