"""`--history` after 1 % new commits: a copy of the history without its last commits is scanned, gets them as a pack of
their own, and is scanned again with what the first run left in its cache."""
import os
import shutil
import statistics
import subprocess
import tempfile

import contenders
import measure


def git(repo, *args, stdin=None):
    done = subprocess.run(["git", "-C", repo, *args], input=stdin, capture_output=True, check=True)
    return done.stdout


def older(source, into):
    """A bare repository with all but the last 1 % of the commits below HEAD; the head it has, and the one it lacks."""
    new = git(source, "rev-parse", "HEAD").decode().strip()
    commits = git(source, "rev-list", "--topo-order", "HEAD").split()
    line = set(git(source, "rev-list", "--first-parent", "HEAD").split())
    old = next(commit for commit in commits[len(commits) // 100:] if commit in line).decode()
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", into], check=True)
    bring(source, into, old, [])
    return old, new, len(commits) - int(git(source, "rev-list", "--count", old))


def bring(source, into, head, known):
    """Packs what `head` reaches and `known` does not, and moves `into`'s branch there."""
    wanted = "\n".join([head, *(f"^{commit}" for commit in known)]) + "\n"
    pack = git(source, "pack-objects", "--revs", "--missing=allow-any", "--delta-base-offset", "--threads=2", "--stdout", "-q",
               stdin=wanted.encode())
    git(into, "index-pack", "--stdin", stdin=pack)
    git(into, "update-ref", "refs/heads/main", head)


def copy(source, into):
    """As it is, but for packs, which are linked: nobody writes into them."""
    shutil.copytree(source, into, copy_function=lambda a, b: os.link(a, b) if "/objects/pack/" in a else shutil.copy2(a, b))


def run(binary, source, runs, flags):
    """Medians of the first run and of the one after: (first, again, new commits)."""
    scan = ["scan", "--no-config", "--no-baseline", "--history", "-f", "json", *flags]
    first, again = [], []
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(source))) as scratch:
        base = os.path.join(scratch, "base")
        old, new, count = older(source, base)
        for turn in range(runs + 1):
            repo = os.path.join(scratch, "repo")
            copy(base, repo)
            contender = contenders.keyward(binary, "keyward", *scan, repo)
            one = measure.once(contender, scratch)
            bring(source, repo, new, [old])
            two = measure.once(contender, scratch)
            if two.count <= one.count:
                raise measure.Failed("the second run saw nothing new")
            if turn:
                first.append(one.wall)
                again.append(two.wall)
            shutil.rmtree(repo)
    return statistics.median(first), statistics.median(again), count
