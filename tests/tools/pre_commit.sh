#!/bin/sh
# The real pre-commit drives `keyward hook pre-commit` in a scratch repository: tests/tools/pre_commit.sh KEYWARD
# The tool is installed once, into a cache outside this repository.
set -eu
version=4.7.0
[ $# -eq 1 ] && [ -x "$1" ] || {
    echo "usage: $0 KEYWARD (an executable)" >&2
    exit 2
}
keyward=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/keyward-tests
venv=$cache/pre-commit-$version
if ! "$venv/bin/pre-commit" --version 2>/dev/null | grep -qx "pre-commit $version"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "pre-commit==$version"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(GIT_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
unset SKIP PRE_COMMIT_ALLOW_NO_CONFIG 2>/dev/null || :
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 PRE_COMMIT_HOME="$scratch/home" PATH="$venv/bin:$PATH"
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
work=$scratch/work
git init -q -b main "$work"
cd "$work"

# The entry is the one of .pre-commit-hooks.yaml, with the program under test in place of the one on PATH.
mkdir "$scratch/bin"
ln -s "$keyward" "$scratch/bin/keyward"
cat > .pre-commit-config.yaml <<EOF
repos:
- repo: local
  hooks:
  - id: keyward
    name: keyward
    language: system
    entry: $scratch/bin/keyward hook pre-commit
    require_serial: true
EOF
pre-commit install >/dev/null

fail() {
    echo "pre_commit.sh: $1" >&2
    [ ! -f "$scratch/out" ] || cat "$scratch/out" >&2
    exit 1
}
# It must be keyward that said yes or no: "Skipped" and "Passed" with no file are not.
said() { grep -Eq "^keyward\.+$1" "$scratch/out"; }

# A GitHub token with the checksum that GitHub gives it (CRC-32 in base 62), made up anew each time.
token() {
    python3 -c '
import secrets, string, zlib
digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
body = "".join(secrets.choice(digits) for _ in range(30))
crc, check = zlib.crc32(body.encode()), ""
for _ in range(6):
    crc, digit = divmod(crc, 62)
    check = digits[digit] + check
print("ghp" + "_" + body + check)'
}

echo 'nothing to see here' > clean.txt
git add -A
git commit -q -m clean > "$scratch/out" 2>&1 || fail "a clean commit was blocked"
said Passed || fail "a clean commit was not looked at"

secret=$(token)
echo "token = \"$secret\"" > leak.txt
git add leak.txt
if git commit -q -m leak > "$scratch/out" 2>&1; then fail "a staged token was committed"; fi
said Failed || fail "something else than keyward blocked the commit"
grep -q 'leak.txt' "$scratch/out" || fail "the finding does not name its file"
if grep -qF "$secret" "$scratch/out"; then fail "the secret was printed"; fi

git commit -q --no-verify -m leak
echo 'more' >> clean.txt
git add clean.txt
git commit -q -m 'beside a committed token' > "$scratch/out" 2>&1 || fail "a commit that adds no token was blocked"
if pre-commit run --all-files > "$scratch/out" 2>&1; then fail "run --all-files passed over a committed token"; fi
said Failed || fail "run --all-files failed, but not by keyward"
grep -q 'leak.txt' "$scratch/out" || fail "run --all-files does not name the file"
if pre-commit run --files leak.txt > "$scratch/out" 2>&1; then fail "run --files passed over a committed token"; fi
git rm -q leak.txt
git commit -q -m 'gone' > "$scratch/out" 2>&1 || fail "the removal of a token was blocked"
pre-commit run --all-files > "$scratch/out" 2>&1 || fail "a clean tree was not clean"
said Passed || fail "a clean tree was not looked at"
echo "pre-commit $version: ok"
