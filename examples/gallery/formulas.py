"""The formula of every entry of the gallery, written out with numpy: every value is stored, and nothing here shares a graph
with the declarations. They give what the elements of their operands allow: double from double, float from float.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

FORMULAS: dict[str, Callable[..., np.ndarray]] = {}


def formula(function):
    FORMULAS[function.__name__] = function
    return function


def einsum(spec, *arrays):
    return np.einsum(spec, *arrays, optimize=True)


def softmax(s, axis=-1):
    """What is -inf has no weight; a row with nothing left is 0."""
    top = s.max(axis, keepdims=True)
    e = np.exp(s - np.where(np.isfinite(top), top, 0))
    total = e.sum(axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def rms(x, weight=1.0, epsilon=1e-6):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def layer(x, weight=1.0, bias=0.0, epsilon=1e-5):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight + bias


def turn(x, cosine, sine):
    """The halves of the last axis, turned by the angles of the axis before it."""
    first, second = np.split(x, 2, -1)
    return np.concatenate([first * cosine - second * sine, second * cosine + first * sine], -1)


def scores(q, k):
    """Of (..., n, d) and (..., m, d), scaled."""
    return q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])


def positions(count, like):
    """0, 1, ... of the elements of an array."""
    return np.arange(count).astype(like.dtype)


def distance(s):
    """n - m."""
    return positions(s.shape[-2], s)[:, None] - positions(s.shape[-1], s)


def where(s, keep):
    return np.where(keep, s, -np.inf)


def causal(s):
    return where(s, distance(s) >= 0)


def log_sum_exp(s, axis=-1):
    top = s.max(axis, keepdims=True)
    return (np.log(np.exp(s - top).sum(axis, keepdims=True)) + top).squeeze(axis)


def heads(x, weight, bias=0.0):
    """x (n, c) by weight (..., d, c): (..., n, d)."""
    return np.moveaxis(np.tensordot(x, weight, (-1, -1)) + bias, 0, -2)


# --- masks and scores -------------------------------------------------------------------------------------------------


@formula
def grouped_queries(q, k, v, q_weight, k_weight, cosine, sine):
    q, k = turn(rms(q, q_weight), cosine, sine), turn(rms(k, k_weight), cosine, sine)
    return softmax(causal(scores(q, k[:, None]))) @ v[:, None]


@formula
def windowed(q, k, v, width):
    s = scores(q, k)
    assert 0 < width < 40
    return softmax(where(s, (distance(s) >= 0) & (distance(s) < width))) @ v


@formula
def packed_documents(q, k, v, document):
    return softmax(where(causal(scores(q, k)), document[:, None] == document)) @ v


@formula
def prefix_lm(q, k, v, prefix):
    s = scores(q, k)
    assert prefix > 0
    return softmax(where(s, (distance(s) >= 0) | (np.arange(s.shape[-1]) < prefix))) @ v


@formula
def alibi_slopes(q, k, v, slope):
    s = scores(q, k)
    return softmax(causal(s - slope[:, None, None] * distance(s))) @ v


@formula
def t5_buckets(q, k, v, table):
    bucket = [x if x < 16 else min(16 + int(16 * np.log(x / 16) / np.log(8)), 31) for x in range(q.shape[1])]
    s = q @ np.swapaxes(k, -1, -2)
    return softmax(causal(s + table[:, np.array(bucket)[np.maximum(distance(s), 0).astype(int)]])) @ v


@formula
def softcapped(q, k, v):
    return softmax(causal(50 * np.tanh(scores(q, k) / 50))) @ v


@formula
def forgetting(q, k, v, gate):
    total = np.cumsum(-softplus(-gate), axis=1)
    return softmax(causal(scores(q, k) + total[:, :, None] - total[:, None, :])) @ v


@formula
def log_distances(q, k, v, strength, width):
    s = scores(q, k)
    fall = softplus(strength)[:, None, None] * np.log(1 + softplus(width)[:, None, None] * abs(distance(s)))
    return softmax(causal(s - fall)) @ v


@formula
def scaled_by_length(q, k, v, strength):
    s = scores(q, k)
    return softmax(causal(strength[:, None, None] * np.log(positions(s.shape[1], s) + 1)[:, None] * s)) @ v


@formula
def cosine_scores(q, k, v, strength):
    q, k = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, k))
    return softmax(strength[:, None, None] * einsum("hnd,hmd->hnm", q, k)) @ v


@formula
def near_keys(q, k, v):
    return softmax(-((q[:, :, None] - k[:, None]) ** 2).sum(-1) / math.sqrt(q.shape[-1])) @ v


@formula
def block_diffusion(q, k, v):
    s = scores(q, k)
    half = s.shape[-1] // 2
    block = np.arange(half) // 16
    own, other = block[:, None], block
    keep = np.block([[own == other, other < own], [np.zeros((half, half), bool), other <= own]])
    return softmax(where(s, keep)) @ v


# --- weights ----------------------------------------------------------------------------------------------------------


@formula
def learned_sinks(q, k, v, sink):
    e = np.exp(causal(scores(q, k)))
    return e @ v / (np.exp(sink)[:, None, None] + e.sum(-1, keepdims=True))


@formula
def softmax1(q, k, v):
    e = np.exp(causal(scores(q, k)))
    return e @ v / (1 + e.sum(-1, keepdims=True))


@formula
def sigmoid_weights(q, k, v):
    return sigmoid(causal(scores(q, k)) - math.log(k.shape[1])) @ v


@formula
def stick_breaking(q, k, v):
    share = sigmoid(np.where(distance(scores(q, k)) > 0, scores(q, k), -np.inf))
    left = np.cumprod(1 - share[..., ::-1], -1)[..., ::-1]
    return share * np.concatenate([left[..., 1:], np.ones_like(left[..., :1])], -1) @ v


@formula
def squared_relu(q, k, v):
    return np.maximum(scores(q, k), 0) ** 2 @ v / k.shape[1]


@formula
def slots(q, k, v):
    w = softmax(scores(q, k), -2)
    return w @ v / (w.sum(-1, keepdims=True) + 1e-8)


@formula
def contrastive(x, y, t):
    x, y = (z / np.linalg.norm(z, axis=-1, keepdims=True) for z in (x, y))
    s = np.exp(t) * x @ y.T
    chances = np.log(softmax(s, 1)), np.log(softmax(s, 0))
    return -(np.trace(chances[0]) + np.trace(chances[1])) / 2 / len(x)


@formula
def retention(q, k, v, rate):
    s = scores(q, k)
    gamma = np.exp(-softplus(rate))[:, None, None]
    w = np.where(distance(s) >= 0, s * gamma ** np.maximum(distance(s), 0), 0)
    return w @ v / np.maximum(abs(w.sum(-1, keepdims=True)), 1)


@formula
def softpick(q, k, v):
    s = scores(q, k)
    w = np.where(distance(s) >= 0, np.exp(s) - 1, 0)
    return np.maximum(w, 0) @ v / (abs(w).sum(-1, keepdims=True) + 1e-6)


@formula
def entmax(q, k, v):
    s = np.where(distance(scores(q, k)) >= 0, scores(q, k), -np.inf) / 2
    z = np.sort(s - s.max(-1, keepdims=True), -1)[..., ::-1]
    count = positions(z.shape[-1], z) + 1
    there = np.where(np.isfinite(z), z, 0)
    mean, square = there.cumsum(-1) / count, (there**2).cumsum(-1) / count
    t = mean - np.sqrt(np.maximum((1 - count * (square - mean**2)) / count, 0))
    last = (t <= z).sum(-1, keepdims=True) - 1  # the keys above their own threshold come first
    return np.maximum(s - s.max(-1, keepdims=True) - np.take_along_axis(t, last, -1), 0) ** 2 @ v


@formula
def top_k(q, k, v):
    s = np.where(distance(scores(q, k)) >= 0, scores(q, k), -np.inf)
    smallest = np.sort(s, -1)[..., ::-1][..., min(16, s.shape[-1]) - 1, None]
    return softmax(np.where(s >= smallest, s, -np.inf)) @ v


@formula
def taylor_weights(q, k, v):
    s = scores(q, k)
    w = np.where(distance(s) >= 0, 1 + s + s**2 / 2, 0)
    return w @ v / w.sum(-1, keepdims=True)


@formula
def linear_attention(q, k, v):
    fq, fk = (np.where(x > 0, x, np.expm1(x)) + 1 for x in (q, k))
    w = einsum("hnd,hmd->hnm", fq, fk)
    return w @ v / w.sum(-1, keepdims=True)


# --- several maps, other axes, projections ----------------------------------------------------------------------------


@formula
def gated_attention(q, k, v, x, weight):
    return sigmoid(heads(x, weight)) * (softmax(causal(scores(q, k))) @ v)


@formula
def differential(q1, q2, k1, k2, v, weight, **more):
    p = softmax(causal(scores(q1, k1))) - more["lambda"][:, None, None] * softmax(causal(scores(q2, k2)))
    return rms(p @ v, weight) * 0.2


@formula
def latent_keys(q, turned, row, wk, wv):
    c = wk.shape[-1]
    keys = einsum("mc,hac->hma", row[:, :c], wk)
    s = einsum("hna,hma->hnm", q, keys) + einsum("hnp,mp->hnm", turned, row[:, c:])
    return softmax(causal(s / math.sqrt(q.shape[-1] + turned.shape[-1]))) @ einsum("mc,hec->hme", row[:, :c], wv)


@formula
def triangle(pair, wq, wk, wv, wg, wb, wo):
    z = layer(pair)
    bias = einsum("nmc,hc->hnm", z, wb)
    q, k, v, g = (einsum("inc,hdc->hind", z, w) for w in (wq, wk, wv, wg))
    return einsum("hind,chd->inc", sigmoid(g) * (softmax(scores(q, k) + bias[:, None]) @ v), wo)


def over_pixels(q, k, v, keep, bias=0.0):
    """Attention of all pixels to all, keep and bias (y, x, yk, xk)."""
    h, y, x, d = q.shape
    s = scores(q.reshape(h, y * x, d), k.reshape(h, y * x, d)).reshape(h, y, x, y, x) + bias
    p = softmax(where(s, keep).reshape(h, y * x, y * x))
    return (p @ v.reshape(h, y * x, -1)).reshape(h, y, x, -1)


@formula
def neighbourhood(q, k, v):
    def near(size):
        first = np.clip(np.arange(size) - 3, 0, size - 7)[:, None]
        return (np.arange(size) >= first) & (np.arange(size) < first + 7)

    return over_pixels(q, k, v, near(q.shape[1])[:, None, :, None] & near(q.shape[2])[None, :, None, :])


@formula
def shifted_windows(q, k, v, table):
    h, Y, X, _ = q.shape
    y, x, yk, xk = np.indices((Y, X, Y, X))
    keep = ((y + 4) // 8 == (yk + 4) // 8) & ((x + 4) // 8 == (xk + 4) // 8)
    place = np.where(keep, (y - yk + 7) * 15 + x - xk + 7, 0)
    return over_pixels(q, k, v, keep, table[:, place])


@formula
def perceiver(latent, x, wq, wk, wv, wo):
    read = softmax(scores(heads(layer(latent), wq), heads(x, wk))) @ heads(x, wv)
    return latent + einsum("hnd,chd->nc", read, wo)


@formula
def agents(q, k, v, agent):
    return softmax(scores(q, agent)) @ (softmax(scores(agent, k)) @ v)


@formula
def split_keys(q, k, v):
    """All keys at once."""
    h, c, m, d = k.shape
    return softmax(scores(q, k.reshape(h, c * m, d))) @ v.reshape(h, c * m, -1)


@formula
def distance_network(q, k, v, slope, offset, outward):
    s = scores(q, k)
    n = positions(s.shape[1], s)
    place = np.log(1 + np.maximum(distance(s), 0)) / np.log(1 + np.maximum(n, 32))[:, None]
    hidden = np.maximum(place[..., None] * slope[:, None, None] + offset[:, None, None], 0)
    return softmax(causal(s + einsum("hnmu,hu->hnm", hidden, outward))) @ v


@formula
def relative_keys(q, k, v, table):
    s = scores(q, k)
    vectors = table[(np.clip(-distance(s), -16, 16) + 16).astype(int)]
    return softmax(s + einsum("hnd,nmd->hnm", q, vectors) / math.sqrt(q.shape[-1])) @ v


@formula
def persistent_memory(q, k, v, kp, vp):
    s = np.concatenate([causal(scores(q, k)), scores(q, kp)], -1)
    return softmax(s) @ np.concatenate([v, vp], 1)


@formula
def axial(q, k, v):
    return softmax(scores(q, k)) @ v


@formula
def talking_heads(q, k, v, before, behind):
    p = softmax(einsum("hnm,hg->gnm", scores(q, k), before))
    return einsum("gnm,gj->jnm", p, behind) @ v


# --- whole blocks -----------------------------------------------------------------------------------------------------


def read_in_groups(s, value, wo):
    """Weights (g, r, n, m) of values (g, m, d), back to the width of the model."""
    return einsum("grnd,cgrd->nc", softmax(s) @ value[:, None], wo)


@formula
def llama_block(x, cosine, sine, wq, wk, wv, wo, gate, up, down, first_norm, second_norm):
    y = rms(x, first_norm)
    s = scores(turn(heads(y, wq), cosine, sine), turn(heads(y, wk), cosine, sine)[:, None])
    z = x + read_in_groups(causal(s), heads(y, wv), wo)
    w = rms(z, second_norm)
    return z + (w @ gate.T * sigmoid(w @ gate.T) * (w @ up.T)) @ down.T


@formula
def gemma_block(x, cosine, sine, width, wq, wk, wv, wo, gate, up, down, norm_1, norm_2, norm_3, norm_4):
    y = rms(x, 1 + norm_1)
    s = 50 * np.tanh(scores(turn(heads(y, wq), cosine, sine), turn(heads(y, wk), cosine, sine)[:, None]) / 50)
    s = where(s, (distance(s) >= 0) & (distance(s) < width))
    z = x + rms(read_in_groups(s, heads(y, wv), wo), 1 + norm_2)
    w = rms(z, 1 + norm_3)
    a = w @ gate.T
    gelu = a / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3)))
    return z + rms(gelu * (w @ up.T) @ down.T, 1 + norm_4)


@formula
def gpt_oss_block(x, cosine, sine, width, wq, wk, wv, wo, bq, bk, bv, bo, sink, gate, up, down, first_norm, second_norm):
    y = rms(x, first_norm)
    q = turn(heads(y, wq) + bq[:, :, None], cosine, sine)
    k = turn(heads(y, wk) + bk[:, None], cosine, sine)
    s = scores(q, k[:, None])
    s = where(s, (distance(s) >= 0) & (distance(s) < width))
    s = np.concatenate([s, np.broadcast_to(sink[:, :, None, None], (*s.shape[:3], 1))], -1)
    value = heads(y, wv) + bv[:, None]
    nothing = np.zeros((value.shape[0], 1, value.shape[2]), value.dtype)
    z = x + read_in_groups(s, np.concatenate([value, nothing], 1), wo) + bo
    w = rms(z, second_norm)
    a, b = np.minimum(w @ gate.T, 7), np.clip(w @ up.T, -7, 7)
    return z + (a * sigmoid(1.702 * a) * (b + 1)) @ down.T


@formula
def vit_block(x, wq, wk, wv, wo, w1, b1, w2, b2, scale_1, shift_1, scale_2, shift_2):
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    y = layer(x, scale_1, shift_1)
    z = x + einsum("hnd,chd->nc", softmax(scores(heads(y, wq), heads(y, wk))) @ heads(y, wv), wo)
    a = layer(z, scale_2, shift_2) @ w1.T + b1
    return z + (a / 2 * (1 + erf(a / math.sqrt(2)))) @ w2.T + b2
