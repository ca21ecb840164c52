"""A model taken away: its file, or the same as ONNX, with its card beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from alasl.errors import UsageError
from alasl.files import readable, replacing, write_text
from alasl.models.model import Model
from alasl.prediction.card import card, card_path
from alasl.prediction.opening import find_model

SUFFIXES = (".safetensors", ".onnx")


def export_model(place: Path, out: Path, *, trust: bool = False) -> tuple[Model, Path]:
    """Write the model of a project, a run or a file to `out`; the model, and where its card is.

    out: ends in .safetensors, ALASL's own file, or .onnx. trust: as for `open_model`.
    Raises `UsageError` for another ending.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            "a model's file ends in .safetensors or .onnx", seen=out.name, do="name OUT so"
        )
    file = find_model(place)
    model = Model.load(file, trust=trust)
    # Both are made ready first, so that there is no model without its card.
    beside_it, text = card_path(out), card(model, out.stem)
    if suffix == ".onnx":
        # Only then, as it takes seconds to import.
        from alasl.models.onnx import write_onnx

        write_onnx(model, out)
    elif not (out.exists() and out.samefile(file)):
        with readable(file), replacing(out) as beside:
            shutil.copyfile(file, beside)
    write_text(beside_it, text)
    return model, beside_it
