#!/usr/bin/env bash
# Makes what train.py is given from a labelled data set, and runs it: every figure of rules/generic-model.md comes from here.
# usage: tools/train/run.sh cv|write DATASET SCRATCH
#   DATASET   a folder in CredData's form: data/ and meta/
#   SCRATCH   a folder for what is made on the way
#   PYTHON    a Python with scikit-learn (python3); SEEDS   shuffles of the folds (5)
set -euo pipefail
[ $# -eq 3 ] || { sed -n '3,6s/^# *//p' "$0" >&2; exit 2; }
mode=$1 data=$(realpath "$2") python=${PYTHON:-python3}
mkdir -p "$3"
out=$(realpath "$3")
cd "$(dirname "$0")/../.."
root=$PWD
# More threads than free cores would wait for each other.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

cargo build --quiet --locked --release -p keyward -p xtask
bin=${CARGO_TARGET_DIR:-$root/target}/release
cd "$data"
"$bin/xtask" candidates data >"$out/candidates.tsv"
"$bin/keyward" scan --format sarif --confidence low data >"$out/report.sarif" || [ $? -eq 1 ]

# Words that people choose from: the most used in Python's own library.
library=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
grep -rohE --include='*.py' --exclude-dir=site-packages '\b[a-z]{4,9}\b' "$library" | LC_ALL=C sort | uniq -c |
  LC_ALL=C sort -k1,1nr -k2 | awk 'NR <= 10000 { print $2 }' >"$out/words.txt"
rm -rf "$out/chosen"
"$python" "$root/tools/train/augment.py" "$data" "$out/words.txt" "$out/chosen"
cd "$out/chosen"
"$bin/xtask" candidates data >"$out/chosen.tsv"

# Sources with few secrets: Python's library and what keyward is built of, without Windows' names.
cd "$root"
cargo metadata --locked --format-version 1 | "$python" -c '
import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["source"] and not package["name"].startswith("windows"):
        print(os.path.dirname(package["manifest_path"]))' >"$out/clean.txt"
find "$library" -mindepth 1 -maxdepth 1 ! -name site-packages >>"$out/clean.txt"
mapfile -t clean <"$out/clean.txt"
"$bin/xtask" candidates "${clean[@]}" >"$out/clean.tsv"

"$python" tools/train/train.py "$mode" "$out/candidates.tsv" "$data" "$out/report.sarif" "$out/chosen.tsv" "$out/chosen" \
  "$out/clean.tsv"
