"""The meaning of a graph, element by element, from the definitions in docs/language.md and from nothing of the library.

A node (nodes.py, formulas.py) is an operation, its operands and what the language calls its shape. `Evaluation` gives the value of a
node: numbers in double, a presence bit for each element, and the derivatives along some directions (forward mode), so that gradients
come without a backward pass. The same evaluation with every intermediate number moved by a unit in the last place tells how far off an
honest evaluation may be: that is the error unit."""
import numpy as np

from pointwise import Pointwise
from reductions import Reductions
from values import Value
from views import Views

NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
         "==": "equal", "!=": "not_equal", "&&": "both", "||": "either", "!": "not"}


class Evaluation(Pointwise, Reductions, Views):
    def __call__(self, root):
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in self.values:
                stack.pop()
                continue
            needed = [node.body] if node.op == "composite" else node.args
            missing = [x for x in needed if id(x) not in self.values]
            if missing:
                stack += missing
                continue
            stack.pop()
            with np.errstate(all="ignore"):
                value = self.values[id(needed[0])] if node.op == "composite" else self.element_wise(node)
            self.values[id(node)] = value
        return self.values[id(root)]

    def element_wise(self, node):
        if node.op not in ("input", "constant", "index", "size"):
            args = [self.values[id(x)] for x in node.args]
            value = getattr(self, "op_" + NAMES.get(node.op, node.op))(node, *args)
        elif node.op == "input":
            array = self.inputs[node.info["name"]]
            tangent = None
            mine = [(i, at) for i, (name, at) in enumerate(self.seeds) if name == node.info["name"]]
            if mine:
                tangent = np.zeros((len(self.seeds), array.size))
                for i, at in mine:
                    tangent[i, at] = 1
                tangent = tangent.reshape((len(self.seeds),) + array.shape)
            value = Value(node.axes, array, tangent)
        elif node.op == "constant":
            value = Value((), np.array(node.info["value"]))
        elif node.op == "index":
            value = Value(node.axes, np.arange(self.extents[node.info["axis"]]))
        else:
            value = Value((), np.array(self.extents[node.info["axis"]]))
        full = self.shape(node.axes)
        if value.v.shape != full:
            value.v = np.broadcast_to(value.v, full)
        if value.tangent is not None:
            if value.tangent.shape[1:] != full:
                value.tangent = np.broadcast_to(value.tangent, value.tangent.shape[:1] + full)
        if value.present is not None:
            value.present = np.broadcast_to(value.present, full)
            if value.present.all():
                value.present = None
        if node.op not in ("input", "constant", "index", "size"):
            value.v, value.tangent = self.moved(value.v), self.moved(value.tangent)
        if value.v.dtype.kind == "f" and value.v.size:
            here = value.v if value.present is None else value.v[value.present]
            here = here[np.isfinite(here)]
            if here.size:
                self.largest = max(self.largest, float(np.abs(here).max()))
        return value
