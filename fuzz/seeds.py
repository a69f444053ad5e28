#!/usr/bin/env python3
"""Seeds for the fuzz targets: archives made here, this repository's own files, and for those targets that make their
input out of whatever bytes they get, bytes. Nothing is stored.

    fuzz/seeds.py CORPUS      writes CORPUS/TARGET/seed-N
"""
import bz2
import gzip
import io
import lzma
import pathlib
import random
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SMALL = 4096
# In the order of `keyward::parse::Kind::ALL`.
KINDS = {".yaml": 0, ".yml": 0, ".json": 1, ".toml": 2, ".tf": 3, "Dockerfile": 4, ".env": 5, ".ini": 6, ".properties": 7,
         ".xml": 8, "CODEOWNERS": 9}
SHORT = {
    0: "a: &x {b: [1, 'two']}\nc: *x\n---\nd: |\n  text\n",
    3: 'resource "a" "b" {\n  c = [1, "${d.e}", <<X\ntext\nX\n  ]\n  f { g = { h = true } }\n}\n',
    4: "# escape=`\nARG A=1\nFROM a:${A} AS b\nRUN <<E\ntext\nE\nUSER 1\nCOPY --from=b \"x\" y\n",
    5: "export A='b'\nC=\"d\n e\"\n",
    6: "[a]\nb = c ; d\n",
    7: "a.b = c\\\n  d\n! e\nf:\\u0041\n",
    8: "<?xml version='1.0'?><a b='c'><d>e &amp; f</d><![CDATA[g]]></a>",
    9: "* @a/b\n/c/ d@example.com\n",
}


def tar(files, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(files, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def archives():
    files = [("a.txt", b"some text\n" * 20), ("long" * 20 + "/" + "long" * 20, b"other\n"), ("skip.no", b"x"), ("empty", b"")]
    plain = [tar(files, form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    plain += [zipped(files, method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
    for data in [*plain, b"some text\n" * 9]:
        for packed in (gzip.compress(data), bz2.compress(data), lzma.compress(data), gzip.compress(data) * 2):
            yield packed
    yield from plain
    yield b"#!/bin/sh\nexit\n" + plain[-1]
    inner = gzip.compress(plain[0])
    yield zipped([("in.tgz", inner), ("in.zip", plain[3])], zipfile.ZIP_STORED)
    # The zstd format's own example of a frame: one raw block.
    yield bytes.fromhex("28b52ffd0400") + b"\x29\0\0" + b"hello" + b"\0" * 4


def texts():
    for kind, text in SHORT.items():
        yield bytes([kind]) + text.encode()
    for path in sorted(ROOT.rglob("*")):
        kind = KINDS.get(path.suffix, KINDS.get(path.name))
        own = not {"target", "fuzz", ".git"} & set(path.relative_to(ROOT).parts)
        if kind is not None and own and path.is_file() and path.stat().st_size <= SMALL:
            yield bytes([kind]) + path.read_bytes()


def rules():
    for path in sorted((ROOT / "rules" / "secrets").glob("*.toml")):
        # A rule a seed: fuzzers work best on short ones.
        for at, part in enumerate(path.read_text().split("\n[[rule]]")):
            if at > 0 and len(part) < SMALL:
                yield ("[[rule]]" + part).encode()
    pack = (ROOT / "rules" / "pack.bin").read_bytes()
    yield pack[:64]


def settings():
    yield (ROOT / "keyward.toml").read_bytes()
    yield (ROOT / ".keyward-baseline.json").read_bytes()
    yield b'version = 1\n[scan]\nexclude = ["a/**"]\n[[allow]]\nrule = "a"\npaths = ["b"]\nreason = "c"\n'


def noise(target):
    dice = random.Random(target)
    for number in range(96):
        yield dice.randbytes(1 << (4 + number % 8))


def main():
    out = pathlib.Path(sys.argv[1])
    read = [("unpack", archives()), ("parse", texts()), ("rules", rules()), ("config", settings())]
    made = [(name, noise(name)) for name in ("decode", "delta", "index", "pack", "prefilter", "trace")]
    for target, seeds in read + made:
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (folder / f"seed-{number}").write_bytes(seed)


main()
