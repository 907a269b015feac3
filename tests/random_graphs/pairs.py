"""Draws programs over pairs of rows and columns: contractions of both, masks, whatever is pointwise between them, at
most two statistics of a row or a column, and reductions in every direction. Extents are drawn a second time by the
program (sheet.hpp)."""
from draw import Draw
from formulas import add, composite, div, mul, sub
from graphs import reached
from nodes import Invalid, constant, make, need

KINDS = {"n": "position", "m": "position", "b": "batch", "h": "batch", "r": "batch", "d": "width", "e": "width"}


class DrawPairs(Draw):
    most_contractions = 1

    def axis(self, base, extent, static=None):
        name = super().axis(base, extent, static)
        axis = self.graph.axes[name]
        axis.drawn = "fixed" if axis.static else KINDS.get(base, "fixed")
        return name

    def positions(self):
        return 0 if self.chance(0.03) else self.random.choice([1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 17])

    def width(self):
        return self.random.choice([1, 2, 3, 4, 5, 8, 16, 17])

    # -- what lies over pairs, or over rows or columns alone
    def whole(self, axes, depth=1):
        """Whole numbers that stay within a table wherever the program's extents lead: distances, blocks, buckets."""
        here = [a for a in (self.n, self.m) if a in axes]
        if len(here) < 2:
            return make("index", axis=here[0]) if here else constant(self.random.randint(0, 3))
        distance = make("-", *(make("index", axis=a) for a in self.random.sample(here, 2)))
        return self.pick(lambda: distance,
                         lambda: make("abs", distance),
                         lambda: make("min", make("abs", distance), constant(self.random.randint(1, 6))),
                         lambda: add(distance, self.random.randint(1, 9)),
                         lambda: self.bucket(distance) if depth else distance)()

    def lookup(self, element, index):
        """A table at an index: of a position, longer than all of them; of a distance, whose ends are read beyond."""
        by_position = index.op == "index"
        longest = max(self.extent(self.n), self.extent(self.m))
        extent = longest + self.pick(0, 2) if by_position else self.random.choice([1, 3, 8, 16])
        z = self.axis("z", max(extent, 1), False if by_position else None)
        if by_position:
            self.graph.axes[z].drawn = "table"
        front = [a for a in self.lead if a in self.shared and not by_position and self.chance(0.3)]
        return composite("at", [self.input(front + [z], element, high=3, shuffle=False), index])

    def condition(self, axes, depth=2):
        """Which pairs, rows or columns take part."""
        if depth and self.chance(0.25):
            return make(self.pick("&&", "&&", "||"), self.condition(axes, depth - 1), self.condition(axes, depth - 1))
        if depth and self.chance(0.05):
            return make("!", self.condition(axes, depth - 1))
        here = [a for a in (self.n, self.m) if a in axes]
        if not here or self.chance(0.2):
            return self.input([a for a in axes if self.chance(0.6)][:3], "bool")
        if len(here) == 1 or self.chance(0.15):
            i = make("index", axis=self.random.choice(here))
            count = self.input(self.lead[:1] if self.chance(0.5) else [], "i32", high=20)
            number = constant(self.random.randint(0, 4))
            return self.pick(composite("padding", [i, count]), make(self.pick("<", ">=", "!="), i, number))
        n, m = (make("index", axis=a) for a in here)
        whole, block = self.random.randint, lambda x: make("cast", div(x, self.blocks), to="i32")
        return self.pick(lambda: composite("causal", [n, m]),
                         lambda: composite("causal", [n, m]),
                         lambda: composite("causal", [n, m, constant(whole(-2, 3))]),
                         lambda: composite("causal", [n, m, self.input([], "i32", high=6)]),
                         lambda: composite("sliding_window", [n, m], left=whole(1, 9)),
                         lambda: composite("sliding_window", [n, m], left=whole(0, 5), right=whole(0, 5)),
                         self.same_document,
                         self.same_document,
                         lambda: make("==", block(n), block(m)),
                         lambda: make("!=", sub(n, m), constant(whole(-1, 3))),
                         lambda: make("<", self.lookup("i32", sub(n, m)), constant(2)))()

    def same_document(self):
        n, m = (make("index", axis=a) for a in (self.n, self.m))
        z = self.axis("z", max(self.extent(self.n), self.extent(self.m), 1) + self.pick(0, 2), False)
        self.graph.axes[z].drawn = "table"
        front = self.lead[:1] if self.lead and self.chance(0.3) else []
        return composite("same_document", [self.input(front + [z], "i32", high=2, shuffle=False), n, m], along=z)

    # -- scores
    def contraction(self):
        d = self.axis("d", self.width())
        q = self.input(self.lead + [self.n, d])
        keys = [a for a in self.shared if self.chance(0.85)]
        k = self.input(keys + [self.m, d])
        self.columns.append((k, d))
        self.rows.append((q, d))
        if self.chance(0.1):                                  # keys through an expression
            k = self.pick(lambda: mul(k, make("sigmoid", self.input([self.m]))),
                          lambda: add(k, self.input([d])),
                          lambda: composite("rms_norm", [k], width=d))()
        return composite("scaled_dot", [q, k], width=d) if self.chance(0.75) else make("dot", q, k, over=[d])

    def table_of_vectors(self, leading, width):
        """A vector for each distance; an index outside reads the nearest end."""
        front = [a for a in leading if self.chance(0.3)]
        most = self.random.randint(1, 6)
        n, m = (make("index", axis=a) for a in (self.n, self.m))
        clamped = lambda: add(make("clamp", sub(m, n), constant(-most), constant(most)), most)
        t = self.axis("t", self.random.choice([1, 3, 8, 16]))
        return composite("at", [self.input(front + [width, t], shuffle=False), self.pick(clamped, lambda: self.whole([self.n, self.m]))()])

    def at_a_distance(self):
        """A contraction of the queries of another with vectors that are read at the distance of query and key."""
        q, d = self.random.choice(self.rows)
        if self.chance(0.3):                                  # a bias of their own
            q = add(q, self.input([d]))
        return make("dot", q, self.table_of_vectors(self.shared, d), over=[d])

    def scores(self):
        s = self.contraction()
        if self.distances and self.chance(0.8):
            s = add(s, self.at_a_distance())
        for _ in range(self.random.randint(1, self.most_contractions) - 1):
            s = make(self.pick("+", "+", "-", "*"), s, self.contraction())
        if self.chance(0.08):                                 # weights of 1 and of almost 0
            s = make("*", s, constant(10))
        return s

    def step(self, s, axes):
        """One pointwise step between the score and the weights."""
        n, m = (make("index", axis=a) for a in (self.n, self.m))
        slope = lambda: self.input([a for a in self.lead if self.chance(0.5)])
        return self.weighted(
            (lambda: make("mask", s, self.condition(axes)), 5),
            (lambda: composite("softcap", [s, constant(self.pick(2, 5))]), 1),
            (lambda: add(s, composite("alibi", [slope(), n, m])), 1),
            (lambda: add(s, self.lookup(self.element, self.whole([self.n, self.m]))), 1),
            (lambda: make(self.pick("+", "*"), s, self.input(self.some(axes))), 2),
            (lambda: mul(s, make("exp", mul(make("abs", sub(n, m)), -0.125))), 1),
            (lambda: make("where", self.condition(axes), s, self.pick(constant(0), make("tanh", s))), 1),
            (lambda: self.function(s), 2))()

    # -- sums along an axis and sparse weights
    def either_end(self, x, along):
        return make("running_sum", x, over=along, from_the_end=self.chance(0.6))

    def faded(self, s):
        """What each position is left with, of factors between 0 and 1 up to there: the forgetting transformer."""
        totals = [self.either_end(make("log", make("sigmoid", self.input(self.lead[:1] + [a]))), [a]) for a in (self.n, self.m)]
        return add(s, sub(*totals))

    def added_up_over_pairs(self, s, along):
        """Weights made of sums over the pairs of a row (or of a column) up to each."""
        sigmoid = lambda x: make("sigmoid", x)
        up_to = lambda x: self.either_end(x, along)
        return self.pick(lambda: make("exp", sub(s, up_to(make("softplus", s)))),
                         lambda: make("exp", sub(s, up_to(make("softplus", s)))),
                         lambda: mul(sigmoid(s), make("exp", mul(up_to(sigmoid(s)), -0.25))),
                         lambda: mul(make("tanh", s), make("tanh", up_to(mul(s, 0.25)))),
                         lambda: mul(sigmoid(s), make("exp", mul(up_to(up_to(sigmoid(s))), -0.0625))),
                         lambda: make("softmax", sub(s, mul(up_to(sigmoid(s)), 0.25)), over=along))()

    def sparse(self, s, along):
        """Weights that are mostly 0."""
        largest = lambda: make("among_largest", s, over=along, count=self.random.choice([1, 2, 3, 5]))
        softmax = lambda keep: make("softmax", make("mask", s, keep), over=along)
        entmax = lambda alpha: make("entmax", s, over=along, alpha=alpha)
        return self.pick(lambda: entmax(2), lambda: entmax(2), lambda: entmax(1.5), lambda: entmax(1.25),
                         lambda: softmax(largest()), lambda: softmax(largest()),
                         lambda: softmax(make("||", largest(), self.condition(list(s.axes)))),
                         lambda: mul(entmax(1.5), make("tanh", s)))()

    # -- weights
    def weight(self, s):
        """What a sum over pairs adds up, of scores; takes at most two statistics."""
        along = [self.m if self.chance(0.7) else self.n]
        sigmoid, softmax = lambda x: make("sigmoid", x), lambda x: make("softmax", x, over=along)
        total = lambda x: make("sum", x, over=along)
        if self.runs and self.chance(0.7):
            return self.added_up_over_pairs(s, along)
        if self.sparsity and self.statistics and self.chance(0.8):
            self.statistics -= 1
            return self.sparse(s, along)
        plain = [lambda: sigmoid(sub(s, 1)),
                 lambda: mul(r := composite("relu", [s]), r),
                 lambda: mul(s, s),
                 lambda: make("tanh", s),
                 lambda: div(add(1, make("erf", s)), 2),
                 lambda: s,
                 lambda: make("exp", make("tanh", s)),
                 lambda: div(1, add(1, mul(s, s))),
                 lambda: make("softplus", s),
                 lambda: make("where", make(">", s, constant(0.25)), s, constant(0)),
                 lambda: self.function(sigmoid(s))]
        with_one = [lambda: softmax(s),
                    lambda: softmax(s),
                    lambda: make("exp", sub(s, make("logsumexp", s, over=along))),
                    lambda: sub(s, make("logsumexp", s, over=along)),
                    lambda: make("exp", sub(s, make("reduce_max", s, over=along))),
                    lambda: div(w := self.random.choice(plain)(), add(1.5, make("abs", total(w)))),
                    lambda: mul(w := softmax(s), w),
                    lambda: mul(softmax(s), make("tanh", s)),
                    lambda: mul(w := softmax(s), make("log", add(w, 0.03125))),
                    lambda: sub(w := sigmoid(s), make("mean", w, over=along))]
        if self.statistics >= 1 and self.chance(0.55):
            self.statistics -= 1
            w = self.random.choice(with_one)()
            if self.statistics and self.chance(0.35):
                self.statistics -= 1
                other = [self.m if along == [self.n] else self.n] if self.chance(0.6) else along
                w = self.pick(lambda: make("softmax", mul(w, 3), over=other),
                              lambda: div(w, add(0.5, make("abs", make("sum", w, over=other)))),
                              lambda: sub(w, mul(softmax(mul(s, 0.5)), 0.75)))()
            return w
        return self.random.choice(plain)()

    # -- reductions
    def value(self, axes, others, position):
        """What is summed with weights: an input of its own, or an operand of the scores once more."""
        if others and self.chance(0.15):
            return self.random.choice(others)[0]
        return self.input([a for a in axes if self.chance(0.9)] + [position, self.e])

    def reduction(self, w):
        n, m = self.n, self.m
        total = lambda x: make("sum", x, over=[a for a in x.axes])
        either = lambda: [self.pick(n, m)]
        table = lambda: self.lookup(self.element, self.whole([n, m]))
        kinds = [(lambda: make("dot", w, self.value(self.shared, self.columns, m), over=[m]), 8),
                 (lambda: make("dot", w, self.value(self.lead, self.rows, n), over=[n]), 3),
                 (lambda: make(self.pick("sum", "mean"), w, over=[m]), 2),
                 (lambda: make("sum", w, over=[n]), 2),
                 (lambda: total(w), 2),
                 (lambda: make("logsumexp", w, over=either()), 1),
                 (lambda: make("reduce_max", w, over=either()), 1),
                 (lambda: make("sum", mul(w, table()), over=either()), 1),
                 (lambda: total(mul(w, self.input(self.some(w.axes)))), 1)]
        if self.distances:
            kinds.append((lambda: make("dot", w, self.table_of_vectors([], self.e), over=[m]), 3))
        if "r" in w.axes:                                     # columns that several rows of heads share
            with_r = [x for x in self.rows if "r" in x[0].axes]
            kinds.append((lambda: make("dot", w, self.value(self.lead, with_r, n), over=[n]), 1))
            kinds.append((lambda: make("sum", w, over=["r", n]), 1))
        return self.weighted(*kinds)()

    def whole_graph(self):
        g = self.graph
        g.quiet, g.least = 0.1, 1.0                           # (the gradient of a softmax over one key cancels to 0)
        self.lead = [self.axis("b", self.random.randint(1, 2))] if self.chance(0.3) else []
        if not self.lead or self.chance(0.7):                 # (what shares nothing is a network with a hidden layer)
            if self.chance(0.92):
                self.lead.append(self.axis("h", self.random.randint(1, 3)))
        self.shared = list(self.lead)
        if self.lead and self.chance(0.3):
            self.lead.append(self.axis("r", self.random.randint(1, 3)))
        self.n, self.m = (self.axis(name, self.positions(), self.chance(0.1)) for name in "nm")
        self.e, self.blocks = self.axis("e", self.width()), self.pick(2, 3, 8)
        self.rows, self.columns, self.statistics = [], [], self.pick(0, 1, 1, 2)
        self.sparsity, self.distances = g.number % 6 == 1, g.number % 6 == 4
        self.statistics = max(self.statistics, self.sparsity)
        if self.size(self.lead + [self.n, self.m]) * max(self.extent(self.e), 8) > 12000:
            raise Invalid("too large")
        s = self.scores()
        axes = list(s.axes)
        if self.chance(0.55):
            s = make("mask", s, self.condition(axes))
        for _ in range(self.pick(0, 0, 1, 1, 2)):
            s = self.step(s, axes)
        if self.runs and self.chance(0.25):
            s = self.faded(s)
        weights = [self.weight(s)]
        while self.chance(0.3):                               # another program of the same contraction, another mask
            weights.append(self.weight(s if self.chance(0.6) else make("mask", s, self.condition(axes))))
        if self.chance(0.2):
            weights[0] = make("mask", weights[0], self.condition(axes))
        reduced = [self.reduction(w) for w in weights]
        while self.chance(0.35):                              # the same weights into another direction
            reduced.append(self.reduction(self.random.choice(weights)))
        if len(reduced) > 1 and self.chance(0.3):             # what comes out meets: a quotient of sums, a gate
            a, b = self.random.sample(reduced, 2)
            if set(b.axes) <= set(a.axes):
                reduced = [x for x in reduced if x is not a and x is not b] + [div(a, add(1, make("abs", b)))]
        if self.chance(0.15):
            reduced[0] = self.function(reduced[0])
        g.results = reduced[:4]
        g = self.finished()
        need({self.n, self.m} & {a for x in reached(g.results) for a in x.axes}, "no pairs")
        return g


class DrawContractions(DrawPairs):
    """... with scores of up to three contractions."""
    most_contractions = 3
