"""Draws graphs. A graph is made from its number alone, so a number is all that a report needs."""
from formulas import composite
from graphs import reached
from ingredients import Ingredients, from_an_operand
from nodes import Invalid, constant, is_real, make, need, without


class Draw(Ingredients):
    # -- pointwise steps that keep a value in reach
    def function(self, x):
        f = self.random.randrange(25)
        if f < 8:
            return [lambda: make("negate", x), lambda: make("tanh", x), lambda: make("sigmoid", x), lambda: make("erf", x),
                    lambda: make("exp", make("*", x, constant(0.5))), lambda: make("*", x, x), lambda: make("abs", x),
                    lambda: make("exp2", make("tanh", x))][f]()
        if f < 12:
            return composite(self.pick("relu", "silu", "gelu", "gelu_tanh"), [x])
        if f == 12:
            return composite("softcap", [x, constant(self.pick(2, 1.5, 20))])
        if f == 13:
            return make("log", make("+", make("abs", x), constant(0.5)))
        if f == 14:
            return make(self.pick("sqrt", "rsqrt"), make("+", make("*", x, x), constant(0.3125)))
        if f == 15:
            return make("pow", x, exponent=self.pick(2, 3, 1))
        if f == 16:
            return make("pow", make("+", make("abs", x), constant(0.5)), exponent=self.pick(1.5, -1, 0.5, -2))
        if f == 17:
            return make("/", x, constant(self.pick(2, 3, 0.75, 5)))
        if f == 18:
            return make(self.pick("+", "*", "-"), *self.random.sample([x, constant(self.pick(0.5, 2, -1, 3, 0.125))], 2))
        if f == 19:
            return make(self.pick("sin", "cos"), make("*", x, constant(self.pick(1, 3, 0.5))))
        if f == 20:
            return make("softplus", x)
        if f == 21:
            return make(self.pick("sign", "floor", "round"), make("*", x, constant(self.pick(2, 5, 0.75))))
        if f == 22:
            return make("clamp", x, constant(self.pick(-1, -0.25, 0.125)), self.pick(lambda: constant(self.pick(0.5, 1.25)), lambda: self.input(self.some(x.axes)))())
        if f == 23:
            return make("raise", make("+", make("abs", x), constant(0.5)), self.pick(lambda: make("tanh", x), lambda: self.input(self.some(x.axes)))())
        return make(self.pick("min", "max"), x, constant(self.pick(0.25, -0.375, 1)))

    def touched(self, x, axes, p=0.4):
        """A value, perhaps changed pointwise, over the same axes (or some of `axes` more)."""
        while self.chance(p):
            p *= 0.6
            k = self.random.randrange(6)
            if k == 0:
                x = self.function(x)
            elif k == 1:
                x = make(self.pick("+", "*", "-"), *self.random.sample([x, self.input(self.some(axes))], 2))
            elif k == 2:
                x = make("where", self.condition(axes), x, self.pick(lambda: constant(0), lambda: self.function(x), lambda: self.input(self.some(axes)))())
            elif k == 3:
                x = make("mask", x, self.condition(axes))
            elif k == 4:
                x = make("*", x, self.pick(lambda: self.lookup(self.element, self.whole(axes)), lambda: make("sigmoid", self.input(self.some(axes))))())
            else:
                x = make("/", x, make("+", constant(1.5), make("*", y := self.input(self.some(axes)), y)))
        if self.draws and self.chance(0.4):
            x = self.by_chance(x)
        if self.runs and x.axes and self.chance(0.5):
            x = self.added_up(x)
        return x

    def added_up(self, x):
        return make("running_sum", x, over=[self.random.choice(x.axes)], from_the_end=self.chance(0.5))

    def by_chance(self, x):
        """Multiplied with draws, or where draws say so: dropped out, or left out."""
        axes = self.random.sample(list(x.axes), self.random.randint(0, len(x.axes)))
        brought = not axes or self.chance(0.5)               # of numbers alone nothing is drawn: random_uniform(3) is no expression
        seed = self.input([], self.pick("i32", "i64"), high=2**31 - 1) if brought else constant(self.random.randint(-5, 9999))
        indices = [make("+", make("index", axis=a), constant(self.random.randint(1, 40))) if self.chance(0.2) else make("index", axis=a) for a in axes]
        draw = make("random_uniform", seed, *indices)
        p = self.pick(0.25, 0.5, 0.125)
        return [lambda: make("*", x, draw), lambda: make("where", make(">=", draw, constant(p)), make("*", x, constant(1 / (1 - p))), constant(0)),
                lambda: make("mask", x, make("<", constant(p), draw))][self.random.randrange(3)]()

    # -- a real value over these axes (it may leave some out)
    def real(self, axes, depth):
        axes = list(axes)
        if self.size(axes) > 3000:
            raise Invalid("too large")
        self.budget -= 1
        if depth <= 0 or self.budget < 0:
            return self.leaf(axes)
        if self.pool and self.chance(0.15):
            fitting = [x for x in self.pool if set(x.axes) <= set(axes) and x.axes]
            if fitting:
                return self.random.choice(fitting)
        f = self.weighted((self.of_function, 4), (self.of_two, 5), (self.of_choice, 2), (self.of_mask, 3), (self.of_reduction, 4), (self.of_weights, 2),
                          (self.of_product, 3), (self.of_norm, 2), (self.of_views, 6), (self.of_index, 2), (self.of_lookup, 2), (self.of_attention, 2))
        x = f(axes, depth)
        self.pool.append(x)
        return x

    def leaf(self, axes):
        if self.chance(0.1):
            return self.of_index(axes, 0)
        fitting = [x for x in self.graph.inputs.values() if set(x.axes) == set(axes) and is_real(x.element)]
        if fitting and self.chance(0.3):
            return self.random.choice(fitting)
        return self.input(axes if self.chance(0.8) else self.some(axes))

    def of_function(self, axes, depth):
        return self.function(self.real(axes, depth - 1))

    def of_two(self, axes, depth):
        pair = [self.real(axes, depth - 1), self.real(axes if self.chance(0.4) else self.some(axes), self.pick(0, depth - 1))]
        self.random.shuffle(pair)
        op = self.pick("+", "+", "*", "*", "-", "min", "max", "/")
        if op == "/":
            pair[1] = make("+", constant(1), make("*", pair[1], pair[1]))
        return make(op, *pair)

    def of_choice(self, axes, depth):
        a = self.real(axes, depth - 1)
        b = self.pick(lambda: self.real(axes, 0), lambda: self.real(axes, depth - 1), lambda: self.function(a), lambda: constant(0))()
        return make("where", self.condition(axes), *self.random.sample([a, b], 2))

    def of_mask(self, axes, depth):
        return make("mask", self.real(axes, depth - 1), self.condition(axes))

    def extra(self, axes):
        for name in self.random.sample(list(self.graph.axes), len(self.graph.axes)):
            if name not in axes and self.size(axes) * self.extent(name) <= 2000 and self.chance(0.5):
                return name
        return self.axis("k", self.positions() or 2)

    def of_reduction(self, axes, depth):
        over = [self.extra(axes)]
        if self.chance(0.2):
            over.append(self.extra(axes + over))
        x = self.real(axes + over, depth - 1)
        over = [k for k in over if k in x.axes]
        return make(self.pick("sum", "reduce_max", "reduce_min", "mean", "logsumexp", "sum", "mean"), x, over=over) if over else x

    def of_weights(self, axes, depth):
        x = self.real(axes, depth - 1)
        if self.runs and x.axes and self.chance(0.7):
            return self.added_up(x)
        return make("softmax", x, over=self.random.sample(x.axes, 2 if len(x.axes) > 1 and self.chance(0.25) else 1)) if x.axes else x

    def of_product(self, axes, depth):
        k = self.extra(axes)
        left = [a for a in axes if self.chance(0.7)]
        right = [a for a in axes if a not in left or self.chance(0.3)]
        a, b = self.real(left + [k], depth - 1), self.real(right + [k], self.pick(0, depth - 1))
        if k in a.axes and k in b.axes:
            return make("dot", a, b, over=[k])
        return make("*", a, b) if k not in a.axes + b.axes else make("sum", make("*", a, b), over=[k])

    def of_norm(self, axes, depth):
        x = self.real(axes, depth - 1)
        if not x.axes:
            return x
        c = self.random.choice(x.axes)
        if not self.extent(c):
            return x
        kind = self.random.randrange(4)
        if kind == 0:
            return composite("layer_norm", [x], width=c)
        if kind == 1:
            return composite("layer_norm", [x, self.input([c]), self.input([c])], width=c)
        if kind == 2:
            return composite("rms_norm", [x, self.input([c])], width=c)
        return composite("rms_norm", [x], width=c)

    def of_views(self, axes, depth):
        if not axes:
            return self.real(axes, depth - 1)
        a = self.random.choice(axes)
        rest = [x for x in axes if x != a]
        extent = self.extent(a)
        kind = self.random.randrange(7)
        if kind == 0:
            other = self.axis("p", extent, self.graph.axes[a].static)
            x = self.real(rest + [other], depth - 1)
            return make("rename", x, **{"from": other, "to": a}) if other in x.axes else x
        if kind == 1 and rest:
            b = self.random.choice(rest)
            o = self.axis("o", extent * self.extent(b), self.graph.axes[a].static and self.graph.axes[b].static)
            x = self.real([y for y in rest if y != b] + [o], depth - 1)
            return make("split", x, **{"from": o, "major": a, "minor": b}) if o in x.axes and extent and self.extent(b) else x
        if kind == 2 and extent > 1:
            factors = [f for f in range(1, extent + 1) if extent % f == 0]
            f = self.random.choice(factors)
            static = self.graph.axes[a].static
            i, j = self.axis("i", f, static), self.axis("j", extent // f, static)
            x = self.real(self.random.sample(rest + [i, j], len(rest) + 2), depth - 1)
            return make("merge", x, major=i, minor=j, to=a) if i in x.axes and j in x.axes else make("sum", x, over=[y for y in (i, j) if y in x.axes]) if set(x.axes) & {i, j} else x
        if kind == 3 and self.graph.axes[a].static:
            at = self.random.randint(0, 3)
            longer = self.axis("l", extent + at + self.random.randint(0, 2))
            x = self.real(rest + [longer], depth - 1)
            return make("slice", x, **{"from": longer, "to": a, "at": at}) if longer in x.axes else x
        if kind == 4 and extent > 1:
            i, j = self.axis("i", k := self.random.randint(1, extent - 1)), self.axis("j", extent - k)
            x, y = self.real(rest + [i], depth - 1), self.real(rest + [j], self.pick(0, depth - 1))
            if i in x.axes and j in y.axes and set(without(x.axes, [i])) == set(without(y.axes, [j])):
                return make("concat", x, y, first=i, second=j, to=a)
            return make("sum", x, over=[i]) if i in x.axes else x
        if kind == 5:
            x = self.real(axes, depth - 1)
            return make("shift", x, axis=self.random.choice(x.axes), by=self.pick(1, 2, -1)) if x.axes else x
        other = self.axis("v", self.random.choice([1, 3, 5, 8]))
        index = self.whole(axes)
        if from_an_operand(index) or self.chance(0.4):
            index = self.input(self.some(axes), "i32", high=self.extent(other) - 1)
        need(index.op != "index" or self.extent(other) >= self.extent(index.info["axis"]))
        x = self.real([y for y in axes if self.chance(0.4)] + [other], depth - 1)
        return make("gather", x, index, along=other) if other in x.axes else x

    def of_index(self, axes, depth):
        w = self.whole(axes)
        return make("*", w, self.input(self.some(axes), None)) if self.chance(0.7) else make("*", make("tanh", make("*", w, constant(0.25))), self.input(self.some(axes)))

    def of_lookup(self, axes, depth):
        return self.lookup(self.element, self.whole(axes))

    # -- attention
    def of_attention(self, axes, depth):
        if len(axes) < 2:
            return self.of_reduction(axes, depth)
        order = self.random.sample(axes, len(axes))
        build = self.attention_to_a_grid if self.chance(0.12) else self.attention
        return build(order[:-2], order[-2], order[-1], depth)

    def operand_of_attention(self, batch, n, d, depth):
        batch = batch if self.chance(0.8) else self.some(batch)
        x = self.input(list(batch) + [n, d]) if self.chance(0.5) else self.real(list(batch) + [n, d], depth)
        if n not in x.axes or d not in x.axes:
            x = make("+", x, self.input([n, d]))
        return x

    def attention(self, batch, n, e, depth):
        """(batch, n, e)"""
        m = self.axis("m", self.extent(n) if self.chance(0.4) else self.positions())
        d = self.axis("d", self.width())
        if self.size(batch) * self.extent(n) * self.extent(m) * max(self.extent(d), self.extent(e)) > 12000:
            raise Invalid("too large")
        q, k = self.operand_of_attention(batch, n, d, depth - 1), self.operand_of_attention(batch, m, d, depth - 1)
        v = self.operand_of_attention(batch, m, e, depth - 1)
        if self.chance(0.1) and self.extent(d) % 2 == 0:
            half = self.axis("half", self.extent(d) // 2, self.graph.axes[d].static)
            q = composite("rotary", [q, self.input([n, half]), self.input([n, half])], width=d, half=half, halfway=self.extent(d) // 2)
        if self.chance(0.2):
            args = [q, k, v] + ([self.condition(batch + [n, m])] if self.chance(0.6) else [])
            return composite("attention", args, width=d, keys=m)
        return self.weighted_values(self.score(q, k, n, m, d, batch), v, m)

    def attention_to_a_grid(self, batch, n, e, depth):
        """(batch, n, e), of keys over two axes"""
        m, l = self.axis("m", self.random.choice([1, 2, 3, 4])), self.axis("l", self.random.choice([1, 2, 3, 5]))
        d = self.axis("d", self.width())
        if self.size(batch) * self.extent(n) * self.extent(m) * self.extent(l) * max(self.extent(d), self.extent(e)) > 12000:
            raise Invalid("too large")

        def keys(width):
            x = self.operand_of_attention(batch + [m], l, width, depth - 1)
            return x if m in x.axes else make("+", x, self.input([m, l, width]))
        s = make("dot", self.operand_of_attention(batch, n, d, depth - 1), keys(d), over=[d])
        for _ in range(self.random.choice([0, 1, 1, 2])):
            axes = batch + [n, m, l]
            s = self.pick(lambda: make("mask", s, self.condition(axes)), lambda: composite("softcap", [s, constant(3)]), lambda: self.touched(s, axes, 0.9),
                          lambda: make("+", s, self.input(self.some(axes))), lambda: make("+", s, self.lookup(self.element, self.whole([n, m, l]))))()
        self.pool.append(s)
        over = self.random.sample([m, l], 2)
        w = make("softmax", s, over=over)
        if self.chance(0.15):
            w = self.touched(w, list(s.axes), 0.9)
        return make("dot", w, keys(e), over=self.random.sample(over, 2))

    def score(self, q, k, n, m, d, batch):
        kind = self.random.randrange(10)
        if kind < 6:
            s = composite("scaled_dot", [q, k], width=d)
        elif kind < 8:
            s = make("dot", q, k, over=[d])
        elif kind < 9:
            s = make("*", composite("cosine_similarity", [q, k], width=d), constant(self.pick(2, 1.5)))
        else:
            s = make("negate", make("sum", make("*", x := make("-", q, k), x), over=[d]))
        axes = list(batch) + [n, m]
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            kind = self.random.randrange(9)
            if kind < 3:
                s = make("mask", s, self.condition(axes))
            elif kind == 3:
                s = composite("softcap", [s, constant(self.pick(2, 5))])
            elif kind == 4:
                slope = self.input([a for a in batch if self.chance(0.6)])
                s = make("+", s, composite("alibi", [slope, make("index", axis=n), make("index", axis=m)]))
            elif kind == 5:
                s = make("+", s, self.lookup(self.element, self.whole([n, m])))
            elif kind == 6:
                s = make(self.pick("+", "*"), s, self.input(self.some(axes)))
            else:
                s = self.touched(s, axes, 0.9)
        self.pool.append(s)
        return s

    def weighted_values(self, s, v, m):
        kind = self.random.randrange(10)
        if kind == 0 and set(without(s.axes, [m])) <= set(s.axes):
            sink = self.input([a for a in without(s.axes, [m]) if self.chance(0.3)])
            return composite("sink_attention", [s, v, sink], keys=m)
        w = make("softmax", s, over=[m])
        if kind == 1:
            w = self.touched(w, list(s.axes), 0.9)
        if kind == 2:
            return make("/", make("dot", make("exp", make("*", s, constant(0.5))), v, over=[m]), make("+", make("sum", make("exp", make("*", s, constant(0.5))), over=[m]), constant(1)))
        return make("dot", w, v, over=[m])

    def block(self):
        """Self-attention of several heads in a block with a residual, perhaps two of them, one behind the other."""
        b = [self.axis("b", self.random.randint(1, 2))] if self.chance(0.5) else []
        heads, width = self.random.randint(1, 3), self.random.choice([1, 2, 3, 4])
        static = self.chance(0.5)
        h, d, c = self.axis("h", heads, static), self.axis("d", width, static), self.axis("c", heads * width, static)
        o = self.axis("o", heads * width, static)
        n = self.axis("n", self.random.choice([1, 2, 3, 5, 8]), False)
        x = self.input(b + [n, c], shuffle=False)
        for layer in range(2 if self.chance(0.2) else 1):
            m = self.axis("m", self.extent(n), False)
            y = self.touched(composite("layer_norm", [x], width=c) if self.chance(0.6) else x, [n, c], 0.15)
            renamed = make("rename", y, **{"from": n, "to": m}) if self.chance(0.5) else None

            def projected(keys):
                source = renamed if renamed is not None and keys else y
                w = self.input([o, c], shuffle=False)
                p = composite("project", [source, w, self.input([o])] if self.chance(0.4) else [source, w], width=c)
                p = make("split", p, **{"from": o, "major": h, "minor": d})
                return make("rename", p, **{"from": n, "to": m}) if keys and renamed is None else p
            q, k, v = projected(False), projected(True), projected(True)
            if self.chance(0.3):
                k = composite("rms_norm", [k, self.input([d])] if self.chance(0.5) else [k], width=d)
            out = self.weighted_values(self.score(q, k, n, m, d, b + [h]), v, m)
            out = make("merge", out, major=h, minor=d, to=o)
            w = self.input([c, o], shuffle=False)
            x = make("+", x, composite("project", [out, w], width=o))
            if self.chance(0.4):
                f = self.axis("f", self.random.choice([2, 3, 4]))
                inner = composite(self.pick("relu", "gelu", "silu"), [composite("project", [composite("rms_norm", [x], width=c), self.input([f, c], shuffle=False)], width=c)])
                x = make("+", x, composite("project", [inner, self.input([c, f], shuffle=False)], width=f))
        if self.chance(0.3):
            words = self.axis("words", self.random.randint(2, 5))
            logits = composite("project", [x, self.input([words, c], shuffle=False)], width=c)
            loss = composite("cross_entropy", [logits, self.input(b + [n], "i32", high=self.extent(words) - 1)], words=words)
            x = make("mean", loss, over=loss.axes) if self.chance(0.6) and loss.axes else loss
        return x

    # -- a whole graph
    def whole_graph(self):
        g = self.graph
        kind = self.random.random()
        if kind < 0.25:
            root = self.block()
        else:
            axes = []
            for base in self.random.sample(["b", "h", "n", "e", "c"], self.pick(1, 2, 2, 3)):
                axes.append(self.axis(base, self.positions() if base in "nc" else self.random.choice([1, 2, 3, 4])))
            if kind < 0.65 and len(axes) >= 2:
                root = self.attention(axes[:-2], axes[-2], axes[-1], self.pick(1, 2))
                root = self.touched(root, axes, 0.3)
            else:
                root = self.real(axes, self.pick(2, 3, 4))
        g.results = [root]
        if self.chance(0.35):
            g.results.append(self.random.choice(self.pool) if self.pool and self.chance(0.7) else make("logsumexp", root, over=root.axes[-1:]) if root.axes else root)
        if self.chance(0.15) and root.axes:
            g.results.append(make("sum", make("*", root, root), over=root.axes))
        if self.chance(0.1) and root.axes:
            g.results[0] = make("arrange", root, order=tuple(self.random.sample(root.axes, len(root.axes))))
        if self.chance(0.05):
            g.results.append(self.whole(root.axes) if self.chance(0.5) else self.condition(root.axes))
        return self.finished()

    def finished(self):
        """The graph with results that are there once and no inputs, and what is differentiated."""
        g = self.graph
        g.results = [r for i, r in enumerate(g.results) if r not in g.results[:i] and r.op not in ("input", "index", "constant", "size")]
        need(g.results, "no result")
        used = reached(g.results)
        inputs = [x for x in used if x.op == "input"]
        real = [x for x in inputs if x.element == self.element]
        g.wrt = [x for x in real if self.chance(0.75)][:12]
        need(len(inputs) <= 24, "too many inputs")
        g.mode = self.mode
        if g.mode in ("gradient", "two passes"):             # of what the gradient has
            inputs = [x for x in reached(g.differentiable_results()) if x.op == "input"]
            g.wrt = [x for x in g.wrt if x in inputs]
        if not g.differentiable_results() or not g.wrt:
            g.mode = "forward"
        return g
