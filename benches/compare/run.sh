#!/usr/bin/env bash
# The whole table of figures in one run: keyward beside ripgrep, git and whichever rivals are on PATH.
#
#   benches/compare/run.sh [--tree DIR]... [--history REPO]... [--runs 5] [--keyward PATH] [--work DIR] [--no-hook] [--out FILE]
#
# Without --tree or --history the corpora are made in the work directory (kept, and used again): packages' sources at pinned
# versions, and a history grown from a seed. README.md beside this file says what is measured and how.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${TMPDIR:-/tmp}/keyward-compare
tree= history= next=
for word in "$@"; do
  if [ "$next" = work ]; then work=$word; fi
  next=
  case $word in
    --work) next=work ;;
    --work=*) work=${word#--work=} ;;
    --tree | --tree=*) tree=given ;;
    --history | --history=*) history=given ;;
  esac
done
mkdir -p "$work"
if [ -z "$tree" ]; then
  [ -d "$work/packages" ] || python3 "$here/corpus.py" "$work/packages"
  set -- "$@" --tree "$work/packages"
fi
if [ -z "$history" ]; then
  [ -d "$work/grown" ] || python3 "$here/history.py" "$work/grown"
  set -- "$@" --history "$work/grown"
fi
exec python3 "$here/compare.py" "$@"
