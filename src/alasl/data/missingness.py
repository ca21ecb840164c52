"""Mechanisms that hide known entries, for simulations of labels that nobody filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alasl.errors import UsageError
from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.parameters import Between, Parameter, parameters_of
from alasl.registry import Registry, Source
from alasl.seeds import stream

Mask = NDArray[np.bool_]
Hide = Callable[..., Mask]


@dataclass(frozen=True)
class Mechanism:
    """A way in which entries come to be unknown.

    about: one line for help texts. takes_share: whether a share may be given. parameters: what may
    be set with the name, `NAME:key=value`.
    """

    name: str
    about: str
    takes_share: bool
    function: Hide
    parameters: tuple[Parameter, ...]


MECHANISMS: Registry[Mechanism] = Registry("mechanism", "mechanisms", "alasl.data.missingness")

# Standard deviation of the logarithm of how likely labels, or images, are to be hidden. At a share
# of 0.4, a spread of 1 leaves the rates of most labels between 0.1 and 0.8.
Spread = Annotated[float, Between(0.0, 10.0)]


def mechanism(name: str, *, about: str, takes_share: bool = True) -> Callable[[Source], Source]:
    """Register a function (entries, share, generator, **parameters) -> mask as a mechanism."""

    return MECHANISMS.register(
        lambda function: Mechanism(name, about, takes_share, function, parameters_of(function, 3))
    )


def hide(entries: Entries, mechanism: str, share: float, seed: int) -> Mask:
    """(N, L): True for the known entries of a table that are to be made unknown.

    share: of the known entries (`positives`: of the positives), exact to the rounding; `single`
        fixes what it hides itself and takes no share but 0.
    With one seed, what a lower share hides a higher share hides too.
    Raises `UsageError` for an unknown mechanism or a share outside [0, 1).
    """
    named = MECHANISMS.resolve(mechanism)
    found = named.part
    if not 0 <= share < 1:
        raise UsageError("the share of entries to hide must lie in [0, 1)", seen=str(share))
    if share and not found.takes_share:
        raise UsageError(
            f"the mechanism {mechanism!r} takes no share: {found.about}",
            seen=str(share),
            do="leave the share out, or set it to 0",
        )
    return found.function(entries, share, stream(seed, "hide", found.name), **named.values)


@mechanism("uniform", about="any entry alike (the paper's)")
def uniform(entries: Entries, share: float, rng: np.random.Generator) -> Mask:
    """Every known entry is as likely to be hidden as any other."""
    return _lowest(rng.random(entries.shape), entries != UNKNOWN, share)


@mechanism("label", about="some labels were hardly checked, others nearly always")
def label(
    entries: Entries, share: float, rng: np.random.Generator, *, spread: Spread = 1.0
) -> Mask:
    """Each label has a rate of its own; the total is exact."""
    rates = rng.lognormal(sigma=spread, size=(1, entries.shape[1]))
    return _lowest(rng.exponential(size=entries.shape) / rates, entries != UNKNOWN, share)


@mechanism("image", about="some images were hardly checked, others nearly whole")
def image(
    entries: Entries, share: float, rng: np.random.Generator, *, spread: Spread = 1.0
) -> Mask:
    """Each image has a rate of its own; the total is exact."""
    rates = rng.lognormal(sigma=spread, size=(entries.shape[0], 1))
    return _lowest(rng.exponential(size=entries.shape) / rates, entries != UNKNOWN, share)


@mechanism("positives", about="some present labels were not marked; absent was never recorded")
def positives(entries: Entries, share: float, rng: np.random.Generator) -> Mask:
    """A share of the positives is hidden, and every negative: what is not marked is unknown."""
    lost = _lowest(rng.random(entries.shape), entries == PRESENT, share)
    return np.asarray(lost | ((entries != UNKNOWN) & (entries != PRESENT)))


@mechanism(
    "single", about="one present label of each image is known and nothing else", takes_share=False
)
def single(entries: Entries, share: float, rng: np.random.Generator) -> Mask:  # noqa: ARG001
    """One positive of each image stays known; of an image without one, nothing does."""
    present = entries == PRESENT
    kept = np.where(present, rng.random(entries.shape), -1).argmax(axis=1)
    hidden = np.asarray(entries != UNKNOWN)
    rows = np.flatnonzero(present.any(axis=1))
    hidden[rows, kept[rows]] = False
    return hidden


def _lowest(keys: NDArray[np.float64], among: Mask, share: float) -> Mask:
    """The `share` of the entries `among` that have the lowest keys."""
    flat = np.flatnonzero(among)
    count = round(share * len(flat))
    mask = np.zeros(among.shape, np.bool_)
    if count:
        mask.flat[flat[np.argpartition(keys.ravel()[flat], count - 1)[:count]]] = True
    return mask
