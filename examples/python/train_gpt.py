"""Trains a small GPT on characters, whose attention is declared in variant.hpp: causal, with a slope (ALiBi) and a sink
that every head learns. Then the same model, from the same weights and on the same batches, with torch's own attention.

    python train_gpt.py [--text FILE] [--seconds 60] [--quick]

Needs torch and heed. Without --text it reads the Markdown of this repository.
"""
from __future__ import annotations

import argparse
import math
import pathlib
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import heed
import heed.torch

HERE = pathlib.Path(__file__).resolve().parent
LAYERS, WIDTH, HEADS = 3, 128, 4
Attention = Callable[..., Tensor]  # of q, k, v, slope, sink


def torch_attention(q: Tensor, k: Tensor, v: Tensor, slope: Tensor, sink: Tensor) -> Tensor:
    """What variant.hpp declares, as torch can say it: a bias for every pair, and a key of zeros whose bias is the sink."""
    b, h, n, _ = q.shape
    position = torch.arange(n)
    distance = position[None, :] - position[:, None]
    bias = slope[:, None, None] * distance + torch.zeros(n, n).masked_fill(distance > 0, -math.inf)
    bias = torch.cat((bias, sink[:, None, None].expand(h, n, 1)), -1)
    k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None].expand(b, h, n, n + 1))


class Block(nn.Module):
    """Attention and a feed-forward network, each behind a norm."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention
        self.before_attention, self.before_network = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.slope = nn.Parameter(2.0 ** -torch.arange(1.0, 2 * HEADS, 2))
        self.sink = nn.Parameter(torch.zeros(HEADS))

    def forward(self, x: Tensor) -> Tensor:
        # (b, n, width) to three of (b, h, n, d): views, which heed reads as they lie.
        q, k, v = self.qkv(self.before_attention(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        seen = self.attention(q=q, k=k, v=v, slope=self.slope, sink=self.sink)
        x = x + self.out(seen.transpose(1, 2).flatten(-2))
        return x + self.down(F.gelu(self.up(self.before_network(x))))


class GPT(nn.Module):
    """Characters to the logits of the next ones. No positions are added: attention knows distances."""

    def __init__(self, characters: int, attention: Attention) -> None:
        super().__init__()
        self.table = nn.Embedding(characters, WIDTH)
        self.blocks = nn.Sequential(*(Block(attention) for _ in range(LAYERS)))
        self.norm, self.head = nn.RMSNorm(WIDTH), nn.Linear(WIDTH, characters)

    def forward(self, text: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.table(text))))


def train(name: str, attention: Attention, text: Tensor, characters: int, options: argparse.Namespace) -> list[float]:
    """Trains for a number of seconds or steps, prints how the loss falls, and gives the loss of every step."""
    torch.manual_seed(1)
    model = GPT(characters, attention)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    batches = torch.Generator().manual_seed(2)
    losses: list[float] = []
    spent = 0.0
    print(f"\n{name}\n{'step':>6} {'loss':>8} {'ms a step':>10}")
    while spent < options.seconds and len(losses) < options.steps:
        starts = torch.randint(len(text) - options.context - 1, (options.batch,), generator=batches)
        pieces = torch.stack([text[start:start + options.context + 1] for start in starts])
        begin = time.perf_counter()
        loss = F.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        taken = time.perf_counter() - begin
        if losses:
            spent += taken  # the first step compiles
        losses.append(loss.item())
        if (len(losses) - 1) % options.every == 0:
            print(f"{len(losses) - 1:6} {losses[-1]:8.4f} {1e3 * spent / max(len(losses) - 1, 1):10.1f}", flush=True)
    print(f"{len(losses) - 1:6} {losses[-1]:8.4f} {1e3 * spent / max(len(losses) - 1, 1):10.1f}")
    for what in ("slope", "sink"):
        learned = " ".join(f"{x:6.3f}" for x in getattr(model.blocks[0], what).tolist())
        print(f"{what} of each head of the first layer: {learned}")
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--text", type=pathlib.Path, help="the text to learn")
    parser.add_argument("--seconds", type=float, default=60, help="of training with heed (60)")
    parser.add_argument("--quick", action="store_true", help="30 steps on short pieces")
    options = parser.parse_args()
    options.steps, options.every = (30, 10) if options.quick else (100_000, 25)
    options.batch, options.context = (2, 32) if options.quick else (8, 256)

    files = [options.text] if options.text else sorted(HERE.parents[1].glob("docs/*.md"))
    written = "".join(file.read_text() for file in files)
    alphabet = sorted(set(written))
    text = torch.tensor([alphabet.index(character) for character in written])
    print(f"{len(text)} characters, {len(alphabet)} different ones; {torch.get_num_threads()} threads")

    attend = heed.torch.function(HERE / "variant.hpp", "out")
    ours = train("heed", attend, text, len(alphabet), options)
    options.steps, options.seconds = len(ours), math.inf
    theirs = train("torch", torch_attention, text, len(alphabet), options)

    off = max(abs(a - b) for a, b in zip(ours[:10], theirs[:10]))
    print(f"\nthe losses of the first 10 steps differ by {off:.1e} at most")
    if sum(ours[-10:]) / 10 > ours[0] - 0.5 or off > 1e-3:
        raise SystemExit("the loss does not fall, or the two models differ")


if __name__ == "__main__":
    main()
