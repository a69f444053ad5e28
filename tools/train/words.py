#!/usr/bin/env python3
"""Counts words in source trees and writes rules/words.bin: which pairs of letters words are made of, and which words
are common. `src/detect/generic/looks.rs` reads it; any large body of source code and its comments gives nearly the
same file.

usage: words.py DIR...     (dated by rules/generic-model.md)

The file: 27 x 27 bytes, the cost -16 log2 p(b | a) of letter b after letter a in a word (0 is the word's border), then
a Bloom filter of 2^17 bits with two bits a word.
"""
import collections
import math
import os
import re
import sys

COMMON = 6000
FILTER = 17
SUFFIXES = (".rs", ".md", ".py", ".c", ".h", ".toml", ".txt", ".js", ".go", ".java", ".rb")


def words_of(path):
    with open(path, errors="replace") as file:
        text = file.read()
    for run in re.findall(r"[A-Za-z]+", text):
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", run):
            if 3 <= len(word) <= 12:
                yield word.lower()


def main():
    files = collections.Counter()
    for root in sys.argv[1:]:
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith(SUFFIXES) and os.path.getsize(path) < 400_000:
                    files.update(set(words_of(path)))
    pairs = [[1.0] * 27 for _ in range(27)]
    for word, count in files.items():
        letters = [0] + [ord(letter) - 96 for letter in word] + [0]
        for a, b in zip(letters, letters[1:]):
            pairs[a][b] += math.sqrt(count)
    out = bytearray()
    for row in pairs:
        total = sum(row)
        out += bytes(min(255, round(-16 * math.log2(cell / total))) for cell in row)
    bits = bytearray(1 << (FILTER - 3))
    common = sorted(files.items(), key=lambda item: (-item[1], item[0]))[:COMMON]
    for word, _ in common:
        hash = 0x811C9DC5
        for letter in word.encode():
            hash = ((hash ^ letter) * 0x01000193) & 0xFFFFFFFF
        for bit in (hash >> (32 - FILTER), ((hash * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - FILTER)):
            bits[bit >> 3] |= 1 << (bit & 7)
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "rules", "words.bin"), "wb") as file:
        file.write(out + bits)
    print(f"{len(files)} words, {len(common)} kept; the last is {common[-1]}")


main()
