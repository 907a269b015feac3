#!/usr/bin/env bash
# ./dev study from its first call to a comparison, and the figures' own tests in the environment that it makes.
#   command.sh ROOT WORK
set -euo pipefail
root=$1 work=$2
rm -rf "$work"
"$root/dev" study "$root/tests/study/tiny.toml" --out "$work/first"
for file in {record,google_benchmark}.jsonl cells.csv table.tex report.md report.html figures/{variants,profile,lengths,roofline,threads,compile,errors}.{pdf,svg,png}; do
  [[ -s $work/first/$file ]] || { echo "WRONG: there is no $file"; exit 1; }
done
measured=$(grep -c '"status": "measured"' "$work/first/record.jsonl")
((measured >= 16)) || { echo "WRONG: $measured cells were measured"; exit 1; }
"$root/dev" study compare "$work/first" "$work/first"
cd "$root/tests/study"
"$root/build/study/bin/python" -m unittest test_figures
echo "right: the command, its report and the figures"
