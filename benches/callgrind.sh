#!/usr/bin/env bash
# Instructions that a scan takes, by callgrind: the same to a hundred-thousandth on every run, so that two builds can be
# told apart on a busy machine. The scalar and the AVX2 path are forced; valgrind does not know AVX-512.
#
#   benches/callgrind.sh [--on DIR] [BINARY]...      default: this repository's src, target/release/keyward
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
on=$top/src
if [ "${1:-}" = --on ]; then on=$2; shift 2; fi
[ $# -gt 0 ] || set -- "$top/target/release/keyward"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Outside any repository, and always with the same names: neither git nor the path decides.
cp -r "$on" "$scratch/tree"
printf '%-8s %18s  %s\n' path instructions binary
for binary in "$@"; do
  for simd in scalar avx2; do
    code=0
    RAYON_NUM_THREADS=1 KEYWARD_SIMD=$simd valgrind --tool=callgrind --callgrind-out-file=/dev/null \
      "$binary" scan --no-config --no-baseline -f json "$scratch/tree" >/dev/null 2>"$scratch/said" || code=$?
    [ "$code" -le 1 ] || { cat "$scratch/said"; exit "$code"; }
    printf '%-8s %18s  %s\n' "$simd" "$(sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$scratch/said")" "$binary"
  done
done
