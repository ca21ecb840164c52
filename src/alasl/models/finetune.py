"""The whole backbone trained on images: the ASL authors' recipe behind the classifier interface."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alasl.data.dataset import Dataset
from alasl.errors import ConflictError, DataError, UsageError
from alasl.labels import Entries
from alasl.losses import resolve
from alasl.models.backbones import Backbone, load_backbone
from alasl.models.checkpoint import Tensors, part, read_tensors, under, write_tensors
from alasl.models.classifier import OnEpoch, Probabilities, Rows
from alasl.models.distributed import join
from alasl.models.loading import Squares, load_batches
from alasl.models.randomness import seeded
from alasl.models.recipe import FinetuneSettings, prediction_dtype
from alasl.models.training import Pixels, Training
from alasl.seeds import stream, torch_seed

__all__ = ["Finetune", "FinetuneSettings"]

# Images in a step of prediction, on each process.
BATCH = 32


class Finetune:
    """A `Classifier` that trains every weight of a backbone on the images of a data set.

    It predicts, saves and goes on with the moving average of the weights, not with the last ones.
    Started by torchrun, its processes share each batch; each then holds the same result.

    backbone, weights: as for `load_backbone`. checkpoint: a file that `fit` writes after each
    epoch; the same fit, killed and called again, goes on from it and ends with the same weights.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: FinetuneSettings | None = None,
        *,
        backbone: str = "lite0",
        weights: Path | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        if dataset.paths is None:
            raise DataError(
                f"the data set {dataset.name!r} has no images to fine-tune on",
                do="train a probe on its features: --model probe",
            )
        self._paths, self._images = dataset.paths, dataset.labels.images
        self._labels = len(dataset.labels.names)
        self._settings = settings or FinetuneSettings()
        self._source = (backbone, weights)
        self._checkpoint = checkpoint
        self._device, self._ranks = join(self._settings.device)
        self._backbone = self._pretrained(0)
        self._network = self._backbone.network

    def fit(
        self,
        rows: Rows,
        targets: Entries,
        *,
        seed: int,
        keep: bool = False,
        weights: NDArray[np.floating] | None = None,
        watch: Rows | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Classifier.fit`; on_epoch is called on every process.

        A fit that goes on from a checkpoint first calls on_epoch for the epochs that are done.
        Raises `ConflictError` where the checkpoint is of another fit that is not done,
        `DataError` where it or an image is damaged, `UsageError` where the loss stops being finite.
        """
        rows = np.asarray(rows, np.intp)
        self._check(rows, targets)
        fit = self._identity(rows, targets, weights, seed, keep, watch)
        found = self._resume(fit)
        if not keep:
            self._backbone = self._pretrained(seed)
            self._network = self._backbone.network
        start = replace(self._backbone, network=self._network)
        epochs, batches = self._settings.epochs, self._batches(len(rows))
        training = Training(start, self._settings, epochs * batches, self._device, self._ranks)
        self._network = training.average
        wanted = torch.as_tensor(targets)
        training.begin(wanted)
        watched: list[NDArray[np.float32]] = []
        if found is not None:
            tensors, about = found
            training.restore(tensors, about)
            watched = [tensors[f"watched.{epoch}"].numpy() for epoch in range(about["epochs"])]
        if watch is not None and on_epoch:
            for epoch, logits in enumerate(watched):
                on_epoch(epoch, logits)
        counts = None if weights is None else torch.as_tensor(weights)
        for epoch in range(len(watched), epochs):
            self._epoch(training, epoch, batches, rows, wanted, counts, seed)
            seen = self._logits(watch if watch is not None else rows[:0])
            watched.append(seen)
            self._write(training, fit, watched)
            if watch is not None and on_epoch:
                on_epoch(epoch, seen)

    @property
    def learns_from_unknown(self) -> bool:
        """See `Classifier.learns_from_unknown`."""
        return resolve(self._settings.loss).kind.learns_from_unknown

    @property
    def network(self) -> nn.Module:
        """The network that predicts: the moving average, in evaluation mode; logits (n, L)."""
        return self._network

    def predict(self, rows: Rows) -> Probabilities:
        """See `Classifier.predict`."""
        return torch.from_numpy(self._logits(rows)).sigmoid().numpy()

    def fit_members(
        self,
        rows: Rows,  # noqa: ARG002
        targets: Entries,  # noqa: ARG002
        *,
        seed: int,  # noqa: ARG002
        members: int,  # noqa: ARG002
        weights: NDArray[np.floating] | None = None,  # noqa: ARG002
    ) -> None:
        """Raises `UsageError`: there are no ensembles of whole backbones."""
        raise UsageError(
            "this strategy needs an ensemble, which fine-tuning does not train",
            do="take --model probe or logistic, or a strategy that needs no members",
        )

    def members(self, rows: Rows) -> Probabilities:
        """Never called: `fit_members` refuses."""
        raise NotImplementedError

    def features(self, rows: Rows) -> NDArray[np.float32]:
        """See `Classifier.features`."""
        return self._see(rows, self._backbone.dim, lambda features: features)

    def save(self, path: Path) -> None:
        """See `Classifier.save`; the moving average of the weights is what is saved."""
        if self._ranks.first:
            about = {"weights": self._backbone.identity, "labels": self._labels}
            write_tensors(path, under("network", self._network.state_dict()), about)
        self._ranks.wait()

    def load(self, path: Path) -> None:
        """See `Classifier.load`."""
        tensors, about = read_tensors(path)
        own = {"weights": self._backbone.identity, "labels": self._labels}
        if about != own:
            raise DataError(
                "these weights were trained from another backbone or for other labels",
                where=str(path),
                seen=f"{about}, not {own}",
            )
        try:
            self._network.load_state_dict(part(tensors, "network"))
        except RuntimeError as error:
            raise DataError(
                "these weights do not fit", where=str(path), seen=str(error).splitlines()[0]
            ) from error

    def _pretrained(self, seed: int) -> Backbone:
        """The backbone with a new last layer, which `seed` draws."""
        name, weights = self._source
        with seeded(torch_seed(seed, "last layer")):
            backbone = load_backbone(name, labels=self._labels, weights=weights)
        backbone.network.to(self._device).to(memory_format=torch.channels_last).eval()
        return backbone

    def _check(self, rows: Rows, targets: Entries) -> None:
        if targets.shape != (len(rows), self._labels):
            raise DataError(
                "targets must have a row for each image and a column for each label",
                seen=f"{targets.shape} for {len(rows)} images, {self._labels} labels",
            )
        if len(rows) < self._ranks.count or self._settings.batch < self._ranks.count:
            raise UsageError(
                "there must be an image in each batch for each process",
                seen=f"{len(rows)} images, batches of {self._settings.batch}, "
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
        rows: Rows,
        targets: Tensor,
        weights: Tensor | None,
        seed: int,
    ) -> None:
        order = stream(seed, "order", epoch).permutation(len(rows))
        shares = [self._ranks.share(batch) for batch in np.array_split(order, batches)]
        squares = self._squares(seed, epoch if self._settings.augment else None)
        images = load_batches(
            squares, [rows[share] for share in shares], self._settings.workers, self._device
        )
        total = torch.zeros((), device=self._device)
        training.epoch(epoch, self._settings.epochs)
        for number, (share, pixels) in enumerate(zip(shares, images, strict=True)):
            step = epoch * batches + number
            with seeded(torch_seed(seed, "step", step, self._ranks.rank), self._device):
                wanted = targets[share].to(self._device)
                places = torch.from_numpy(share).to(self._device)
                counts = None if weights is None else weights[share].to(self._device)
                total += training.step(step, pixels, wanted, places, counts)
        if not self._ranks.total(total).isfinite():
            raise UsageError(
                f"the loss is no longer finite in epoch {epoch + 1}", do="lower --rate"
            )
        training.meet()

    def _squares(self, seed: int = 0, epoch: int | None = None) -> Squares:
        return Squares(self._paths, self._settings.size, seed, epoch)

    def _logits(self, rows: Rows) -> NDArray[np.float32]:
        """(n, L): the logits of images, by the moving average of the weights."""
        last: nn.Module = self._network.get_classifier()  # type: ignore[operator]
        # In float32: half precision makes ties, and ties move average precision.
        return self._see(rows, self._labels, last)

    @torch.inference_mode()
    def _see(self, rows: Rows, width: int, last: Any) -> NDArray[np.float32]:
        """(n, width): `last` of the float32 features of images; each process sees a share."""
        network: Any = self._network
        rows = self._ranks.share(np.asarray(rows, np.intp))
        pixels = Pixels(self._backbone, self._device)
        dtype = prediction_dtype(self._settings.precision, self._device)
        places = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
        seen = [np.zeros((0, width), np.float32)]
        for images in load_batches(self._squares(), places, self._settings.workers, self._device):
            with torch.autocast(self._device.type, dtype, dtype != torch.float32):
                spatial = network.forward_features(pixels(images))
                features = network.forward_head(spatial, pre_logits=True)
            seen.append(last(features.float()).cpu().numpy())
        return self._ranks.gather(np.concatenate(seen))

    def _identity(
        self,
        rows: Rows,
        targets: Entries,
        weights: NDArray[np.floating] | None,
        seed: int,
        keep: bool,
        watch: Rows | None,
    ) -> dict[str, Any]:
        """What makes two fits one; not how many processes load, or compute, on what device."""
        settings = asdict(self._settings)
        for name in ("workers", "device", "precision"):
            del settings[name]
        start = self._network.state_dict().values() if keep else ()
        return settings | {
            "backbone": self._backbone.identity,
            "seed": seed,
            "keep": keep,
            "images": _digest(*(self._images[row].encode() for row in rows)),
            "targets": _digest(np.ascontiguousarray(targets)),
            "weights": None if weights is None else _digest(np.ascontiguousarray(weights)),
            "watched": None if watch is None else _digest(np.asarray(watch, np.int64)),
            "start": _digest(*(value.detach().cpu().contiguous().numpy() for value in start)),
        }

    def _resume(self, fit: dict[str, Any]) -> tuple[Tensors, dict[str, Any]] | None:
        """What the checkpoint holds of this fit; None where it holds none, or another's end."""
        if self._checkpoint is None or not self._checkpoint.exists():
            return None
        tensors, about = read_tensors(self._checkpoint)
        if "fit" not in about:
            raise DataError(
                "this file is no checkpoint",
                where=str(self._checkpoint),
                do="name another file for the checkpoint, or remove this one",
            )
        stored = about["fit"]
        if stored == fit:
            return tensors, about
        if about["epochs"] == stored["epochs"]:
            return None
        raise ConflictError(
            "the checkpoint is of another fit, which is not done",
            where=str(self._checkpoint),
            more=[
                f"{name}: {stored.get(name)!r} there, {value!r} here"
                for name, value in fit.items()
                if stored.get(name) != value
            ],
            do="go on with that fit, or remove the file",
        )

    def _write(
        self, training: Training, fit: dict[str, Any], watched: list[NDArray[np.float32]]
    ) -> None:
        if self._checkpoint is not None and self._ranks.first:
            tensors, about = training.state()
            seen = {str(epoch): torch.from_numpy(logits) for epoch, logits in enumerate(watched)}
            write_tensors(
                self._checkpoint,
                tensors | under("watched", seen),
                about | {"fit": fit, "epochs": len(watched)},
            )
        self._ranks.wait()


def _digest(*parts: Any) -> str:
    found = hashlib.sha256()
    for item in parts:
        found.update(item)
        found.update(b"\0")
    return found.hexdigest()[:16]
