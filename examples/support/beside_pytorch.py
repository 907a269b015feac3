"""A step of heed beside the same step in PyTorch: the same values must come out, and the times are compared.

heed's program writes weights, a loss and gradients ("gradient.NAME") to a safetensors file, and prints the median time of a step. Both
take as many threads as the machine has cores, in turn, in this one run. On a machine that others use the processor's time says more: the
least of one thread."""
import json, os, pathlib, statistics, struct, subprocess, time

import torch
import torch.nn.functional as F

def read(path):
    """The tensors of a safetensors file: 8 bytes of header length, a JSON header, raw data."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    kinds = {"F32": torch.float32, "I32": torch.int32}
    return {name: torch.frombuffer(data, dtype=kinds[x["dtype"]], count=(x["data_offsets"][1] - x["data_offsets"][0]) // 4, offset=8 + length + x["data_offsets"][0]).reshape(x["shape"]).clone()
            for name, x in json.loads(data[8:8 + length]).items()}


def rms_norm(x, weight):
    return F.rms_norm(x, (x.shape[-1],), weight, 1e-6)


def compare(command, exported, loss_of, what, of_processor=False):
    """command: heed's program with arguments, which writes `exported`. loss_of(found, weights): the loss in PyTorch, from all tensors of
    the file and those of them that have gradients. of_processor: the program prints the least processor seconds of a step on one thread,
    and PyTorch's are counted alike. Prints both, and how many times as fast heed is; 1 where a tensor differs by more than 1e-4 of its
    norm, else 0."""
    threads = 1 if of_processor else len(os.sched_getaffinity(0))
    clock, middle = (time.process_time, min) if of_processor else (time.perf_counter, statistics.median)
    torch.set_num_threads(threads)

    def heed_step():
        return float(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)}).stdout)

    heed_seconds = [heed_step()]
    found = read(pathlib.Path(exported))
    names = [name.removeprefix("gradient.") for name in found if name.startswith("gradient.")]
    weights = {name: found[name].requires_grad_() for name in names}

    def torch_step():
        for w in weights.values():
            w.grad = None
        loss = loss_of(found, weights)
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
            begin = clock()
            torch_step()
            taken.append(clock() - begin)
        return middle(taken)

    torch_times = []
    for _ in range(3):                                     # in turn: a machine that others use changes
        torch_times.append(torch_seconds())
        heed_seconds.append(heed_step())
    ours, theirs = middle(heed_seconds[1:]), middle(torch_times)
    print(f"a step ({what}), {'one thread, processor time' if of_processor else f'{threads} threads'}: heed {ours * 1e3:.1f} ms, PyTorch {torch.__version__} eager {theirs * 1e3:.1f} ms: {theirs / ours:.2f} times as fast")
    print("agrees" if worst <= 1e-4 else "DIFFERS", f"within {worst:.1e} (allowed: 1e-4 of the norm)")
    return int(worst > 1e-4)
