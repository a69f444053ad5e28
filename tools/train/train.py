#!/usr/bin/env python3
"""Trains the generic rule's model on labelled files and writes rules/generic-model.bin.

usage: train.py cv    CANDIDATES LABELS REPORT CHOSEN CHOSEN_LABELS CLEAN     what it scores out of fold
       train.py write (the same)                                             trains on everything and writes the weights

CANDIDATES     what `cargo xtask candidates data` prints, run inside the data set (run.sh makes all of these)
LABELS         the folder of a data set in CredData's form: meta/*.csv beside data/
REPORT         keyward's SARIF report at --confidence low over the same files: its specific findings are added to the
               generic ones, so that the figures are those of a whole scan
CHOSEN         candidates of the copy that augment.py makes, and its folder: values that people choose
CLEAN          candidates of trees with few secrets outside their tests: those are all taken for false

Folds are by repository; the copy's lines go with their repository. What `cv` prints is out of fold twice: thresholds are
chosen on scores out of fold inside the training folds, so that neither they nor the trees saw a line they are scored
on. It is done for SEEDS shuffles of the folds (5). Needs scikit-learn (1.9.1 was used). The facts are computed by
keyward alone: this script never looks into a file. rules/generic-model.md tells what the weights in the
repository were made from.
"""
import collections
import csv
import dataclasses
import glob
import json
import math
import os
import re
import statistics
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
SEEDS = int(os.environ.get("SEEDS", "5"))
LEVELS = ("low", "medium", "high")
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
WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules", "generic-model.bin")

Row = collections.namedtuple("Row", "path first last column end doubted score facts")


def candidates(path):
    rows = []
    for line in open(path, errors="replace"):
        name, first, last, column, end, dropped, doubt, score, facts = line.rstrip("\n").split("\t")
        at = name.find("data/")
        name = name[at:] if at >= 0 else name
        if not dropped:
            facts = numpy.fromiter(map(int, facts.split()), numpy.uint8)
            rows.append(Row(name, int(first), int(last), int(column), int(end), bool(doubt), int(score), facts))
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
    for row in rows:
        hits = [label for label in known[row.path] if label[0] <= row.last and label[1] >= row.first]
        same = [l for l in hits if l[0] != l[1] or l[2] < 0 or l[3] < 0 or l[2] < row.end + 4 and l[3] > row.column - 4]
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


@dataclasses.dataclass
class Data:
    """Labelled candidates, and what is learned beside them; `y` is what truth() says, `groups` repositories."""
    known: dict
    rows: list
    x: numpy.ndarray
    y: numpy.ndarray
    groups: numpy.ndarray
    chosen: numpy.ndarray
    chosen_groups: numpy.ndarray
    clean: numpy.ndarray


def labelled(path, folder):
    known = labels(folder)
    rows = candidates(path)
    groups = numpy.array([row.path.split("/")[1] for row in rows])
    return known, rows, numpy.vstack([row.facts for row in rows]), truth(rows, known), groups


def clean(path):
    """Candidates in what is no test, no example and no documentation."""
    told = re.compile(r"test|example|doc|fixture|mock|spec|sample|demo|readme", re.I)
    rows = [row for row in candidates(path) if not told.search(row.path.rsplit("site-packages", 1)[-1])]
    # The same line in many versions of a file says it once.
    return numpy.vstack(list({row.facts.tobytes(): row.facts for row in rows}.values()))


def read(path, folder, chosen, chosen_folder, clean_path):
    _, _, x, y, groups = labelled(chosen, chosen_folder)
    # The copy's true values only: what is false there is in the data set already.
    return Data(*labelled(path, folder), x[y == 1], groups[y == 1], clean(clean_path))


def learn(data, left_out, seed):
    """Trains on all repositories but those of `left_out`."""
    use = ~numpy.isin(data.groups, left_out) & (data.y >= 0)
    people = data.chosen[~numpy.isin(data.chosen_groups, left_out)]
    parts = [(data.x[use], data.y[use], weights(data.y, data.groups)[use]),
             (people, numpy.ones(len(people), int), numpy.full(len(people), CHOSEN)),
             (data.clean, numpy.zeros(len(data.clean), int), numpy.full(len(data.clean), CLEAN))]
    return fit(*(numpy.concatenate(column) for column in zip(*parts)), seed)


def folds(data, left_out, seed):
    """The repositories that are not left out, in parts."""
    names = sorted(set(data.groups) - set(left_out))
    numpy.random.default_rng(seed).shuffle(names)
    return [names[index::FOLDS] for index in range(FOLDS)]


def out_of_fold(data, left_out, seed):
    """Which candidates are of no repository left out, and their scores, each by a model that saw neither its repository nor
    those left out."""
    score = numpy.zeros(len(data.y), numpy.int64)
    for out in folds(data, left_out, seed):
        here = numpy.isin(data.groups, out)
        score[here] = learn(data, [*left_out, *out], seed).score(data.x[here])
    inside = ~numpy.isin(data.groups, left_out)
    return inside, score


def levels(data, inside, score):
    """Score thresholds for low, medium and high: the lowest from which on the generic rule's findings, out of fold and
    by themselves, are as precise as they must be. A doubted one is low at most."""
    rows = [row for row, used in zip(data.rows, inside) if used]
    score = score[inside]
    true = numpy.array([any(r.first <= l[1] and r.last >= l[0] for l in data.known[r.path]) for r in rows])
    sure = ~numpy.array([row.doubted for row in rows])
    out = [round(math.log(LOW / (1 - LOW)) * SCALE)]
    for least in (MEDIUM_PRECISION, HIGH_PRECISION):
        for level in range(-SCALE, 6 * SCALE, 64):
            if true[sure & (score >= level)].mean() >= least:
                break
        out.append(level)
    return out


def ranks(data, score, thresholds):
    """How many of the thresholds each candidate reaches, as keyward counts it."""
    reached = sum((score >= level).astype(int) for level in thresholds)
    doubted = numpy.array([row.doubted for row in data.rows])
    return numpy.where(doubted, numpy.minimum(reached, 1), reached)


def nested(data, seed):
    """Ranks of the candidates, and of the values that people choose; trees and thresholds saw none of the repository."""
    reached, people = numpy.zeros(len(data.y), int), numpy.zeros(len(data.chosen), int)
    for out in folds(data, [], seed):
        thresholds = levels(data, *out_of_fold(data, out, seed))
        trees = learn(data, out, seed)
        here, there = numpy.isin(data.groups, out), numpy.isin(data.chosen_groups, out)
        reached[here] = ranks(data, trees.score(data.x), thresholds)[here]
        people[there] = sum((trees.score(data.chosen[there]) >= level).astype(int) for level in thresholds)
    return reached, people


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
    """Credentials' recall, precision and F1, as shared/tools/score_creddata.py counts them."""
    finds = set(finds)
    by = collections.defaultdict(list)
    for name, start, end in finds:
        by[name].append((start, end))
    secrets = [(name, label) for name, some in known.items() for label in some if label[4]]
    hit = sum(any(a <= label[1] and b >= label[0] for a, b in by[name]) for name, label in secrets)
    true = sum(any(a <= l[1] and b >= l[0] for l in known[name]) for name, a, b in finds)
    recall, precision = hit / len(secrets), true / max(1, len(finds))
    return recall, precision, 2 * precision * recall / max(1e-9, precision + recall)


def shipped():
    """The thresholds of the weights that candidates were scored with."""
    return struct.unpack_from("<iii", open(WEIGHTS, "rb").read(), 6)


def cv(path, folder, report, *rest):
    data = read(path, folder, *rest)
    found = specific(report)
    rank = {"low": 1, "medium": 2, "high": 3, "certain": 4}

    def whole(reached, level):
        """Figures of a whole scan: the generic rule's findings and those of all others."""
        generic = [row[:3] for row, r in zip(data.rows, reached) if r >= rank[level]]
        return figures(generic + [f[:3] for f in found if rank[f[3]] >= rank[level]], data.known)

    print(f"{len(data.rows)} candidates: {sum(data.y == 1)} true, {sum(data.y == 0)} false, {sum(data.y < 0)} beside a true "
          f"one; {len(data.chosen)} chosen, {len(data.clean)} clean")
    show = lambda values: "  ".join(f"{value:.3f}" for value in values)
    print("                 recall precision f1")
    print("ceiling         ", show(whole(numpy.full(len(data.rows), 3), "low")))
    known = ranks(data, numpy.array([row.score for row in data.rows]), shipped())
    for level in LEVELS[1:]:
        print(f"in sample {level:<7}", show(whole(known, level)), "  the weights in the repository")
    results = collections.defaultdict(list)
    for seed in range(SEEDS):
        reached, people = nested(data, seed)
        for level in LEVELS:
            values = (*whole(reached, level), (people >= rank[level]).mean())
            results[level].append(values)
            print(f"shuffle {seed} {level:<7}", show(values[:3]), f"  chosen by people: {values[3]:.3f}", flush=True)
    for level, values in results.items():
        for name, column in zip(("recall", "precision", "f1", "chosen by people"), zip(*values)):
            print(f"{level:<7} {name:<17} {statistics.mean(column):.3f}, sd {statistics.pstdev(column):.3f}, "
                  f"{min(column):.3f} to {max(column):.3f}")


def write(path, folder, _, *rest):
    data = read(path, folder, *rest)
    scores = [out_of_fold(data, [], seed) for seed in range(SEEDS)]
    low, medium, high = levels(data, scores[0][0], numpy.mean([score for _, score in scores], 0))
    usual = numpy.median(data.x[data.y >= 0], 0).astype(numpy.uint8)
    trees = learn(data, [], 0)
    out = struct.pack("<BBiiii", VERSION, data.x.shape[1], trees.bias, low, medium, high) + usual.tobytes()
    for facts, most, leaves in trees.trees:
        out += bytes(v for pair in zip(facts, most) for v in pair) + struct.pack(f"<{len(leaves)}h", *leaves)
    with open(WEIGHTS, "wb") as file:
        file.write(out)
    print(f"{len(trees.trees)} trees, {len(out)} bytes; low, medium, high from {low}, {medium}, {high}")


if __name__ == "__main__":
    {"cv": cv, "write": write}[sys.argv[1]](*sys.argv[2:])
