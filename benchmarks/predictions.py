"""What other models' predictions are worth beside answers, and that useless ones cost nothing.

Stand-ins for another model are made from the truth and noise: of three qualities, each true to its
own doubt, far too sure, far too modest, good for half of the labels alone, or learned from features
like ours. The mAP of prior alone, model alone and both, on a test set, after random answers.

Run: python -m benchmarks.predictions FOLDER [TABLE]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from alasl.data.evidence import Predictions
from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.labels import UNKNOWN
from alasl.metrics import average_precision, mean_ap
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.seeds import stream

Table = NDArray[np.floating]
Entries = NDArray[np.int8]
Rows = NDArray[np.intp]

SEEDS, ANSWERS, QUALITIES, TEST = 10, (0, 500, 2_000, 20_000), (None, 30.0, 45.0), 0.2
KIND = resolve("logistic")


def main(folder: Path, table: str | None) -> None:
    """Print a row for each stand-in and number of answers: means over seeds, in per cent."""
    data = read(folder, labels=table)
    features, truth = features_of(data), data.labels.entries
    print("prior,form,answers,prior_alone,model_alone,both,least,mean_gain,worst_gain", flush=True)
    found: dict[tuple[str, str, int], list[tuple[float, float, float]]] = {}
    for seed in range(SEEDS):
        order = stream(seed, "test").permutation(len(truth))
        test, seen = np.split(order, [round(TEST * len(truth))])
        inputs = Inputs(features=np.asarray(features))
        alone = Prepared.of(KIND, inputs, seen)
        sources = list(stand_ins(alone, truth, test, seen, seed))
        asked = stream(seed, "answers").permutation(len(seen) * truth.shape[1])
        for answers in ANSWERS:
            targets = np.full(len(seen) * truth.shape[1], UNKNOWN, np.int8)
            targets[asked[:answers]] = truth[seen].flat[asked[:answers]]
            targets = targets.reshape(len(seen), -1)
            own = worth(fitted(alone, seen, targets), truth, test)
            for quality, form, logits in sources:
                told = Predictions("other", expit(logits).astype(np.float32))
                ready = Prepared.of(
                    KIND, inputs, seen, transform=alone.transform, predictions=[told]
                )
                both = worth(fitted(ready, seen, targets), truth, test)
                prior = mean_ap(average_precision(told.logits[test], truth[test]))
                found.setdefault((quality, form, answers), []).append((prior, own, both))
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    for (quality, form, answers), rows in sorted(found.items()):
        prior, own, both = np.array(rows).T
        gain = both - np.maximum(prior, own)
        print(
            f"{quality},{form},{answers},{prior.mean():.2f},{own.mean():.2f},{both.mean():.2f},"
            f"{both.min():.2f},{gain.mean():+.2f},{gain.min():+.2f}"
        )


def fitted(prepared: Prepared, seen: Rows, targets: Entries) -> Callable[[Rows], Table]:
    """A model trained on the images `seen` with `targets` (n, L): logits of others."""
    estimator = KIND.estimator(targets.shape[1])
    estimator.fit(prepared.inputs.take(seen), targets)
    return lambda rows: estimator.logits(prepared.inputs.take(rows))


def worth(logits: Callable[[Rows], Table], truth: Entries, test: Rows) -> float:
    """mAP on the test set."""
    return mean_ap(average_precision(logits(test), truth[test]))


def stand_ins(
    alone: Prepared, truth: Entries, test: Rows, seen: Rows, seed: int
) -> Iterator[tuple[str, str, Table]]:
    """Quality, form and logits (N, L) of each stand-in."""
    draw = stream(seed, "stand-in")
    noise = draw.standard_normal(truth.shape)
    # A model is not equally good at all labels.
    better, good = draw.uniform(0.3, 1.7, truth.shape[1]), draw.random(truth.shape[1]) < 0.5
    rate = logit(np.clip(truth.mean(axis=0), 1 / len(truth), None))

    def at(strength: float) -> Table:
        """Log-odds by a sign of the truth that is so much stronger than the noise."""
        apart = strength * better
        return np.asarray(apart * (noise + apart * truth) - apart**2 / 2 + rate)

    for quality in QUALITIES:
        if quality is None:
            calibrated = 0.5 * noise + rate
            yield "useless", "base rates", calibrated
            yield "useless", "noise", 2 * noise
            yield "useless", "far too sure", 6 * noise + 2
            continue
        name = f"mAP {quality:g}"
        calibrated = at(_strength(at, truth, quality))
        yield name, "calibrated", calibrated
        yield name, "far too sure", 3 * calibrated + 2
        yield name, "far too modest", 0.3 * calibrated
        half = at(_strength(lambda s: np.where(good, at(s), 2 * noise), truth, quality))
        yield name, "half of the labels", np.where(good, half, 2 * noise)
        yield name, "same features", _redundant(alone, truth, test, seen, quality, seed)


def _strength(at: Callable[[float], Table], truth: Entries, quality: float) -> float:
    low, high = 0.0, 12.0
    for _ in range(25):
        middle = (low + high) / 2
        enough = mean_ap(average_precision(at(middle), truth)) >= quality
        low, high = (low, middle) if enough else (middle, high)
    return high


def _redundant(
    alone: Prepared, truth: Entries, test: Rows, seen: Rows, quality: float, seed: int
) -> Table:
    """Logits by our own kind of model, trained on so many entries of a quarter of the images."""
    best: tuple[float, Table] | None = None
    rows = np.sort(seen[: len(truth) // 4])
    for known in (100, 200, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000):
        entries = stream(seed, "redundant", known).permutation(truth[rows].size)[:known]
        targets = np.full(truth[rows].size, UNKNOWN, np.int8)
        targets[entries] = truth[rows].flat[entries]
        model = fitted(alone, rows, targets.reshape(len(rows), -1))
        away = abs(worth(model, truth, test) - quality)
        if best is None or away < best[0]:
            best = away, model(np.arange(len(truth)))
    if best is None:
        raise RuntimeError("no model was trained")
    return best[1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
