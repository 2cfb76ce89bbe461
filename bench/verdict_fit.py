#!/usr/bin/env python3
"""Fits the model of the verdict to bench/results/verdict.csv (docs/verdict.md): boosted trees. Prints, for pictures and
for whole sources that the fit had not seen, the area under the ROC curve and how often the verdicts are wrong. With
--write the model goes to src/bid/verdict_model.def, and some rows with its answers to tests/golden/verdict_rows.def.
With --judge FILE it says instead how the model, fitted to CSV without the same pictures, judges the runs of FILE. Half
a minute.
usage: bench/verdict_fit.py [CSV] [--write | --judge=FILE]"""
import csv
import os
import sys
import textwrap

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
LOSS_DB, CEILING_DB = 3.0, 40.0  # failed: so much below the oracle; an oracle above the ceiling counts as the ceiling
FOLDS = 8
TREES, QUICK_TREES, DEPTH, RATE, RIDGE = 400, 150, 5, 0.04, 1.0  # of the sums of second derivatives
ROWS, COLUMNS, BINS = 0.5, 0.2, 24  # shares drawn for each tree and for each split; thresholds: quantiles
LEAF_UNIT = 1e-4
GOOD_CALLED_FAILED = 0.01  # what the limits are set for, on pictures not seen
OK_THAT_FAILED = 0.2


def evidence_names():
    with open(os.path.join(ROOT, "src/bid/verdict.def")) as f:
        return [line.split("(")[1].split(",")[0] for line in f if line.startswith("EVIDENCE(")]


def known_evidence(path):
    """What the file has: evidence that is newer than it has no weight."""
    with open(path) as f:
        have = next(csv.reader(f))
    return [n for n in evidence_names() if n in have]


def load(path, names):
    with open(path) as f:
        rows = [r for r in csv.DictReader(f) if r["psnr"] != "nan" and r["oracle"] != "nan"]
    x = np.array([[float(r[n]) for n in names] for r in rows])
    psnr, oracle = (np.array([float(r[k]) for r in rows]) for k in ("psnr", "oracle"))
    return rows, x, psnr < np.minimum(oracle, CEILING_DB) - LOSS_DB


class Model:
    """log odds = bias + the sum of one leaf of each tree; all splits of one level of a tree are the same, so that the
    leaf's number is DEPTH bits: is the evidence at least the threshold? Gradient boosting with Newton's steps (Friedman
    2001) on such trees (Kohavi 1994). What is missing counts as the mean."""

    def __init__(self, x, y, trees, seed=0):
        draw = np.random.RandomState(seed)
        known = [c[~np.isnan(c)] for c in x.T]
        self.mean = np.array([float(f"{c.mean():.4g}") if len(c) else 0.0 for c in known])
        x = self.fill(x)
        n, m = x.shape
        at = [np.unique([float(f"{t:.4g}") for t in np.quantile(c, np.linspace(0, 1, BINS + 1)[1:-1])]) for c in x.T]
        bins = [np.searchsorted(at[j], x[:, j], side="right") for j in range(m)]
        self.bias = float(f"{np.log(y.mean() / (1 - y.mean())):.4f}")
        self.trees = []
        odds = np.full(n, self.bias)
        for _ in range(trees):
            p = 1 / (1 + np.exp(-odds))
            used = draw.rand(n) < ROWS
            slope, bend = (y - p)[used], (p * (1 - p))[used]
            leaf, leaves, splits = np.zeros(len(slope), int), 1, []
            for _ in range(DEPTH):
                columns = draw.permutation(m)[:max(1, int(COLUMNS * m))]
                _, b, j = max(self.best(slope, bend, leaf, leaves, bins[j][used], len(at[j]) + 1) + (j,)
                              for j in columns)
                splits.append((j, at[j][b]))
                leaf, leaves = 2 * leaf + (bins[j][used] > b), 2 * leaves
            value = RATE * np.bincount(leaf, slope, leaves) / (np.bincount(leaf, bend, leaves) + RIDGE)
            value = np.round(value / LEAF_UNIT).astype(int)
            self.trees.append((splits, value))
            odds += LEAF_UNIT * value[self.leaf(splits, x)]

    @staticmethod
    def best(slope, bend, leaf, leaves, bins, count):
        """(gain, bin) of the best threshold of one column."""
        if count < 2:
            return -1.0, 0
        key = leaf * count + bins
        g, h = (np.bincount(key, v, leaves * count).reshape(leaves, count).cumsum(axis=1) for v in (slope, bend))
        left, right = (g[:, :-1], h[:, :-1]), (g[:, -1:] - g[:, :-1], h[:, -1:] - h[:, :-1])
        gain = sum(v**2 / (w + RIDGE) for v, w in (left, right)).sum(axis=0)
        return float(gain.max()), int(gain.argmax())

    @staticmethod
    def leaf(splits, x):
        number = np.zeros(len(x), int)
        for j, threshold in splits:
            number = 2 * number + (x[:, j] >= threshold)
        return number

    def fill(self, x):
        return np.where(np.isnan(x), self.mean, x)

    def __call__(self, x):
        x = self.fill(x)
        odds = self.bias + LEAF_UNIT * sum(value[self.leaf(splits, x)] for splits, value in self.trees)
        return 1 / (1 + np.exp(-odds))


def area(y, p):
    order = np.argsort(p, kind="stable")
    rank = np.empty(len(p))
    rank[order] = np.arange(1, len(p) + 1)
    for v in np.unique(p):  # ties
        rank[p == v] = rank[p == v].mean()
    bad, good = y.sum(), (~y).sum()
    return (rank[y].sum() - bad * (bad + 1) / 2) / (bad * good) if bad and good else float("nan")


def held_out(x, y, group, trees):
    p = np.empty(len(y))
    for g in np.unique(group):
        out = group == g
        p[out] = Model(x[~out], y[~out], trees)(x[out])
    return p


def limits(y, p):
    """(ok below, failed from): the widest that keep both errors small."""
    failed_from = np.quantile(p[~y], 1 - GOOD_CALLED_FAILED)
    order = np.argsort(p)
    share = np.cumsum(y[order]) / np.arange(1, len(y) + 1)
    good = np.nonzero(share <= OK_THAT_FAILED)[0]
    ok_below = p[order][good[-1]] if len(good) else 0
    return min(ok_below, failed_from), failed_from


def line(name, y, p, low, high):
    ok, failed = p < low, p >= high
    print(f"| {name} | {len(y)} | {100 * y.mean():.0f} % | {area(y, p):.3f} | {100 * ok.mean():.0f} / "
          f"{100 * (~ok & ~failed).mean():.0f} / {100 * failed.mean():.0f} % | "
          f"{100 * (failed & ~y).sum() / max((~y).sum(), 1):.1f} % | {100 * (ok & y).sum() / max(ok.sum(), 1):.1f} % |"
          f" {100 * (ok & y).sum() / max(y.sum(), 1):.1f} % |")


def report(title, rows, y, p, low, high):
    print(f"\n{title}: ok below {low:.2f}, failed from {high:.2f}\n")
    print("| runs | number | failed truly | area | ok / doubtful / failed | failed, of good ones | failed truly, of ok | ok, of failed ones |")
    print("|---|---|---|---|---|---|---|---|")
    line("all", y, p, low, high)
    for key in ("source", "scene", "kind", "method"):
        value = np.array([r[key] for r in rows])
        for v in sorted(set(value)):
            line(f"{key} {v}", y[value == v], p[value == v], low, high)


def calibration(rows, y, p):
    loss = np.array([min(float(r["oracle"]), CEILING_DB) - float(r["psnr"]) for r in rows])
    clear = (loss < 1) | (loss > 6)
    print(f"\nWithout results of 1 to 6 dB below the oracle: {clear.sum()} runs, area {area(y[clear], p[clear]):.3f}\n")
    print("| risk said | runs | failed truly |\n|---|---|---|")
    for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
        part = (p >= low) & (p < high)
        print(f"| {low:g} to {min(high, 1):g} | {part.sum()} | {100 * y[part].mean():.0f} % |")


def pictures(rows):
    return np.array([r["source"] + "/" + r["picture"] for r in rows])


def folds(*pictures_of):
    """The fold of each row of each, the same for one picture everywhere."""
    names = sorted(set(np.concatenate(pictures_of)), key=lambda p: (hash_of(p), p))
    number = {p: i % FOLDS for i, p in enumerate(names)}
    return [np.array([number[p] for p in of]) for of in pictures_of]


def judge(names, rows, x, y, path):
    others, ox, oy = load(path, names)
    fold, of = folds(pictures(rows), pictures(others))
    p = np.empty(len(oy))
    for g in np.unique(of):
        p[of == g] = Model(x[fold != g], y[fold != g], TREES)(ox[of == g])
    report(f"{os.path.basename(path)}, pictures held out", others, oy, p, *limits(y, held_out(x, y, fold, TREES)))
    calibration(others, oy, p)


def main():
    paths = [a for a in sys.argv[1:] if not a.startswith("--")]
    path = paths[0] if paths else os.path.join(ROOT, "bench/results/verdict.csv")
    names = known_evidence(path)
    rows, x, y = load(path, names)
    for option in sys.argv[1:]:
        if option.startswith("--judge="):
            return judge(names, rows, x, y, option.split("=", 1)[1])
    source = np.array([r["source"] for r in rows])
    fold, = folds(pictures(rows))
    quick = names.index("agree_map")
    models, lows = [], []
    for title, columns, trees in (("With second opinions", len(names), TREES), ("Without", quick, QUICK_TREES)):
        part = x[:, :columns]
        p = held_out(part, y, fold, trees)
        low, high = limits(y, p)
        report(f"{title}, pictures held out ({FOLDS} folds)", rows, y, p, low, high)
        calibration(rows, y, p)
        report(f"{title}, sources held out", rows, y, held_out(part, y, source, trees), low, high)
        models.append(Model(part, y, trees))
        lows.append((low, high))
    if "--write" in sys.argv:
        write("src/bid/verdict_model.def", definition(names, models, lows))
        write("tests/golden/verdict_rows.def", golden(names, models, x))


def write(path, text):
    with open(os.path.join(ROOT, path), "w") as f:
        f.write(text)


def hash_of(text):
    """Not Python's own, which changes from run to run."""
    value = 5381
    for c in text.encode():
        value = (value * 33 + c) % 4294967296
    return value


def definition(names, models, limits_of):
    out = ["/* over 500 lines: written by bench/verdict_fit.py. MEAN(evidence, value), LIMITS(bias, ok below, failed from),",
           f" * TREE(evidence, threshold of each level, leaves in units of {LEAF_UNIT:g}), and those without second opinions. */"]
    out += [f"MEAN({n}, {v:.4g})" for n, v in zip(names, models[0].mean)]
    for prefix, m, (low, high) in (("", models[0], limits_of[0]), ("QUICK_", models[1], limits_of[1])):
        out.append(f"{prefix}LIMITS({m.bias:.4f}, {low:.3f}, {high:.3f})")
        for splits, value in m.trees:
            text = ", ".join(f"{names[j]}, {t:.4g}" for j, t in splits)
            out += textwrap.wrap(f"{prefix}TREE({text}, {', '.join(str(v) for v in value)})", 118, subsequent_indent=" ")
    return "\n".join(out) + "\n"


def golden(names, models, x):
    """A few rows: the whole model's answer, the quick one's, the evidence as in verdict.def."""
    out = ["/* ROW(probability, without second opinions, evidence...): written by bench/verdict_fit.py. */"]
    for i in np.linspace(0, len(x) - 1, 12).astype(int):
        quick = models[1](x[i:i + 1, :len(models[1].mean)])[0]
        known = dict(zip(names, x[i]))
        values = ", ".join("NAN" if np.isnan(v) else f"{v:.6g}" for v in (known.get(n, np.nan) for n in evidence_names()))
        whole = quick if np.isnan(known["agree_map"]) else models[0](x[i:i + 1])[0]
        out += textwrap.wrap(f"ROW({whole:.6f}, {quick:.6f}, {values})", 118, subsequent_indent=" ")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    main()
