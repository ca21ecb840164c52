"""The register of things that scenes are made of: one drawing function each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Drawing = Callable[..., None]


@dataclass(frozen=True)
class Thing:
    """How a thing is drawn, one unit tall, and how tall a unit is in metres."""

    name: str
    label: str | None
    tall: float
    draw: Drawing


THINGS: dict[str, Thing] = {}


def thing(name: str, tall: float, *, label: str | None = None) -> Callable[[Drawing], Drawing]:
    """Register a drawing function as a thing that counts as a label: `label`, or its own name."""
    return _register(name, label or name, tall)


def clutter(name: str, tall: float) -> Callable[[Drawing], Drawing]:
    """Register a drawing function as a thing without a label."""
    return _register(name, None, tall)


def _register(name: str, label: str | None, tall: float) -> Callable[[Drawing], Drawing]:
    def add(draw: Drawing) -> Drawing:
        if name in THINGS:
            raise ValueError(f"two things are called {name!r}")
        THINGS[name] = Thing(name, label, tall, draw)
        return draw

    return add
