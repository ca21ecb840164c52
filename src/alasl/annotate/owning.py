"""What whoever runs a project can see and do on a page of their own: all that `status`, `resolve`,
`suspects`, `report` and `export` know, by the functions that these commands use."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from alasl.annotate import messages
from alasl.annotate.tasks import Tasks, printable
from alasl.project.exports import export
from alasl.project.folder import Project
from alasl.project.overview import overview
from alasl.project.trainings import LACKS

# Entries of each list that are shown at once; more come in as these are settled.
MOST = 60
# Suspects of each side that one look lists.
LISTED = 1000
# How a file that is taken away ends, by its format.
ENDINGS: dict[messages.Format, str] = {
    "csv-wide": "csv",
    "csv-long": "csv",
    "coco": "json",
    "label-studio": "json",
}


class Owning:
    """Answers the owner's page; one thread at a time may call it."""

    def __init__(self, project: Project, tasks: Tasks) -> None:
        self._project = project
        self._tasks = tasks
        self.suspects = Suspects(project.folder)
        self._settled: set[tuple[int, int]] = set()

    def overview(self) -> dict[str, Any]:
        """As `alasl status --json`, with what is being done now.

        Doubts, and why a label has no AP, come by the words that the page's sentences go by.
        """
        self._project.store.refresh()
        state = overview(self._project)
        numbers = {note.id: note.image for note in self._project.store.notes()}
        notes = [{**vars(note), "number": numbers.get(note.id)} for note in state.notes[:MOST]]
        plain = state.to_dict()
        for label in plain["labels"]:
            why = label["lacks"].get("ap", "")
            label["no_ap"] = {"kind": LACKS.get(why, "other"), "why": why}
        return {
            **plain,
            "doubts": [asdict(one) for one in state.doubts],
            "notes": notes,
            "notes_all": len(state.notes),
            "paused": self._tasks.paused,
            "training": self._tasks.training.state,
            "exports": sorted(ENDINGS),
        }

    def report(self) -> str:
        """The page of `alasl report`."""
        from alasl.report.project import project_page

        self._project.store.refresh()
        return project_page(overview(self._project))

    def disagreements(self) -> messages.Disagreements:
        """Entries that people answered both ways as often, and those that the rules forbid."""
        every = list(self._open())
        return messages.Disagreements(entries=every[:MOST], all=len(every))

    def _open(self) -> Iterator[messages.DisagreementOut]:
        store = self._project.store
        store.refresh()
        now = store.scheme

        def shown(
            row: int, col: int, said: dict[str, int], **rule: Any
        ) -> messages.DisagreementOut:
            return messages.DisagreementOut(
                image=int(now.rows[row]),
                name=printable(store.images[row]),
                label=int(now.cols[col]),
                called=printable(store.names[col]),
                said=said,
                **rule,
            )

        for one in store.disagreements():
            yield shown(one.image, one.label, one.answers)
        for pair in store.contradictions():
            for place, label in enumerate(pair.labels):
                other = printable(store.names[pair.labels[1 - place]])
                said = {"": pair.values[place]}
                yield shown(pair.row, label, said, rule=pair.why, other=other, first=place == 0)

    def suspected(self) -> dict[str, Any]:
        """Given entries that are likely wrong, by number; those settled meanwhile are left out.

        The likeliest of presents and absents in turn, as each side is a list of its own. all: how
        many were judged.
        """
        found = self.suspects.found
        store = self._project.store
        now = store.everything()
        entries: list[tuple[int, dict[str, Any]]] = []
        sides = {0: 0, 1: 0}
        for one in found.get("suspects", ()):
            image, label = now.image_numbers.get(one["image"]), now.label_numbers.get(one["label"])
            if image is not None and label is not None and (image, label) not in self._settled:
                entries.append((sides[one["given"]], {**one, "number": image, "column": label}))
                sides[one["given"]] += 1
        entries.sort(key=lambda entry: entry[0])
        return {
            "suspects": [entry for _, entry in entries[:MOST]],
            "all": sum(found.get("of", {}).values()),
            "rates": found.get("error_rates", {}),
        }

    def settle(self, sent: messages.Settle) -> None:
        """Settle what an entry is, as `alasl resolve` does."""
        self._tasks.check([sent.image], [sent.label])
        self._project.store.resolve(sent.person, sent.image, sent.label, sent.value)
        self._settled.add((sent.image, sent.label))

    def settle_note(self, sent: messages.SettleNote) -> None:
        """Take a note as read."""
        self._project.store.settle_note(sent.person, sent.note)

    def pause(self, sent: messages.Paused) -> None:
        """Ask for nothing, or go on; a server that is started anew keeps to it."""
        self._tasks.pause(sent.paused)

    def export(self, what: messages.What, to: messages.Format) -> tuple[str, bytes]:
        """A file to take away: its name, and what it holds."""
        self._project.store.refresh()
        ending = ENDINGS[to]
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / f"{what}.{ending}"
            export(self._project, out, to, what)
            return out.name, out.read_bytes()


class Suspects:
    """Runs `alasl suspects`, which trains models and so takes a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._command = [
            *(sys.executable, "-P", "-m", "alasl", "suspects", str(folder), "--json", "--quiet"),
            *("--count", str(LISTED)),
        ]
        self.state: Literal["none", "looking", "found", "failed"] = "none"
        self.found: dict[str, Any] = {}
        self.why = ""

    def look(self) -> None:
        """Begin to look, unless somebody has."""
        if self.state != "looking":
            self.state = "looking"
            threading.Thread(target=self._run, name="suspects", daemon=True).start()

    def _run(self) -> None:
        try:
            done = subprocess.run(
                self._command, capture_output=True, check=False, stdin=subprocess.DEVNULL
            )
        except OSError as error:
            self.why, self.state = str(error), "failed"
            return
        if done.returncode:
            self.why = done.stderr.decode("utf-8", "replace").strip()[-500:]
            self.state = "failed"
        else:
            self.found, self.state = json.loads(done.stdout), "found"
