"""Models by name: `logistic`, `probe:epochs=30`, `FILE.py:NAME`, and what each can do."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from alasl.errors import UsageError
from alasl.models import estimators
from alasl.models.base import Context, Estimator
from alasl.parameters import Parameter, changed, parameters_of, parse_parameters
from alasl.plugins import load_file
from alasl.settings import RENAMED_VALUES

E = TypeVar("E", bound=type[Estimator])

_REGISTRY: dict[str, Kind] = {}


@dataclass(frozen=True, eq=False)
class Kind:
    """A registered model with its parameters; `estimator` makes an untrained one."""

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    source: type[Estimator] = field(repr=False)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> str:
        """The shortest text from which `resolve` makes this kind again."""
        return ":".join([self.name, *changed(self.settings, self.parameters)])

    def estimator(self, labels: int, context: Context | None = None) -> Estimator:
        """A new estimator for so many labels."""
        return self.source.build(labels, self.settings, context or Context())


def model(name: str) -> Callable[[E], E]:
    """Register a subclass of `Estimator` as the model `name`.

    Raises `UsageError` where another one has that name.
    """

    def register(source: E) -> E:
        before = _REGISTRY.get(name)
        if before is not None and _origin(before.source) != _origin(source):
            raise UsageError(
                f"two models are named {name!r}",
                seen=f"{_origin(before.source)} and {_origin(source)}",
                do="rename one",
            )
        _REGISTRY[name] = Kind(
            name,
            (inspect.getdoc(source) or "").split("\n")[0],
            parameters_of(source.Settings, 0),
            source,
        )
        return source

    return register


def available() -> tuple[Kind, ...]:
    """Every registered model with its defaults, by name."""
    _discover()
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))


def resolve(spec: str, training: dict[str, Any] | None = None) -> Kind:
    """The model that `NAME[:key=value]...` spells; `training` are parameters set besides.

    `FILE.py:NAME` takes it from a Python file of the user's, which registers it; `MODULE:CLASS` is
    a class that follows scikit-learn. Raises `UsageError` for a name, a parameter or a value that
    is unknown.
    """
    name, given = _split(spec)
    if ":" in name:
        found = _elsewhere(name)
    else:
        _import(name)
        found = _REGISTRY.get(name)
    if found is None:
        _discover()
        near = difflib.get_close_matches(name, _REGISTRY, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        if renamed := RENAMED_VALUES.get(("model", name)):
            hint = f"it is called {renamed!r} now. "
        raise UsageError(
            f"there is no model {name!r}",
            do=f"{hint}There are: {', '.join(sorted(_REGISTRY))}, FILE.py:NAME, MODULE:CLASS",
        )
    where = f"model {spec!r}"
    settings = parse_parameters(given, found.parameters, where)
    valid = {p.name: p for p in found.parameters}
    for key, value in (training or {}).items():
        if key not in valid:
            raise UsageError(
                f"the model {name!r} has no {key}",
                seen=f"--{key} {value}",
                do=f"leave it out; it has {', '.join(valid) or 'no parameters'}",
            )
        settings[key] = valid[key].check(value, where)
    # So that values that do not go together, or a loss that is not there, are refused here.
    found.source.Settings(**settings)
    return replace(found, settings=settings)


def foreign(spec: str) -> str | None:
    """What code of others `resolve` would run for a spec: a file or a class; None for none.

    What ships with ALASL or scikit-learn is not of others.
    """
    name, _ = _split(spec)
    module, colon, _ = name.rpartition(":")
    if not colon or module.split(".")[0] == "sklearn":
        return None
    return str(Path(module).resolve()) if module.endswith(".py") else name


def _split(spec: str) -> tuple[str, list[str]]:
    """A spec's name, which of others' code has two parts, and its parameters."""
    name, *given = spec.split(":")
    if given and "=" not in given[0] and name not in _shipped():
        return f"{name}:{given[0]}", given[1:]
    return name, given


def _elsewhere(name: str) -> Kind | None:
    """A model that a file registers, or a class of any package that follows scikit-learn."""
    module, _, inner = name.rpartition(":")
    if module.endswith(".py"):
        load_file(Path(module), "models")
        found = _REGISTRY.get(inner)
        return found and replace(found, name=name)
    from alasl.models.estimators.scikit import source_of

    source, parameters = source_of(module, inner)
    return Kind(name, source.__doc__ or "", parameters, source)


def _origin(source: type[Estimator]) -> str:
    return f"{source.__module__}.{source.__qualname__}"


@cache
def _shipped() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(estimators.__path__))


def _import(name: str) -> None:
    """Import the one file that a model's name leads to: others may take seconds to import."""
    if name in _REGISTRY:
        return
    if name in _shipped():
        importlib.import_module(f"{estimators.__name__}.{name}")
    else:
        _discover()


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(estimators.__path__, f"{estimators.__name__}."):
        importlib.import_module(module.name)
