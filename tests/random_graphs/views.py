"""Operations that give elements another place, and change none."""
import numpy as np

from nodes import Invalid, need
from values import Operations, Value, placed


class Views(Operations):
    def each_array(self, node, x, f):
        """f on values, tangents, marks; it gets an array and the number of axes in front that are not the node's."""
        apply = lambda array, leading: None if array is None else f(array, leading)
        return Value(node.axes, f(x.v, 0), apply(x.tangent, 1), apply(x.present, 0), apply(x.weightless, 0))

    def op_rename(self, node, x):
        return self.each_array(node, x, lambda array, leading: array)

    def op_arrange(self, node, x):
        return self.each_array(node, x, lambda array, leading: placed(array, x.axes, node.axes, leading))

    def op_split(self, node, x):
        return self.each_array(node, x, lambda array, leading: array.reshape(array.shape[:leading] + self.shape(node.axes)))

    def op_merge(self, node, x):
        major, minor = node.info["major"], node.info["minor"]
        order = []
        for a in x.axes:
            order += [major, minor] if a == minor else [] if a == major else [a]
        return self.each_array(node, x, lambda array, leading:
                               placed(array, x.axes, tuple(order), leading).reshape(array.shape[:leading] + self.shape(node.axes)))

    def taken(self, node, x, axis, index):
        k = x.axes.index(axis)
        return self.each_array(node, x, lambda array, leading: np.take(array, index, k + leading))

    def op_slice(self, node, x):
        at = node.info["at"]
        need(at + self.extents[node.info["to"]] <= self.extents[node.info["from"]])
        return self.taken(node, x, node.info["from"], at + np.arange(self.extents[node.info["to"]]))

    def op_shift(self, node, x):
        axis, by = node.info["axis"], node.info["by"]
        extent = self.extents[axis]
        if extent == 0:
            return x
        index = np.arange(extent) - by
        inside = (index >= 0) & (index < extent)
        r = self.taken(node, x, axis, np.clip(index, 0, max(extent - 1, 0)))
        mark = placed(inside, (axis,), node.axes)
        outside = lambda array, otherwise: None if array is None else np.where(mark, array, array.dtype.type(otherwise))
        return Value(node.axes, outside(r.v, 0), outside(r.tangent, 0), outside(r.present, True), outside(r.weightless, False))

    def op_concat(self, node, x, y):
        other = tuple(node.info["second"] if a == node.info["first"] else a for a in x.axes)
        k = x.axes.index(node.info["first"])

        def of(name, otherwise):
            a, b = getattr(x, name), getattr(y, name)
            if a is None and b is None:
                return None
            leading = int(name == "tangent")
            front = (len(self.seeds),) * leading
            a = np.full(front + x.v.shape, otherwise) if a is None else a
            b = np.full(front + y.v.shape, otherwise) if b is None else b
            return np.concatenate([a, placed(b, y.axes, other, leading)], k + leading)
        return Value(node.axes, of("v", 0), of("tangent", 0.0), of("present", True), of("weightless", False))

    def op_gather(self, node, table, index):
        along = node.info["along"]
        if self.poisoned and node.args[0].op != "input" and not np.isfinite(table.v).all():
            raise Invalid("NaN that nobody reads is no masked NaN")
        extent = self.extents[along]
        need(extent > 0)
        at = np.clip(index.v, 0, extent - 1)
        # shared axes of table and index are walked together
        grid = np.indices(self.shape(node.axes), sparse=True)
        place = {a: grid[i] for i, a in enumerate(node.axes)}
        place[along] = placed(at, index.axes, node.axes)
        where = tuple(place[a] for a in table.axes)
        full = self.shape(node.axes)
        pick = lambda array: None if array is None else np.broadcast_to(array[where], full)
        tangent = None
        if table.tangent is not None:
            tangent = np.broadcast_to(table.tangent[(slice(None),) + where], (len(self.seeds),) + full)
        present = pick(table.present)
        if index.present is not None:
            of_index = placed(index.present, index.axes, node.axes)
            present = of_index if present is None else present & of_index
        return Value(node.axes, pick(table.v), tangent, present, pick(table.weightless))
