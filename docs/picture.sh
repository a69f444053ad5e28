#!/usr/bin/env bash
# Makes the terminal pictures in the README from real runs: docs/picture.svg (a token) and docs/picture-check.svg (a
# token, a manifest, a policy). Each is a scratch repository, a made-up token, the installed hook, one git commit. Needs
# Python; `rich` (which draws the SVG) goes into a venv of its own.
#
#   cargo build --release && docs/picture.sh [target/release/keyward]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
keyward=$(realpath "${1:-$root/target/release/keyward}")
venv=${XDG_CACHE_HOME:-$HOME/.cache}/keyward-picture
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import rich' 2>/dev/null || "$venv/bin/pip" install --quiet rich==14.1.0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 HOME=$scratch

# A repository with the hook, and in it the current directory.
repository() {
  git init -q -b main "$scratch/$1/newsletter" && cd "$scratch/$1/newsletter"
  git config user.name Ada && git config user.email ada@example.com
  "$keyward" hooks install >/dev/null
  python3 - <<'PY'
import random, string, zlib
# A GitHub token that GitHub never issued: random characters and the CRC-32 that its format asks for.
digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
body = "".join(random.Random(20261123).choices(digits, k=30))
crc, tail = zlib.crc32(body.encode()), ""
for _ in range(6):
    crc, at = divmod(crc, 62)
    tail = digits[at] + tail
with open("mailer.py", "w") as out:
    out.write('import os, requests\n\n')
    out.write(f'GITHUB_TOKEN = "ghp_{body}{tail}"\n')
    out.write('SMTP_PASSWORD = os.environ["SMTP_PASSWORD"]\n')
PY
}

# Commits, and draws what the terminal shows: picture FILE.
picture() {
  {
    printf '$ git commit -m "Send the newsletter"\n'
    # The hook's own output, with colour though it goes to a pipe.
    CLICOLOR_FORCE=1 git commit -m "Send the newsletter" 2>&1 || true
  } >"$scratch/run.ansi"
  "$venv/bin/python" - "$scratch/run.ansi" "$root/docs/$1" <<'PY'
import sys
from rich.console import Console
from rich.text import Text
text = Text.from_ansi(open(sys.argv[1]).read())
console = Console(record=True, width=100, file=open("/dev/null", "w"))
console.print(text)
console.save_svg(sys.argv[2], title="keyward", unique_id="keyward")
PY
  cat "$scratch/run.ansi"
}

repository secret
git add mailer.py
picture picture.svg

repository check
"$keyward" -q manifest init --name newsletter --purpose "Sends the monthly newsletter" --owner group:default/marketing \
  --unit marketing --class confidential 2>/dev/null
git add catalog-info.yaml && git commit -q --no-verify -m "Register the app"
sed -i '/^  owner:/d; s/secrets: \[\].*/secrets: [{name: smtp, provider: vault, path: mail\/creds\/app, dynamic: true, env: SMTP_PASSWORD}]/' catalog-info.yaml
mkdir k8s && cat >k8s/deployment.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: newsletter}
spec:
  selector: {matchLabels: {app: newsletter}}
  template:
    metadata: {labels: {app: newsletter}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: mailer
          image: registry.example.com/newsletter:1.4
          resources: {limits: {memory: 128Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
            privileged: true
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
YAML
git add -A
picture picture-check.svg
