"""People who answer a project's queue from the truth: to see it work, and to test it."""

from __future__ import annotations

import uuid

from alasl.errors import DataError
from alasl.labels import Entries
from alasl.project.driver import Driver
from alasl.project.records import Answer
from alasl.project.store import Store
from alasl.seconds import Seconds


def answer_from(store: Store, truth: Entries, person: str, count: int) -> int:
    """Answer at least `count` entries of the queue from the truth, image by image, as it is asked.

    truth: int8 (N, L), in the table's order. Returns how many; fewer where the queue runs empty.
    """
    if truth.shape != (len(store.images), len(store.names)):
        raise DataError("the truth is of another table", seen=str(truth.shape))
    done = 0
    while done < count and (tasks := store.lease(person)):
        (task,) = tasks
        row, col_of = store.scheme.row_of[task.image], store.scheme.col_of
        each = Seconds().by_image(1, len(task.labels)) / len(task.labels)
        answers = [
            Answer(task.image, label, int(truth[row, col_of[label]]), each, chance, task.model)
            for label, chance in zip(task.labels, task.probabilities, strict=True)
        ]
        store.answer(person, answers, request=str(uuid.uuid4()))
        done += len(answers)
    return done


def work(driver: Driver, truth: Entries, person: str, count: int) -> int:
    """Rounds of training, asking and answering until `count` entries are answered; how many were.

    A person answers `every` entries between two trainings, as on the page.
    """
    project, done = driver.project, 0
    while done < count:
        driver.train()
        driver.suggest()
        batch = min(project.settings.every, count - done)
        answered = answer_from(project.store, truth, person, batch)
        if not answered:
            break
        done += answered
    driver.train()
    driver.suggest()
    return done
