"""Tensors and a few words about them in one safetensors file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from alasl.errors import DataError
from alasl.files import replacing

Tensors = dict[str, Tensor]


def write_tensors(path: Path, tensors: Tensors, about: dict[str, Any]) -> None:
    """Write tensors by name, with `about` as JSON, in the place of what stood there."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    notes = {"alasl": json.dumps(about)}
    with replacing(path) as beside:
        try:
            save_file(plain, beside, notes)
        except SafetensorError as error:
            # Its message alone says what the system said: e.g. "... (os error 28)".
            if found := re.search(r"\(os error (\d+)\)", str(error)):
                raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
            raise


def read_tensors(path: Path, do: str = "") -> tuple[Tensors, dict[str, Any]]:
    """What `write_tensors` wrote. Raises `DataError` for any other file, or a damaged one.

    do: what to do then.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["alasl"])
            if not isinstance(about, dict):
                raise ValueError("its notes are no table")
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise DataError(
            "there is no such file" if missing else "this is no file of ALASL's, or it is damaged",
            where=str(path),
            seen=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            do=do,
        ) from error


def part(tensors: Tensors, prefix: str) -> Tensors:
    """The tensors under `prefix.`, by the rest of their names."""
    start = f"{prefix}."
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}


def under(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors with `prefix.` before each name."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def digest(tensors: Tensors) -> str:
    """The first 16 hex digits of a SHA-256 of tensors, their names and their kinds."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        found.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
