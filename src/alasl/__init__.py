"""ALASL: which answers to get next, so that a multi-label classifier's mAP rises most per answer.

import alasl

entries = alasl.ask(labels, features=features, answers=100)         # which entries to ask next
probabilities = alasl.load("model.safetensors").predict_proba(images)
classifier = alasl.LabelClassifier().fit(features, labels)          # -1 or NaN for unknown
project = alasl.Project.create("mine", "photos", empty="unknown")   # people answer

data = alasl.read("DATA", labels="labels.csv")
record = alasl.simulate(alasl.RunSettings(strategy="hard+entropy", missing=0.4), dataset=data)
print(record.maps, record.costs)
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alasl.api.asking import ask
    from alasl.api.classifier import LabelClassifier
    from alasl.api.project import Project
    from alasl.data.dataset import Dataset
    from alasl.data.formats import read, write
    from alasl.errors import AlaslError
    from alasl.figures import plot
    from alasl.journal import load as load_run
    from alasl.labels import Labels
    from alasl.models.model import Model
    from alasl.prediction.opening import open_model as load
    from alasl.record import Record
    from alasl.report import write_report, write_run
    from alasl.settings import RunSettings
    from alasl.simulation.run import simulate
    from alasl.strategies import strategy

# Where each public name lives; it is imported when first used, as torch takes seconds.
_HOMES = {
    "AlaslError": ("alasl.errors", "AlaslError"),
    "Dataset": ("alasl.data.dataset", "Dataset"),
    "LabelClassifier": ("alasl.api.classifier", "LabelClassifier"),
    "Labels": ("alasl.labels", "Labels"),
    "Model": ("alasl.models.model", "Model"),
    "Project": ("alasl.api.project", "Project"),
    "Record": ("alasl.record", "Record"),
    "RunSettings": ("alasl.settings", "RunSettings"),
    "ask": ("alasl.api.asking", "ask"),
    "load": ("alasl.prediction.opening", "open_model"),
    "load_run": ("alasl.journal", "load"),
    "plot": ("alasl.figures", "plot"),
    "read": ("alasl.data.formats", "read"),
    "simulate": ("alasl.simulation.run", "simulate"),
    "strategy": ("alasl.strategies", "strategy"),
    "write": ("alasl.data.formats", "write"),
    "write_report": ("alasl.report", "write_report"),
    "write_run": ("alasl.report", "write_run"),
}

__all__ = [
    "AlaslError",
    "Dataset",
    "LabelClassifier",
    "Labels",
    "Model",
    "Project",
    "Record",
    "RunSettings",
    "ask",
    "load",
    "load_run",
    "plot",
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
        module, known_as = _HOMES[name]
        return getattr(importlib.import_module(module), known_as)
    raise AttributeError(f"module 'alasl' has no attribute {name!r}")


def __dir__() -> list[str]:
    own = {name for name in globals() if name.startswith("__")}
    return sorted({*own, *__all__})
