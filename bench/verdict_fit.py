#!/usr/bin/env python3
"""Fits the model of the verdict to bench/results/verdict.csv (docs/verdict.md): logistic regression with a small ridge
on standardised evidence. Prints, for pictures and for whole sources that the fit had not seen, the area under the ROC
curve and how often the verdicts are wrong; then the lines of src/bid/verdict_model.def (with --write: writes them).
usage: bench/verdict_fit.py [CSV] [--write]"""
import csv
import os
import sys

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
LOSS_DB, CEILING_DB = 3.0, 40.0  # failed: so much below the oracle; an oracle above the ceiling counts as the ceiling
RIDGE, FOLDS = 10.0, 8
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
    """log odds = bias + sum weight (x - mean); what is missing counts as the mean."""

    def __init__(self, x, y, weights):
        self.mean = np.nanmean(x, axis=0)
        scale = np.nanstd(x, axis=0) + 1e-9
        z = np.column_stack([np.nan_to_num((x - self.mean) / scale), np.ones(len(x))])
        ridge = np.full(z.shape[1], RIDGE)
        ridge[-1] = 0
        w = np.zeros(z.shape[1])
        for _ in range(50):  # Newton
            p = 1 / (1 + np.exp(-z @ w))
            step = np.linalg.solve((z * (weights * p * (1 - p))[:, None]).T @ z + np.diag(ridge) + 1e-9 * np.eye(len(w)),
                                   z.T @ (weights * (p - y)) + ridge * w)
            w -= step
            if np.abs(step).max() < 1e-9:
                break
        self.weight, self.bias = w[:-1] / scale, w[-1]

    def __call__(self, x):
        return 1 / (1 + np.exp(-(self.bias + np.nan_to_num(x - self.mean) @ self.weight)))


def area(y, p):
    order = np.argsort(p, kind="stable")
    rank = np.empty(len(p))
    rank[order] = np.arange(1, len(p) + 1)
    for v in np.unique(p):  # ties
        rank[p == v] = rank[p == v].mean()
    bad, good = y.sum(), (~y).sum()
    return (rank[y].sum() - bad * (bad + 1) / 2) / (bad * good) if bad and good else float("nan")


def held_out(x, y, group, weights):
    p = np.empty(len(y))
    for g in np.unique(group):
        out = group == g
        p[out] = Model(x[~out], y[~out], weights[~out])(x[out])
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


def main():
    paths = [a for a in sys.argv[1:] if not a.startswith("--")]
    path = paths[0] if paths else os.path.join(ROOT, "bench/results/verdict.csv")
    names = known_evidence(path)
    rows, x, y = load(path, names)
    picture = np.array([r["source"] + "/" + r["picture"] for r in rows])
    source = np.array([r["source"] for r in rows])
    numbers = {p: i for i, p in enumerate(sorted(set(picture), key=lambda p: (hash_of(p), p)))}
    fold = np.array([numbers[p] % FOLDS for p in picture])
    weights = np.ones(len(y))
    quick = names.index("agree_map")
    models, lows = [], []
    for title, columns in (("With second opinions", len(names)), ("Without", quick)):
        part = x[:, :columns]
        p = held_out(part, y, fold, weights)
        low, high = limits(y, p)
        report(f"{title}, pictures held out ({FOLDS} folds)", rows, y, p, low, high)
        q = held_out(part, y, source, weights)
        report(f"{title}, sources held out", rows, y, q, low, high)
        models.append(Model(part, y, weights))
        lows.append((low, high))
    text = definition(names, models, lows, quick)
    print("\n" + text)
    if "--write" in sys.argv:
        with open(os.path.join(ROOT, "src/bid/verdict_model.def"), "w") as f:
            f.write(text)


def hash_of(text):
    """Not Python's own, which changes from run to run."""
    value = 5381
    for c in text.encode():
        value = (value * 33 + c) % 4294967296
    return value


def definition(names, models, limits_of, quick):
    full, without = models
    out = ["/* LIMITS(bias, ok below, failed from), with and without second opinions, and T(evidence, mean, weight, weight",
           " * without second opinions): printed by bench/verdict_fit.py. */"]
    for name, m, (low, high) in (("LIMITS", full, limits_of[0]), ("QUICK_LIMITS", without, limits_of[1])):
        out.append(f"{name}({m.bias:.4f}, {low:.3f}, {high:.3f})")
    for i, n in enumerate(names):
        out.append(f"T({n}, {full.mean[i]:.4f}, {full.weight[i]:.4f}, {without.weight[i] if i < quick else 0:.4f})")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    main()
