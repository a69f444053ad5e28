#!/usr/bin/env python3
"""How long a commit waits for keyward: spawn to exit of the hook, measured in this one process.

    benches/compare/hook.py [--keyward PATH] [--runs 100] [--work DIR] [--only NAME...] [--realtime] [--out FILE]

Makes seeded repositories (kept in --work and used again), installs the hooks with `keyward hooks install`, and starts
each contender with posix_spawn as git does, all contenders taking turns so that a slow moment hurts all alike. Wall
clock and user + system time of the process and its children are told as medians, the lowest in brackets. `true` is what the machine
itself takes to start and end a process. Every run's exit code is checked, and before each case a planted secret must be refused: a hook that
scanned nothing is never shown as fast.
"""
import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time

CASES = {
    # name: (files in HEAD, how the change is made, index version, split)
    "tiny": (3, "line", 2, False),
    "5,000 files": (5_000, "line", 2, False),
    "100,000 files": (100_000, "line", 2, False),
    "100,000 files, v4": (100_000, "line", 4, False),
    "100,000 files, split": (100_000, "line", 2, True),
    "200 staged files, 4 MB": (5_000, "many", 2, False),
}
MUST = {"tiny": 5, "5,000 files": 8, "100,000 files": 40, "200 staged files, 4 MB": 40}
ENV = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000", "LC_ALL": "C",
}
WORDS = "let value index of the request handler returns None when cache is empty for path in entries if size then".split()


def git(repo, *args, stdin=None):
    done = subprocess.run(["git", "-C", repo, *args], env=ENV, input=stdin, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"git {args}: {done.stderr.decode()}")
    return done.stdout.decode().strip()


def text(rng, size):
    out, length = [], 0
    while length < size:
        line = "    " * rng.randrange(4) + " ".join(rng.choices(WORDS, k=rng.randrange(3, 12))) + "\n"
        out.append(line)
        length += len(line)
    return "".join(out)


def make(repo, files, change, version, split):
    """A repository of so many files, one commit, and what is staged on top."""
    rng = random.Random(files)
    subprocess.run(["git", "init", "-q", "-b", "main", repo], env=ENV, check=True)
    names = [f"src/m{n % 97:02}/p{n // 97 % 40:02}/{WORDS[n % len(WORDS)]}_{n:06}.rs" for n in range(files)]
    stream = ["commit refs/heads/main\ncommitter a <a@example.com> 1700000000 +0000\ndata 5\nfirst\n"]
    for name in names:
        body = text(rng, 300 if files > 50_000 else 2_000)
        stream.append(f"M 100644 inline {name}\ndata {len(body)}\n{body}\n")
    git(repo, "fast-import", "--quiet", stdin="".join(stream).encode())
    # The hook never looks at the working tree, so there need be none but for what is staged.
    git(repo, "read-tree", "HEAD")
    git(repo, "update-index", "--index-version", str(version))
    if split:
        git(repo, "update-index", "--split-index")
    for name in names[:200] if change == "many" else names[len(names) // 2:][:1]:
        old = git(repo, "cat-file", "blob", f"HEAD:{name}")
        path = os.path.join(repo, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            out.write(old + "\n" + (text(rng, 18_000) if change == "many" else "one more line\n"))
        git(repo, "add", name)
    # As `git commit` does before it calls the hook: every tree is written and the index knows them.
    git(repo, "write-tree")


def refuses(repo, argv):
    """True when the hook says no to a secret made just now."""
    rng = random.Random()
    secret = "ghp_" + "".join(rng.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=30))
    import zlib
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, tail = zlib.crc32(secret[4:].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        tail = digits[digit] + tail
    index = os.path.join(repo, ".git", "index")
    with open(index, "rb") as kept:
        before = kept.read()
    blob = git(repo, "hash-object", "-w", "--stdin", stdin=f"token = \"{secret + tail}\"\n".encode())
    git(repo, "update-index", "--add", "--cacheinfo", f"100644,{blob},src/planted.rs")
    code = subprocess.run(argv, cwd=repo, env=ENV, capture_output=True, check=False).returncode
    with open(index, "wb") as out:
        out.write(before)
    return code == 1


def once(argv, env):
    """(wall ms, cpu ms, exit code) of one process, spawned and waited for here."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    _, status, used = os.wait4(pid, 0)
    took = time.perf_counter() - began
    os.close(null)
    return took * 1e3, (used.ru_utime + used.ru_stime) * 1e3, os.waitstatus_to_exitcode(status)


def measure(repo, contenders, runs):
    os.chdir(repo)
    seen = {name: [] for name in contenders}
    for turn in range(runs + 2):
        for name, (argv, good) in contenders.items():
            wall, cpu, code = once(argv, ENV)
            if code not in good:
                sys.exit(f"{repo}: {name} ended with {code}")
            if turn > 1:
                seen[name].append((wall, cpu))
    return seen


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("--keyward", default="target/release/keyward")
    parse.add_argument("--runs", type=int, default=100)
    parse.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "keyward-hook-bench"))
    parse.add_argument("--only", nargs="*", choices=list(CASES))
    parse.add_argument("--realtime", action="store_true",
                       help="ahead of every other process (SCHED_FIFO, needs root): for a machine that others use")
    parse.add_argument("--out")
    args = parse.parse_args()
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    keyward = os.path.realpath(args.keyward)
    which = subprocess.run(["sh", "-c", "command -v git; command -v true"], capture_output=True, text=True, check=True)
    git_path = which.stdout.split()[0]
    lines = [f"{platform.platform()}, {os.cpu_count()} cores; {subprocess.run([keyward, '--version'], capture_output=True, text=True).stdout.strip()}; "
             f"{subprocess.run(['git', '--version'], capture_output=True, text=True).stdout.strip()}; {args.runs} runs each{', ahead of other processes' if args.realtime else ''}", "",
             "| repository | what | wall ms, median (lowest) | cpu ms | must |", "|---|---|---|---|---|"]
    for case, (files, change, version, split) in CASES.items():
        if args.only and case not in args.only:
            continue
        repo = os.path.join(args.work, case.replace(" ", "-").replace(",", ""))
        if not os.path.isdir(repo):
            make(repo, files, change, version, split)
        done = subprocess.run([keyward, "hooks", "install"], cwd=repo, env=ENV, capture_output=True, check=False)
        if done.returncode:
            sys.exit(done.stderr.decode())
        hook = os.path.join(repo, ".git", "hooks", "pre-commit")
        contenders = {
            "the installed hook": ([hook], {0}),
            "keyward hook pre-commit": ([keyward, "hook", "pre-commit"], {0}),
            "git diff --cached": ([git_path, "diff", "--cached", "--quiet"], {1}),
            "sh -c :": (["/bin/sh", "-c", ":"], {0}),
            "true": (["/bin/true"], {0}),
        }
        if not refuses(repo, [hook]):
            sys.exit(f"{repo}: the hook let a planted secret pass")
        for name, seen in measure(repo, contenders, args.runs).items():
            wall, cpu = zip(*seen)
            must = f"{MUST[case]}" if case in MUST and name == "the installed hook" else ""
            lines.append(f"| {case} | {name} | {statistics.median(wall):.2f} ({min(wall):.2f}) | {statistics.median(cpu):.2f} | {must} |")
        print("\n".join(lines), flush=True)
        lines_done, lines = lines, []
        if args.out:
            with open(args.out, "a", encoding="utf-8") as out:
                out.write("\n".join(lines_done) + "\n")


if __name__ == "__main__":
    main()
