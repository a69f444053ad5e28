"""Side-by-side timing of scanners on one machine, in one run.

For every input each contender runs once to warm the cache and then RUNS times, the contenders taking turns so that
a slow minute hurts all alike. A contender whose exit code is not one of its good ones, or that scanned nothing, is
shown as failed and never as fast. Prints a Markdown report; --out also writes it to a file.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


class Contender:
    """A command line, its good exit codes, and how to tell from its output that it looked at something."""

    def __init__(self, name, argv, good=(0,), scanned=None, version=("--version",)):
        self.name, self.argv, self.good, self.scanned, self.version = name, argv, good, scanned, version

    def known(self):
        return shutil.which(self.argv[0]) is not None

    def version_line(self):
        try:
            out = subprocess.run([self.argv[0], *self.version], capture_output=True, text=True, timeout=20)
        except OSError as error:
            return str(error)
        lines = (out.stdout + out.stderr).strip().splitlines()
        return lines[0] if lines else "unknown"

    def once(self, scratch):
        """One run in a fresh scratch directory: (seconds, None) or (None, what went wrong)."""
        argv = [part.replace("{scratch}", scratch) for part in self.argv]
        began = time.perf_counter()
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        took = time.perf_counter() - began
        if done.returncode not in self.good:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            return None, f"exit {done.returncode} {' '.join(last)[:120]}"
        if self.scanned:
            count = self.scanned(done.stdout, done.stderr)
            if not count:
                return None, "scanned nothing"
        return took, None


def by_regex(pattern):
    """Reads a count out of a tool's own summary."""
    compiled = re.compile(pattern)

    def count(stdout, stderr):
        found = compiled.search((stdout + stderr).decode(errors="replace"))
        return int(re.sub(r"\D", "", found.group(1))) if found else 0

    return count


def keyward_count(stdout, _stderr):
    return json.loads(stdout)["coverage"]["blobs"]


def tree_contenders(keyward, tree):
    return [
        Contender("keyward", [keyward, "scan", "--no-config", "-f", "json", tree], (0, 1), keyward_count),
        Contender("ripgrep", ["rg", "-j2", "-uuu", "-c", "zzqqxx", tree], (0, 1)),
        Contender("ripsecrets", ["ripsecrets", tree], (0, 1)),
        Contender("noseyparker", ["noseyparker", "scan", "--datastore", "{scratch}/np", tree], (0,),
                  by_regex(r"Scanned [^,]* from ([\d,]+) blobs"), ("version",)),
        Contender("kingfisher", ["kingfisher", "scan", tree, "--no-validate", "--git-history", "none"],
                  (0, 200, 205), by_regex(r"[Bb]lobs? [Ss]canned[ .:]*([\d,]+)")),
        Contender("gitleaks", ["gitleaks", "dir", tree, "--no-banner"], (0, 1), by_regex(r"scanned ~([\d,]+)"), ("version",)),
        Contender("betterleaks", ["betterleaks", "dir", tree, "--no-banner"], (0, 1), by_regex(r"scanned ~([\d,]+)"), ("version",)),
        Contender("trufflehog", ["trufflehog", "filesystem", tree, "--no-verification", "--no-update", "--json"], (0, 183),
                  by_regex(r'"chunks": ?([\d]+)')),
    ]


def history_contenders(keyward, repo):
    pack = largest_pack(repo)
    return [
        Contender("keyward", [keyward, "-C", repo, "scan", "--no-config", "--history", "-f", "json"], (0, 1), keyward_count),
        Contender("keyward --all-objects", [keyward, "-C", repo, "scan", "--no-config", "--history", "--all-objects", "-f", "json"],
                  (0, 1), keyward_count),
        Contender("git index-pack", ["git", "index-pack", "--threads=2", "-o", "{scratch}/x.idx", pack]),
        Contender("noseyparker", ["noseyparker", "scan", "--datastore", "{scratch}/np", "--git-history", "full", repo], (0,),
                  by_regex(r"Scanned [^,]* from ([\d,]+) blobs"), ("version",)),
        Contender("kingfisher", ["kingfisher", "scan", repo, "--no-validate"], (0, 200, 205),
                  by_regex(r"[Bb]lobs? [Ss]canned[ .:]*([\d,]+)")),
        Contender("gitleaks", ["gitleaks", "git", repo, "--no-banner"], (0, 1), by_regex(r"([\d,]+) commits scanned"), ("version",)),
        Contender("trufflehog", ["trufflehog", "git", f"file://{os.path.abspath(repo)}", "--no-verification", "--no-update", "--json"],
                  (0, 183), by_regex(r'"chunks": ?([\d]+)')),
    ]


def largest_pack(repo):
    git = subprocess.run(["git", "-C", repo, "rev-parse", "--git-common-dir"], capture_output=True, text=True, check=True)
    folder = os.path.join(repo, git.stdout.strip(), "objects", "pack")
    packs = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".pack")]
    if not packs:
        sys.exit(f"{repo} has no pack: run git gc there first")
    return max(packs, key=os.path.getsize)


def compare(contenders, runs, names):
    contenders = [c for c in contenders if c.known() and (not names or c.name.split()[0] in names or c.name == "keyward")]
    times, failed = {c.name: [] for c in contenders}, {}
    for turn in range(runs + 1):
        for contender in contenders:
            if contender.name in failed:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                took, wrong = contender.once(scratch)
            if wrong:
                failed[contender.name] = wrong
            elif turn:  # the first turn only warms the cache
                times[contender.name].append(took)
    return contenders, times, failed


def table(title, contenders, times, failed):
    ours = statistics.median(times["keyward"]) if times.get("keyward") else None
    lines = [f"## {title}", "", "| tool | version | median s | min | max | time ÷ keyward's |", "|---|---|---|---|---|---|"]
    for c in contenders:
        if c.name in failed:
            lines.append(f"| {c.name} | {c.version_line()} | failed: {failed[c.name]} | | | |")
            continue
        t = times[c.name]
        ratio = f"{statistics.median(t) / ours:.2f}" if ours else ""
        lines.append(f"| {c.name} | {c.version_line()} | {statistics.median(t):.3f} | {min(t):.3f} | {max(t):.3f} | {ratio} |")
    return "\n".join(lines) + "\n"


def cpu():
    try:
        with open("/proc/cpuinfo") as info:
            text = info.read()
        model = re.search(r"model name\s*: (.*)", text).group(1)
        flags = {flag for flag in ("avx2", "avx512_vbmi", "avx512vbmi") if flag in text}
        return f"{model}, {os.cpu_count()} cores, {' '.join(sorted(flags)) or 'no AVX'}"
    except (OSError, AttributeError):
        return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--tree", action="append", default=[], help="a directory to scan")
    args.add_argument("--history", action="append", default=[], help="a repository whose history to scan")
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--keyward", default="target/release/keyward")
    args.add_argument("--only", action="append", default=[], help="rivals to run [default: all on PATH]")
    args.add_argument("--out")
    args = args.parse_args()
    if not args.tree and not args.history:
        sys.exit("give --tree DIR or --history REPO")
    if not os.access(args.keyward, os.X_OK):
        sys.exit(f"{args.keyward} is not there: cargo build --release, or --keyward PATH")
    report = [f"# keyward beside others, {time.strftime('%Y-%m-%d')}", "", f"{cpu()}; {platform.platform()}; {args.runs} runs, "
              "warm cache, medians.", ""]
    bad = False
    jobs = [(f"working tree {os.path.basename(os.path.abspath(t))}", tree_contenders(args.keyward, t)) for t in args.tree]
    jobs += [(f"history {os.path.basename(os.path.abspath(r))}", history_contenders(args.keyward, r)) for r in args.history]
    for title, contenders in jobs:
        contenders, times, failed = compare(contenders, args.runs, args.only)
        report.append(table(title, contenders, times, failed))
        bad |= "keyward" in failed
    text = "\n".join(report)
    print(text)
    if args.out:
        with open(args.out, "w") as out:
            out.write(text)
    sys.exit(1 if bad else 0)


main()
