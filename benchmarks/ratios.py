"""How often the interval of a ratio of answers holds the true one, by number of seeds.

Drawn curves of a method of twice the speed. A seed's curve is off by a shift of its own, normal or
skewed, beside the noise of each round.

Run: python -m benchmarks.ratios
"""

from __future__ import annotations

import math

import numpy as np

from alasl.record import Evaluation
from alasl.seeds import stream
from alasl.study.efficiency import needed
from alasl.study.results import Results, RunResult
from alasl.study.spec import parse

REPEATS, SEEDS, ROUNDS, SPEED = 300, (3, 8, 10, 20), 40, 2.0
STUDY = {
    "run": {"data": "d", "model": "logistic", "answers": 100, "rounds": ROUNDS},
    "grid": [
        {"name": "chance", "missing": 0.9, "strategy": "random-entry"},
        {"name": "method", "missing": 0.9, "strategy": "variance"},
    ],
    "efficiency": {"baseline": "chance", "answers": 2000},
}


def main() -> None:
    """Print the share of intervals that held, and their median width."""
    print("seeds,shift,held,width")
    for seeds in SEEDS:
        for shift in ("normal", "skewed"):
            found = [_ratio(seeds, shift, repeat) for repeat in range(REPEATS)]
            held = np.mean([low <= SPEED <= high for low, high in found])
            width = np.median([high - low for low, high in found])
            print(f"{seeds},{shift},{held:.3f},{width:.2f}", flush=True)


def _ratio(seeds: int, shift: str, repeat: int) -> tuple[float, float]:
    draw = stream(repeat, "curves", shift)
    study = parse({**STUDY, "seeds": seeds}, "drawn")
    runs = []
    for seed in study.seed_range:
        for grid, settings in study.runs(seed):
            speed = SPEED if grid == "method" else 1.0
            own = draw.exponential(0.5) - 0.5 if shift == "skewed" else draw.normal(0, 0.5)
            evaluations = []
            for number in range(ROUNDS + 1):
                height = 30 + 5 * math.log10(1 + speed * number) + own + draw.normal(0, 0.2)
                evaluations.append(
                    Evaluation(number, number, 100 * number, (height,), (height,), 0.0)
                )
            runs.append(RunResult(grid, settings, tuple(evaluations)))
    results = Results(study, "drawn", 100, 5, tuple(runs))
    ratio = next(each.ratio for each in needed(results) if each.method == "method")
    return ratio.low, ratio.high


if __name__ == "__main__":
    main()
