"""Grows a repository with a long history out of a seed: edits of many sizes, new, deleted and renamed files, branches and
merges (some that bring text of their own), tags, lock files, binary and UTF-16 files, and secrets that come, stay or go
again, made while it runs. Packed at the end into deep delta chains. The same seed and count give the same commit ids.

    python3 benches/compare/history.py DIRECTORY [--commits 20000] [--seed 1] [--no-gc]

Prints the head's id, and how many secrets were planted.
"""
import argparse
import os
import subprocess
import sys

WORDS = """access account action agent answer api apply array auth batch block branch buffer build byte cache call change
channel check child client clone close cluster code column command commit config connect consumer content context copy
count create cursor data debug decode default delay delete deliver depth device digest driver drop edge element empty
encode engine entry error event export extra factory fetch field file filter final flag flush force format frame future
gather global group guard handle hash header health hidden host hub image import index inner input insert install issue
item job join key kind label last layer lease length level limit line list load local lock log loop main map mark match
member memory merge message method mode model module monitor mutex name native nested network next node notify null number
object offset option order output owner packet page pair param parent parse part pass path peer pending pipe plan point
policy pool port prefix print process producer profile project property proto proxy publish queue quota range rate read
ready record refresh region register release remote remove render replay replica report request reset resolve resource
response restart result retry return role root route router rule run sample scan schedule schema scope search second secret
segment send sequence server service session set shard share signal size slot snapshot socket sort source span split stack
stage start state status stop store stream string subject submit subscribe suffix sync system table tag target task test
thread throttle ticket time token topic total trace track transform tree trigger type unit update upload user value vector
verify version view visit volume wait watch weight window worker wrap write zone""".split()
LOWER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
MIXED = LOWER + LOWER.upper() + DIGITS


class Dice:
    """splitmix64: the same numbers under every version of Python."""

    def __init__(self, seed):
        self.state = seed & (1 << 64) - 1

    def below(self, n):
        self.state = self.state + 0x9E3779B97F4A7C15 & (1 << 64) - 1
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
        z = (z ^ z >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
        return (z ^ z >> 31) % n

    def pick(self, some):
        return some[self.below(len(some))]

    def chars(self, alphabet, n):
        return "".join(self.pick(alphabet) for _ in range(n))

    def often(self, per_mille):
        return self.below(1000) < per_mille


def secret_lines(dice):
    """A few lines that hold one secret; whether a checksum inside is right is nobody's business here."""
    kind = dice.below(6)
    if kind == 0:
        return [f'aws_access_key_id = {"AKIA" + dice.chars(LOWER.upper() + "234567", 16)}',
                f'aws_secret_access_key = {dice.chars(MIXED, 40)}']
    if kind == 1:
        return ["-----BEGIN " + "RSA PRIVATE KEY-----", *(dice.chars(MIXED + "+/", 64) for _ in range(12)),
                "-----END " + "RSA PRIVATE KEY-----"]
    if kind == 2:
        return [f'  slack: "{"xoxb-" + dice.chars(DIGITS, 12)}-{dice.chars(DIGITS, 12)}-{dice.chars(MIXED, 24)}"']
    if kind == 3:
        return [f'stripe.api_key = "{"sk_live_" + dice.chars(MIXED, 24)}"']
    if kind == 4:
        return [f'DATABASE_URL=postgres://{dice.pick(WORDS)}:{dice.chars(MIXED, 20)}@db.{dice.pick(WORDS)}.internal/main']
    return [f'password = "{dice.chars(MIXED, 18)}"']


class Text:
    """Makes lines of one kind of file."""

    def __init__(self, dice):
        self.dice = dice

    def name(self):
        return "_".join(self.dice.pick(WORDS) for _ in range(1 + self.dice.below(2)))

    def line(self, ending):
        a, b, c = self.name(), self.name(), self.name()
        n = self.dice.below(10000)
        if ending in ("go", "c"):
            return self.dice.pick([f"\t{a} := {b}.{c}({n})", f"\tif err := {a}({b}); err != nil {{", "\t\treturn err", "\t}", "}",
                                   f"// {a} waits for {b} until {c} is done", "", f"func (s *{a}) {b}({c} int) error {{",
                                   f"\ts.{a}.{b} = {n}", f'\tlog.Printf("{a}: %s {b}", {c})'])
        if ending == "py":
            return self.dice.pick([f"    {a} = self.{b}({c}, {n})", f"def {a}({b}, {c}=None):", f"        return {a}[{n}]", "",
                                   f'    """The {a} of a {b}."""', f"    for {a} in {b}.{c}():", f"    assert {a} != {n}"])
        if ending == "yml":
            return self.dice.pick([f"{a}:", f"  {b}: {c}", f"  - {a}", f"  {a}: {n}", f'  {b}: "{c}"'])
        if ending == "lock":
            return f'  "{a}": {{"version": "{n % 10}.{n % 7}.{n % 23}", "integrity": "sha512-{self.dice.chars(MIXED, 86)}=="}},'
        return f"{a} {b} {c}, and {self.name()} {self.name()}." if self.dice.below(5) else ""

    def lines(self, ending, n):
        return [self.line(ending) for _ in range(n)]


class Growth:
    """The state of the files on each line of development, and the stream that says so to git."""

    def __init__(self, out, seed):
        self.out, self.dice = out, Dice(seed)
        self.text = Text(self.dice)
        self.marks = self.commits = self.secrets = 0

    def path(self):
        ending = self.dice.pick(["go", "go", "go", "c", "py", "py", "yml", "md", "lock"])
        folders = "/".join(self.dice.pick(WORDS[:40]) for _ in range(self.dice.below(4)))
        return f"{folders}/{self.text.name()}.{ending}".lstrip("/")

    def put(self, content):
        self.marks += 1
        self.out.write(b"blob\nmark :%d\ndata %d\n%b\n" % (self.marks, len(content), content))
        return self.marks

    def blob(self, path, lines):
        text = "\n".join(lines) + "\n"
        return self.put(("\ufeff" + text).encode("utf-16-le") if path.endswith("utf16.txt") else text.encode())

    def edit(self, path, lines):
        """A new version: some lines replaced, inserted, removed or moved; rarely a secret comes or goes."""
        lines = list(lines)
        ending = path.rsplit(".", 1)[-1]
        for _ in range(1 + self.dice.below(3)):
            at, size = self.dice.below(len(lines) + 1), 1 + self.dice.below(self.dice.pick([2, 6, 25]))
            how = self.dice.below(10)
            if how < 5:
                lines[at:at + size] = self.text.lines(ending, size)
            elif how < 8 or len(lines) < 30:
                lines[at:at] = self.text.lines(ending, size)
            elif how < 9:
                del lines[at:at + size]
            else:
                moved = lines[at:at + size]
                del lines[at:at + size]
                to = self.dice.below(len(lines) + 1)
                lines[to:to] = moved
        if self.dice.often(6):
            self.secrets += 1
            at = self.dice.below(len(lines) + 1)
            lines[at:at] = secret_lines(self.dice)
        return lines

    def change(self, files):
        """One commit's changes: applied to `files` and returned as fast-import's lines."""
        said = {}
        for _ in range(1 + self.dice.below(self.dice.pick([1, 2, 4]))):
            kind = self.dice.below(100)
            known = sorted(files) if kind < 8 else None
            if kind < 3 or len(files) < 20:
                path = self.path()
                lines = self.text.lines(path.rsplit(".", 1)[-1], 20 + self.dice.below(self.dice.pick([60, 200, 900])))
                files[path] = lines
                said[path] = f"M 100644 :{self.blob(path, lines)} {path}"
            elif kind < 4 and len(files) > 60:
                path = self.dice.pick(known)
                del files[path]
                said[path] = f"D {path}"
            elif kind < 6:
                path, new = self.dice.pick(known), self.path()
                if new not in files:
                    files[new] = files.pop(path)
                    said[path] = f"D {path}"
                    said[new] = f"M 100644 :{self.blob(new, files[new])} {new}"
            elif kind < 7:
                path = f"assets/{self.text.name()}.bin"
                content = b"".join(self.dice.below(1 << 64).to_bytes(8, "big") for _ in range(20 + self.dice.below(600)))
                said[path] = f"M 100644 :{self.put(content)} {path}"
            else:
                path = self.dice.pick(self.hot(files))
                files[path] = self.edit(path, files[path])
                said[path] = f"M 100644 :{self.blob(path, files[path])} {path}"
        return list(said.values())

    def hot(self, files):
        """Some files change far more often than others."""
        names = list(files)
        return names[-40:] if self.dice.below(3) else names

    def commit(self, ref, parents, changes, message):
        self.commits += 1
        self.marks += 1
        when = f"{1_500_000_000 + self.commits * 613} +0200"
        who = f"{self.dice.pick(WORDS).title()} {self.dice.pick(WORDS).title()}"
        who = f"{who} <{who.lower().replace(' ', '.')}@example.com>"
        head = [f"commit {ref}", f"mark :{self.marks}", f"author {who} {when}", f"committer {who} {when}"]
        head += [f"data {len(message.encode())}", message]
        head += [f"{word} :{parent}" for word, parent in zip(["from"] + ["merge"] * len(parents), parents)]
        self.out.write("\n".join(head + changes + ["", ""]).encode())
        return self.marks

    def message(self):
        text = f"{self.dice.pick(['Fix', 'Add', 'Move', 'Drop', 'Test'])} {self.text.name()} of the {self.text.name()}\n"
        if self.dice.often(1):
            self.secrets += 1
            text += "\n" + "\n".join(secret_lines(self.dice)) + "\n"
        return text

    def side(self, ref, tip, files):
        """A branch of some commits: its tip, and what it changed."""
        theirs = dict(files)
        for _ in range(1 + self.dice.below(6)):
            tip = self.commit(ref, [tip], self.change(theirs), self.message())
        return tip, theirs

    def grow(self, commits):
        files, tip, main = {"notes.utf16.txt": self.text.lines("md", 80)}, None, "refs/heads/main"
        while self.commits < commits:
            if tip and self.dice.often(40):
                base = dict(files)
                theirs_tip, theirs = self.side("refs/heads/side", tip, files)
                for _ in range(self.dice.below(3)):
                    tip = self.commit(main, [tip], self.change(files), self.message())
                changes = []
                for path in sorted(set(base) | set(theirs)):
                    if theirs.get(path) == base.get(path):
                        continue
                    if path in theirs:  # where both changed it, theirs holds
                        lines = theirs[path] if self.dice.below(50) else self.edit(path, theirs[path])
                        files[path] = lines
                        changes.append(f"M 100644 :{self.blob(path, lines)} {path}")
                    elif path in files:
                        del files[path]
                        changes.append(f"D {path}")
                tip = self.commit(main, [tip, theirs_tip], changes, f"Merge {self.text.name()}\n")
            else:
                tip = self.commit(main, [tip] if tip else [], self.change(files), self.message())
            if self.commits % 997 == 0:
                text = f"Version {self.commits}\n"
                self.out.write(f"tag v{self.commits}\nfrom :{tip}\ntagger A B <a@example.com> 1600000000 +0000\n"
                               f"data {len(text)}\n{text}\n".encode())
        self.out.write(b"done\n")


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("directory")
    args.add_argument("--commits", type=int, default=20000)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--no-gc", action="store_true", help="leave it as fast-import packed it")
    args = args.parse_args()
    if os.path.exists(args.directory):
        sys.exit(f"{args.directory} is there already")
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", args.directory], check=True)
    git = ["git", "-C", args.directory]
    with subprocess.Popen([*git, "fast-import", "--quiet", "--done"], stdin=subprocess.PIPE) as stream:
        growth = Growth(stream.stdin, args.seed)
        growth.grow(args.commits)
        stream.stdin.close()
        if stream.wait():
            sys.exit("git fast-import failed")
    subprocess.run([*git, "update-ref", "-d", "refs/heads/side"], check=True)
    if not args.no_gc:
        subprocess.run([*git, "-c", "gc.aggressiveDepth=250", "-c", "pack.threads=2", "gc", "-q", "--aggressive", "--prune=now"], check=True)
    head = subprocess.run([*git, "rev-parse", "main"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{args.directory}: {growth.commits} commits, {growth.secrets} secrets planted, head {head}")


main()
