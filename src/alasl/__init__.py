"""ALASL: which answers to get next, so that a multi-label classifier's mAP rises most per answer.

import alasl

data = alasl.read("DATA", labels="labels.csv")
record = alasl.simulate(alasl.RunSettings(strategy="hard+entropy", missing=0.4), dataset=data)
print(record.maps, record.costs)
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alasl.data.dataset import Dataset
    from alasl.data.formats import read, write
    from alasl.errors import AlaslError
    from alasl.journal import load
    from alasl.labels import Labels
    from alasl.record import Record
    from alasl.report import write_report, write_run
    from alasl.settings import RunSettings
    from alasl.simulation.run import simulate
    from alasl.strategies import strategy

# Where each public name lives; it is imported when first used, as torch takes seconds.
_HOMES = {
    "AlaslError": "alasl.errors",
    "Dataset": "alasl.data.dataset",
    "Labels": "alasl.labels",
    "Record": "alasl.record",
    "RunSettings": "alasl.settings",
    "load": "alasl.journal",
    "strategy": "alasl.strategies",
    "read": "alasl.data.formats",
    "simulate": "alasl.simulation.run",
    "write": "alasl.data.formats",
    "write_report": "alasl.report",
    "write_run": "alasl.report",
}

__all__ = [
    "AlaslError",
    "Dataset",
    "Labels",
    "Record",
    "RunSettings",
    "load",
    "read",
    "simulate",
    "strategy",
    "write",
    "write_report",
    "write_run",
]
__version__ = version("alasl")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'alasl' has no attribute {name!r}")
