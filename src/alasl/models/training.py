"""One training of a network: what changes in a step, and what a checkpoint holds of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from timm.layers import BlurPool2d
from timm.utils import ModelEmaV3
from torch import Tensor, nn

from alasl.errors import DataError
from alasl.losses import resolve
from alasl.models.backbones import Backbone
from alasl.models.checkpoint import Tensors, part, under
from alasl.models.device import exactly
from alasl.models.distributed import Ranks
from alasl.models.recipe import (
    FinetuneSettings,
    one_cycle,
    parameter_groups,
    training_dtype,
)
from alasl.models.replay import Replayed


class Training:
    """A network with its optimiser, its loss and the moving average of its weights.

    average: the network to predict with. steps: how many the whole training takes.
    """

    def __init__(
        self,
        backbone: Backbone,
        settings: FinetuneSettings,
        steps: int,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        network = backbone.network.to(device).to(memory_format=torch.channels_last).train()
        if ranks.count > 1 and device.type == "cuda":
            from timm.layers import convert_sync_batchnorm

            network = convert_sync_batchnorm(network)
        if device.type == "cuda":
            pad_by_slices(network)
        self._settings, self._steps, self._ranks, self._device = settings, steps, ranks, device
        self._network = network
        self._wrapped = ranks.wrap(network, device)
        self._pixels = Pixels(backbone, device)
        replays = settings.replay and ranks.count == 1 and device.type == "cuda"
        self._replayed = Replayed(network, self._forward) if replays else None
        self._loss = resolve(settings.loss, reduction="none").to(device)
        self._optimiser = torch.optim.Adam(
            parameter_groups(network, settings.decay), settings.rate, fused=True
        )
        self._dtype = training_dtype(settings.precision, device, network)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._dtype == torch.float16)
        self._average = ModelEmaV3(network, decay=settings.average, use_warmup=True)

    @property
    def average(self) -> nn.Module:
        """The network whose weights are the moving average: the one to predict with."""
        module: nn.Module = self._average.module
        return module

    def begin(self, targets: Tensor) -> None:
        """Before the first epoch, or `restore`: what is known of all images, (N, L)."""
        self._loss.begin(targets.to(self._device))

    def epoch(self, number: int, of: int) -> None:
        """Before epoch `number` of `of`, counted from 0."""
        self._loss.epoch(number, of)

    def step(
        self,
        step: int,
        images: Tensor,
        targets: Tensor,
        places: Tensor,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Learn from this process's images, uint8 (n, 3, S, S), and targets (n, L): the loss.

        places: (n,), where the images stand among all. weights: (n, L), how much each entry
        counts; None for 1.
        """
        rate, beta = one_cycle(step, self._steps, self._settings.rate)
        for group in self._optimiser.param_groups:
            group["lr"], group["betas"] = rate, (beta, 0.999)
        with exactly(self._device):
            again = self._replayed
            logits = self._forward(images) if again is None else again.logits(images)
            terms = self._terms(logits.float(), targets, places)
            loss = (terms if weights is None else terms * weights).sum()
            if self._settings.reduction == "mean":
                loss = loss / self._ranks.total(self._loss.counted(targets)).clamp(min=1)
            self._optimiser.zero_grad()
            # Gradients are averaged over the processes: times their count they are summed.
            self._scaler.scale(loss * self._ranks.count).backward()  # type: ignore[no-untyped-call]
            if again is not None:
                again.backward(images, logits.grad)  # type: ignore[arg-type]
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._average.update(self._network, step=step + 1)
        return loss.detach()

    def _forward(self, images: Tensor) -> Tensor:
        """(n, L): the logits of this process's images."""
        half = self._dtype != torch.float32
        # Each weight is used once in a pass: a cache of rounded weights would not help.
        with torch.autocast(self._device.type, self._dtype, half, cache_enabled=False):
            logits: Tensor = self._wrapped(self._pixels(images))
        return logits

    def _terms(self, logits: Tensor, targets: Tensor, places: Tensor) -> Tensor:
        """(n, L): the loss of each entry of this process's images.

        Where it hangs on the batch, all processes see the whole one, and remember the same.
        """
        ranks = self._ranks
        if ranks.count == 1 or not self._loss.kind.batchwise:
            return self._loss(logits, targets, places)  # type: ignore[no-any-return]
        whole, all_targets, where = (
            torch.from_numpy(ranks.gather(part.detach().cpu().numpy())).to(self._device)
            for part in (logits, targets, places)
        )
        own = torch.as_tensor(ranks.share(np.arange(len(whole))), device=self._device)
        terms: Tensor = self._loss(whole.index_copy(0, own, logits), all_targets, where)
        return terms[own]

    def meet(self) -> None:
        """Make the running statistics, which each process keeps of its own images, one."""
        for network in (self._network, self.average):
            self._ranks.average([b for b in network.buffers() if b.is_floating_point()])

    def state(self) -> tuple[Tensors, dict[str, Any]]:
        """Everything that the next step depends on, but for the data and the step's number."""
        tensors = under("network", self._network.state_dict())
        tensors |= under("average", self.average.state_dict())
        tensors |= under("loss", self._loss.state_dict())
        for number, parameter in enumerate(self._parameters()):
            tensors |= under(f"optimiser.{number}", self._optimiser.state[parameter])
        return tensors, {"scaler": self._scaler.state_dict()}

    def restore(self, tensors: Tensors, about: dict[str, Any]) -> None:
        """Go back to what `state` gave. Raises `DataError` where it is of another network."""
        try:
            self._network.load_state_dict(part(tensors, "network"))
            self.average.load_state_dict(part(tensors, "average"))
            self._loss.load_state_dict(part(tensors, "loss"))
            for number, parameter in enumerate(self._parameters()):
                self._optimiser.state[parameter] = {
                    # In the parameter's own layout, which Adam steps through side by side.
                    name: torch.empty_like(parameter).copy_(value)
                    if value.ndim
                    else value.to(parameter.device)
                    for name, value in part(tensors, f"optimiser.{number}").items()
                }
            self._scaler.load_state_dict(about["scaler"])
        except (RuntimeError, KeyError) as error:
            raise DataError(
                "the checkpoint does not fit this network", seen=str(error).splitlines()[0]
            ) from error

    def _parameters(self) -> list[nn.Parameter]:
        return [p for group in self._optimiser.param_groups for p in group["params"]]


def pad_by_slices(network: nn.Module) -> None:
    """Let a network's blurs reflect borders by slices, which gives the same numbers.

    On a GPU the gradient of torch's own reflection adds up in any order, so the same seed would end
    with other weights.
    """
    for module in network.modules():
        if isinstance(module, BlurPool2d) and module.pad_mode == "reflect":
            module.register_forward_pre_hook(partial(_reflect, module.padding[0]))
            module.padding, module.pad_mode = [0] * 4, "constant"


def _reflect(width: int, _: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
    images = given[0]
    for axis in (2, 3):
        size, flipped = images.shape[axis], images.flip(axis)
        before = flipped.narrow(axis, size - 1 - width, width)
        images = torch.cat([before, images, flipped.narrow(axis, 1, width)], dim=axis)
    return images


class Pixels:
    """uint8 images (n, 3, S, S) to what a backbone takes: its mean and deviation, float32."""

    def __init__(self, backbone: Backbone, device: torch.device) -> None:
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(backbone.mean, device=device).view(shape) * 255
        self._scale = 1 / (torch.tensor(backbone.std, device=device).view(shape) * 255)

    def __call__(self, images: Tensor) -> Tensor:
        pixels = images.to(torch.float32, memory_format=torch.channels_last)
        return pixels.sub_(self._mean).mul_(self._scale)
