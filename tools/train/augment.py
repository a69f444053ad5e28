#!/usr/bin/env python3
"""Copies a labelled data set with its short credentials replaced by what people choose: words, words with a number,
two words. The published values are random characters of the same classes, and a model trained on them alone learns
that only noise is secret.

usage: augment.py LABELS WORDS OUT     WORDS: words one a line; OUT: a folder to write data/ and meta/ to
"""
import collections
import csv
import glob
import os
import random
import sys

SHORT = 24
SIGNS = "!@#$*?"


def chosen(words, rng):
    word, other = rng.choice(words), rng.choice(words)
    number = str(rng.choice([rng.randint(1, 99), rng.randint(1950, 2026), rng.randint(100, 9999)]))
    kind = rng.random()
    if kind < 0.25:
        return word
    if kind < 0.5:
        return word + number
    if kind < 0.7:
        return word.capitalize() + number + rng.choice(SIGNS)
    if kind < 0.85:
        return word + rng.choice(["", "-", "_", ""]) + other
    return word.translate(str.maketrans("aeio", "4310")) + rng.choice(["", number, rng.choice(SIGNS)])


def main():
    folder, list_of_words, out = sys.argv[1:]
    words = [word for word in open(list_of_words).read().split() if 4 <= len(word) <= 9]
    rng = random.Random(1)
    count = 0
    for meta in sorted(glob.glob(os.path.join(folder, "meta", "*.csv"))):
        rows = [row for row in csv.DictReader(open(meta)) if row["GroundTruth"] == "T"]
        by_line = collections.Counter((row["FilePath"], row["LineStart"]) for row in rows)
        files, kept = {}, []
        for row in rows:
            start, end = int(row["ValueStart"] or -1), int(row["ValueEnd"] or -1)
            one = row["LineStart"] == row["LineEnd"] and by_line[row["FilePath"], row["LineStart"]] == 1
            if not one or start < 0 or not 4 <= end - start <= SHORT or "UUID" in row["Category"]:
                continue
            path = row["FilePath"]
            if path not in files:
                files[path] = open(os.path.join(folder, path), errors="surrogateescape", newline="").read().split("\n")
            lines, at = files[path], int(row["LineStart"]) - 1
            value = chosen(words, rng)
            lines[at] = lines[at][:start] + value + lines[at][end:]
            kept.append(dict(row, ValueEnd=start + len(value)))
            count += 1
        for path, lines in files.items():
            target = os.path.join(out, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", errors="surrogateescape", newline="") as file:
                file.write("\n".join(lines))
        os.makedirs(os.path.join(out, "meta"), exist_ok=True)
        if kept:
            with open(os.path.join(out, "meta", os.path.basename(meta)), "w", newline="") as file:
                writer = csv.DictWriter(file, kept[0].keys())
                writer.writeheader()
                writer.writerows(kept)
    print(f"{count} values replaced")


main()
