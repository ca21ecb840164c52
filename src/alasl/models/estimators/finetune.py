"""The whole backbone trained on images: the ASL authors' recipe behind `Estimator`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alasl.data.inputs import Inputs, Rows
from alasl.errors import ConflictError, DataError, UsageError
from alasl.losses import resolve
from alasl.models.base import Context, Estimator, OnEpoch, Targets, Tensors, Weights
from alasl.models.checkpoint import part, read_tensors, under, write_tensors
from alasl.models.device import exactly
from alasl.models.distributed import join
from alasl.models.loading import Batches, Squares, load_batches
from alasl.models.modules import Seeing
from alasl.models.randomness import seeded
from alasl.models.recipe import FinetuneSettings, prediction_dtype
from alasl.models.registry import model
from alasl.seeds import stream, torch_seed

if TYPE_CHECKING:
    from alasl.models.backbones import Backbone
    from alasl.models.training import Training

# Images in a step of prediction, on each process.
BATCH = {"cpu": 32, "cuda": 128}


@model("finetune")
class Finetune(Estimator):
    """The whole backbone trained on the images, every weight of it.

    It predicts, is saved and goes on with the moving average of the weights, not with the last
    ones. Started by torchrun, its processes share each batch; each then holds the same result.

    context: the backbone to begin from, and a file that `fit` writes after each epoch; the same
    fit, killed and called again, goes on from it and ends with the same weights.
    """

    Settings = FinetuneSettings
    inputs = "images"

    def __init__(
        self,
        labels: int,
        settings: FinetuneSettings | None = None,
        context: Context | None = None,
    ) -> None:
        self.labels = labels
        self._settings = settings or FinetuneSettings()
        self._context = context or Context()
        self._device, self._ranks = join(self._settings.device)
        self._backbone = self._pretrained(0)
        self._network = self._backbone.network

    @classmethod
    def build(cls, labels: int, params: dict[str, Any], context: Context) -> Self:
        """See `Estimator.build`."""
        return cls(labels, FinetuneSettings(**params), context)

    def fit(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int = 0,
        warm_start: bool = False,
        eval_on: Inputs | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Estimator.fit`; on_epoch is called on every process.

        A fit that goes on from a checkpoint first calls on_epoch for the epochs that are done.
        Raises `ConflictError` where the checkpoint is of another fit that is not done,
        `DataError` where it or an image is damaged, `UsageError` where the loss stops being finite.
        """
        from alasl.models.training import Training  # takes seconds

        files = inputs.files()
        self._check(files, targets)
        fit = self._identity(inputs, targets, weights, seed, warm_start, eval_on)
        found = self._resume(fit)
        if not warm_start:
            self._backbone = self._pretrained(seed)
            self._network = self._backbone.network
        start = replace(self._backbone, network=self._network)
        epochs, batches = self._settings.epochs, self._batches(len(files))
        training = Training(start, self._settings, epochs * batches, self._device, self._ranks)
        self._network = training.average
        entries = torch.as_tensor(targets)
        entries = torch.where(entries < 0, -1, entries)
        training.begin(entries)
        seen: list[NDArray[np.float32]] = []
        if found is not None:
            tensors, about = found
            training.restore(tensors, about)
            seen = [tensors[f"seen.{epoch}"].numpy() for epoch in range(about["epochs"])]
        if eval_on is not None and on_epoch:
            for epoch, logits in enumerate(seen):
                on_epoch(epoch, logits)
        counts = None if weights is None else torch.as_tensor(weights)
        shown = [] if eval_on is None else eval_on.files()
        evaluated = Batches(lambda: self._load(shown), 3 * self.size**2 * len(shown))
        left = range(len(seen), epochs)
        pixels = self._distorted(files, seed, left, batches)
        for epoch in left:
            self._epoch(training, epoch, batches, pixels, entries, counts, seed)
            seen.append(self._logits(evaluated))
            self._write(training, fit, seen)
            if eval_on is not None and on_epoch:
                on_epoch(epoch, seen[-1])

    @property
    def learns_from_unknown(self) -> bool:
        """See `Estimator.learns_from_unknown`."""
        return resolve(self._settings.loss).kind.learns_from_unknown

    @property
    def network(self) -> nn.Module:
        """The network that predicts: the moving average, in evaluation mode; logits (n, L)."""
        return self._network

    @property
    def backbone(self) -> Backbone:
        """What it began from, with how pixels are made ready for it."""
        return self._backbone

    @property
    def size(self) -> int:
        """Side of the square that images are squished to, pixels."""
        return self._settings.size

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`."""
        return self._logits(self._load(inputs.files()))

    def embed(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.embed`."""
        return self._see(self._load(inputs.files()), self._backbone.dim, lambda features: features)

    def module(self) -> nn.Module:
        """See `Estimator.module`."""
        return Seeing(self._backbone, self._network)

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`; the moving average of the weights is what is kept."""
        return under("network", self._network.state_dict())

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:  # noqa: ARG002
        """See `Estimator.restore`."""
        own, given = self._network.state_dict(), part(tensors, "network")
        # Loading would first copy what fits, and then complain.
        wrong = [name for name in own if name not in given or given[name].shape != own[name].shape]
        if wrong or given.keys() - own.keys():
            raise DataError(
                "the weights do not fit this backbone, or are for other labels",
                seen=", ".join([*wrong, *sorted(given.keys() - own.keys())][:3]),
            )
        self._network.load_state_dict(given)

    def _pretrained(self, seed: int) -> Backbone:
        """The backbone with a new last layer, which `seed` draws."""
        from alasl.models.backbones import load_backbone

        name, at, size = self._context.backbone.partition("@")
        if at:
            raise UsageError(
                "a model that trains the whole network has a size of its own",
                seen=f"--backbone {self._context.backbone}",
                do=f"--backbone {name} --model finetune:size={size}",
            )
        with seeded(torch_seed(seed, "last layer")):
            backbone = load_backbone(
                self._context.backbone, labels=self.labels, weights=self._context.weights
            )
        backbone.network.to(self._device).to(memory_format=torch.channels_last).eval()
        return backbone

    def _check(self, files: Sequence[Path], targets: Targets) -> None:
        if targets.shape != (len(files), self.labels):
            raise DataError(
                "targets must have a row for each image and a column for each label",
                seen=f"{targets.shape} for {len(files)} images, {self.labels} labels",
            )
        if len(files) < self._ranks.count or self._settings.batch < self._ranks.count:
            raise UsageError(
                "there must be an image in each batch for each process",
                seen=f"{len(files)} images, batches of {self._settings.batch}, "
                f"{self._ranks.count} processes",
            )

    def _batches(self, images: int) -> int:
        """Batches in an epoch: of nearly equal sizes, none too small to share out."""
        return min(-(-images // self._settings.batch), images // self._ranks.count)

    def _epoch(
        self,
        training: Training,
        epoch: int,
        batches: int,
        pixels: Iterator[Tensor],
        targets: Tensor,
        weights: Tensor | None,
        seed: int,
    ) -> None:
        total = torch.zeros((), device=self._device)
        training.epoch(epoch, self._settings.epochs)
        for number, share in enumerate(self._shares(len(targets), seed, epoch, batches)):
            step = epoch * batches + number
            with seeded(torch_seed(seed, "step", step, self._ranks.rank), self._device):
                entries = targets[share].to(self._device)
                places = torch.from_numpy(share).to(self._device)
                counts = None if weights is None else weights[share].to(self._device)
                total += training.step(step, next(pixels), entries, places, counts)
        if not self._ranks.total(total).isfinite():
            raise UsageError(
                f"the loss is no longer finite in epoch {epoch + 1}", do="lower --rate"
            )
        training.meet()

    def _shares(self, images: int, seed: int, epoch: int, batches: int) -> Iterator[Rows]:
        """What this process sees of each batch of an epoch."""
        order = stream(seed, "order", epoch).permutation(images)
        return map(self._ranks.share, np.array_split(order, batches))

    def _distorted(
        self, files: Sequence[Path], seed: int, epochs: Iterable[int], batches: int
    ) -> Iterator[Tensor]:
        """The images of all these epochs' batches, one after the other.

        By one loader, so that processes that load are started once, and are ahead between epochs.
        """
        shares = (
            (epoch if self._settings.augment else None, share)
            for epoch in epochs
            for share in self._shares(len(files), seed, epoch, batches)
        )
        squares = Squares(files, self._settings.size, seed)
        return load_batches(squares, shares, self._settings.workers, self._device)

    def _load(self, files: Sequence[Path]) -> Iterator[Tensor]:
        """The batches of images that this process sees of those to predict."""
        rows, size = self._ranks.share(np.arange(len(files))), BATCH[self._device.type]
        batches = [(None, rows[at : at + size]) for at in range(0, len(rows), size)]
        squares = Squares(files, self._settings.size)
        return load_batches(squares, batches, self._settings.workers, self._device)

    def _logits(self, batches: Iterable[Tensor]) -> NDArray[np.float32]:
        """(n, L): the logits of images, by the moving average of the weights."""
        last: nn.Module = self._network.get_classifier()  # type: ignore[operator]
        # In float32: half precision makes ties, and ties move average precision.
        return self._see(batches, self.labels, last)

    @torch.inference_mode()
    def _see(self, batches: Iterable[Tensor], width: int, last: Any) -> NDArray[np.float32]:
        """(n, width): `last` of the float32 features of images; each process sees a share."""
        from alasl.models.training import Pixels

        network: Any = self._network
        pixels = Pixels(self._backbone, self._device)
        dtype = prediction_dtype(self._settings.precision)
        seen = [np.zeros((0, width), np.float32)]
        for images in batches:
            with (
                exactly(self._device),
                torch.autocast(self._device.type, dtype, dtype != torch.float32),
            ):
                spatial = network.forward_features(pixels(images))
                features = network.forward_head(spatial, pre_logits=True)
            seen.append(last(features.float()).cpu().numpy())
        return self._ranks.gather(np.concatenate(seen))

    def _identity(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None,
        seed: int,
        warm_start: bool,
        eval_on: Inputs | None,
    ) -> dict[str, Any]:
        """What makes two fits one; not how many processes load, or compute, on what device."""
        settings = asdict(self._settings)
        for name in ("workers", "device", "precision", "replay"):
            del settings[name]
        start = self._network.state_dict().values() if warm_start else ()
        evaluated = () if eval_on is None else eval_on.files()
        return settings | {
            "backbone": self._backbone.identity,
            "seed": seed,
            "warm_start": warm_start,
            "images": _digest(*(str(file).encode() for file in inputs.files())),
            "targets": _digest(np.ascontiguousarray(targets)),
            "weights": None if weights is None else _digest(np.ascontiguousarray(weights)),
            "evaluated": _digest(*(str(file).encode() for file in evaluated)),
            "start": _digest(*(value.detach().cpu().contiguous().numpy() for value in start)),
        }

    def _resume(self, fit: dict[str, Any]) -> tuple[Tensors, dict[str, Any]] | None:
        """What the checkpoint holds of this fit; None where it holds none, or another's end."""
        if self._context.checkpoint is None or not self._context.checkpoint.exists():
            return None
        tensors, about = read_tensors(self._context.checkpoint, "remove it to start anew")
        if "fit" not in about:
            raise DataError(
                "this file is no checkpoint",
                where=str(self._context.checkpoint),
                do="name another file for the checkpoint, or remove this one",
            )
        stored = about["fit"]
        if stored == fit:
            return tensors, about
        if about["epochs"] == stored["epochs"]:
            return None
        raise ConflictError(
            "the checkpoint is of another fit, which is not done",
            where=str(self._context.checkpoint),
            more=[
                f"{name}: {stored.get(name)!r} there, {value!r} here"
                for name, value in fit.items()
                if stored.get(name) != value
            ],
            do="go on with that fit, or remove the file",
        )

    def _write(
        self, training: Training, fit: dict[str, Any], seen: list[NDArray[np.float32]]
    ) -> None:
        if self._context.checkpoint is not None and self._ranks.first:
            tensors, about = training.state()
            kept = {str(epoch): torch.from_numpy(logits) for epoch, logits in enumerate(seen)}
            write_tensors(
                self._context.checkpoint,
                tensors | under("seen", kept),
                about | {"fit": fit, "epochs": len(seen)},
            )
        self._ranks.wait()


def _digest(*parts: Any) -> str:
    found = hashlib.sha256()
    for item in parts:
        found.update(item)
        found.update(b"\0")
    return found.hexdigest()[:16]
