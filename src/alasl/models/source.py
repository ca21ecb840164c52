"""What features are made by, told without loading it where it was loaded before."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from alasl.errors import ResourceError
from alasl.files import cache_folder, write_text
from alasl.models.weights import identity


@dataclass(frozen=True)
class Source:
    """What features were made by: a backbone, the hash of its weights, how pixels are made ready.

    name: as for `load_backbone`. identity: architecture and weights. size: side of the square that
    images are squished to, pixels. mean, std: subtracted and divided by, on a scale of 0 to 1, RGB.
    width: D, the features of an image.
    """

    name: str
    identity: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    width: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From its fields as JSON has them; other values are left aside.

        Raises `KeyError` or `TypeError` where one is missing or is no list of numbers.
        """
        found = {item.name: values[item.name] for item in fields(cls)}
        return cls(**{**found, "mean": tuple(found["mean"]), "std": tuple(found["std"])})


def remembered(name: str, weights: Path | None = None) -> Source | None:
    """What this backbone was when it was last loaded; None where only loading tells.

    name, weights: as for `load_backbone`. To import timm and build a network takes seconds, which
    features that are cached need not wait for.
    """
    note = _note(name, weights)
    if note is None or not note.is_file():
        return None
    try:
        return Source.of(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):  # cut off, or of another version
        return None


def remember(source: Source, weights: Path | None = None) -> None:
    """Keep what a backbone was for the next time, where the cache can be written to."""
    if (note := _note(source.name, weights)) is None:
        return
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        write_text(note, json.dumps(asdict(source)))
    except (OSError, ResourceError):
        return  # only slower


def _note(name: str, weights: Path | None) -> Path | None:
    """The file that says what a backbone is, by its weights and the timm that builds it."""
    if (named := identity(name, weights)) is None:
        return None
    parts = [name, named, importlib.metadata.version("timm")]
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
    return cache_folder() / "backbones" / f"{key}.json"
