"""Fetches packages' sources, pinned by name and version, from npm, PyPI and crates.io by their ordinary clients, and
unpacks them side by side. Nothing is installed. pip alone runs something of a source archive: its build's description.
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


def quietly(*argv, cwd):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")


def unpack_tar(path, into):
    with tarfile.open(path) as archive:
        archive.extractall(into, filter="data")


def npm(pins, scratch, out):
    for pin in pins:
        quietly("npm", "pack", "--silent", pin, cwd=scratch)
    for path in glob.glob(f"{scratch}/*.tgz"):
        unpack_tar(path, os.path.join(out, os.path.basename(path)[:-len(".tgz")]))


def wheels(pins, scratch, out):
    # Wheels for every interpreter only: what the machine's own Python is must not matter.
    wanted = ["--only-binary", ":all:", "--platform", "any", "--python-version", "3.12"]
    pip(pins, scratch, *wanted)
    for path in glob.glob(f"{scratch}/*.whl"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(os.path.join(out, os.path.basename(path).split("-py")[0]))


def sdists(pins, scratch, out):
    """Source archives: with tests and documentation, where their authors put them in."""
    pip(pins, scratch, "--no-binary", ":all:")
    for path in glob.glob(f"{scratch}/*.tar.gz"):
        unpack_tar(path, out)


def pip(pins, scratch, *wanted):
    quietly(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-input", *wanted, "-d", scratch, *pins, cwd=scratch)


def crates(pins, scratch, out):
    pins = [pin.split("@") for pin in pins]
    deps = "".join(f'{name} = {{ version = "={version.split("+")[0]}", default-features = false }}\n' for name, version in pins)
    os.makedirs(f"{scratch}/src")
    with open(f"{scratch}/src/lib.rs", "w"), open(f"{scratch}/Cargo.toml", "w") as manifest:
        manifest.write(f'[package]\nname = "corpus"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n{deps}')
    quietly("cargo", "vendor", "--versioned-dirs", "vendor", cwd=scratch)
    for name, version in pins:  # and not what they depend on: that is resolved anew every time
        shutil.move(f"{scratch}/vendor/{name}-{version}", f"{out}/{name}-{version}")


def fetch(out, *wanted):
    """`wanted`: pairs of one of the functions above and its pins."""
    if os.path.exists(out):
        sys.exit(f"{out} is there already")
    inside = subprocess.run(["git", "-C", os.path.dirname(out), "rev-parse"], capture_output=True, check=False)
    if inside.returncode == 0:
        sys.exit("choose a directory outside any repository: inside one, ignore files hold for keyward and not for ripgrep")
    os.makedirs(out)
    for unpack, pins in wanted:
        with tempfile.TemporaryDirectory() as scratch:
            unpack(pins, scratch, out)


def measure(out):
    """Files, bytes, and a digest of (path, content) in the order of paths."""
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


def known(out, expected):
    files, size, digest = measure(out)
    print(f"{files} files, {size} bytes ({size / 1e6:.0f} MB), digest {digest}")
    if (files, size, digest) != expected:
        sys.exit(f"these are not the bytes that the pins gave before: {expected}")
