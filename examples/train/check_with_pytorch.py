"""The same model in PyTorch: with the same weights and batch, loss and all gradients must agree, and the time of a step is compared.

usage: check_with_pytorch.py HEED_TRAIN TEXT FOLDER [--texts N --context N]

heed-train writes weights, a batch, its loss and gradients to a safetensors file, and prints the median time of a step (loss and
gradients, without the optimizer). Both take as many threads as the machine has cores, in turn, in this one run. Exit status 1 where a
tensor differs by more than 1e-4 of its norm."""
import argparse, json, os, pathlib, statistics, struct, subprocess, sys, time

import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("program"), parser.add_argument("text"), parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--texts", default="8"), parser.add_argument("--context", default="256")
options = parser.parse_args()
threads = len(os.sched_getaffinity(0))
torch.set_num_threads(threads)
options.folder.mkdir(parents=True, exist_ok=True)
exported = options.folder / "step.safetensors"


def heed_step():
    """Exports a step; the seconds that heed takes for one."""
    command = [options.program, "--text", options.text, "--folder", str(options.folder), "--texts", options.texts, "--context", options.context, "--export-step", str(exported)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)}).stdout)


def read(path):
    """The tensors of a safetensors file: 8 bytes of header length, a JSON header, raw data."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    kinds = {"F32": torch.float32, "I32": torch.int32}
    return {name: torch.frombuffer(data, dtype=kinds[x["dtype"]], count=(x["data_offsets"][1] - x["data_offsets"][0]) // 4, offset=8 + length + x["data_offsets"][0]).reshape(x["shape"]).clone()
            for name, x in json.loads(data[8:8 + length]).items()}


def rms_norm(x, weight):
    return F.rms_norm(x, (x.shape[-1],), weight, 1e-6)


def rotary(x, cosine, sine):                               # x (b, heads, n, d)
    a, b = x.chunk(2, -1)
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)


def loss_of(w, tokens, target):
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


heed_seconds = [heed_step()]
found = read(exported)
names = [name.removeprefix("gradient.") for name in found if name.startswith("gradient.")]
weights = {name: found[name].requires_grad_() for name in names}
tokens, target = found["tokens"].long(), found["target"].long()


def torch_step():
    for w in weights.values():
        w.grad = None
    loss = loss_of(weights, tokens, target)
    loss.backward()
    return loss.item()


loss = torch_step()
worst = abs(loss - found["loss"].item()) / abs(loss)
print(f"{'':16} {'heed':>12} {'PyTorch':>12}  relative difference")
print(f"{'loss':16} {found['loss'].item():12.6f} {loss:12.6f}  {worst:.1e}")
for name in names:
    ours, theirs = found["gradient." + name].double(), weights[name].grad.double()
    off = ((ours - theirs).norm() / theirs.norm()).item()
    worst = max(worst, off)
    print(f"gradient of {name:14} norm {theirs.norm().item():.4e}  {off:.1e}")


def torch_seconds(steps=9):
    taken = []
    for _ in range(steps):
        begin = time.perf_counter()
        torch_step()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


torch_times = []
for _ in range(3):                                         # in turn: a machine that others use changes
    torch_times.append(torch_seconds())
    heed_seconds.append(heed_step())
ours, theirs = statistics.median(heed_seconds[1:]), statistics.median(torch_times)
print(f"a step (loss and gradients) of {tokens.shape[0]} x {tokens.shape[1]} characters, {threads} threads: heed {ours * 1e3:.0f} ms, "
      f"PyTorch {torch.__version__} eager {theirs * 1e3:.0f} ms: {theirs / ours:.2f} times as fast")
print("agrees" if worst <= 1e-4 else "DIFFERS", f"within {worst:.1e} (allowed: 1e-4 of the norm)")
sys.exit(worst > 1e-4)
