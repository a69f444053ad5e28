#!/usr/bin/env bash
# Runs fuzz targets one after the other, each for SECONDS (300), and says at the end what was found.
#
#   fuzz/run.sh [--seconds N] [TARGET]...
#
# Needs `cargo install cargo-fuzz`. A nightly compiler is not needed: the flags are asked of whichever there is.
set -euo pipefail
cd "$(dirname "$0")"
seconds=300
if [ "${1:-}" = --seconds ]; then seconds=$2; shift 2; fi
export RUSTC_BOOTSTRAP=1
[ $# -gt 0 ] || set -- $(cargo fuzz list)
python3 seeds.py corpus
cargo fuzz build -O -a
found=0
for target in "$@"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  log=artifacts/$target.log
  if cargo fuzz run -O -a "$target" -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -len_control=0 -max_len=8192 >"$log" 2>&1; then
    printf '%-10s %s\n' "$target" "$(grep '^Done' "$log")"
  else
    found=1
    printf '%-10s FAILED: see fuzz/%s\n' "$target" "$log"
  fi
done
exit $found
