"""Seconds and peak memory to choose 4 000 entries of a pool of a million images on disk."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from alasl.query import Budget, select
from alasl.strategies import Pool, resolve

IMAGES, LABELS, ANSWERS = 1_000_000, 80, 4000
SPECS = tuple(
    f"{name}{within}"
    for name in ("entry-entropy", "entry-margin", "entry-positive", "random-entry")
    for within in ("", ":within=all", ":within=label")
)
BLOCK = 50_000


def write_pool(folder: Path, images: int, seed: int = 0) -> None:
    """Entries, 40 % of them unknown, and probabilities, as .npy files that can be memory-mapped."""
    rng = np.random.default_rng(seed)
    shape = (images, LABELS)
    open_file = np.lib.format.open_memmap
    entries = open_file(folder / "entries.npy", "w+", np.int8, shape)
    probabilities = open_file(folder / "probabilities.npy", "w+", np.float32, shape)
    for start in range(0, images, BLOCK):
        rows = slice(start, min(start + BLOCK, images))
        drawn = rng.random((rows.stop - start, LABELS), dtype=np.float32)
        entries[rows] = drawn < 0.03
        entries[rows][rng.random(drawn.shape, dtype=np.float32) < 0.4] = -1
        probabilities[rows] = rng.random(drawn.shape, dtype=np.float32) ** 18
    entries.flush()
    probabilities.flush()


def choose(folder: Path, spec: str) -> dict[str, float]:
    """Seconds by the clock and of all processors, and the peak memory so far in MB."""
    begun, used = time.perf_counter(), time.process_time()
    entries = np.load(folder / "entries.npy", mmap_mode="r")
    pool = Pool(
        entries,
        np.random.default_rng(1).random(len(entries)),
        np.load(folder / "probabilities.npy", mmap_mode="r"),
        batch=ANSWERS,
        ask="entries",
    )
    query = select(pool.askable, resolve(spec)(pool), pool.ties, "entries", Budget(answers=ANSWERS))
    assert len(query) == ANSWERS
    return {
        "clock": time.perf_counter() - begun,
        "processors": time.process_time() - used,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main(images: int = IMAGES, specs: tuple[str, ...] = SPECS) -> None:
    """A table, each strategy in a process of its own, so that peaks do not add up."""
    print(f"{images} images x {LABELS} labels on disk, {ANSWERS} entries chosen")
    print(f"  {'':30}{'clock':>8} {'processors':>11} {'peak memory':>12}")
    with tempfile.TemporaryDirectory() as folder:
        write_pool(Path(folder), images)
        for spec in dict.fromkeys(resolve(spec).spec for spec in specs):
            command = [sys.executable, "-m", "benchmarks.stream", folder, spec]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout)
            print(
                f"  {spec:30}{found['clock']:7.2f}s {found['processors']:10.2f}s "
                f"{found['memory']:9.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(choose(Path(sys.argv[1]), sys.argv[2])))
    else:
        main()
