"""Who is compared: each contender's command line, its good exit codes, and how to tell from its output how much it
looked at. Rivals are run as binaries from PATH; those that are not there are said to be missing."""
import json
import os
import re
import shutil
import subprocess


class Contender:
    def __init__(self, name, argv, good=(0,), scanned=None, version=("--version",), env=None):
        self.name, self.argv, self.good, self.scanned, self.version = name, argv, good, scanned, version
        self.env = env or {}

    def known(self):
        return shutil.which(self.argv[0]) is not None

    def version_line(self):
        if not self.known():
            return ""
        try:
            out = subprocess.run([self.argv[0], *self.version], capture_output=True, text=True, timeout=20, check=False)
        except OSError as error:
            return str(error)
        lines = (out.stdout + out.stderr).strip().splitlines()
        return lines[0] if lines else "unknown"


def by_regex(pattern):
    """Reads a count out of a tool's own summary."""
    compiled = re.compile(pattern)

    def count(stdout, stderr):
        found = compiled.search((stdout + stderr).decode(errors="replace"))
        return int(re.sub(r"\D", "", found.group(1))) if found else 0

    return count


def keyward_count(stdout, _stderr):
    return json.loads(stdout)["coverage"]["blobs"]


NP_COUNT = by_regex(r"Scanned [^,]* from ([\d,]+) blobs")
KF_COUNT = by_regex(r"Blobs Scanned\.*: ([\d,]+)")
KF = ["--no-validate", "--no-update-check"]


def keyward(binary, name, *args, **more):
    return Contender(name, [binary, *args], (0, 1), keyward_count, **more)


def tree(binary, folder):
    """The working tree: keyward on each path of its prefilter, ripgrep for a word that is not there, the others."""
    scan = ["scan", "--no-config", "--no-baseline", "-f", "json", folder]
    ours = [keyward(binary, "keyward", *scan)]
    if can_force(binary):
        ours += [keyward(binary, f"keyward, {simd}", *scan, env={"KEYWARD_SIMD": simd}) for simd in ("avx512", "avx2", "scalar")]
    return ours + [
        Contender("ripgrep", ["rg", "-j2", "-uuu", "-c", "zzqqxx", folder], (0, 1)),
        Contender("noseyparker", ["noseyparker", "scan", "--datastore", "{scratch}/np", folder], (0,), NP_COUNT),
        Contender("kingfisher", ["kingfisher", "scan", folder, *KF, "--git-history", "none", "--no-extract-archives"],
                  (0, 200, 205), KF_COUNT),
        Contender("ripsecrets", ["ripsecrets", folder], (0, 1)),
    ]


def history(binary, repo, pack, flags):
    """A whole history, beside what git takes to verify the same pack."""
    scan = ["scan", repo, "--no-config", "--no-baseline", "--history", "-f", "json", *flags]
    return [
        keyward(binary, "keyward", *scan),
        keyward(binary, "keyward --all-objects", *scan, "--all-objects"),
        Contender("git index-pack", ["git", "index-pack", "--threads=2", "-o", "{scratch}/x.idx", pack]),
        Contender("noseyparker", ["noseyparker", "scan", "--datastore", "{scratch}/np", "--git-history", "full", repo], (0,), NP_COUNT),
        Contender("kingfisher", ["kingfisher", "scan", repo, *KF], (0, 200, 205), KF_COUNT),
    ]


def can_force(binary):
    """Whether this build's prefilter can be told which path to take."""
    with open(binary, "rb") as file:
        return b"KEYWARD_SIMD" in file.read()


def has_flag(binary, flag):
    done = subprocess.run([binary, "scan", "--help"], capture_output=True, text=True, check=False)
    return flag in done.stdout


def largest_pack(repo):
    git = subprocess.run(["git", "-C", repo, "rev-parse", "--git-common-dir"], capture_output=True, text=True, check=True)
    folder = os.path.join(repo, git.stdout.strip(), "objects", "pack")
    packs = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".pack")]
    if not packs:
        raise SystemExit(f"{repo} has no pack: run git gc there first")
    return max(packs, key=os.path.getsize)
