#!/usr/bin/env python3
"""Trains the generic rule's model on labelled files and writes rules/generic-model.bin.

usage: train.py cv    CANDIDATES LABELS REPORT CHOSEN CHOSEN_LABELS CLEAN     what it scores out of fold
       train.py write (the same)                                             the same, then trains on everything

CANDIDATES     what `cargo xtask candidates data` prints, run inside the data set
LABELS         the folder of a data set in CredData's form: meta/*.csv beside data/
REPORT         keyward's SARIF report at --confidence low over the same files: its specific findings are added to the
               generic ones, so that the figures are those of a whole scan
CHOSEN         candidates of the copy that augment.py makes, and its folder: values that people choose
CLEAN          candidates of trees with few secrets outside their tests: those are all taken for false

Folds are by repository; the copy's lines go with their repository. Needs scikit-learn (1.9.1 was used). The facts are
computed by keyward alone: this script never looks into a file. rules/generic-model.md tells what the weights in the
repository were made from.
"""
import collections
import csv
import glob
import json
import math
import os
import re
import struct
import sys

import numpy
from sklearn.ensemble import HistGradientBoostingClassifier

DEPTH = 4
TREES = 160
RATE = 0.08
SCALE = 4096
VERSION = 1
FOLDS = 5
# Labels that name no credential a commit gate should stop on; as shared/tools/score_creddata.py has it.
NOT_SECRET = {"UUID", "Nonce", "Salt", "AWS S3 Bucket", "Firebase Domain", "Tencent WeChat API App ID", "AWS Client ID"}
# The chance from which on a candidate is shown at all, and the precision out of fold from which on one is reported and
# from which on one blocks a commit.
LOW = 0.15
MEDIUM_PRECISION, HIGH_PRECISION = 0.93, 0.98
# What a value that people choose and a line of a clean tree weigh beside a labelled line.
CHOSEN, CLEAN = 0.5, 0.5
# Facts from this one on need the path: see src/detect/generic/facts.rs.
PATHLESS = 91


def candidates(path):
    rows = []
    for line in open(path, errors="replace"):
        name, start, end, column, last, dropped, score, facts = line.rstrip("\n").split("\t")
        at = name.find("data/")
        name = name[at:] if at >= 0 else name
        if not dropped:
            facts = numpy.fromiter(map(int, facts.split()), numpy.uint8)
            rows.append((name, int(start), int(end), int(column), int(last), int(score), facts))
    return rows


def labels(folder):
    """By file: (first line, last line, first column, last column, is a credential), of what is true."""
    out = collections.defaultdict(list)
    for file in sorted(glob.glob(os.path.join(folder, "meta", "*.csv"))):
        for row in csv.DictReader(open(file)):
            if row["GroundTruth"] == "T":
                columns = (int(row["ValueStart"] or -1), int(row["ValueEnd"] or -1))
                secret = bool(set(row["Category"].split(":")) - NOT_SECRET)
                out[row["FilePath"]].append((int(row["LineStart"]), int(row["LineEnd"]), *columns, secret))
    return out


def truth(rows, known):
    """1 for a labelled value, 0 for a line without one, -1 for another value on a labelled line."""
    out = []
    for name, start, end, column, last, _, _ in rows:
        hits = [label for label in known[name] if label[0] <= end and label[1] >= start]
        same = [l for l in hits if l[0] != l[1] or l[2] < 0 or l[3] < 0 or l[2] < last + 4 and l[3] > column - 4]
        out.append(1 if same else -1 if hits else 0)
    return numpy.array(out)


def fit(x, y, weight, seed=0):
    model = HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=RATE, max_depth=DEPTH, max_leaf_nodes=1 << DEPTH, min_samples_leaf=12,
        l2_regularization=2.0, max_features=0.35, max_bins=255, early_stopping=False, random_state=seed)
    # Both halves of the data know the path, or not: a history is first weighed without it.
    blind = x.copy()
    blind[:, PATHLESS:] = 0
    model.fit(numpy.vstack([x, blind]), numpy.concatenate([y, y]), numpy.concatenate([weight, weight * 0.3]))
    return Trees(model)


class Trees:
    """The same integers that src/detect/generic/model.rs adds up."""

    def __init__(self, model):
        self.bias = round(float(model._baseline_prediction.ravel()[0]) * SCALE)
        self.trees = [complete(predictor[0].nodes) for predictor in model._predictors]

    def score(self, x):
        out = numpy.full(len(x), self.bias, numpy.int64)
        rows = numpy.arange(len(x))
        for facts, most, leaves in self.trees:
            node = numpy.zeros(len(x), numpy.int64)
            for _ in range(DEPTH):
                node = 2 * node + 1 + (x[rows, facts[node]] > most[node])
            out += leaves[node - len(facts)]
        return out


def complete(nodes):
    """A tree of exactly DEPTH questions: an early leaf asks questions whose answers do not matter."""
    questions = (1 << DEPTH) - 1
    facts, most = numpy.zeros(questions, numpy.int64), numpy.full(questions, 255, numpy.int64)
    leaves = numpy.zeros(questions + 1, numpy.int64)

    def walk(node, at, depth):
        row = nodes[node]
        if depth == DEPTH:
            leaves[at - questions] = max(-32768, min(32767, round(float(row["value"]) * SCALE)))
        elif row["is_leaf"]:
            walk(node, 2 * at + 1, depth + 1)
            walk(node, 2 * at + 2, depth + 1)
        else:
            facts[at] = row["feature_idx"]
            most[at] = min(255, math.floor(row["num_threshold"]))
            walk(row["left"], 2 * at + 1, depth + 1)
            walk(row["right"], 2 * at + 2, depth + 1)

    walk(0, 0, 0)
    return facts, most, leaves


def weights(y, groups):
    """No repository counts for more than it tells: many alike lines say the same thing."""
    count = collections.Counter(zip(groups, y))
    return numpy.array([min(1.0, (60 / count[g, t]) ** 0.5) for g, t in zip(groups, y)])


def data(path, folder):
    known = labels(folder)
    rows = candidates(path)
    y = truth(rows, known)
    x = numpy.vstack([row[6] for row in rows])
    groups = numpy.array([row[0].split("/")[1] for row in rows])
    return known, rows, x, y, groups


def chosen_by_people(path, folder):
    """The copy's true values only: what is false there is in the data set already."""
    _, rows, x, y, groups = data(path, folder)
    return x[y == 1], groups[y == 1]


def clean(path):
    """Candidates in what is no test, no example and no documentation."""
    told = re.compile(r"test|example|doc|fixture|mock|spec|sample|demo|readme", re.I)
    rows = [row for row in candidates(path) if not told.search(row[0].rsplit("site-packages", 1)[-1])]
    # The same line in many versions of a file says it once.
    return numpy.vstack(list({row[6].tobytes(): row[6] for row in rows}.values()))


def learn(x, y, groups, chosen, clean_x, left_out, seed):
    """Trains on all repositories but those of `left_out`."""
    use = ~numpy.isin(groups, left_out) & (y >= 0)
    weight = weights(y, groups)[use]
    people = chosen[0][~numpy.isin(chosen[1], left_out)]
    parts = [(x[use], y[use], weight),
             (people, numpy.ones(len(people), int), numpy.full(len(people), CHOSEN)),
             (clean_x, numpy.zeros(len(clean_x), int), numpy.full(len(clean_x), CLEAN))]
    return fit(*(numpy.concatenate(column) for column in zip(*parts)), seed)


def out_of_fold(x, y, groups, chosen, clean_x, seed):
    """Scores of the candidates and of the values that people choose, none by a model that saw its repository."""
    names = sorted(set(groups))
    numpy.random.default_rng(seed).shuffle(names)
    score, people = numpy.zeros(len(y), numpy.int64), numpy.zeros(len(chosen[1]), numpy.int64)
    for index in range(FOLDS):
        out = names[index::FOLDS]
        trees = learn(x, y, groups, chosen, clean_x, out, seed)
        here, there = numpy.isin(groups, out), numpy.isin(chosen[1], out)
        score[here], people[there] = trees.score(x[here]), trees.score(chosen[0][there])
    return score, people


def specific(report):
    """Findings of all other rules, by confidence's name."""
    out = []
    for run in json.load(open(report))["runs"]:
        for result in run["results"]:
            if result["ruleId"] != "generic-assignment":
                place = result["locations"][0]["physicalLocation"]
                uri, region = place["artifactLocation"]["uri"], place["region"]
                level = result.get("properties", {}).get("confidence", "high")
                line = region["startLine"]
                out.append((uri[uri.find("data/"):], line, region.get("endLine", line), level))
    return out


def figures(finds, known):
    """Found, credentials' recall, precision and F1, as shared/tools/score_creddata.py counts them."""
    finds = set(finds)
    by = collections.defaultdict(list)
    for name, start, end in finds:
        by[name].append((start, end))
    secrets = [(name, label) for name, some in known.items() for label in some if label[4]]
    hit = sum(any(a <= label[1] and b >= label[0] for a, b in by[name]) for name, label in secrets)
    true = sum(any(a <= l[1] and b >= l[0] for l in known[name]) for name, a, b in finds)
    recall, precision = hit / len(secrets), true / max(1, len(finds))
    return len(finds), recall, precision, 2 * precision * recall / max(1e-9, precision + recall)


def levels(rows, score, known):
    """Score thresholds for low, medium and high: the lowest from which on the generic rule's findings, out of fold and
    by themselves, are as precise as they must be."""
    true = numpy.array([any(a <= l[1] and b >= l[0] for l in known[name]) for name, a, b in (row[:3] for row in rows)])
    out = [round(math.log(LOW / (1 - LOW)) * SCALE)]
    for least in (MEDIUM_PRECISION, HIGH_PRECISION):
        for level in range(-SCALE, 6 * SCALE, 64):
            if true[score >= level].mean() >= least:
                break
        out.append(level)
    return out


def cv(path, folder, report, chosen, chosen_folder, clean_path):
    known, rows, x, y, groups = data(path, folder)
    chosen, clean_x = chosen_by_people(chosen, chosen_folder), clean(clean_path)
    found = specific(report)
    rank = {"low": 0, "medium": 1, "high": 2, "certain": 3}
    others = lambda least: [f[:3] for f in found if rank[f[3]] >= rank[least]]
    print(f"{len(rows)} candidates: {sum(y == 1)} true, {sum(y == 0)} false, {sum(y < 0)} beside a true one; "
          f"{len(chosen[0])} chosen, {len(clean_x)} clean")
    print("ceiling: finds, recall, precision, f1", *figures([row[:3] for row in rows] + others("low"), known))
    total = []
    for seed in range(int(os.environ.get("SEEDS", "3"))):
        score, people = out_of_fold(x, y, groups, chosen, clean_x, seed)
        total.append(score)
        for name, level in zip(("low", "medium", "high"), levels(rows, score, known)):
            finds = [row[:3] for row, s in zip(rows, score) if s >= level]
            shown = "  ".join(f"{v:.3f}" for v in figures(finds + others(name), known)[1:])
            alone = figures(finds, known)
            print(f"seed {seed} {name:<7} from {level / SCALE:+.2f}: recall, precision, f1 {shown}   generic alone: "
                  f"{alone[0]} at {alone[2]:.3f}   chosen by people: {(people >= level).mean():.3f}")
    return known, rows, x, y, groups, chosen, clean_x, numpy.mean(total, 0), others


def write(*args):
    known, rows, x, y, groups, chosen, clean_x, score, others = cv(*args)
    low, medium, high = levels(rows, score, known)
    usual = numpy.median(x[y >= 0], 0).astype(numpy.uint8)
    trees = learn(x, y, groups, chosen, clean_x, [], 0)
    out = struct.pack("<BBiiii", VERSION, x.shape[1], trees.bias, low, medium, high) + usual.tobytes()
    for facts, most, leaves in trees.trees:
        out += bytes(v for pair in zip(facts, most) for v in pair) + struct.pack(f"<{len(leaves)}h", *leaves)
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "rules", "generic-model.bin"), "wb") as file:
        file.write(out)
    print(f"{len(trees.trees)} trees, {len(out)} bytes; low, medium, high from {low}, {medium}, {high}")


if __name__ == "__main__":
    {"cv": cv, "write": write}[sys.argv[1]](*sys.argv[2:])
