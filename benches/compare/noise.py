"""The noise run: what keyward says of packages' sources that nobody trained it on.

    python3 benches/compare/noise.py DIRECTORY                      fetches the pinned sources into DIRECTORY
    python3 benches/compare/noise.py DIRECTORY KEYWARD              scans them and counts the findings
    python3 benches/compare/noise.py DIRECTORY KEYWARD VERDICTS     counts how many of them are true, too

Whether a finding is a hard-coded credential is for a person to say, one by one, with its line. VERDICTS is a TSV of
path (as in the report), line, rule, and `true`, `false` or `open`; it is kept outside the repository.
"""
import collections
import csv
import json
import os
import re
import subprocess
import sys

import packages

NPM = ["express@4.21.2", "axios@1.7.9", "knex@3.1.0", "nodemailer@6.9.16", "passport@0.7.0", "mongoose@8.9.2", "pg@8.13.1",
       "next-auth@4.24.11", "parse-server@7.4.0", "keycloak-js@26.0.7", "aws-sdk@2.1692.0", "n8n-nodes-base@2.41.2",
       "firebase-tools@13.29.1", "verdaccio@6.0.5"]
SDISTS = ["django==5.1.4", "requests==2.32.3", "paramiko==3.5.0", "celery==5.4.0", "httpx==0.28.1", "flask==3.1.0",
          "ansible-core==2.17.7", "boto3==1.35.80", "fastapi==0.115.6", "wagtail==6.3.1", "moto==5.0.22", "salt==3007.1",
          "jupyterhub==5.2.1", "authlib==1.4.0"]
WHEELS = ["sqlalchemy==2.0.36", "apache-airflow==2.10.4"]
CRATES = ["reqwest@0.12.9", "lettre@0.11.10", "redis@0.27.5", "tokio-postgres@0.7.12", "mongodb@3.1.0", "actix-web@4.9.0",
          "oauth2@4.4.2", "jsonwebtoken@9.3.0", "rusoto_core@0.48.0", "rusoto_credential@0.48.0", "octocrab@0.42.1",
          "aws-sigv4@1.2.6", "vaultrs@0.7.3", "async-nats@0.38.0", "ldap3@0.11.5", "openssl@0.10.68"]
# Files, bytes, digest.
KNOWN = (68450, 570740869, "94208900fc8f2477")
# Folders and files of tests, documentation and examples, by the words of their path.
ASIDE = {"test", "tests", "testing", "testdata", "spec", "specs", "fixture", "fixtures", "mock", "mocks", "t", "bench", "benches",
         "doc", "docs", "example", "examples", "sample", "samples", "demo", "demos", "tutorial", "readme", "man"}
LEVELS = ("medium", "high", "certain")


def aside(path):
    return bool(ASIDE & set(re.split(r"[^a-z]+", path.lower())))


def lines(root):
    """Lines of text files: all of them, and those outside of tests, documentation and examples."""
    every = outside = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            if b"\0" in content:
                continue
            every += content.count(b"\n")
            outside += 0 if aside(os.path.relpath(path, root)) else content.count(b"\n")
    return every, outside


def count(root, keyward, verdicts):
    said = {}
    if verdicts:
        with open(verdicts, newline="") as file:
            said = {tuple(row[:3]): row[3] for row in csv.reader(file, delimiter="\t")}
    done = subprocess.run([keyward, "scan", "--format", "json", "--confidence", "medium", "."], cwd=root, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"keyward: exit {done.returncode}\n{done.stderr.decode()[-2000:]}")
    every, outside = lines(root)
    print(f"{every} lines, {outside} of them outside of tests, documentation and examples")
    table = collections.Counter()
    shown = collections.Counter()
    unseen = 0
    for finding in json.loads(done.stdout)["findings"]:
        path, rule, level = finding["path"], finding["rule"], finding["confidence"]
        kind = "generic" if rule == "generic-assignment" else "specific"
        verdict = said.get((path, str(finding["start_line"]), rule), "unseen")
        unseen += verdict == "unseen"
        table[kind, level, verdict] += 1
        if level != "medium" and not aside(path):
            shown[verdict] += 1
    for kind in ("generic", "specific"):
        for level in LEVELS:
            row = {verdict: many for (k, l, verdict), many in table.items() if (k, l) == (kind, level)}
            print(f"{kind:9} {level:8} {sum(row.values()):5}  {row}")
    print(f"high and above outside of tests, documentation and examples: {dict(shown)}, "
          f"{sum(shown.values()) * 1e6 / max(outside, 1):.1f} per million lines")
    if said:
        for name, levels in (("medium and above", LEVELS), ("high and above", LEVELS[1:])):
            many = collections.Counter()
            for (_, level, verdict), n in table.items():
                many[verdict] += n if level in levels else 0
            total = sum(many.values())
            print(f"{name}: {many['true']} of {total} true ({100 * many['true'] / max(total, 1):.1f} %), {many['open']} open, {many['false']} false")
    if verdicts and unseen:
        sys.exit(f"{unseen} findings have no verdict")


def main():
    if not 2 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    out = os.path.abspath(sys.argv[1])
    if len(sys.argv) > 2:
        count(out, os.path.abspath(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
        return
    packages.fetch(out, (packages.npm, NPM), (packages.sdists, SDISTS), (packages.wheels, WHEELS), (packages.crates, CRATES))
    packages.known(out, KNOWN)


main()
