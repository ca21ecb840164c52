"""Processes that answer in one store until they are killed; a program of its own, as it forks.

python writers.py STORE WRITERS ROUNDS SEED: in each round the writers answer as fast as they can,
and write each request to a pipe once the store has taken it; some milliseconds after the first one
all are killed. Prints how many requests were acknowledged, and which of them the store lost.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from alasl.project.records import Answer, Questions
from alasl.project.store import Store


def write(path: Path, person: str, prefix: str, pipe: int) -> None:
    """Lease and answer, now and then skip or undo, for ever."""
    store = Store.open(path)
    number = 0
    while True:
        request = f"{prefix}-{number}"
        number += 1
        for task in store.lease(person):
            answers = [Answer(task.image, label, number % 2, 1.0) for label in task.labels]
            store.answer(person, answers, request=request)
            os.write(pipe, f"{request}\n".encode())
        if number % 7 == 0 and store.undo(person, request=f"{request}-undo"):
            os.write(pipe, f"{request}-undo\n".encode())


def killed_round(path: Path, writers: int, round: int, seconds: float) -> list[str]:
    """The requests that the writers of a round had acknowledged when they were killed."""
    read, pipe = os.pipe()
    children = []
    for writer in range(writers):
        child = os.fork()
        if child == 0:
            write(path, f"p{round % 5}-{writer}", f"{round}-{writer}", pipe)
        children.append(child)
    os.close(pipe)
    assert select.select([read], [], [], 60)[0], "no writer got anywhere"
    time.sleep(seconds)
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    with os.fdopen(read, "rb") as acknowledged:
        # A request cut short by the kill was not acknowledged.
        return acknowledged.read().decode().split("\n")[:-1]


def main() -> None:
    path, writers, rounds, seed = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    rng = random.Random(seed)
    acknowledged: list[str] = []
    problems: list[str] = []
    for round in range(rounds):
        acknowledged += killed_round(path, writers, round, rng.uniform(0, 0.03))
        if round % 20 == 19:
            store = Store.open(path)
            problems += store.problems()
            rows, cols = (store.initial_and_labels()[0].dense() < 0).nonzero()
            store.clock = lambda: time.time() + 1e6
            store.fill(round, Questions(rows, cols))
            store.close()
    store = Store.open(path)
    known = {event.request for event in store.events()}
    lost = [request for request in acknowledged if request not in known]
    problems += store.problems()
    print(json.dumps({"acknowledged": len(acknowledged), "lost": lost, "problems": problems}))


if __name__ == "__main__":
    main()
