"""What people are told before they answer: instructions, and what each label means.

A guide is kept as changes in the log, as the labels themselves, but it alters no entry: models and
queues of before stay good. In a file it is Markdown: the instructions, then a heading `## LABEL`
for each label, with a text and lines such as `- example: IMAGE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from alasl.data.names import Names
from alasl.errors import ConflictError, DataError, UsageError
from alasl.files import readable, write_text
from alasl.project.scheme import Label, Scheme

# Changes that only tell people something.
TELLS = ("describe", "instruct")
# Keys that a label may have on the page; all others mean something there already.
KEYS = "123456789qwerasdfzxcvb"
# Characters of a text that are shown in a change's words.
_SHORT = 80
_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
# What a line of a label's section may set, in the order in which it is written.
_FIELDS = ("example", "counter-example", "colour", "key")
_LINE = re.compile(rf"[-*]\s+({'|'.join(_FIELDS)})s?\s*:\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Described:
    """What a label is to mean; what is None stays as it is, what is empty is taken away.

    about: in words. examples, counter_examples: names of images that have it, and that have not but
    look so. colour: such as #c05000. key: on the page, one of `KEYS`.
    """

    label: str
    about: str | None = None
    examples: tuple[str, ...] | None = None
    counter_examples: tuple[str, ...] | None = None
    colour: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Instructed:
    """What people are told of the whole project."""

    text: str


def keys_of(labels: Sequence[Label]) -> list[str]:
    """The key of each label on the page, "" without one.

    Its own, else the first letter of its name where that is free, else, in the labels' order, what
    is left of `KEYS`.

    >>> keys_of([Label("dog"), Label("door"), Label("sea"), Label("cat", key="d")])
    ['1', '2', 's', 'd']
    """
    here = [number for number, label in enumerate(labels) if label.fate == "here"]
    found = {number: labels[number].key for number in here if labels[number].key}
    free = [key for key in KEYS if key not in found.values()]
    for number in here:
        first = labels[number].name[:1].lower()
        if number not in found and first in free:
            found[number] = first
            free.remove(first)
    found |= zip([number for number in here if number not in found], free, strict=False)
    return [found.get(number, "") for number in range(len(labels))]


def describing(now: Scheme, label: int, ask: Described) -> dict[str, Any]:
    """A description by numbers, as the log keeps it.

    Raises `DataError` for images that there are not, `UsageError` for what is no colour or key,
    `ConflictError` for a key that another label has.
    """
    given = {one.name: getattr(ask, one.name) for one in fields(ask) if one.name != "label"}
    found = {name: value for name, value in given.items() if value is not None}
    if not found:
        raise UsageError("say what is to be told of the label", seen=repr(ask.label))
    lost = []
    for name in ("examples", "counter_examples"):
        images = found.get(name, ())
        lost += [image for image in images if image not in now.image_numbers]
        if name in found:
            found[name] = [now.image_numbers[image] for image in images if image not in lost]
    if lost:
        raise DataError("there are no such images", more=[*map(repr, lost)])
    if ask.colour and not _COLOUR.fullmatch(ask.colour):
        raise UsageError("a colour is a # and six hexadecimal digits", seen=repr(ask.colour))
    if ask.key:
        found["key"] = ask.key.lower()
        if len(ask.key) != 1 or found["key"] not in KEYS:
            raise UsageError(
                "this cannot be the key of a label", seen=repr(ask.key), do=f"one of: {KEYS}"
            )
        others = (now.labels[n] for n in now.cols.tolist() if n != label)
        if has := [one.name for one in others if one.key == found["key"]]:
            raise ConflictError(f"the key {ask.key!r} is another label's", seen=repr(has[0]))
    return {"do": "describe", "label": label, **found}


def says(detail: Mapping[str, Any], name: str) -> str:
    """A change of the guide in words."""
    if detail["do"] == "instruct":
        return "instructions: " + (_short(detail["text"]) or "none")
    told = [f"means: {_short(detail['about'])}"] if detail.get("about") else []
    for what, one in (("examples", "examples"), ("counter_examples", "counter-examples")):
        told += [f"has {len(detail[what])} {one}"] if detail.get(what) else []
    told += [f"has the {what} {detail[what]!r}" for what in ("colour", "key") if detail.get(what)]
    return f"label {name!r} {', '.join(told) or 'is told less of'}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHORT else text[: _SHORT - 4] + " ..."


def read_guide(path: Path, now: Scheme) -> list[Described | Instructed]:
    """What a file says: of each label it names, all that it is to mean, and the instructions.

    Raises `DataError` for names that there are not, or a label that stands twice.
    """
    with readable(path):
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    head, sections = _sections(text)
    names = [now.labels[n].name for n in now.cols.tolist()]
    known = Names(now.image_numbers, names, "lines")
    images = {number: name for name, number in now.image_numbers.items()}
    found: list[Described | Instructed] = [Instructed(head)] if head else []
    for line, label, lines in sections:
        place = known.column(label, f"{path}:{line}")
        told: dict[str, list[str]] = {name: [] for name in _FIELDS}
        about = []
        for number, one in enumerate(lines, line + 1):
            if not (match := _LINE.fullmatch(one.strip())):
                about.append(one)
                continue
            what, value = match[1].lower(), match[2].strip()
            if what.endswith("example") and value:
                row = known.row(value, f"{path}:{number}")
                value = "" if row is None else images[row]
            told[what] += [value] if value else []
        found.append(
            Described(
                "" if place is None else names[place],
                "\n".join(about).strip(),
                tuple(told["example"]),
                tuple(told["counter-example"]),
                *(" ".join(told[name][:1]) for name in ("colour", "key")),
            )
        )
    known.refuse_lost(path)
    described = [one.label for one in found if isinstance(one, Described)]
    if twice := sorted({name for name in described if described.count(name) > 1}):
        raise DataError("labels stand twice in the file", where=str(path), more=twice)
    if not found:
        raise DataError(
            "the file says nothing",
            where=str(path),
            do="begin with instructions, or with a line such as: ## dog",
        )
    return found


def _sections(text: str) -> tuple[str, Sequence[tuple[int, str, list[str]]]]:
    """The text before the first label, and for each label its line, name and lines."""
    head: list[str] = []
    sections: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            sections.append((number, line[3:].strip(), []))
        else:
            (sections[-1][2] if sections else head).append(line)
    return "\n".join(head).strip(), sections


def write_guide(now: Scheme, out: Path) -> None:
    """Write the guide as it is, with a section for each label, to be filled in."""
    write_text(out, guide_text(now))


def guide_text(now: Scheme) -> str:
    """The guide as `read_guide` takes it."""
    parts = [now.instructions] if now.instructions else []
    parts += ["\n".join(_section(now, now.labels[n])) for n in now.cols.tolist()]
    return "\n\n".join(parts) + "\n"


def _section(now: Scheme, label: Label) -> Iterator[str]:
    yield f"## {label.name}"
    if label.about:
        yield f"\n{label.about}"
    lines = [
        *(f"- example: {now.images[n]}" for n in label.examples),
        *(f"- counter-example: {now.images[n]}" for n in label.counter_examples),
        *([f"- colour: {label.colour}"] if label.colour else []),
        *([f"- key: {label.key}"] if label.key else []),
    ]
    if lines:
        yield "\n" + "\n".join(lines)
