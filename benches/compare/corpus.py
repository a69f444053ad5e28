"""Builds a tree to scan out of packages' sources: pinned names and versions from npm, PyPI and crates.io, fetched by
their ordinary clients and unpacked side by side. Nothing is installed or run. The same pins give the same bytes:
count, size and digest are printed, and compared with what the pins gave when they were written down.

    python3 benches/compare/corpus.py DIRECTORY
"""
import os
import sys

import packages

NPM = ["antd@5.21.2", "core-js@3.38.1", "date-fns@3.6.0", "firebase@10.14.1", "lodash@4.17.21", "next@14.2.15",
       "react-native@0.75.4", "rxjs@7.8.1", "three@0.169.0", "typescript@5.6.3"]
PYPI = ["ansible-core==2.17.5", "botocore==1.35.36", "django==5.1.2", "sympy==1.13.3", "twisted==24.7.0"]
CRATES = ["librocksdb-sys@0.16.0+8.10.0", "openssl-src@300.3.2+3.3.2", "tokio@1.40.0", "web-sys@0.3.70"]
# Files, bytes, digest.
KNOWN = (45567, 487570482, "0a8167977b310c90")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = os.path.abspath(sys.argv[1])
    packages.fetch(out, (packages.npm, NPM), (packages.wheels, PYPI), (packages.crates, CRATES))
    packages.known(out, KNOWN)


main()
