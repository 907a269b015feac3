"""A training step of one pre-norm block (bench/block.hpp) in heed and in PyTorch: the same weights, the same result and gradients.

usage: block_step.py HEED_BLOCK_STEP FOLDER [POSITIONS] [--processor]

--processor: the least processor time of one thread, for a machine that others use."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "examples" / "support"))
import torch.nn.functional as F
from beside_pytorch import compare, rms_norm

of_processor = "--processor" in sys.argv
arguments = [argument for argument in sys.argv[1:] if argument != "--processor"]
program, folder, positions = arguments[0], pathlib.Path(arguments[1]), arguments[2] if len(arguments) > 2 else "1024"
command = [program, folder / "block.safetensors", positions, *(["--processor"] if of_processor else [])]
folder.mkdir(parents=True, exist_ok=True)
exported = folder / "block.safetensors"


def loss_of(found, w):
    x = w["x"]
    heads = lambda y: y.unflatten(-1, (8, 64)).transpose(1, 2)
    y = rms_norm(x, w["norm_a"])
    a = F.scaled_dot_product_attention(*(heads(F.linear(y, w[name])) for name in ("wq", "wk", "wv")), is_causal=True)
    z = x + F.linear(a.transpose(1, 2).flatten(-2), w["wo"])
    y = rms_norm(z, w["norm_f"])
    out = z + F.linear(F.silu(F.linear(y, w["gate"])) * F.linear(y, w["up"]), w["down"])
    return (out * found["cotangent"]).sum()


sys.exit(compare(command, exported, loss_of, f"forward and all gradients of a block, 512 wide, {positions} positions", of_processor))
