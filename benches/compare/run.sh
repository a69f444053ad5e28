#!/usr/bin/env bash
# Times keyward beside whichever rivals are on PATH: the same input, the same run, medians and ratios.
#
#   benches/compare/run.sh --tree DIR... --history REPO... [--runs 5] [--keyward PATH] [--out FILE]
#
# See compare.py beside this file for what is run and checked.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/compare.py" "$@"
