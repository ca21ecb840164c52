"""Seconds and memory of each command on projects of growing size, beside the least possible.

    python -m benchmarks.scale 12500x80 25000x80 50000x80 100000x80

Features of one's own (float16), a table of known entries as long CSV. Each command is a process of
its own. A command's growth is the exponent of its seconds over the sizes, in entries N x L; the
least is one pass over the features as a matrix product with the weights of all labels.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alasl.threads import on_one_thread

SIZES = ("12500x80", "25000x80", "50000x80", "100000x80")
COMMANDS = ("init", "train", "suggest", "status", "annotate", "predict")
# Rows that are made, or multiplied, at a time.
BLOCK = 16_384
# Probabilities that are written at most, 0.4 GB: of a larger table those of some labels.
WRITTEN = 10**8
PORT = 8976


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds by the clock, seconds of processors, peak memory in MB."""

    clock: float
    processors: float
    memory: float


def write_data(
    folder: Path, images: int, labels: int, width: int, known: float, seed: int = 0
) -> int:
    """features.npy (N, D) and labels.csv of so large a share of all entries; how many are known.

    Known entries are drawn by chance, so that absents are among them as in all.
    """
    rng = np.random.default_rng(seed)
    features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float16, (images, width))
    weights = (2 * rng.standard_normal((width, labels)) / width**0.5).astype(np.float32)
    total = 0
    with (folder / "labels.csv").open("w") as file:
        file.write("image,label,value\n")
        file.writelines(f"i0,label{label},\n" for label in range(labels))
        for start in range(0, images, BLOCK):
            many = min(BLOCK, images - start)
            drawn = rng.standard_normal((many, width), dtype=np.float32)
            features[start : start + many] = drawn
            file.writelines(f"i{start + row},label0,\n" for row in range(many))
            asked = np.unique(rng.integers(0, many * labels, round(known * many * labels)))
            rows, cols = np.divmod(asked, labels)
            # About one in twelve is present.
            logits = np.einsum("nd,dn->n", drawn[rows], weights[:, cols]) - 3.5
            values = rng.random(len(rows)) < 1 / (1 + np.exp(-logits))
            file.writelines(
                f"i{start + row},label{col},{value:d}\n"
                for row, col, value in zip(
                    rows.tolist(), cols.tolist(), values.tolist(), strict=True
                )
            )
            total += len(asked)
    features.flush()
    return total


def least(folder: Path, labels: int) -> float:
    """Seconds of one processor for one pass over the features, as a product with all weights."""
    features = np.load(folder / "features.npy", mmap_mode="r")
    weights = np.ones((features.shape[1], labels), np.float32)
    out = np.empty((BLOCK, labels), np.float32)
    used = time.process_time()
    with on_one_thread():
        for start in range(0, len(features), BLOCK):
            block = features[start : start + BLOCK].astype(np.float32)
            np.matmul(block, weights, out=out[: len(block)])
    return time.process_time() - used


def spent(arguments: list[str], *, until: str | None = None) -> Spent:
    """Run `alasl` with these arguments; until: only till this address answers."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "alasl", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        # Not by `Popen.wait`, which tells nothing of memory.
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        pid, clock = 0, 0.0
        while until is not None and not pid and not _answers(until):
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            time.sleep(0.02)
        if until is not None:
            clock = time.perf_counter() - begun
            ended = bool(pid)
            child.terminate()
        if not pid:
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if ended if until is not None else child.returncode:
            said.seek(0)
            raise SystemExit(f"alasl {' '.join(arguments)}: {said.read()[-2000:]}")
    clock = clock or time.perf_counter() - begun
    return Spent(clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def measure(
    folder: Path, images: int, labels: int, options: argparse.Namespace
) -> dict[str, Spent]:
    """What each command takes on a project of this size."""
    project = folder / "project"
    table, features = folder / "labels.csv", folder / "features.npy"
    written = max(1, WRITTEN // images)
    some = [f"--label=label{label}" for label in range(written)] if written < labels else []
    arguments = {
        "init": [
            *("init", project, table, "--features", features),
            *("--answers", options.answers, "--strategy", options.strategy),
        ],
        "train": ["train", project],
        "suggest": ["suggest", project, "--no-train"],
        "status": ["status", project],
        "annotate": ["annotate", project, "--port", PORT, "--no-train", "--quiet"],
        "predict": ["predict", project, features, *some, "--out", folder / "predictions.npz"],
    }
    found = {}
    for name in options.commands:
        until = f"http://127.0.0.1:{PORT}/" if name == "annotate" else None
        found[name] = spent(list(map(str, arguments[name])), until=until)
        one = found[name]
        print(
            f"{images:>10} x {labels:<6} {name:9}{one.clock:8.1f} s {one.processors:9.1f} s "
            f"{one.memory:8.0f} MB",
            flush=True,
        )
    return found


def growth(entries: Iterable[int], seconds: Iterable[float]) -> float:
    """The exponent with which seconds grow with the number of entries."""
    return float(np.polyfit(np.log(list(entries)), np.log(list(seconds)), 1)[0])


def main(arguments: list[str] | None = None) -> None:
    """A row for each command and size, and how each grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, help="IMAGESxLABELS")
    parser.add_argument("--width", type=int, default=64, help="features of each image")
    parser.add_argument("--known", type=float, default=0.001, help="share of entries known")
    parser.add_argument("--answers", type=int, default=500, help="answers of a round")
    parser.add_argument("--strategy", default="variance")
    parser.add_argument("--commands", nargs="+", default=COMMANDS, choices=COMMANDS)
    options = parser.parse_args([] if arguments is None else arguments)
    print(f"{'':20}{'':9}{'clock':>10} {'processors':>11} {'peak memory':>11}")
    sizes, found = [], []
    for size in options.sizes:
        images, labels = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            known = write_data(folder, images, labels, options.width, options.known)
            stored = (folder / "features.npy").stat().st_size
            print(
                f"{images:>10} x {labels:<6} at least {least(folder, labels):18.1f} s "
                f"{(stored + 12 * known) / 2**20:8.0f} MB on disk, {known} entries known",
                flush=True,
            )
            found.append(measure(folder, images, labels, options))
        sizes.append(images * labels)
    if len(set(sizes)) > 1:
        for name in options.commands:
            by_size = [each[name] for each in found]
            time_of = growth(sizes, [one.processors for one in by_size])
            print(f"{name}: seconds grow with entries to the power of {time_of:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
