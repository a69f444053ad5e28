"""The whole comparison in one run: working tree, histories, memory, more rules, the cache, the hook. Writes a dated
Markdown file; see run.sh for how it is called and README.md beside it for what is measured and how."""
import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time

import again
import contenders
import measure
import more_rules

HERE = os.path.dirname(os.path.abspath(__file__))


class Report:
    def __init__(self):
        self.rows, self.details = [], []

    def row(self, work, measured, value, must, stretch, most=True):
        """One line of the summary; `most`: less is better."""
        holds = (lambda limit: value <= limit) if most else (lambda limit: value >= limit)
        verdict = "stretch" if holds(stretch) else "must" if holds(must) else "**no**"
        sign = "≤" if most else "≥"
        self.rows.append(f"| {work} | {measured} | {value:.3g} | {sign} {must} | {sign} {stretch} | {verdict} |")

    def missing(self, work, measured, why):
        self.rows.append(f"| {work} | {measured} | {why} | | | |")

    def detail(self, title, text):
        self.details.append(f"## {title}\n\n{text}\n")
        print(f"\n## {title}\n\n{text}", flush=True)

    def text(self, head):
        summary = ["| work | measure | measured | must | stretch | reached |", "|---|---|---|---|---|---|", *self.rows]
        return "\n".join([*head, "", *summary, "", *self.details])


def ratio(report, work, result, ours, must, stretch):
    """A rival's time over ours."""
    name = f"{result.contender.name}'s time ÷ ours"
    if result.failed:
        report.missing(work, name, result.failed)
    else:
        report.row(work, name, result.wall() / ours.wall(), must, stretch, most=False)


def trees(args, report):
    for folder in args.tree:
        work = f"working tree {os.path.basename(folder)}"
        files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
        size = sum(os.lstat(path).st_size for path in files)
        results = measure.in_turns(contenders.tree(args.keyward, folder), args.runs, slow=("kingfisher", "noseyparker"))
        ours, rg = results["keyward"], results["ripgrep"]
        said = f"{len(files)} files, {size / 1e6:.0f} MB.\n\n{measure.table(results)}"
        if ours.count() != len(files):
            raise SystemExit(f"{folder}: {len(files)} files, but keyward scanned {ours.count()}: the figures cannot be compared")
        report.detail(work, said)
        if rg.failed:
            report.missing(work, "time ÷ ripgrep's", rg.failed)
        else:
            report.row(work, "time ÷ `rg -j2 -uuu -c zzqqxx`", ours.wall() / rg.wall(), 2.5, 1.6)
            report.row(work, "the same in processor time", ours.cpu() / rg.cpu(), 2.5, 1.6)
            for simd in ("avx512", "avx2", "scalar"):
                forced = results.get(f"keyward, {simd}")
                if forced and not forced.failed:
                    report.row(work, f"{simd}: time ÷ ripgrep's", forced.wall() / rg.wall(), 2.5, 1.6)
        ratio(report, work, results["noseyparker"], ours, 3, 5)
        rules(args, report, folder, work)


def rules(args, report, folder, work):
    with tempfile.TemporaryDirectory() as scratch:
        more = os.path.join(scratch, "more.toml")
        more_rules.write(more)
        scan = ["scan", "--no-baseline", "-f", "json", folder]
        pair = [contenders.keyward(args.keyward, "keyward", *scan, "--no-config"),
                contenders.keyward(args.keyward, "keyward with 1,000 more rules", *scan, "--config", more)]
        results = measure.in_turns(pair, args.runs)
    report.detail(f"{work}: 1,000 more rules", measure.table(results))
    few, many = results.values()
    if many.failed:
        report.missing(work, "cost of 1,000 more rules", many.failed)
        return
    report.row(work, "cost of 1,000 more rules, % time", (many.wall() / few.wall() - 1) * 100, 25, 10)
    report.row(work, "the same in processor time", (many.cpu() / few.cpu() - 1) * 100, 25, 10)


def histories(args, report):
    for repo in args.history:
        name = os.path.basename(repo.removesuffix("/repo"))
        work = f"history {name}"
        pack = contenders.largest_pack(repo)
        partial = os.path.exists(pack.removesuffix("pack") + "promisor")
        flags = ["--allow-missing"] if partial else []
        if contenders.has_flag(args.keyward, "--no-cache"):
            flags.append("--no-cache")
        results = measure.in_turns(contenders.history(args.keyward, repo, pack, flags), args.runs,
                                   slow=("kingfisher", "noseyparker", "git index-pack"))
        ours, every, git = results["keyward"], results["keyward --all-objects"], results["git index-pack"]
        objects = int(re.search(r"in-pack: (\d+)", git_says(repo, "count-objects", "-v")).group(1))
        said = f"{objects} objects, pack of {os.path.getsize(pack) / 1e6:.0f} MB."
        report.detail(work, f"{said}\n\n{measure.table(results)}")
        if git.failed:
            raise SystemExit(f"git index-pack {git.failed}")
        report.row(work, "`--history`: time ÷ `git index-pack --threads=2`", ours.wall() / git.wall(), 0.18, 0.12)
        if every.failed:
            raise SystemExit(f"{every.contender.name}: {every.failed}")
        report.row(work, "`--all-objects`: time ÷ `git index-pack --threads=2`", every.wall() / git.wall(), 0.18, 0.12)
        ratio(report, work, results["noseyparker"], ours, 8, 12)
        ratio(report, work, results["kingfisher"], ours, 15, 24)
        with tempfile.TemporaryDirectory() as scratch:
            anon = max(measure.once(every.contender, scratch, sample=True).anon for _ in range(2))
        report.row(work, f"memory beyond the mapped pack, MB ({anon / objects:.0f} bytes an object)", anon / 1e6, 200, 120)
        if "--no-cache" in flags and not partial:
            first, later, new = again.run(args.keyward, repo, min(args.runs, 3), flags[:-1])
            report.row(work, f"again after {new} new commits, with the cache: time ÷ first run", later / first, 0.1, 0.03)
        elif not partial:
            report.missing(work, "again after 1 % new commits", "this build has no cache")


def hook(args, report):
    script = os.path.join(HERE, "hook.py")
    if not os.path.exists(script):
        report.missing("hook", "ms", "no hook.py")
        return
    argv = [sys.executable, script, "--keyward", args.keyward, "--work", os.path.join(args.work, "hook")]
    done = subprocess.run([*argv, "--runs", str(max(20, args.runs * 10))], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"hook.py: exit {done.returncode} {done.stderr[-500:]}")
    report.detail("the installed hook, spawn to exit", done.stdout)
    limits = {"tiny": (5, 3), "5,000 files": (8, 5), "100,000 files": (40, 15), "200 staged files, 4 MB": (40, 15)}
    for case, what, wall in re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([\d.]+)", done.stdout, re.M):
        if what == "the installed hook" and case in limits:
            report.row(f"hook, {case}", "ms", float(wall), *limits[case])


def git_says(repo, *args):
    return subprocess.run(["git", "-C", repo, *args], capture_output=True, text=True, check=True).stdout


def cpu():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        text = info.read()
    found = re.search(r"model name\s*: (.*)", text)
    family = re.search(r"cpu family\s*: (\d+)\nmodel\s*: (\d+)", text)
    flags = [flag for flag in ("avx2", "avx512bw", "avx512vbmi", "avx512_vbmi2") if re.search(rf"\b{flag}\b", text)]
    named = f"{found.group(1)} (family {family.group(1)}, model {family.group(2)})" if found and family else platform.machine()
    return f"{named}, {os.cpu_count()} cores, {' '.join(flags) or 'no AVX2'}"


def load():
    """What else the machine did meanwhile: figures of a busy one are not worth much."""
    return f"load average {' '.join(f'{n:.1f}' for n in os.getloadavg())}"


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--tree", action="append", default=[], help="a directory to scan, outside any repository")
    parse.add_argument("--history", action="append", default=[], help="a packed repository whose history to scan")
    parse.add_argument("--no-hook", action="store_true")
    parse.add_argument("--runs", type=int, default=5)
    parse.add_argument("--keyward", default="target/release/keyward")
    parse.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "keyward-compare"))
    parse.add_argument("--out", help="[default: benches/results/DATE-MACHINE.md]")
    args = parse.parse_args()
    args.keyward = os.path.realpath(args.keyward)
    args.tree = [os.path.realpath(folder) for folder in args.tree]
    args.history = [os.path.realpath(repo) for repo in args.history]
    if not os.access(args.keyward, os.X_OK):
        raise SystemExit(f"{args.keyward} is not there: cargo build --profile dist, or --keyward PATH")
    os.makedirs(args.work, exist_ok=True)
    report, before = Report(), load()
    trees(args, report)
    histories(args, report)
    if not args.no_hook:
        hook(args, report)
    version = subprocess.run([args.keyward, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    commit = git_says(HERE, "describe", "--always", "--dirty").strip()
    name = re.sub(r"[^a-z0-9]+", "-", platform.node().lower()).strip("-") or "machine"
    head = [f"# keyward beside others, {time.strftime('%Y-%m-%d')}", "",
            f"{cpu()}; {platform.platform()}; {version} ({commit}); {args.runs} runs in turns, warm cache, medians; "
            f"{before} before, {load()} after.", "",
            f"    benches/compare/run.sh {' '.join(sys.argv[1:])}"]
    out = args.out or os.path.join(HERE, "..", "results", f"{time.strftime('%Y-%m-%d')}-{name}.md")
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    with open(out, "w", encoding="utf-8") as file:
        file.write(report.text(head))
    print(f"\nwritten: {os.path.relpath(out)}")


if __name__ == "__main__":
    main()
