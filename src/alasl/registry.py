"""One registry for each kind of part that can be added: strategies, losses, formats, figures, ...

Nothing is listed by hand. A part is registered by a decorator, and is found in a file of its kind's
package, in an installed package with an entry point of the group `alasl.KIND`, or in a Python file
that is named. A spec `NAME[:key=value]...` or `FILE.py:NAME[:key=value]...` names a part with its
parameters set.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from alasl.errors import AlaslError, UsageError
from alasl.parameters import changed, parse_parameters


class Named(Protocol):
    """What a registry holds; where it also has `parameters`, these may be set in a spec."""

    @property
    def name(self) -> str:
        """Its name in a spec."""


T = TypeVar("T", bound=Named)
Source = TypeVar("Source", bound=Callable[..., Any])


# What the module of a file of the user's own is called, before the file's path.
FILE = "alasl_file_"
# Files of users' own that were run: what fails in one is theirs to mend.
RUN: set[str] = set()


@dataclass(frozen=True)
class Found(Generic[T]):
    """The part that a spec names, the parameters that it sets, and the file that the part is in."""

    part: T
    values: dict[str, Any]
    file: Path | None = None


class Registry(Mapping[str, T]):
    """The parts of one kind, by name; found when they are first looked at.

    what, plural: what one and several are called; the entry points' group is `alasl.PLURAL`.
    package: the package whose modules register the parts, or the one module that does. One whose
    module has its name is found without importing the others.
    renamed: what parts were called before, and are now. also: what else than a name a spec may be.
    """

    def __init__(
        self,
        what: str,
        plural: str,
        package: str,
        *,
        renamed: Mapping[str, str] | None = None,
        also: str = "FILE.py:NAME",
    ) -> None:
        self.what, self.plural, self._package = what, plural, package
        self._renamed, self._also = renamed or {}, also
        self.group = f"alasl.{plural.replace(' ', '_')}"
        self._parts: dict[str, T] = {}
        self._origins: dict[str, Callable[..., Any]] = {}
        self._complete = False

    def register(self, make: Callable[[Any], T]) -> Callable[[Source], Source]:
        """A decorator that adds what `make` makes of a function or a class, itself unchanged.

        Raises `UsageError` where another one has its name. One that is defined again, as in a
        notebook, takes its own place.
        """

        def decorate(source: Source) -> Source:
            part = make(source)
            if not source.__module__.startswith(self._package):
                self._import(part.name)
            other = self._origins.get(part.name)
            if other is not None and _origin(other) != _origin(source):
                raise UsageError(
                    f"two {self.plural} are named {part.name!r}",
                    seen=f"{_origin(other)} and {_origin(source)}",
                    do="rename one of them",
                )
            self._parts[part.name], self._origins[part.name] = part, source
            return source

        return decorate

    def resolve(self, spec: str, where: str | None = None, *, trust: bool = True) -> Found[T]:
        """The part that `NAME[:key=value]...` or `FILE.py:NAME[:key=value]...` names.

        A file is run to find what is in it. trust: whether it may be; see also `files_of`.
        Raises `UsageError`, at `where`, for a file, a name, a parameter or a value that is unknown.
        """
        if not trust and (files := files_of(spec)):
            raise UsageError(
                f"the {self.what} {spec!r} would run a file of its own",
                where=where,
                seen=", ".join(map(str, files)),
                do="say that it may be run, if you trust whoever wrote it",
            )
        file, name, given = _parse(spec)
        if file is not None:
            part = self._in_file(file, name)
        elif name in self:
            part = self[name]
        else:
            raise self._unknown(name, list(self), where, self._also)
        at = f"{where}: {self.what} {spec!r}" if where else f"{self.what} {spec!r}"
        return Found(part, parse_parameters(given, getattr(part, "parameters", ()), at), file)

    def knows(self, spec: str) -> bool:
        """Whether a spec names a part of this kind; a file that it names is run to find out."""
        file, name, _ = _parse(spec)
        if file is None:
            return name in self
        return file.is_file() and name in self._own(file)

    def ships(self, name: str) -> bool:
        """Whether a file of the package has a part's name; imports nothing of it."""
        path = getattr(importlib.import_module(self._package), "__path__", ())
        return _module_of(name) in {module.name for module in pkgutil.iter_modules(path)}

    def source(self, name: str) -> Callable[..., Any]:
        """The function or class that registered a part. Raises `KeyError` where there is none."""
        self[name]
        return self._origins[name]

    def __getitem__(self, name: str) -> T:
        self._import(name)
        if name not in self._parts:
            self._discover()
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(sorted(self._parts))

    def __len__(self) -> int:
        self._discover()
        return len(self._parts)

    def _import(self, name: str) -> None:
        """Import the one module that a part's name leads to: all may take seconds."""
        if name not in self._parts and self.ships(name):
            importlib.import_module(f"{self._package}.{_module_of(name)}")

    def _discover(self) -> None:
        """Import every module of the package and every plug-in, by which parts are registered."""
        if self._complete:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{self._package}."):
            importlib.import_module(module.name)
        for plugin in importlib.metadata.entry_points(group=self.group):
            self._guarded(plugin.load, f"plug-in {plugin.name!r} ({plugin.value})")
        self._complete = True

    def module_of(self, file: Path) -> str:
        """The name of a file's module, which is imported by it; the file is run the first time."""
        module = f"{FILE}{file.resolve()}"
        if module not in sys.modules:
            self._load(file, module)
        return module

    def _own(self, file: Path) -> list[str]:
        module = self.module_of(file)
        return sorted(n for n, source in self._origins.items() if source.__module__ == module)

    def _in_file(self, file: Path, name: str) -> T:
        own = self._own(file)
        if not own:
            raise UsageError(
                f"there is no {self.what} {name!r} in the file, nor any other",
                where=str(file),
                do="docs/your-own.md shows how a file registers its own",
            )
        if name not in own:
            raise self._unknown(name, own, str(file))
        return self._parts[name]

    def _load(self, file: Path, name: str) -> None:
        spec = importlib.util.spec_from_file_location(name, file.resolve())
        if spec is None or spec.loader is None or not file.is_file():
            raise UsageError(f"there is no such file of {self.plural}", seen=str(file))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        RUN.add(str(file.resolve()))
        try:
            self._guarded(partial(spec.loader.exec_module, module), str(file))
        except AlaslError:
            del sys.modules[name]
            raise

    def _guarded(self, load: Callable[[], object], where: str) -> None:
        try:
            load()
        except AlaslError:
            raise
        except Exception as error:
            raise UsageError(
                f"the {self.plural} cannot be loaded",
                where=where,
                seen=f"{type(error).__name__}: {error}",
                do="repair it, or take it away",
            ) from error

    def _unknown(
        self, name: str, known: list[str], where: str | None, also: str = ""
    ) -> UsageError:
        if not name and where:
            return UsageError(
                f"which {self.what}?",
                where=where,
                do=f"write {where}:NAME; there are: {', '.join(known)}",
            )
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        if name in self._renamed:
            hint = f"it is called {self._renamed[name]!r} now. "
        there = ", ".join(filter(None, (*known, also))) or "none"
        return UsageError(
            f"there is no {self.what} {name!r}", where=where, do=f"{hint}there are: {there}"
        )


def files_of(spec: str) -> tuple[Path, ...]:
    """The Python files that a spec would run, those among its parameters too; runs none of them."""
    file, _, given = _parse(spec)
    values = [part.partition("=")[2] for part in given]
    inner = [each for value in values for each in specs_in(value)]
    below = [file for each in inner for file in files_of(each)]
    return (*((file,) if file else ()), *below)


def spec_of(part: Named, values: Mapping[str, Any], file: Path | None = None) -> str:
    """The shortest text from which `Registry.resolve` finds a part with parameters again."""
    first = [str(file), part.name] if file else [part.name]
    return ":".join(first + changed(values, getattr(part, "parameters", ())))


def first_line(source: object) -> str:
    """The first line of a docstring, which is the part's line in tables."""
    return (inspect.getdoc(source) or "").split("\n")[0]


def split_outside(text: str, separator: str) -> list[str]:
    """The text's parts between separators that stand outside of parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == separator and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def parts_of(spec: str) -> list[str]:
    """What stands between a spec's colons; that of a Windows drive, as in `C:\\x.py`, is none."""
    first, *rest = split_outside(spec, ":")
    if len(first) == 1 and rest and rest[0].startswith(("\\", "/")):
        return [f"{first}:{rest[0]}", *rest[1:]]
    return [first, *rest]


def specs_in(text: str) -> list[str]:
    """The specs in a text with commas between them; one with parameters stands in parentheses."""
    return [_bare(part) for part in split_outside(text, ",")]


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _parse(spec: str) -> tuple[Path | None, str, list[str]]:
    """The file, if any, the name and the parts `key=value` of a spec."""
    name, *given = parts_of(spec)
    if not name.endswith(".py"):
        return None, name, given
    return Path(name), (given or [""])[0], given[1:]


def _module_of(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _origin(source: Callable[..., Any]) -> str:
    return f"{source.__module__}.{source.__qualname__}"
