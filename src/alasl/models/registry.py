"""Models by name: `logistic`, `probe:epochs=30`, `FILE.py:NAME`, and what each can do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from alasl.errors import UsageError
from alasl.models import estimators
from alasl.models.base import Context, Estimator
from alasl.parameters import Parameter, parameters_of, parse_parameters
from alasl.registry import Registry, files_of, first_line, parts_of, spec_of

E = TypeVar("E", bound=type[Estimator])


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
        return spec_of(self, self.settings)

    def settled(self) -> Kind:
        """The same with nothing to find in a training: for many that are only compared."""
        return replace(self, settings=self.source.settled(self.settings))

    def estimator(self, labels: int, context: Context | None = None) -> Estimator:
        """A new estimator for so many labels."""
        return self.source.build(labels, self.settings, context or Context())


MODELS: Registry[Kind] = Registry(
    "model",
    "models",
    estimators.__name__,
    renamed={"head": "probe"},
    also="FILE.py:NAME, FILE.py:CLASS, MODULE:CLASS",
)


def model(name: str) -> Callable[[E], E]:
    """Register a subclass of `Estimator` as the model `name`.

    Raises `UsageError` where another one has that name.
    """
    return MODELS.register(
        lambda source: Kind(name, first_line(source), parameters_of(source.Settings, 0), source)
    )


def available() -> tuple[Kind, ...]:
    """Every registered model with its defaults, by name."""
    return tuple(MODELS.values())


def resolve(spec: str, training: dict[str, Any] | None = None, *, trust: bool = True) -> Kind:
    """The model that `NAME[:key=value]...` spells; `training` are parameters set besides.

    `FILE.py:NAME` takes it from a Python file of the user's, which registers it; `MODULE:CLASS` and
    `FILE.py:CLASS` are a class that follows scikit-learn. trust: whether code of others may run;
    see also `foreign`.
    Raises `UsageError` for a name, a parameter or a value that is unknown.
    """
    if not trust and (code := code_of(spec)):
        raise UsageError(
            f"the model {spec!r} would run code that comes from elsewhere", seen=", ".join(code)
        )
    where = f"model {spec!r}"
    name, given = _split(spec)
    module, colon, inner = name.rpartition(":")
    if colon and (home := _home_of_class(module, inner)):
        from alasl.models.estimators.scikit import source_of

        source, parameters = source_of(home, inner)
        found = Kind(name, first_line(source), parameters, source)
        settings = parse_parameters(given, parameters, where)
    else:
        named = MODELS.resolve(spec)
        found, settings = replace(named.part, name=name), named.values
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
    if module.endswith(".py"):  # first, as a file may be called sklearn.py
        return str(Path(module).resolve())
    return name if colon and module.split(".")[0] != "sklearn" else None


def code_of(spec: str) -> list[str]:
    """All code of others that a model's, or its loss's, spec would have run; none is run here.

    That is what `foreign` tells, and the files that parameters name, as `probe:loss=FILE.py`.
    """
    named = foreign(spec)
    files = [str(file.resolve()) for file in files_of(spec)]
    return list(dict.fromkeys([*([named] if named else []), *files]))


def _home_of_class(module: str, name: str) -> str | None:
    """The module to import a class that follows scikit-learn from; None for a registered model."""
    if not module.endswith(".py"):
        return module
    home = MODELS.module_of(Path(module))
    found = getattr(sys.modules[home], name, None)
    ours = not isinstance(found, type) or issubclass(found, Estimator)
    return None if ours or not hasattr(found, "fit") else home


def _split(spec: str) -> tuple[str, list[str]]:
    """A spec's name, which of others' code has two parts, and its parameters."""
    name, *given = parts_of(spec)
    if given and "=" not in given[0] and not MODELS.ships(name):
        return f"{name}:{given[0]}", given[1:]
    return name, given
