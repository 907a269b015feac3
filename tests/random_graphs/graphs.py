"""Drawn graphs: axes, inputs, results, what is differentiated."""
from nodes import is_real


class Axis:
    """An axis with the extent that was drawn; `drawn`: how a program may draw another one (axis_kind in sheet.hpp)."""

    def __init__(self, name, extent, static, drawn="fixed"):
        self.name, self.extent, self.static, self.drawn = name, extent, static, drawn


class Graph:
    """What was drawn: axes and inputs by name, results, what is differentiated."""

    def __init__(self, number):
        self.seed = number                                   # of what programs draw; stays while a graph shrinks
        self.quiet = 0.0                                     # how often the cotangent of a result is 0
        self.least = 0.0                                     # the magnitude whose rounding is the least unit
        self.number, self.axes, self.inputs, self.results, self.wrt, self.mode = number, {}, {}, [], [], "forward"
        self.element = "f32"

    def extents(self):
        return {a.name: a.extent for a in self.axes.values()}

    def differentiable_results(self):
        return [r for r in self.results if is_real(r.element)]


def reached(roots):
    """Every node that is written down, operands first."""
    seen, order = set(), []

    def visit(node):
        if id(node) in seen:
            return
        seen.add(id(node))
        for a in node.args:
            visit(a)
        order.append(node)
    for r in roots:
        visit(r)
    return order
