"""Changing a project from Python: its labels, its images, and single entries that are wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from alasl.project import folder as folders
from alasl.project import growing
from alasl.project.changes import Changed, LabelChange
from alasl.project.guide import Described, read_guide
from alasl.project.history import Moment, history
from alasl.project.taxonomy import take_taxonomy


class Changing:
    """What changes a project; each change is an event in its log, and `undo` takes back the last.

    dry_run: only count. person: whom the log names. The `Changed` that comes back has the table
    before and after, counted.
    """

    _opened: folders.Project

    def add(self, images: str | Path, *, person: str = "python", **how: Any) -> growing.Added:
        """Take in new images: a folder, or a table with what is known of them; see `alasl add`."""
        return growing.add(self._opened, Path(images), person, **how)

    def drop(
        self, images: Iterable[str], *, person: str = "python", dry_run: bool = False
    ) -> Changed:
        """Take images out, by their names; what was said of them is kept."""
        return growing.drop(self._opened, list(images), person, dry_run=dry_run)

    def add_labels(self, *names: str, **how: Any) -> Changed:
        """New labels, unknown everywhere; one that was taken out comes back with its answers."""
        return self._change(LabelChange("add", names), **how)

    def rename_label(self, old: str, new: str, **how: Any) -> Changed:
        """Another name; files with either can be imported."""
        return self._change(LabelChange("rename", (old,), (new,)), **how)

    def merge_labels(self, names: Iterable[str], into: str, **how: Any) -> Changed:
        """One label of several: present where one is, absent where all are."""
        return self._change(LabelChange("merge", tuple(names), (into,)), **how)

    def split_label(self, name: str, into: Iterable[str], **how: Any) -> Changed:
        """Several labels of one: absent where it is, else unknown."""
        return self._change(LabelChange("split", (name,), tuple(into)), **how)

    def remove_labels(self, *names: str, **how: Any) -> Changed:
        """Take labels out; what was said of them is kept."""
        return self._change(LabelChange("remove", names), **how)

    def describe_label(self, name: str, text: str | None = None, **how: Any) -> Changed:
        """Say what a label means; examples, colour and the like as in `guide.Described`."""
        told = {one.name: how.pop(one.name) for one in fields(Described) if one.name in how}
        return self._change(Described(name, text, **told), **how)

    def guide(self, file: str | Path, *, person: str = "python", **how: Any) -> Changed:
        """Take a Markdown file's instructions and descriptions of labels; see `alasl labels`."""
        store = self._opened.store
        found = read_guide(Path(file), store.everything())
        return store.change(person, *found, **how)

    def imply(self, child: str, parent: str, **how: Any) -> Changed:
        """Where `child` is present `parent` is; where `parent` is absent `child` is."""
        return self._change(LabelChange("rule", implies=((child, parent),)), **how)

    def exclude(self, one: str, other: str, **how: Any) -> Changed:
        """At most one of the two labels is present."""
        return self._change(LabelChange("rule", excludes=((one, other),)), **how)

    def taxonomy(self, file: str | Path, *, person: str = "python", **how: Any) -> Changed:
        """Let a CSV file's rules, `child,parent` and `a,excludes,b`, be all rules."""
        return take_taxonomy(self._opened.store, Path(file), person, **how)

    def undo(self, *, person: str = "python", dry_run: bool = False) -> Changed:
        """Take back the last change of labels or images. Raises `NothingToDo` without one."""
        return self._opened.store.take_back(person, dry_run=dry_run)

    def correct(self, image: str, label: str, value: int, *, person: str = "python") -> None:
        """Settle what an entry is, whatever was given or said: 1, 0, or -1 nobody can tell."""
        store = self._opened.store
        store.resolve(person, *store.numbers(image, label), value)

    def history(self, image: str, label: str | None = None) -> tuple[Moment, ...]:
        """All that happened to an image, or to one entry of it, in order."""
        return history(self._opened, image, label).moments

    def _change(
        self, change: LabelChange | Described, *, person: str = "python", dry_run: bool = False
    ) -> Changed:
        return self._opened.store.change(person, change, dry_run=dry_run)
