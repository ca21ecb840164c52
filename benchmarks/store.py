"""The store of a project under load: 100 000 images x 80 labels, 20 people who answer at once.

Each person answers the labels asked of an image and takes the next one, after thinking for half a
second on average, while another process reads the whole table again and again, as a training does,
computes on it, and fills the queue anew. What is timed is answer + next, as the page's server calls
it; the page's own time comes on top.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from alasl.labels import Labels
from alasl.project.store import Answer, Store, Wanted

IMAGES, LABELS, PEOPLE, ANSWERED = 100_000, 80, 20, 200_000
SECONDS, THINKING = 30.0, 0.5
GOAL = 50.0  # milliseconds


def main() -> None:
    """Print how long answer + next takes, and what the disk alone gives."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        begun = time.perf_counter()
        store = _filled(path)
        size = path.stat().st_size / 2**20
        print(f"{IMAGES} x {LABELS}, {ANSWERED} answers: {size:.0f} MB, made in "
              f"{time.perf_counter() - begun:.0f} s")  # fmt: skip
        print(f"durable commits: {_commits(store):.0f} a second")
        begun = time.perf_counter()
        store.labels()
        print(f"the whole table read: {time.perf_counter() - begun:.2f} s")
        training = multiprocessing.get_context("spawn").Process(target=_train, args=(path,))
        training.start()
        times = _work(store)
        training.terminate()
        training.join()
        p50, p95, p99 = np.percentile(times, (50, 95, 99)) * 1000
        print(
            f"{len(times)} times answer + next by {PEOPLE} people: "
            f"median {p50:.1f} ms, p95 {p95:.1f} ms (goal {GOAL:.0f}), p99 {p99:.1f} ms"
        )
        store.close()


def _filled(path: Path) -> Store:
    entries = np.full((IMAGES, LABELS), -1, np.int8)
    entries[:1000] = 0
    names = tuple(f"label{j}" for j in range(LABELS))
    images = tuple(f"{i:06d}.jpg" for i in range(IMAGES))
    roles = ["clean"] * 1000 + ["pool"] * (IMAGES - 1000)
    store = Store.create(path, Labels(entries, names, images), images, roles)
    rng = np.random.default_rng(0)
    flat = rng.choice(np.arange(1000 * LABELS, entries.size), ANSWERED, replace=False)
    store.import_answers("before", flat // LABELS, flat % LABELS, rng.integers(0, 2, ANSWERED))
    _fill(store, 1)
    return store


def _fill(store: Store, seed: int) -> None:
    rng = np.random.default_rng(seed)
    flat = rng.choice(np.arange(1000 * LABELS, IMAGES * LABELS), 4000, replace=False)
    store.fill(seed, Wanted(flat // LABELS, flat % LABELS, rng.random(4000), rng.random(4000)))


def _commits(store: Store, count: int = 200) -> float:
    begun = time.perf_counter()
    for number in range(count):
        store.answer("disk", [Answer(2000 + number, 0, 1, 1.0)], request=f"disk{number}")
    return count / (time.perf_counter() - begun)


def _train(path: Path) -> None:
    """What a training does to the machine and to the store, without end."""
    os.nice(10)
    store, seed = Store.open(path), 1
    features = np.random.default_rng(0).standard_normal((20_000, 512), dtype=np.float32)
    while True:
        entries = store.labels().entries[: len(features)]
        for _ in range(50):
            features.T @ entries.astype(np.float32)
        seed += 1
        _fill(store, seed)


def _work(store: Store) -> list[float]:
    times: list[float] = []
    until = time.perf_counter() + SECONDS

    def person(number: int) -> None:
        rng = np.random.default_rng(number)
        name = f"p{number}"
        tasks = store.lease(name)
        while time.perf_counter() < until and tasks:
            time.sleep(rng.exponential(THINKING))
            (task,) = tasks
            answers = [Answer(task.image, label, 1, 1.0) for label in task.labels]
            begun = time.perf_counter()
            store.answer(name, answers, request=f"{name}-{time.time()}")
            tasks = store.lease(name)
            times.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=person, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


if __name__ == "__main__":
    main()
