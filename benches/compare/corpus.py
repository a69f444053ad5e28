"""Builds a tree to scan out of packages' sources: pinned names and versions from npm, PyPI and crates.io, fetched by
their ordinary clients and unpacked side by side. Nothing is installed or run. The same pins give the same bytes:
count, size and digest are printed, and compared with what the pins gave when they were written down.

    python3 benches/compare/corpus.py DIRECTORY
"""
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

NPM = ["antd@5.21.2", "core-js@3.38.1", "date-fns@3.6.0", "firebase@10.14.1", "lodash@4.17.21", "next@14.2.15",
       "react-native@0.75.4", "rxjs@7.8.1", "three@0.169.0", "typescript@5.6.3"]
PYPI = ["ansible-core==2.17.5", "botocore==1.35.36", "django==5.1.2", "sympy==1.13.3", "twisted==24.7.0"]
CRATES = ["librocksdb-sys@0.16.0+8.10.0", "openssl-src@300.3.2+3.3.2", "tokio@1.40.0", "web-sys@0.3.70"]
# Files, bytes, digest of (path, content) in the order of paths.
KNOWN = (45567, 487570482, "0a8167977b310c90")


def quietly(*argv, cwd):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")


def npm(scratch, out):
    for pin in NPM:
        quietly("npm", "pack", "--silent", pin, cwd=scratch)
    for path in glob.glob(f"{scratch}/*.tgz"):
        with tarfile.open(path) as archive:
            archive.extractall(os.path.join(out, os.path.basename(path)[:-len(".tgz")]), filter="data")


def pypi(scratch, out):
    # Wheels for every interpreter only: what the machine's own Python is must not matter.
    wanted = ["--only-binary", ":all:", "--platform", "any", "--python-version", "3.12"]
    quietly(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-input", *wanted, "-d", scratch, *PYPI, cwd=scratch)
    for path in glob.glob(f"{scratch}/*.whl"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(os.path.join(out, os.path.basename(path).split("-py")[0]))


def crates(scratch, out):
    pins = [pin.split("@") for pin in CRATES]
    deps = "".join(f'{name} = {{ version = "={version.split("+")[0]}", default-features = false }}\n' for name, version in pins)
    os.makedirs(f"{scratch}/src")
    with open(f"{scratch}/src/lib.rs", "w"), open(f"{scratch}/Cargo.toml", "w") as manifest:
        manifest.write(f'[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n{deps}')
    quietly("cargo", "vendor", "--versioned-dirs", "vendor", cwd=scratch)
    for name, version in pins:  # and not what they depend on: that is resolved anew every time
        shutil.move(f"{scratch}/vendor/{name}-{version}", f"{out}/{name}-{version}")


def measure(out):
    files = size = 0
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(out):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            files, size = files + 1, size + len(content)
            digest.update(os.path.relpath(path, out).encode() + b"\0" + hashlib.sha256(content).digest())
    return files, size, digest.hexdigest()[:16]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = os.path.abspath(sys.argv[1])
    if os.path.exists(out):
        sys.exit(f"{out} is there already")
    inside = subprocess.run(["git", "-C", os.path.dirname(out), "rev-parse"], capture_output=True, check=False)
    if inside.returncode == 0:
        sys.exit("choose a directory outside any repository: inside one, ignore files hold for keyward and not for ripgrep")
    os.makedirs(out)
    for unpack in (npm, pypi, crates):
        with tempfile.TemporaryDirectory() as scratch:
            unpack(scratch, out)
    files, size, digest = measure(out)
    print(f"{files} files, {size} bytes ({size / 1e6:.0f} MB), digest {digest}")
    if (files, size, digest) != KNOWN:
        sys.exit(f"these are not the bytes that the pins gave before: {KNOWN}")


main()
