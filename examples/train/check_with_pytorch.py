"""The same model in PyTorch: with the same weights and batch, loss and all gradients must agree, and the time of a step (loss and gradients,
without the optimizer) is compared.

usage: check_with_pytorch.py HEED_TRAIN TEXT FOLDER [--texts N --context N]"""
import argparse, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import torch
import torch.nn.functional as F
from beside_pytorch import compare, rms_norm

parser = argparse.ArgumentParser()
parser.add_argument("program"), parser.add_argument("text"), parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--texts", default="8"), parser.add_argument("--context", default="256")
options = parser.parse_args()
options.folder.mkdir(parents=True, exist_ok=True)
exported = options.folder / "step.safetensors"


def rotary(x, cosine, sine):                               # x (b, heads, n, d)
    a, b = x.chunk(2, -1)
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)


def loss_of(found, w):
    tokens, target = found["tokens"].long(), found["target"].long()
    layers, kv = w["wk"].shape[:2]
    d, (b, n) = 64, tokens.shape
    angles = torch.outer(torch.arange(n, dtype=torch.float64), 10000.0 ** (-torch.arange(d // 2, dtype=torch.float64) / (d // 2)))
    cosine, sine = angles.cos().float(), angles.sin().float()
    heads = lambda y: y.view(b, n, -1, d).transpose(1, 2)
    x = w["table"][tokens]
    for l in range(layers):
        y = rms_norm(x, w["attention_norm"][l])
        q, k = (rotary(heads(y @ w[name][l].T), cosine, sine) for name in ("wq", "wk"))
        v = heads(y @ w["wv"][l].T)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + a.transpose(1, 2).reshape(b, n, -1) @ w["wo"][l].T
        y = rms_norm(x, w["mlp_norm"][l])
        x = x + (F.silu(y @ w["gate"][l].T) * (y @ w["up"][l].T)) @ w["down"][l].T
    return F.cross_entropy((rms_norm(x, w["last_norm"]) @ w["table"].T).flatten(0, 1), target.flatten())


command = [options.program, "--text", options.text, "--folder", options.folder, "--texts", options.texts, "--context", options.context, "--export-step", exported]
sys.exit(compare(command, exported, loss_of, f"loss and gradients of {options.texts} x {options.context} characters"))
