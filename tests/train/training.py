"""What a person sees of the training: the loss falls, a stop and a resume give the same bits, bad input is refused, the curve is drawn.

usage: training.py CASE PROGRAM TEXT"""
import pathlib, re, subprocess, sys, tempfile

case, program, text = sys.argv[1:4]
folder = pathlib.Path(tempfile.mkdtemp(prefix="heed_train_"))
small = ["--texts", "2", "--context", "48", "--length", "0"]


def run(*arguments, name="run", status=0, text=text):
    command = [program, "--text", str(text), "--folder", str(folder / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def losses(printed):
    return [float(x) for x in re.search(r"character: ([\d.]+); of a bigram model: ([\d.]+)", printed).groups()]


if case == "learns":
    few, _ = losses(run(*small, "--steps", "1", "--quiet", name="few"))
    more, bigram = losses(run("--texts", "4", "--context", "64", "--length", "40", "--steps", "30", name="more"))
    print(f"validation loss after 1 step {few}, after 30 {more}; bigram {bigram}")
    assert 4.0 < few < 5.0, few                            # log 96 = 4.56: nothing is known at first
    assert more < few - 1, (few, more)
    assert 2.0 < bigram < 3.5, bigram
elif case == "resumes":
    whole = run(*small, "--steps", "8", "--quiet", name="whole")
    part = run(*small, "--steps", "8", "--stop-after", "3", "--quiet", name="part")
    assert "stopped at step 3 of 8" in part, part
    first = (folder / "part/checkpoint.safetensors").read_bytes()
    rest = run("--resume", "--length", "0", "--quiet", name="part")
    a, b = ((folder / f"{n}/checkpoint.safetensors").read_bytes() for n in ("whole", "part"))
    assert a == b, "a run that was stopped and resumed ends in other bits"
    assert a != first
    assert losses(whole) == losses(rest)
elif case == "refuses":
    assert "safetensors" in run("--resume", status=1, name="nothing")
    short = folder / "short.txt"
    short.write_text("short")
    assert "too short" in run("--steps", "1", status=1, text=short)
    run(*small, "--steps", "1", "--quiet", name="cut")
    checkpoint = folder / "cut/checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-4])
    assert "expected" in run("--resume", status=1, name="cut")
else:
    raise SystemExit(f"unknown case {case}")
