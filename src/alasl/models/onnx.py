"""A model as an ONNX file: images, or features of one's own, to probabilities, on any runtime."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alasl.errors import ResourceError, UsageError
from alasl.files import replacing
from alasl.models.model import Model
from alasl.models.modules import Seeing, Smoothed, Transformed

OPSET = 18
# How whoever runs the file makes an image ready for it.
PIXELS = (
    "RGB as uint8, upright by its EXIF orientation, transparent parts on white, squished (not "
    "cropped) to size x size by bicubic interpolation; the graph itself subtracts the mean and "
    "divides by the deviation"
)


def write_onnx(model: Model, path: Path) -> None:
    """Write a model as one ONNX file with its label names, thresholds and what it takes.

    Input `images`, uint8 (n, size, size, 3), or `features`, float32 (n, D); output `probabilities`,
    float32 (n, L). n is any number.
    Raises `UsageError` for a kind of model of which there is no ONNX, `ResourceError` where the
    packages that make it are not installed.
    """
    _refuse_without_packages()
    whole, example, name = _module(model)
    with _silent(), torch.inference_mode():
        program = torch.onnx.export(
            whole.eval(),
            (example,),
            input_names=[name],
            output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise UsageError("this model cannot be written as ONNX", seen=model.kind.name)
    program.model.metadata_props.update(_metadata(model))
    with replacing(path) as beside:
        program.save(beside, external_data=False)


class Whole(nn.Module):
    """Parts one after the other, and the probabilities of their logits."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)

    def forward(self, inputs: Tensor) -> Tensor:
        probabilities: Tensor = self.parts(inputs).sigmoid()
        return probabilities


def _module(model: Model) -> tuple[nn.Module, Tensor, str]:
    """The whole model as a module, an example of its input, and the input's name."""
    last = model.estimator.module()
    if model.predictions:
        raise UsageError(
            "a model that learned with other models' predictions cannot be written as ONNX",
            seen=", ".join(model.predictions),
            do="write it as .safetensors, or train it without --predictions",
        )
    if last is None:
        raise UsageError(
            "this kind of model cannot be written as ONNX",
            seen=model.kind.name,
            do="write it as .safetensors; logistic, probe and finetune can be written as ONNX",
        )
    parts = [_copy(last)]
    if model.neighbours is not None and model.estimator.smooth:
        parts.insert(0, Smoothed(model.neighbours, model.estimator.smooth))
    if model.transform is not None:
        parts.insert(0, Transformed(model.transform))
    if model.size is None:
        return Whole(*parts), torch.ones((2, model.width or 1)), "features"
    if model.source is not None:
        backbone = model.backbone()
        parts.insert(0, _copy(Seeing(backbone, backbone.network)))
    # Two images: of one, an exporter may take the number for fixed.
    squares = torch.zeros((2, model.size, model.size, 3), dtype=torch.uint8)
    return Whole(*parts), squares, "images"


def _copy(module: nn.Module) -> nn.Module:
    """A copy on the CPU: the model itself stays where it is."""
    return copy.deepcopy(module).cpu()


def _metadata(model: Model) -> dict[str, str]:
    """What the file says of itself, each value as JSON."""
    found: dict[str, Any] = {
        "names": list(model.names),
        "thresholds": None
        if model.thresholds is None
        else [None if np.isnan(each) else float(each) for each in model.thresholds],
        "model": model.kind.spec,
        "about": model.about,
    }
    if model.size is not None:
        found |= {"size": model.size, "pixels": PIXELS}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in found.items()}


def _refuse_without_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ResourceError(
            "an ONNX file is made by packages that are not installed",
            seen=str(error),
            do="pip install 'alasl[onnx]'",
        ) from error


@contextlib.contextmanager
def _silent() -> Any:
    """Keep the exporter from telling the user about its own steps."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
