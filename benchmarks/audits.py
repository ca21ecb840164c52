"""How near an audit's estimates come, and what an audit costs: whole projects, simulated.

A test set drawn by chance is audited. The model that is judged, and that chooses what to ask of the
other images, never sees it; the one that is handed over learns from everything. Prints, for each
kind of table, how far mAP and each label's AP are off, how often their intervals hold, and the mAP
reached on images never touched, with audits of several shares of the answers.
Run: python -m benchmarks.audits FOLDER [--table labels.csv] [--projects 20] [--images 5000]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.evaluate.calls import NAMES, Calls
from alasl.evaluate.estimate import Estimate, Scored, estimate, gain
from alasl.metrics import average_precision
from alasl.models.features import features_of
from alasl.models.transforms import Flatten
from benchmarks.simulated import CHECKED, Mask, Project, sample

KINDS = ("random10", "random3", "random50", "tags", "presents")
BUDGETS = (12, 25, 50, 100, 200)
SHARES = (0.0, 0.1, 0.25, 0.5)
# Of the features, for a model that trains in a second.
DIRECTIONS = 64


def calls_off(
    found: Estimate, project: Project, judged: Scored, x: NDArray[np.float32], truth: Mask
) -> dict[str, float]:
    """How far the figures of what is called present are off, in points, and whether they hold.

    x, truth: of images never touched, to tell how the same thresholds fare there.
    """
    assert judged.called is not None
    calls, present = Calls(judged.called, judged.probabilities), project.truth[project.test] == 1
    exact, *_ = calls.complete(present)
    row = {}
    anew, *_ = Calls(project.calls_new(x), np.zeros(truth.shape)).complete(truth)
    for name, figure, other in zip(NAMES, exact, anew, strict=True):
        labels, mean = found.calls[name].labels, found.calls[name].mean
        kept = ~np.isnan(labels.value) & ~np.isnan(figure.value)
        if not kept.any():
            continue
        true, low, high = figure.value[kept], labels.low[kept], labels.high[kept]
        row[f"{name} off"] = 100 * (float(mean.value) - true.mean())
        row[f"{name} holds"] = float(mean.low <= true.mean() <= mean.high)
        row[f"{name} half"] = 50 * float(mean.high - mean.low)
        row[f"{name} label off"] = 100 * float(np.sqrt(np.mean((labels.value[kept] - true) ** 2)))
        row[f"{name} labels hold"] = float(((low <= true) & (true <= high)).mean())
        row[f"{name} label half"] = 50 * float((high - low).mean())
        if name in ("precision", "recall", "f1"):
            both = kept & ~np.isnan(other.value)
            row[f"{name} new"] = 100 * float((figure.value - other.value)[both].mean())
        row[f"{name} is"] = 100 * true.mean()
    if found.reliability is not None:
        kept = np.flatnonzero(~np.isnan(found.labels.value))
        bins = calls.take(kept).bins
        true = np.array([present[:, kept][bins == b].sum() for b in range(bins.max() + 1)])
        observed = found.reliability.observed
        some = slice(len(true))
        held = (observed.low[some] <= true + 1e-6) & (true <= observed.high[some] + 1e-6)
        row["bins hold"] = float(held.mean())
    return row


def followed(
    project: Project, draws: int, x: NDArray[np.float32], truth: Mask, brief: bool = False
) -> Iterator[tuple[int, dict[str, float]]]:
    """After each round: how far the estimates are off, in points, and whether intervals hold.

    x, truth: of images never touched. brief: mAP and AP alone.
    """
    before, exact_before, asked = None, None, 0
    for budget in BUDGETS:
        project.round(budget, (budget - asked) * project.truth.shape[1])
        asked = budget
        judged, audit = project.judged(called=not brief), project.audit()
        exact = average_precision(judged.scores, project.truth[project.test])
        found = estimate(judged, audit, draws=draws)
        kept = ~np.isnan(found.labels.value)
        if not kept.any():
            continue
        mean = exact[kept].mean()
        low, high = found.labels.low[kept], found.labels.high[kept]
        row = {
            "off": 100 * (float(found.mean.value) - mean),
            "holds": float(found.mean.low <= mean <= found.mean.high),
            "half": 50 * float(found.mean.high - found.mean.low),
            "label off": 100
            * float(np.sqrt(np.mean((found.labels.value[kept] - exact[kept]) ** 2))),
            "labels hold": float(((low <= exact[kept]) & (exact[kept] <= high)).mean()),
            "label half": 50 * float((high - low).mean()),
        }
        if found.erring is not None:
            true = np.broadcast_to(project.erring, 2)
            held = (found.erring.low <= true) & (true <= found.erring.high)
            row |= {"absents err": float(held[0]), "presents err": float(held[1])}
        if brief:
            yield budget, row
            continue
        if before is not None:
            step = gain(before, judged, audit, draws=draws)
            true = (exact - exact_before)[kept].mean()
            row["gain off"] = 100 * (float(step.mean.value) - true)
            row["gain holds"] = float(step.mean.low <= true <= step.mean.high)
        before, exact_before = judged, exact
        yield budget, row | calls_off(found, project, judged, x, truth)


def reached(
    x: NDArray[np.float32], truth: NDArray[np.int8], images: int, kind: str, seed: int
) -> dict[float, float]:
    """mAP on images never touched after five rounds of 12 answers a label, by the audit's share."""
    rows, rest, labels = sample(x, truth, images, seed)
    found, each = {}, 12 * len(labels)
    for share in SHARES:
        tested = 0.2 if share else 0.0
        project = Project(x[rows], truth[np.ix_(rows, labels)], kind, seed, tested)
        for number in range(1, 6):
            chosen = each * number - project.asked - round(share * each)
            project.round(12 * share * number, max(0, chosen))
        scores = project.handed_over().logits(torch.from_numpy(x[rest])).numpy()
        found[share] = 100 * float(
            np.nanmean(average_precision(scores, truth[np.ix_(rest, labels)]))
        )
    return found


def report(rows: list[dict[str, float]]) -> str:
    """One line of means and root mean squares."""
    off = np.array([row["off"] for row in rows])
    keys = dict.fromkeys(key for row in rows for key in row)
    mean = {key: np.nanmean([row.get(key, np.nan) for row in rows]) for key in keys}
    line = (
        f"mAP off by {np.sqrt((off**2).mean()):.2f} (bias {off.mean():+.2f}), holds "
        f"{100 * mean['holds']:.0f} %, half width {mean['half']:.1f}; AP off by "
        f"{mean['label off']:.0f}, holds {100 * mean['labels hold']:.1f} %, half width "
        f"{mean['label half']:.0f}"
    )
    if "absents err" in mean:
        line += (
            f"; rates of wrong answers to absents hold {100 * mean['absents err']:.0f} %, to "
            f"presents {100 * mean['presents err']:.0f} %"
        )
    if "gain off" in rows[0]:
        gains = np.array([row["gain off"] for row in rows])
        line += f"; gain off by {np.sqrt((gains**2).mean()):.2f}, "
        line += f"holds {100 * mean['gain holds']:.0f} %"
    for name in NAMES if "bins hold" in mean else ():
        off = np.array([row.get(f"{name} off", np.nan) for row in rows])
        m = {key.removeprefix(f"{name} "): value for key, value in mean.items() if name in key}
        line += (
            f"\n    {name} {m['is']:.1f}: off by {np.sqrt(np.nanmean(off**2)):.2f} (bias "
            f"{np.nanmean(off):+.2f}), holds {100 * m['holds']:.0f} %, half width {m['half']:.1f}; "
            f"a label's off by {m['label off']:.1f}, holds {100 * m['labels hold']:.1f} %, half "
            f"width {m['label half']:.0f}"
        )
        if "new" in m:
            line += f"; over that of new images by {m['new']:+.1f}"
    if "bins hold" in mean:
        line += f"\n    presents in bins: hold {100 * mean['bins hold']:.0f} %"
    return line


def main() -> None:
    """Simulate, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", default="labels.csv")
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first project's seed")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--wrong", type=float, default=0.0, help="share of given presents")
    parser.add_argument("--wrong-all", action="store_true", help="of all given entries instead")
    parser.add_argument("--checked", type=float, default=CHECKED, help="share of the audit")
    parser.add_argument(
        "--erring",
        type=float,
        nargs="+",
        default=[0.0],
        help="share of wrong answers; or of those to absents, and of those to presents",
    )
    parser.add_argument("--once", action="store_true", help="no answer is asked for again")
    parser.add_argument("--brief", action="store_true", help="mAP and AP alone")
    parser.add_argument("--reached", action="store_true", help="what audits cost, instead")
    told = parser.parse_args()
    torch.set_num_threads(1)
    dataset = read(told.folder, labels=told.table)
    truth = dataset.labels.entries
    features = features_of(dataset)
    flat = Flatten.fit(features, np.arange(len(truth))).apply(features)
    x = np.ascontiguousarray(flat[:, -DIRECTIONS:])
    seeds = range(told.first, told.first + told.projects)
    for kind in told.kinds:
        if told.reached:
            maps = [reached(x, truth, told.images, kind, seed) for seed in seeds]
            for share in SHARES[1:]:
                lost = np.array([m[share] - m[0.0] for m in maps])
                error = lost.std(ddof=1) / np.sqrt(len(lost)) if len(lost) > 1 else np.nan
                print(
                    f"{kind}, {share:.0%} audited: {lost.mean():+.2f} +- {error:.2f} mAP",
                    flush=True,
                )
            continue
        found: dict[int, list[dict[str, float]]] = {}
        for seed in seeds:
            rows, rest, labels = sample(x, truth, told.images, seed)
            table = truth[np.ix_(rows, labels)]
            project = Project(
                x[rows],
                table,
                kind,
                seed,
                wrong=told.wrong,
                of_all=told.wrong_all,
                checked=told.checked,
                erring=tuple(told.erring),
                again=not told.once,
            )
            others = truth[np.ix_(rest, labels)] == 1
            for budget, row in followed(project, 60, x[rest], others, told.brief):
                found.setdefault(budget, []).append(row)
        for budget, lines in found.items():
            print(f"{kind}, {budget} a label: {report(lines)}", flush=True)


if __name__ == "__main__":
    main()
